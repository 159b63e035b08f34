/* metrics_private.h - between metrics.c, which counts, and metrics_sum.c, which
 * writes. */
#pragma once

#include "base/metrics.h"

#define METRIC_BUCKETS 15

enum metric_kind {
    METRIC_COUNTER,
    METRIC_COUNTER_NANO, /* counted in billionths, written in units */
    METRIC_GAUGE,
    METRIC_GAUGE_MS,
    METRIC_HISTOGRAM_MS
};
enum metric_across { METRIC_SUM, METRIC_NODE, METRIC_SHARED, METRIC_WORST };

struct metric_row {
    const char *name; /* with belfry_ */
    enum metric_kind kind;
    enum metric_across across;
    const char *labels, *help;
};
extern const struct metric_row metric_rows[METRIC_COUNT];
extern const int64_t metric_bucket_ms[METRIC_BUCKETS];

struct metric_values {
    int64_t value; /* of a histogram: the sum of what was observed, in ms */
    uint64_t counts[METRIC_BUCKETS + 1]; /* each by itself; last is +Inf */
};

/* labels: as they are written, without the braces; borrowed for the call. */
typedef void metric_visit(void *arg, enum metric m, struct str labels,
                          const struct metric_values *v);
/* Each series of this process, by metric, oldest first. */
void metrics_each(metric_visit *visit, void *arg);
