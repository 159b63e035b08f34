/* trial.h - experiments in sends: which variant each recipient gets, and what
 * becomes of the send for them.
 *
 * Those of a variant become a part of their own, a notification below the one
 * that is sent, as what a step of a workflow sends is; and so do those for whom
 * it is as the send says. Unless all are of one kind, which is then what is
 * sent. Who gets it later goes through a workflow of one step, which is the
 * send itself. */
#pragma once

#include "app/send.h"

/* Makes s->parts out of s->items, whose recipients are loaded. */
void trials_split(struct send *s);
/* After the deliveries of the row: who counts, what the trace tells of it, and
 * who waits. */
void trials_add_rows(struct send *s, const struct send_item *item,
                     struct store_accept_item *row);
/* What a step of a workflow is to send, that it came to at since_ms: not
 * before. 0: at once. */
int64_t trial_due_ms(struct arena *a, const struct workspace *w,
                     struct json body, struct str user, struct json stored,
                     int64_t since_ms);
