/* metrics_sum.h - the metrics of several processes on one database, as one.
 *
 * A process tells the others what it counted by a report: text, a line a
 * series, in the units of metrics.h. A sum takes reports, and what this
 * process counts itself, and adds up what metrics.def says adds up:
 *
 *   struct metrics_sum *s = metrics_sum_new();
 *   metrics_sum_add_own(s, STR("0"));
 *   metrics_sum_add(s, report, STR("3"), age_ms);
 *   metrics_sum_write(s, out);
 *   metrics_sum_free(s);
 *
 * A line that is not understood (another release wrote it) is left out. Not
 * thread-safe, but that what this process counts may go on meanwhile. */
#pragma once

#include "base/metrics.h"

struct metrics_sum;

struct metrics_sum *metrics_sum_new(void);
void metrics_sum_free(struct metrics_sum *s); /* NULL is allowed */

/* Leaves out, of what is added from then on, each series of which it says that
 * the node has nothing more to say of it. */
void metrics_sum_skip(struct metrics_sum *s,
                      bool (*is_silent)(void *arg, enum metric m,
                                        struct str labels, struct str node),
                      void *arg);

/* node: the value of that label; empty: there is but one, and no label. */
void metrics_sum_add_own(struct metrics_sum *s, struct str node);
/* age_ms: of the report; the youngest tells what is SHARED. */
void metrics_sum_add(struct metrics_sum *s, struct str report, struct str node,
                     int64_t age_ms);
/* Of a process that has ended: what it counted stays counted, or the sum
 * would fall, which readers take for a start from 0. The rest is over. */
void metrics_sum_add_past(struct metrics_sum *s, struct str report);

/* In the Prometheus text format 0.0.4. */
void metrics_sum_write(const struct metrics_sum *s, struct buf *out);
/* As a report, of what add_past() takes. */
void metrics_sum_write_past(const struct metrics_sum *s, struct buf *out);
/* Of all series whose labels hold that text (label="value"). */
int64_t metrics_sum_total(const struct metrics_sum *s, enum metric m,
                          struct str label);

/* What this process counts, for the others. */
void metrics_report(struct buf *out);
