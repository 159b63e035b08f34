/* metrics_sum.c - see metrics_sum.h.
 *
 *   belfry_http_connections 12
 *   belfry_deliveries_total{channel="email",...} 7
 *   belfry_commit_duration_seconds{op="x"} 815 0 3 12      sum, then buckets up
 *   process_open_fds 40                                   to the last that is
 *                                                         not 0 */
#include "base/metrics_sum.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/metrics_private.h"
#include "base/metrics_process.h"

#define SERIES_MAX 20000 /* of all processes */

struct series {
    struct str labels;
    struct metric_values v;
    int64_t age_ms;
    struct series *next; /* of the same metric */
};

struct metrics_sum {
    struct arena *arena;
    struct map *series; /* metric and labels -> struct series */
    struct series *first[METRIC_COUNT], **last[METRIC_COUNT];
    struct buf process[PROCESS_COUNT]; /* lines */
    bool (*is_silent)(void *arg, enum metric m, struct str labels,
                      struct str node); /* NULL: none is */
    void *arg;
};

/* What is being added. */
struct source {
    struct metrics_sum *sum;
    struct str node;
    int64_t age_ms;
    bool is_past;
};

struct metrics_sum *
metrics_sum_new(void)
{
    struct metrics_sum *s = xcalloc(1, sizeof(*s));

    s->arena = arena_new();
    s->series = map_new();
    for (int m = 0; m < METRIC_COUNT; m++)
        s->last[m] = &s->first[m];
    for (int i = 0; i < PROCESS_COUNT; i++)
        buf_init(&s->process[i], s->arena);
    return s;
}

void
metrics_sum_free(struct metrics_sum *s)
{
    if (!s)
        return;
    map_free(s->series);
    arena_free(s->arena);
    free(s);
}

void
metrics_sum_skip(struct metrics_sum *s,
                 bool (*is_silent)(void *arg, enum metric m, struct str labels,
                                   struct str node),
                 void *arg)
{
    s->is_silent = is_silent;
    s->arg = arg;
}

/* ---- add ---- */

static void
put_node(struct buf *b, struct str node)
{
    buf_printf(b, "node=\"%.*s\"", STR_ARG(node));
}

static struct series *
find_or_add(struct metrics_sum *s, enum metric m, struct str labels)
{
    struct buf key;
    struct series *one;

    buf_init(&key, s->arena);
    buf_put(&key, &m, sizeof(m));
    buf_put_str(&key, labels);
    one = map_get(s->series, buf_str(&key));
    if (one || map_count(s->series) >= SERIES_MAX)
        return one;
    one = ARENA_NEW(s->arena, struct series);
    one->labels = str_dup(s->arena, labels);
    one->age_ms = INT64_MAX;
    *s->last[m] = one;
    s->last[m] = &one->next;
    (void)map_put(s->series, buf_str(&key), one);
    return one;
}

static void
join(struct series *one, enum metric_across across,
     const struct metric_values *v, int64_t age_ms)
{
    bool is_first = one->age_ms == INT64_MAX;

    switch (across) {
    case METRIC_SUM:
        one->v.value += v->value;
        for (int i = 0; i <= METRIC_BUCKETS; i++)
            one->v.counts[i] += v->counts[i];
        break;
    case METRIC_WORST:
        if (is_first || v->value > one->v.value)
            one->v = *v;
        break;
    case METRIC_NODE:
    case METRIC_SHARED:
        if (is_first || age_ms < one->age_ms)
            one->v = *v;
        break;
    }
    if (age_ms < one->age_ms)
        one->age_ms = age_ms;
}

static bool
stays_counted(enum metric m)
{
    return metric_rows[m].across == METRIC_SUM &&
           (metric_rows[m].kind == METRIC_COUNTER ||
            metric_rows[m].kind == METRIC_COUNTER_NANO ||
            metric_rows[m].kind == METRIC_HISTOGRAM_MS);
}

static void
add(void *arg, enum metric m, struct str labels, const struct metric_values *v)
{
    struct source *from = arg;
    struct buf with_node;
    struct series *one;

    if (from->is_past && !stays_counted(m))
        return;
    if (from->sum->is_silent && !from->is_past &&
        from->sum->is_silent(from->sum->arg, m, labels, from->node))
        return;
    if (metric_rows[m].across == METRIC_NODE && from->node.n > 0) {
        buf_init(&with_node, from->sum->arena);
        buf_put_str(&with_node, labels);
        if (labels.n > 0)
            buf_put_char(&with_node, ',');
        put_node(&with_node, from->node);
        labels = buf_str(&with_node);
    }
    one = find_or_add(from->sum, m, labels);
    if (one)
        join(one, metric_rows[m].across, v, from->age_ms);
}

