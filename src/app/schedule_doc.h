/* schedule_doc.h - the document of a schedule: when something recurs, and the
 * body of what is sent then. */
#pragma once

#include "app/workspace.h"
#include "base/field.h"

#define SCHEDULES_MAX 1000 /* of a workspace */
/* Bytes of a notification: all of them are kept in memory. */
#define SCHEDULE_NOTIFICATION_MAX (64 * 1024)

struct object;

extern const struct field schedule_doc_fields[];

/* What the table cannot say. Start_ms is when it was made; w is where it would
 * send, as of now. */
void schedule_doc_check(const struct workspace *w, struct json doc,
                        int64_t start_ms, struct problem *p);
/* Whether its notification would be taken now; faults have pointers below
 * /notification. */
void schedule_doc_check_notification(const struct workspace *w, struct json doc,
                                     struct problem *p);
/* Of a stored document, from which texts are borrowed. ERR_INVALID: it says
 * when to send in a way that this release, or this machine, does not know. */
enum err schedule_doc_read(struct arena *a, const struct object *o,
                           struct json doc,
                           struct schedule_doc *ret) MUST_CHECK;
/* The body of the send that is due then. */
struct str schedule_doc_body(struct arena *a, const struct schedule_doc *s,
                             int64_t due_ms);
/* Under it there is one notification, whoever sends it how often. No request
 * can take it, see send_request.h. */
struct str schedule_doc_dedup_key(struct arena *a, struct str key,
                                  int64_t due_ms);
