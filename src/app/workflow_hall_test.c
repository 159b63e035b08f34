#include "app/workflow_hall_test.h"

#include <stdio.h>

void
put_workflow(struct hall *h, const char *key, const char *doc)
{
    struct store_object_write w = {.kind = OBJECT_WORKFLOW,
                                   .key = str_from(key),
                                   .body = quoted(h->arena, doc),
                                   .if_version = OBJECT_ANY_VERSION,
                                   .num = id_make(h->app.ids, NOW, 1)};

    hall_put(h, h->tenant, &w, 1);
    for (int i = 0; i < 200; i++)
        loop_turn(h->env.loop, 1); /* until the workspace knows */
}

void
settle(struct hall *h)
{
    for (int k = 0; k < 6; k++) {
        workflows_ring(h->workflows);
        digests_ring(h->digests);
        for (int i = 0; i < 20; i++)
            loop_turn(h->env.loop, 1);
    }
}

const struct store_notification_get *
look(struct hall *h, int64_t id)
{
    struct store_notification_get *g;

    arena_reset(h->arena);
    g = ARENA_NEW(h->arena, struct store_notification_get);
    *g = (struct store_notification_get){.req = hall_question(h),
                                         .tenant = h->tenant,
                                         .id = id,
                                         .max_deliveries = 1000,
                                         .wants_attempts = true};
    store_notification_get(h->env.store, g);
    TURN_UNTIL(h, h->n_answered == 1);
    assert_int_equal(h->answered, ERR_OK);
    return g;
}

const char *
way(struct hall *h, int64_t id)
{
    const struct store_notification_get *g = look(h, id);
    static char text[400];
    size_t n = 0;

    text[0] = '\0';
    for (size_t i = 0; i < g->n_steps; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%.*s:%.*s",
                              i > 0 ? " " : "", STR_ARG(g->steps[i].step),
                              STR_ARG(g->steps[i].verdict));
    return text;
}
