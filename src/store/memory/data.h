/* data.h - what the memory driver holds. Rows are never removed one by one but
 * for purge; text lives in one arena until the store closes. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "store/store.h"

/* An array that grows. Pointers into it last until the next addition. */
struct rows {
    struct buf bytes;
    size_t n;
};
#define ROW_ADD(rows, type) ((type *)rows_add((rows), sizeof(type)))
#define ROW_EACH(type, it, rows)                                               \
    for (type *it = (type *)(void *)(rows)->bytes.p,                           \
              *it##_end = (rows)->n ? it + (rows)->n : it;                     \
         it != it##_end; it++)
void *rows_add(struct rows *r, size_t size); /* zeroed */

struct mem_delivery {
    struct delivery d;
    int64_t ready_lane; /* negative: critical; 0: not ready */
    int64_t wait_lane;  /* the same, while due_ms > 0 */
    bool is_claimed;
    bool is_flying; /* claimed, and recorded as an intent */
    bool is_gone;   /* purged */
};
struct mem_notification {
    struct notification n;
    struct str cancel_key;
    bool is_gone;
};
struct mem_work {
    enum store_work_kind kind;
    int64_t tenant, id, due_ms, taken_until_ms;
    struct str cursor, user, event;
    int64_t notification; /* WORKFLOW, as are user and event */
    bool is_gone;
};
struct mem_digest {
    struct digest d;
    bool is_open;
    bool is_gone;
};
struct mem_attempt {
    int64_t delivery;
    struct attempt a;
};
struct mem_user {
    int64_t tenant;
    struct str name;
    int64_t rev;
    struct inbox_counts counts;
};
struct mem_event {
    int64_t tenant;
    struct str user;
    struct inbox_event e; /* ITEM: item.id only */
};
struct mem_object {
    struct object o;
    bool is_gone;
};
struct mem_member {
    int64_t tenant;
    enum member_kind kind;
    struct str key, user;
    bool is_gone;
};
struct mem_idem {
    int64_t tenant;
    struct str key;
    uint8_t fingerprint[32];
    int64_t until_ms;
    int status;
    struct str body;
};
struct mem_dedup {
    int64_t tenant;
    struct str key;
    int64_t until_ms, id, created_ms;
};
struct mem_budget {
    int64_t tenant;
    struct str key;
    int64_t until_ms;
    struct throttle_place *places;
    size_t n;
};

struct mem {
    struct arena *arena;
    int64_t epoch, n_holds; /* of inboxes; leases of instances so far */
    struct rows notifications, deliveries, attempts, items, users, events,
        objects, members, changes, idems, dedups, works, budgets, digests,
        steps, user_events, trials, trial_deliveries, habits,
        audits,                            /* struct audit_line */
        taken, attachments, presses, said, /* struct store_told */
        tellings;
    /* what the current verb tells */
    struct rows notices;
    struct arena *told;
};

typedef enum err mem_verb(struct mem *m, struct store_req *req);
#define V(name, access) mem_verb mem_##name;
#include "store/verbs.def"
#undef V

/* Deliveries of it are still to be planned; NULL: all were. */
struct mem_work *mem_work_of(struct mem *m, int64_t tenant, int64_t id);
struct mem_work *mem_work_find(struct mem *m, enum store_work_kind kind,
                               int64_t tenant, int64_t id);
void mem_work_add(struct mem *m, const struct mem_work *w); /* nobody has it */
void mem_window_join(struct mem *m, struct store_join *join);
bool mem_window_end(struct mem *m, const struct store_accept *a,
                    const struct store_flush *flush);
void mem_window_leave(struct mem *m, struct mem_delivery *one);
void mem_window_shut(struct mem *m, struct arena *a, const struct mem_work *w,
                     struct digest *ret);
struct mem_delivery *mem_find(struct mem *m, int64_t tenant, int64_t id);
/* A topic without content, unless it is there. False: it is. */
bool mem_object_make(struct mem *m, const struct store_subscribe *s);
void mem_set_roles(struct mem *m, int64_t tenant, struct str user,
                   const struct str *roles, size_t n);
/* What goes with the document of a user, or of a topic. */
void mem_forget_user(struct mem *m, int64_t tenant, struct str user);
void mem_clear_topic(struct mem *m, int64_t tenant, struct str topic);
void mem_inbox_add(struct mem *m, struct inbox_item *item);
void mem_tell(struct mem *m, struct store_notice notice);
void mem_tell_wait(struct mem *m, int64_t due_ms);
void mem_tell_ready(struct mem *m, int64_t tenant, int64_t lane);
enum err mem_idem_find(struct mem *m, int64_t tenant, int64_t now_ms,
                       struct store_req *req, struct store_idem *idem);
void mem_idem_save(struct mem *m, int64_t tenant, struct store_req *req,
                   struct store_idem *idem);
/* An uncertain cycle's claims are nobody's. */
void mem_unclaim(struct mem *m, struct store_cycle *c);
/* Deep copies into an arena. */
struct delivery mem_copy_delivery(struct arena *a, const struct delivery *d);
struct notification mem_copy_notification(struct arena *a,
                                          const struct notification *n);
struct attempt mem_copy_attempt(struct arena *a, const struct attempt *t);
struct inbox_item mem_copy_item(struct arena *a, const struct inbox_item *i);
