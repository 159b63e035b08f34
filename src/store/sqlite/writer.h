/* writer.h - what the files of the writer thread share. */
#pragma once

#include "base/metrics.h"
#include "store/claims.h"
#include "store/notices.h"
#include "store/sqlite/db.h"
#include "store/sqlite/rows.h"
#include "store/work.h"
#include "store/cycle.h"

struct writer {
    struct db conn;
    struct claims *claims;
    struct arena *arena;    /* of the transaction, until its notices are out */
    int64_t epoch;          /* of all inboxes */
    int64_t last_batch;     /* intent rows begin anew with each process */
    int64_t n_holds;        /* of instances */
    struct notices notices; /* of the transaction */
    struct metric_series *commits[STORE_VERB_COUNT + 1]; /* NULL: none yet */
    /* where purge goes on; see upkeep.c */
    int64_t purge_after;
    struct sweep {
        int64_t tenant;
        struct buf key;
    } idem_sweep, dedup_sweep, budget_sweep;
};

enum wait_kind { WAIT_DELIVERY = 1 };

/* A verb: all of it or nothing. Errors of the database stick in the
 * connection; what it returns is its own judgement. */
typedef enum err write_verb(struct writer *w, struct store_req *req);
write_verb write_accept, write_cycle, write_promote, write_act, write_cancel,
    write_object_put, write_object_delete, write_subscribe, write_inbox_mark,
    write_purge, write_outbox, write_report, write_work_take,
    write_work_release, write_budget_take, write_budget_give_back,
    write_digest_flush, write_event_add, write_decide, write_habit_add,
    write_audit_add, write_receipt, write_press, write_tell_take,
    write_tell_again;

/* idem.c: ERR_OK and is_replay, ERR_IDEM_MISMATCH, or nothing is known. */
enum err idem_find(struct writer *w, int64_t tenant, int64_t now_ms,
                   struct store_req *req, struct store_idem *idem);
void idem_save(struct writer *w, int64_t tenant, struct store_req *req,
               struct store_idem *idem);

/* objects.c: one without content, unless it is there. False: it is. */
bool object_make(struct writer *w, const struct store_subscribe *s);

/* members.c */
void members_set_roles(struct writer *w, int64_t tenant, struct str user,
                       const struct str *roles, size_t n);
/* What goes with the document of a user, or of a topic. */
void members_forget_user(struct writer *w, int64_t tenant, struct str user);
void members_clear_topic(struct writer *w, int64_t tenant, struct str topic);

/* inbox.c */
void inbox_add(struct writer *w, struct inbox_item *item);

/* attachment.c */
void attachments_add(struct writer *w, int64_t tenant,
                     const struct store_accept_item *item);

/* audit.c: what a verb that succeeded has to tell. */
void audit_write(struct writer *w, struct store_req *req);
void audit_sweep(struct writer *w, int64_t before_ms, size_t max);

/* habit.c */
/* Of a user who is stored, that something was read then. */
void habit_read_at(struct writer *w, int64_t tenant, struct str user,
                   int64_t at_ms);
void habit_forget(struct writer *w, int64_t tenant, struct str user);
/* Of workspaces that keep none. */
void habit_sweep(struct writer *w, const struct store_purge *p, size_t max);

/* work.c */
void work_add(struct writer *w, int64_t tenant,
              const struct store_accept_item *item);
/* False: somebody else was there first. */
bool work_advance(struct writer *w, const struct store_accept *a,
                  struct store_accept_item *item);
void work_remove(struct writer *w, int64_t tenant, int64_t id);

/* digest.c */
void window_join(struct writer *w, struct store_join *join);
/* Its members are settled; those that the item brings are not there any more.
 * False: somebody else was there first, or somebody has left. */
bool window_end(struct writer *w, const struct store_accept *a,
                const struct store_flush *flush);
void window_leave(struct writer *w, int64_t tenant, int64_t id);
/* Those that are due, and shuts them. */
void window_take(struct writer *w, struct store_work_take *t, size_t max);

/* workflow.c: instances of workflows, and what they wait for. */
/* False: somebody else has it, or it was woken, or stopped. */
/* Whether instance_turn() would do it. */
bool instance_is_held(struct writer *w, const struct store_accept *a,
                      const struct store_accept_item *item);
bool instance_turn(struct writer *w, const struct store_accept *a,
                   struct store_accept_item *item);
void instance_rows(struct writer *w, const struct store_accept *a,
                   const struct store_accept_item *item);
void step_add(struct writer *w, int64_t tenant, const struct store_step *s);
/* As its join has told. */
void instance_join(struct writer *w, const struct store_accept *a,
                   const struct store_accept_item *item);
/* Those that a window collected end. */
void instance_merge(struct writer *w, const struct store_accept *a,
                    const struct store_accept_item *item);
void instance_take(struct writer *w, struct store_work_take *t, size_t max);
void instance_wake(struct writer *w, int64_t tenant, struct str user,
                   struct str event, int64_t now_ms);
size_t instance_cancel(struct writer *w, const struct store_cancel *c);
void cancel_leave(struct writer *w, const struct store_cancel *c);
void workflow_sweep(struct writer *w, int64_t before_ms, size_t max);

/* trial.c: who takes part in experiments, and what came of it. */
void trial_rows(struct writer *w, const struct store_accept *a,
                const struct store_accept_item *item);
void trial_delivered(struct writer *w, int64_t delivery, int64_t now_ms);
void trial_read(struct writer *w, const struct store_inbox_mark *m,
                int64_t item);
void trial_goal(struct writer *w, const struct store_event_add *e);
void trial_sweep(struct writer *w, const struct store_purge *p, size_t max);

/* cycle.c */
void attempt_add(struct writer *w, int64_t delivery, const struct attempt *t);

/* receipt.c: whom its receipts will be about. */
void taken_add(struct writer *w, const struct store_finish *f);

/* press.c */
void press_sweep(struct writer *w, const struct store_purge *p, size_t max);

/* recover.c: what was in flight when the process died. Before any verb. */
enum err recover_flights(struct writer *w, int64_t now_ms) MUST_CHECK;

static inline int64_t
signed_lane(enum priority priority, int64_t lane)
{
    return priority == PRIORITY_CRITICAL ? -lane : lane;
}
