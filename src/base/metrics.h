/* metrics.h - counters, gauges and histograms, declared in metrics.def.
 *
 *   struct metric_series *s = metrics_series(METRIC_http_requests_total,
 *                                            "/v1/notifications", "POST",
 * "202"); metric_add(s, 1);
 *
 * Looking a series up takes a lock and is for start-up and caches; the
 * pointer stays valid for the life of the process, and adding is one relaxed
 * atomic. Label values may come from people, so they are capped in length and
 * series in number: what comes above is counted under the value "other".
 * Any thread. */
#pragma once

#include "base/buf.h"

enum metric {
#define METRIC(name, kind, across, labels, help) METRIC_##name,
#include "base/metrics.def"
#undef METRIC
    METRIC_COUNT
};

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define METRICS_SERIES_MAX 2000           /* in all */
#define METRICS_SERIES_MAX_PER_METRIC 500 /* so that none starves the rest */
#define METRICS_VALUE_MAX 128             /* bytes of a label's value */

struct metric_series;

/* One const char * for each label of the table, in its order. */
#define metrics_series(...) METRICS_SERIES_(__VA_ARGS__, NULL)
#define METRICS_SERIES_(m, ...)                                                \
    metrics_series_of((m), (const char *const[]){__VA_ARGS__})
struct metric_series *metrics_series_of(enum metric m,
                                        const char *const *values);

void metric_add(struct metric_series *s, int64_t n); /* counter: n >= 0 */
void metric_set(struct metric_series *s, int64_t v); /* gauges */
void metric_observe_ms(struct metric_series *s, int64_t ms);
/* Of all its series. */
int64_t metrics_total(enum metric m);

/* All of it in the Prometheus text format 0.0.4, and the process_* family; of
 * several processes: metrics_sum.h. */
void metrics_write(struct buf *out);
