/* rows.c - see rows.h. */
#include "store/postgres/rows.h"

void
pg_take_notification(struct pg_rows *r, struct arena *a,
                     struct notification *ret)
{
    ret->id = pg_int(r);
    ret->tenant = pg_int(r);
    ret->created_ms = pg_int(r);
    ret->priority = (enum priority)pg_int(r);
    ret->is_cancelled = pg_int(r) != 0;
    ret->template_version = pg_int(r);
    ret->n_recipients = (int)pg_int(r);
    ret->template_key = pg_text(r, a);
    ret->note = pg_text(r, a);
    ret->request_id = pg_text(r, a);
    ret->traceparent = pg_text(r, a);
    ret->doc = pg_text(r, a);
    ret->parent = pg_int(r);
}

void
pg_take_delivery(struct pg_rows *r, struct arena *a, struct delivery *ret)
{
    int64_t lane;

    ret->id = pg_int(r);
    ret->tenant = pg_int(r);
    ret->notification = pg_int(r);
    ret->status = (enum delivery_status)pg_int(r);
    lane = pg_int(r);
    ret->lane = lane < 0 ? -lane : lane;
    ret->rank = pg_int(r);
    ret->attempts = (int)pg_int(r);
    ret->priority = (enum priority)pg_int(r);
    ret->recipient = (int)pg_int(r);
    ret->created_ms = pg_int(r);
    ret->updated_ms = pg_int(r);
    ret->due_ms = pg_int(r);
    ret->user = pg_text(r, a);
    ret->channel = pg_text(r, a);
    ret->provider = pg_text(r, a);
    ret->reason = pg_text(r, a);
    ret->error = pg_text(r, a);
    ret->tally = pg_text(r, a);
    ret->digest = pg_int(r);
    ret->merged_into = pg_int(r);
    ret->device = pg_text(r, a);
}
