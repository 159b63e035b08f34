/* lane.h - a provider's lane: what it can begin, what its calls and its probes
 * say of it. Private to dispatch/. */
#pragma once

#include "dispatch/dispatch_private.h"

struct lane *lane_find(struct dispatch *d, int64_t tenant, int64_t num);
struct lane *lane_open(struct dispatch *d, int64_t tenant, int64_t num);
void lane_configure(struct lane *l);
bool lane_is_unused(const struct lane *l);
void lane_close(struct lane *l);
/* Begin what may begin. */
void lane_run(struct lane *l);
/* It goes elsewhere, waits or ends without a call. */
void lane_leave(struct lane *l, const struct workspace *w,
                struct queue_item *item, bool is_out);
/* Its breaker is closed, and it is given no time: else one call shows whether
 * more may follow. */
bool lane_is_open_to_all(const struct lane *l);
/* It is not, but one call may show, and it has nothing to call for: one may be
 * handed over to it. */
bool lane_may_be_tried(const struct lane *l);
/* One was; for a pause no other is. */
void lane_expect(struct dispatch *d, int64_t tenant, int64_t num);
/* What a verdict says of the provider. */
enum verdict_health lane_health_of(const struct channel_verdict *v);
/* In its health, beside what its calls say. Empty: nothing any more. */
void lane_tell_probe(struct lane *l, const char *clause, bool is_bad);
struct call_news {
    uint32_t ticket;
    const struct channel_verdict *verdict;
    int64_t delivery, duration_ms;
};
void lane_report(struct lane *l, const struct call_news *n);
struct ended_call { /* for one delivery */
    enum verdict verdict;
    enum delivery_status status; /* in which that leaves it */
    enum priority priority;
    int64_t duration_ms, latency_ms;
};
void lane_count(struct lane *l, const struct ended_call *e);
/* What the driver keeps between calls, copied; nothing of another version of
 * the provider. */
struct channel_memo lane_memo(const struct lane *l, struct arena *a,
                              int64_t version);
void lane_keep_memo(struct lane *l, struct str given,
                    const struct channel_memo *memo, int64_t version);
