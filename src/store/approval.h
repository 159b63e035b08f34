/* approval.h - what a person has to approve first. It is a row of work of kind
 * PLAN, whose cursor says so: due when nobody may approve it any more. To
 * approve it is to make it an ordinary row, to reject it is to remove it; both
 * happen only while it is held and not due, so there is one decision, whoever
 * else decides. Whoever takes a held row finds it to be over: a chunk from
 * STORE_HELD on ends it, and brings the step that says so.
 *
 * What was decided is kept as a step, whose id is that of the notification. */
#pragma once

#include "store/req.h"
#include "store/workflow.h"

#define STORE_HELD "!held" /* as a cursor; no user's id begins so */
#define APPROVAL_STEP "approval"

enum approval { APPROVAL_APPROVED, APPROVAL_REJECTED, APPROVAL_EXPIRED };

struct store_decide {
    struct store_req req;
    int64_t tenant, notification;
    int64_t now_ms; /* wall clock; a shared database has its own */
    bool is_approved;
    int64_t due_ms; /* if it is: nobody plans it before; 0: at once */
    struct str by, note;
    /* result; ERR_OK: it is decided so, now or before. ERR_CONFLICT: it was
     * decided otherwise, or, without a verdict, is not held. ERR_NOT_FOUND. */
    struct store_step was;
    bool is_news; /* it was decided by this request */
};

const char *approval_name(enum approval a); /* "approved" */
struct store_step approval_step(int64_t notification, int64_t at_ms,
                                enum approval a, struct str by,
                                struct str note);
/* For drivers. The step of a decision that is made now; and whether one that
 * was made before is the same again. */
struct store_step approval_step_of(const struct store_decide *d);
bool approval_is_again(const struct store_decide *d);
