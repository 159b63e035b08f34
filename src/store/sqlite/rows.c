/* rows.c - see rows.h. */
#include "store/sqlite/rows.h"

void
take_notification(struct query *q, struct arena *a, struct notification *ret)
{
    ret->id = take_int(q);
    ret->tenant = take_int(q);
    ret->created_ms = take_int(q);
    ret->priority = (enum priority)take_int(q);
    ret->is_cancelled = take_int(q) != 0;
    ret->template_version = take_int(q);
    ret->n_recipients = (int)take_int(q);
    ret->template_key = take_text(q, a);
    ret->note = take_text(q, a);
    ret->request_id = take_text(q, a);
    ret->traceparent = take_text(q, a);
    ret->doc = take_blob(q, a);
    ret->parent = take_int(q);
}

void
take_delivery(struct query *q, struct arena *a, struct delivery *ret)
{
    int64_t lane;

    ret->id = take_int(q);
    ret->tenant = take_int(q);
    ret->notification = take_int(q);
    ret->status = (enum delivery_status)take_int(q);
    lane = take_int(q);
    ret->lane = lane < 0 ? -lane : lane;
    ret->rank = take_int(q);
    ret->attempts = (int)take_int(q);
    ret->priority = (enum priority)take_int(q);
    ret->recipient = (int)take_int(q);
    ret->created_ms = take_int(q);
    ret->updated_ms = take_int(q);
    ret->due_ms = take_int(q);
    ret->user = take_text(q, a);
    ret->channel = take_text(q, a);
    ret->provider = take_text(q, a);
    ret->reason = take_text(q, a);
    ret->error = take_text(q, a);
    ret->tally = take_text(q, a);
    ret->digest = take_int(q);
    ret->merged_into = take_int(q);
    ret->device = take_text(q, a);
}
