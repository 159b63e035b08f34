/* store.h - what Belfry asks of its database, in verbs and not in SQL.
 *
 * A verb takes a request that the caller owns, embeds and keeps until its
 * on_done ran. A verb never blocks; on_done runs on the caller's loop, never
 * before the verb returns, exactly once. ERR_UNCERTAIN says that a commit may
 * or may not have happened; ERR_TIMEOUT that it surely did not. Everything a
 * verb returns lives in req.arena, which the caller does not touch meanwhile.
 *
 * Each write verb is one transaction of its own: all of it, or nothing. The
 * driver may commit many together (group commit). Each verb carries its
 * tenant; there is no way to ask for a thing by its bare id. */
#pragma once

#include <stdatomic.h>

#include "store/accept.h"
#include "store/approval.h"
#include "store/attachment.h"
#include "store/audit.h"
#include "store/budget.h"
#include "store/cycle.h"
#include "store/digest.h"
#include "store/habit.h"
#include "store/inbox.h"
#include "store/member.h"
#include "store/object.h"
#include "store/outbox.h"
#include "store/person.h"
#include "store/press.h"
#include "store/read.h"
#include "store/receipt.h"
#include "store/report.h"
#include "store/req.h"
#include "store/tell.h"
#include "store/trial.h"
#include "store/upkeep.h"
#include "store/work.h"
#include "store/workflow.h"

/* ---- news: what was just committed, for who waits ---- */
enum store_notice_kind {
    STORE_NOTICE_READY,  /* tenant, lane: there is work */
    STORE_NOTICE_WAIT,   /* due_ms: something waits until then */
    STORE_NOTICE_INBOX,  /* tenant, user, epoch, event; event NULL (a bell):
                          * another process changed it, up to rev `seq` */
    STORE_NOTICE_CHANGE, /* seq, tenant, object_kind */
    STORE_NOTICE_OUTBOX, /* there are rows to take */
    STORE_NOTICE_WORK,   /* the same, of work */
    STORE_NOTICE_TELL,   /* the same, of what endpoints are told */
};
struct store_notice {
    enum store_notice_kind kind;
    int64_t tenant;
    int64_t lane;
    bool is_critical;
    int64_t due_ms;
    struct str user;
    int64_t epoch;
    const struct inbox_event *event;
    int64_t seq;
    enum object_kind object_kind;
};
/* Runs in the store's thread after the commit and before any on_done of it;
 * everything is borrowed for the call. Must be quick and must not block. */
struct store_listener {
    void (*on_commit)(void *arg, const struct store_notice *notices, size_t n);
    void *arg;
};

struct store;
struct store_driver {
    const char *name;
    bool is_shared; /* other processes may write, too */
    void (*submit)(struct store *s, struct store_req *req);
    void (*listen)(struct store *s, const struct store_listener *l); /* once */
    /* NULL: what was claimed stays ours. Any thread. */
    bool (*holds)(const struct store *s, int64_t lease);
    void (*stop)(struct store *s);  /* NULL: nothing runs of its own */
    void (*close)(struct store *s); /* stops, then frees */
};
struct store { /* embedded by a driver's own */
    const struct store_driver *driver;
    atomic_size_t n_in_flight;
};

/* store_accept(store, &request) and so on. */
void store_submit(struct store *s, enum store_verb verb, struct store_req *req);
#define V(name, access)                                                        \
    static inline void store_##name(struct store *s, struct store_##name *r)   \
    {                                                                          \
        store_submit(s, STORE_VERB_##name, &r->req);                           \
    }
#include "store/verbs.def"
#undef V

/* Requests without an answer, or with one that is being posted. */
size_t store_in_flight(const struct store *s);
void store_listen(struct store *s, const struct store_listener *l);
/* Whether what a cycle claimed with that lease may be begun: others may have
 * taken it over, or be about to. To be asked right before. Any thread. */
bool store_holds(const struct store *s, int64_t lease);
/* Finishes what was submitted; what comes later is answered ERR_SHUTDOWN. For
 * who still has to hear the answers, on loops that turn meanwhile or after. */
void store_stop(struct store *s);  /* NULL is allowed */
void store_close(struct store *s); /* the same */
bool store_verb_writes(enum store_verb v);
const char *store_verb_name(enum store_verb v);