static void
add_process(struct source *from, int i, struct str value)
{
    struct buf *b = &from->sum->process[i];

    if (from->is_past || value.n == 0)
        return;
    buf_put_cstr(b, process_rows[i].name);
    if (from->node.n > 0) {
        buf_put_char(b, '{');
        put_node(b, from->node);
        buf_put_char(b, '}');
    }
    buf_printf(b, " %.*s\n", STR_ARG(value));
}

void
metrics_sum_add_own(struct metrics_sum *s, struct str node)
{
    struct source from = {.sum = s, .node = node, .age_ms = -1};
    char values[PROCESS_COUNT][PROCESS_VALUE_MAX];

    metrics_each(add, &from);
    metrics_process_read(values);
    for (int i = 0; i < PROCESS_COUNT; i++)
        add_process(&from, i, str_from(values[i]));
}

/* ---- read ---- */

static bool
find_metric(struct str name, enum metric *ret)
{
    for (int m = 0; m < METRIC_COUNT; m++)
        if (str_is(name, metric_rows[m].name)) {
            *ret = (enum metric)m;
            return true;
        }
    return false;
}

static bool
read_values(struct str text, bool is_histogram, struct metric_values *ret)
{
    struct str word;

    if (!str_split(&text, ' ', &word) || !str_to_i64(word, &ret->value))
        return false;
    for (int i = 0; is_histogram && text.p && i <= METRIC_BUCKETS; i++)
        if (!str_split(&text, ' ', &word) || !str_to_u64(word, &ret->counts[i]))
            return false;
    return text.p == NULL;
}

static bool
is_number(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((s.p[i] < '0' || s.p[i] > '9') && s.p[i] != '.')
            return false;
    return s.n > 0;
}

static void
read_process(struct source *from, struct str name, struct str value)
{
    for (int i = 0; i < PROCESS_COUNT; i++)
        if (str_is(name, process_rows[i].name) && is_number(value))
            add_process(from, i, value);
}

/* Label values may hold anything but a line's end; what follows them not. */
static void
read_line(struct source *from, struct str line)
{
    const char *end = line.n > 0 ? memrchr(line.p, '}', line.n) : NULL;
    ptrdiff_t at = str_find(line, end ? '{' : ' ');
    struct metric_values v = {0};
    struct str name, labels = STR_NONE;
    enum metric m;

    if (at < 0)
        return;
    name = str_sub(line, 0, (size_t)at);
    line = str_sub(line, (size_t)at + 1, line.n);
    if (end) {
        labels = str_sub(line, 0, (size_t)(end - line.p));
        line = str_sub(line, labels.n + 1, line.n);
        if (line.n == 0 || line.p[0] != ' ')
            return;
        line = str_sub(line, 1, line.n);
    }
    if (!find_metric(name, &m))
        read_process(from, name, line);
    else if (read_values(line, metric_rows[m].kind == METRIC_HISTOGRAM_MS, &v))
        add(from, m, labels, &v);
}

static void
read_report(struct source from, struct str report)
{
    struct str line;

    while (str_split(&report, '\n', &line))
        read_line(&from, line);
}

void
metrics_sum_add(struct metrics_sum *s, struct str report, struct str node,
                int64_t age_ms)
{
    read_report((struct source){.sum = s,
                                .node = node,
                                .age_ms = age_ms > 0 ? age_ms : 0},
                report);
}

void
metrics_sum_add_past(struct metrics_sum *s, struct str report)
{
    read_report((struct source){.sum = s, .is_past = true}, report);
}

/* ---- write a report ---- */

static void
put_line(void *arg, enum metric m, struct str labels,
         const struct metric_values *v)
{
    struct buf *b = arg;
    int n = METRIC_BUCKETS + 1;

    buf_put_cstr(b, metric_rows[m].name);
    if (labels.n > 0)
        buf_printf(b, "{%.*s}", STR_ARG(labels));
    buf_put_char(b, ' ');
    buf_put_i64(b, v->value);
    while (n > 0 && v->counts[n - 1] == 0)
        n--;
    for (int i = 0; i < n; i++)
        buf_printf(b, " %" PRIu64, v->counts[i]);
    buf_put_char(b, '\n');
}

