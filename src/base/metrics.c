/* metrics.c - see metrics.h.
 *
 * A series is made once and never freed. The lock guards the lists and the
 * hash table; values are relaxed atomics beside them. A histogram's count is
 * the sum of its buckets as they are read, so it always agrees with +Inf. */
#include "base/metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "base/metrics_process.h"

#define LABELS_MAX 4
#define HASH_SLOTS 8192 /* a power of two, > 2 * (series + others) */
#define BUCKETS 15

enum kind { COUNTER, GAUGE, GAUGE_MS, HISTOGRAM_MS };

static const struct {
    const char *name;
    enum kind kind;
    const char *labels;
    const char *help;
} table[] = {
#define METRIC(name, kind, labels, help) {"belfry_" #name, kind, labels, help},
#include "base/metrics.def"
#undef METRIC
};

static const int64_t bucket_ms[BUCKETS] = {
    1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000};

struct histogram {
    _Atomic uint64_t counts[BUCKETS + 1]; /* each by itself; last is +Inf */
    _Atomic int64_t sum_ms;
};

struct metric_series {
    enum metric metric;
    _Atomic int64_t value;
    struct histogram *histogram; /* NULL: no histogram */
    char *labels;                /* a="b",c="d" */
    struct metric_series *next;  /* of the same metric, oldest first */
};

struct family {
    struct metric_series *first, **last;
    struct metric_series *other; /* counts what came above the cap */
    int count;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct family families[METRIC_COUNT];
static struct metric_series *slots[HASH_SLOTS];
static int series_count;

static void
put_label_value(struct buf *b, const char *value)
{
    struct str s = str_utf8_clip(str_from(value), METRICS_VALUE_MAX);

    if (!str_is_utf8(s))
        s = STR("invalid");
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\n')
            buf_put_cstr(b, "\\n");
        else if (s.p[i] == '"' || s.p[i] == '\\')
            buf_printf(b, "\\%c", s.p[i]);
        else
            buf_put_char(b, s.p[i]);
    }
}

/* values == NULL: "other" for each. */
static void
put_labels(struct buf *b, enum metric m, const char *const *values)
{
    struct str rest = str_from(table[m].labels), name;
    int i = 0;

    while (rest.n > 0 && str_split(&rest, ',', &name)) {
        assert(i < LABELS_MAX);
        assert(!values || values[i]); /* one value a label */
        buf_printf(b, "%s%.*s=\"", i > 0 ? "," : "", STR_ARG(name));
        put_label_value(b, values ? values[i] : "other");
        buf_put_char(b, '"');
        i++;
    }
    assert(!values || !values[i]); /* and no more */
}

static struct metric_series *
new_series(enum metric m, struct str labels)
{
    struct metric_series *s = xcalloc(1, sizeof(*s));
    struct family *f = &families[m];

    s->metric = m;
    s->labels = xcalloc(1, labels.n + 1);
    if (labels.n > 0)
        memcpy(s->labels, labels.p, labels.n);
    if (table[m].kind == HISTOGRAM_MS)
        s->histogram = xcalloc(1, sizeof(*s->histogram));
    if (!f->last)
        f->last = &f->first;
    *f->last = s;
    f->last = &s->next;
    return s;
}

static struct metric_series **
find_slot(enum metric m, struct str labels)
{
    uint32_t hash = (2166136261u ^ (uint32_t)m) * 16777619u; /* FNV-1a */
    struct metric_series *s;

    for (size_t i = 0; i < labels.n; i++)
        hash = (hash ^ (unsigned char)labels.p[i]) * 16777619u;
    while ((s = slots[hash % HASH_SLOTS]) != NULL &&
           (s->metric != m || !str_is(labels, s->labels)))
        hash++;
    return &slots[hash % HASH_SLOTS];
}

static struct metric_series *
find_or_add(enum metric m, struct str labels)
{
    struct metric_series **slot = find_slot(m, labels);
    struct family *f = &families[m];

    if (*slot)
        return *slot;
    if (labels.n > 0 && (f->count >= METRICS_SERIES_MAX_PER_METRIC ||
                         series_count >= METRICS_SERIES_MAX))
        return NULL;
    f->count++;
    series_count++;
    *slot = new_series(m, labels);
    return *slot;
}

static struct metric_series *
other_series(enum metric m)
{
    struct family *f = &families[m];

    if (!f->other) {
        struct buf labels = {0};

        put_labels(&labels, m, NULL);
        f->other = *find_slot(m, buf_str(&labels));
        if (!f->other)
            f->other = new_series(m, buf_str(&labels));
        buf_fini(&labels);
    }
    metric_add(find_or_add(METRIC_metrics_series_refused_total, STR("")), 1);
    return f->other;
}

