/* metrics.c - see metrics.h.
 *
 * A series is made once and never freed. The lock guards the lists and the
 * hash table; values are relaxed atomics beside them. A histogram's count is
 * the sum of its buckets as they are read, so it always agrees with +Inf. */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "base/metrics_private.h"

#define LABELS_MAX 4
#define HASH_SLOTS 8192 /* a power of two, > 2 * (series + others) */

const struct metric_row metric_rows[METRIC_COUNT] = {
#define METRIC(name, kind, across, labels, help)                               \
    {"belfry_" #name, METRIC_##kind, METRIC_##across, labels, help},
#include "base/metrics.def"
#undef METRIC
};

const int64_t metric_bucket_ms[METRIC_BUCKETS] = {
    1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000};

struct histogram {
    _Atomic uint64_t counts[METRIC_BUCKETS + 1]; /* each by itself */
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
    struct str rest = str_from(metric_rows[m].labels), name;
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
    if (metric_rows[m].kind == METRIC_HISTOGRAM_MS)
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
    assert(n >= 0 || metric_rows[s->metric].kind > METRIC_COUNTER_NANO);
    atomic_fetch_add_explicit(&s->value, n, memory_order_relaxed);
}

void
metric_set(struct metric_series *s, int64_t v)
{
    assert(metric_rows[s->metric].kind == METRIC_GAUGE ||
           metric_rows[s->metric].kind == METRIC_GAUGE_MS);
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
    while (i < METRIC_BUCKETS && ms > metric_bucket_ms[i])
        i++;
    atomic_fetch_add_explicit(&h->counts[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->sum_ms, ms, memory_order_relaxed);
}

static void
hand_over(const struct metric_series *s, metric_visit *visit, void *arg)
{
    struct metric_values v = {
        .value = atomic_load_explicit(&s->value, memory_order_relaxed)};

    for (int i = 0; s->histogram && i <= METRIC_BUCKETS; i++)
        v.counts[i] = atomic_load_explicit(&s->histogram->counts[i],
                                           memory_order_relaxed);
    if (s->histogram)
        v.value =
            atomic_load_explicit(&s->histogram->sum_ms, memory_order_relaxed);
    visit(arg, s->metric, str_from(s->labels), &v);
}

/* What has no labels is there from the start: a rate from 0 to 1 is seen. */
void
metrics_each(metric_visit *visit, void *arg)
{
    pthread_mutex_lock(&lock);
    for (int m = 0; m < METRIC_COUNT; m++) {
        if (!metric_rows[m].labels[0])
            find_or_add((enum metric)m, STR(""));
        for (struct metric_series *s = families[m].first; s; s = s->next)
            hand_over(s, visit, arg);
    }
    pthread_mutex_unlock(&lock);
}

int64_t
metrics_total(enum metric m)
{
    int64_t total = 0;

    pthread_mutex_lock(&lock);
    for (struct metric_series *s = families[m].first; s; s = s->next)
        total += atomic_load_explicit(&s->value, memory_order_relaxed);
    pthread_mutex_unlock(&lock);
    return total;
}