void
metrics_report(struct buf *out)
{
    char values[PROCESS_COUNT][PROCESS_VALUE_MAX];

    metrics_each(put_line, out);
    metrics_process_read(values);
    for (int i = 0; i < PROCESS_COUNT; i++)
        if (values[i][0])
            buf_printf(out, "%s %s\n", process_rows[i].name, values[i]);
}

void
metrics_sum_write_past(const struct metrics_sum *s, struct buf *out)
{
    for (int m = 0; m < METRIC_COUNT; m++)
        for (const struct series *one = s->first[m]; one; one = one->next)
            if (stays_counted((enum metric)m))
                put_line(out, (enum metric)m, one->labels, &one->v);
}

/* ---- write for Prometheus ---- */

/* Milliseconds as seconds: exact, and without zeros that say nothing. */
static void
put_parts(struct buf *b, int64_t n, uint64_t unit, int digits)
{
    uint64_t size = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    int fraction = (int)(size % unit);

    buf_printf(b, "%s%" PRIu64, n < 0 ? "-" : "", size / unit);
    if (fraction == 0)
        return;
    for (; fraction % 10 == 0; digits--)
        fraction /= 10;
    buf_printf(b, ".%0*d", digits, fraction);
}

static void
put_seconds(struct buf *b, int64_t ms)
{
    put_parts(b, ms, 1000, 3);
}

static void
put_name(struct buf *b, enum metric m, const struct series *s,
         const char *suffix)
{
    buf_printf(b, "%s%s", metric_rows[m].name, suffix);
    if (s->labels.n > 0)
        buf_printf(b, "{%.*s}", STR_ARG(s->labels));
    buf_put_char(b, ' ');
}

static void
write_histogram(struct buf *b, enum metric m, const struct series *s)
{
    uint64_t count = 0;

    for (int i = 0; i <= METRIC_BUCKETS; i++) {
        count += s->v.counts[i];
        buf_printf(b, "%s_bucket{%.*s%sle=\"", metric_rows[m].name,
                   STR_ARG(s->labels), s->labels.n > 0 ? "," : "");
        if (i < METRIC_BUCKETS)
            put_seconds(b, metric_bucket_ms[i]);
        else
            buf_put_cstr(b, "+Inf");
        buf_printf(b, "\"} %" PRIu64 "\n", count);
    }
    put_name(b, m, s, "_sum");
    put_seconds(b, s->v.value);
    buf_put_char(b, '\n');
    put_name(b, m, s, "_count");
    buf_printf(b, "%" PRIu64 "\n", count);
}

static void
write_series(struct buf *b, enum metric m, const struct series *s)
{
    if (metric_rows[m].kind == METRIC_HISTOGRAM_MS) {
        write_histogram(b, m, s);
        return;
    }
    put_name(b, m, s, "");
    if (metric_rows[m].kind == METRIC_GAUGE_MS)
        put_seconds(b, s->v.value);
    else if (metric_rows[m].kind == METRIC_COUNTER_NANO)
        put_parts(b, s->v.value, 1000000000, 9);
    else
        buf_put_i64(b, s->v.value);
    buf_put_char(b, '\n');
}

void
metrics_sum_write(const struct metrics_sum *s, struct buf *out)
{
    static const char *const types[] = {"counter", "counter", "gauge", "gauge",
                                        "histogram"};

    for (int m = 0; m < METRIC_COUNT; m++) {
        const struct metric_row *r = &metric_rows[m];

        if (!s->first[m])
            continue;
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", r->name, r->help,
                   r->name, types[r->kind]);
        for (const struct series *one = s->first[m]; one; one = one->next)
            write_series(out, (enum metric)m, one);
    }
    for (int i = 0; i < PROCESS_COUNT; i++) {
        const struct process_row *r = &process_rows[i];

        if (s->process[i].n > 0)
            buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%.*s", r->name,
                       r->help, r->name, r->type,
                       STR_ARG(buf_str(&s->process[i])));
    }
}

int64_t
metrics_sum_total(const struct metrics_sum *s, enum metric m, struct str label)
{
    int64_t total = 0;

    for (const struct series *one = s->first[m]; one; one = one->next)
        if (label.n == 0 ||
            (one->labels.n > 0 &&
             memmem(one->labels.p, one->labels.n, label.p, label.n)))
            total += one->v.value;
    return total;
}

void
metrics_write(struct buf *out)
{
    struct metrics_sum *s = metrics_sum_new();

    metrics_sum_add_own(s, STR_NONE);
    metrics_sum_write(s, out);
    metrics_sum_free(s);
}