struct metric_series *
metrics_series_of(enum metric m, const char *const *values)
{
    struct buf labels = {0};
    struct metric_series *s;

    assert(m >= 0 && m < METRIC_COUNT);
    put_labels(&labels, m, values);
    pthread_mutex_lock(&lock);
    s = find_or_add(m, buf_str(&labels));
    if (!s)
        s = other_series(m);
    pthread_mutex_unlock(&lock);
    buf_fini(&labels);
    return s;
}

void
metric_add(struct metric_series *s, int64_t n)
{
    assert(!s->histogram);
    assert(n >= 0 || table[s->metric].kind != COUNTER);
    atomic_fetch_add_explicit(&s->value, n, memory_order_relaxed);
}

void
metric_set(struct metric_series *s, int64_t v)
{
    assert(table[s->metric].kind == GAUGE || table[s->metric].kind == GAUGE_MS);
    atomic_store_explicit(&s->value, v, memory_order_relaxed);
}

void
metric_observe_ms(struct metric_series *s, int64_t ms)
{
    struct histogram *h = s->histogram;
    int i = 0;

    assert(h);
    if (ms < 0) /* two clocks that disagree; not worth dying for */
        ms = 0;
    while (i < BUCKETS && ms > bucket_ms[i])
        i++;
    atomic_fetch_add_explicit(&h->counts[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->sum_ms, ms, memory_order_relaxed);
}

/* Milliseconds as seconds: exact, and without zeros that say nothing. */
static void
put_seconds(struct buf *b, int64_t ms)
{
    uint64_t size = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
    int fraction = (int)(size % 1000), digits = 3;

    buf_printf(b, "%s%" PRIu64, ms < 0 ? "-" : "", size / 1000);
    if (fraction == 0)
        return;
    for (; fraction % 10 == 0; digits--)
        fraction /= 10;
    buf_printf(b, ".%0*d", digits, fraction);
}

static void
put_name(struct buf *b, const struct metric_series *s, const char *suffix)
{
    buf_printf(b, "%s%s", table[s->metric].name, suffix);
    if (s->labels[0])
        buf_printf(b, "{%s}", s->labels);
    buf_put_char(b, ' ');
}

static void
write_histogram(struct buf *b, const struct metric_series *s)
{
    const char *comma = s->labels[0] ? "," : "";
    struct histogram *h = s->histogram;
    uint64_t count = 0;

    for (int i = 0; i <= BUCKETS; i++) {
        count += atomic_load_explicit(&h->counts[i], memory_order_relaxed);
        buf_printf(b, "%s_bucket{%s%sle=\"", table[s->metric].name, s->labels,
                   comma);
        if (i < BUCKETS)
            put_seconds(b, bucket_ms[i]);
        else
            buf_put_cstr(b, "+Inf");
        buf_printf(b, "\"} %" PRIu64 "\n", count);
    }
    put_name(b, s, "_sum");
    put_seconds(b, atomic_load_explicit(&h->sum_ms, memory_order_relaxed));
    buf_put_char(b, '\n');
    put_name(b, s, "_count");
    buf_printf(b, "%" PRIu64 "\n", count);
}

static void
write_series(struct buf *b, struct metric_series *s)
{
    int64_t v = atomic_load_explicit(&s->value, memory_order_relaxed);

    if (s->histogram) {
        write_histogram(b, s);
        return;
    }
    put_name(b, s, "");
    if (table[s->metric].kind == GAUGE_MS)
        put_seconds(b, v);
    else
        buf_put_i64(b, v);
    buf_put_char(b, '\n');
}

/* What has no labels is there from the start: a rate from 0 to 1 is seen. */
static void
write_family(struct buf *b, enum metric m)
{
    static const char *const types[] = {"counter", "gauge", "gauge",
                                        "histogram"};

    if (!table[m].labels[0])
        find_or_add(m, STR(""));
    if (!families[m].first)
        return;
    buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", table[m].name, table[m].help,
               table[m].name, types[table[m].kind]);
    for (struct metric_series *s = families[m].first; s; s = s->next)
        write_series(b, s);
}

void
metrics_write(struct buf *out)
{
    pthread_mutex_lock(&lock);
    for (int m = 0; m < METRIC_COUNT; m++)
        write_family(out, (enum metric)m);
    pthread_mutex_unlock(&lock);
    metrics_process_write(out);
}
