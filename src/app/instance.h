/* instance.h - one recipient's way through a workflow: what its row says, what
 * its conditions know, and what its steps send. Pure. */
#pragma once

#include "app/send.h"
#include "domain/workflow.h"

#define INSTANCE_ITEMS_MAX 100 /* that are remembered: the newest of them */

struct instance {
    struct workflow_state state;
    int recipient; /* in the notification's to.recipients; -1 */
    int64_t items[INSTANCE_ITEMS_MAX]; /* in_app deliveries that it made */
    size_t n_items;
};

/* The cursor of one that begins; of one that goes on. */
struct str instance_begin(struct arena *a, int recipient);
struct str instance_write(struct arena *a, const struct instance *i);
/* A cursor that cannot be read is one at the beginning. */
void instance_read(struct arena *a, struct str cursor, struct instance *ret);
void instance_add_items(struct instance *i, const struct delivery *deliveries,
                        size_t n);

/* The notification's `data`, with that of the recipient over it. */
struct json instance_data(struct arena *a, struct json doc, struct json given);
/* A template of a step, filled in: the members of roots[0] are names, over the
 * roots themselves. False: it is more than there may be. */
bool instance_render(struct arena *a, struct str source,
                     const struct condition_root *roots, size_t n,
                     int64_t now_ms, struct str *ret) MUST_CHECK;
/* The body of the send that a step is; to: JSON. Absent: it does not fit into
 * one. */
struct json instance_body(struct arena *a, struct json doc, struct json step,
                          struct str to);

/* A dry run of a workflow is one of the first step that sends, if nothing is
 * waited for before. False: item->problem says why not. */
bool instance_preview(struct send *s, struct send_item *item);
