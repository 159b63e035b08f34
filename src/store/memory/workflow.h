/* workflow.h - instances of workflows in memory, for those who keep the rest.
 */
#pragma once

#include "store/memory/data.h"

struct mem_step {
    int64_t tenant;
    struct store_step s;
};
struct mem_user_event {
    int64_t tenant, at_ms, id;
    struct str user, name, data;
};

/* Whether mem_instance_turn() would do it. */
bool mem_instance_is_held(struct mem *m, const struct store_accept *a,
                          const struct store_accept_item *item);
bool mem_instance_turn(struct mem *m, const struct store_accept *a,
                       struct store_accept_item *item);
struct store_step mem_copy_step(struct arena *a, const struct store_step *s);
void mem_add_step(struct mem *m, int64_t tenant, const struct store_step *s);
void mem_instance_rows(struct mem *m, const struct store_accept *a,
                       const struct store_accept_item *item);
void mem_instance_take(struct mem *m, struct arena *a, const struct mem_work *w,
                       struct store_work_row *row);
void mem_instance_wake(struct mem *m, int64_t tenant, struct str user,
                       struct str event, int64_t now_ms);
/* As its join has told. */
void mem_instance_join(struct mem *m, const struct store_accept *a,
                       const struct store_accept_item *item);
/* Those that a window collected end. */
void mem_instance_merge(struct mem *m, const struct store_accept *a,
                        const struct store_accept_item *item);
size_t mem_instance_cancel(struct mem *m, const struct store_cancel *c);
void mem_cancel_leave(struct mem *m, const struct store_cancel *c);
bool mem_instance_is_left(struct mem *m, int64_t notification);
/* approval.c */
bool mem_is_held(const struct mem_work *w); /* NULL: it is not */
bool mem_is_expired(struct mem *m, int64_t notification);
/* 0: there is none. */
int64_t mem_parent_of(struct mem *m, int64_t notification);
