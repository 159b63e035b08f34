/* log.c - see log.h.
 *
 * A line is built on the stack and leaves in one write(2), so lines of
 * different threads never mix. The lock guards the table of repeats and the
 * write, never the building.
 *
 * A value cannot forge a line, a field or a terminal's colours: controls (C0,
 * DEL, C1), line and paragraph separators and the marks that turn the reading
 * direction leave as \u escapes, what is not UTF-8 as \ufffd. */
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metrics.h"

#define LINE_MAX_BYTES 8192
/* Kept free for the end of a line that was cut. */
#define TAIL_BYTES 32
#define BURST_MAX 10
#define BURST_MS 1000
/* Events are constants of the program; more than these are not counted. */
#define EVENTS_MAX 512

struct line {
    enum log_format format;
    bool is_cut;
    size_t n;
    char p[LINE_MAX_BYTES];
};

struct repeat {
    const char *event;
    int64_t since_ms;
    int written;        /* since then */
    int64_t suppressed; /* since the last line */
};

static atomic_int least_level = LOG_LEVEL_INFO;
static atomic_int line_format = LOG_FORMAT_LOGFMT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int out_fd = STDERR_FILENO; /* this and the rest under the lock */
static struct clock *out_clock;
static struct repeat repeats[EVENTS_MAX];
static struct metric_series *suppressed_total;

static const char *const level_names[] = {"debug", "info", "warn", "error"};
static const char *const format_names[] = {"logfmt", "json"};

void
log_setup(enum log_level least, enum log_format format)
{
    atomic_store(&least_level, (int)least);
    atomic_store(&line_format, (int)format);
}

static int
name_index(struct str s, const char *const *names, int n)
{
    int i = 0;

    while (i < n &&
           (s.n != strlen(names[i]) || memcmp(s.p, names[i], s.n) != 0))
        i++;
    return i < n ? i : -1;
}

bool
log_level_parse(struct str s, enum log_level *ret)
{
    int i = name_index(s, level_names, 4);

    if (i >= 0)
        *ret = (enum log_level)i;
    return i >= 0;
}

bool
log_format_parse(struct str s, enum log_format *ret)
{
    int i = name_index(s, format_names, 2);

    if (i >= 0)
        *ret = (enum log_format)i;
    return i >= 0;
}

void
log_redirect(int fd, struct clock *clock)
{
    pthread_mutex_lock(&lock);
    out_fd = fd;
    out_clock = clock;
    memset(repeats, 0, sizeof(repeats));
    pthread_mutex_unlock(&lock);
}

/* All of it or nothing; after the first that does not fit, nothing more. */
static void
put(struct line *l, const char *p, size_t n)
{
    if (l->is_cut || n > sizeof(l->p) - TAIL_BYTES - l->n) {
        l->is_cut = true;
        return;
    }
    memcpy(l->p + l->n, p, n);
    l->n += n;
}

static void
put_cstr(struct line *l, const char *s)
{
    put(l, s, strlen(s));
}

/* The length of the character at p[0..n), n >= 1; 0: not UTF-8. */
static size_t
decode(const unsigned char *p, size_t n, uint32_t *ret)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = p[0] < 0x80             ? 1
                 : (p[0] & 0xe0) == 0xc0 ? 2
                 : (p[0] & 0xf0) == 0xe0 ? 3
                 : (p[0] & 0xf8) == 0xf0 ? 4
                                         : 0;
    uint32_t c;

    if (len == 0 || len > n)
        return 0;
    c = len == 1 ? p[0] : p[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3f);
    }
    if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *ret = c;
    return len;
}

static bool
must_escape(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == '"' || c == '\\' ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

static void
put_escaped(struct line *l, uint32_t c)
{
    char text[16];
    int n;

    if (c == '"' || c == '\\')
        n = snprintf(text, sizeof(text), "\\%c", (char)c);
    else if (c == '\n')
        n = snprintf(text, sizeof(text), "\\n");
    else
        n = snprintf(text, sizeof(text), "\\u%04" PRIx32, c);
    put(l, text, (size_t)n);
}

static void
put_quoted(struct line *l, struct str s)
{
    put(l, "\"", 1);
    for (size_t i = 0, n; i < s.n && !l->is_cut; i += n) {
        uint32_t c = 0xfffd;

        n = decode((const unsigned char *)s.p + i, s.n - i, &c);
        if (n > 0 && !must_escape(c)) {
            put(l, s.p + i, n);
            continue;
        }
        put_escaped(l, c);
        if (n == 0)
            n = 1;
    }
    if (l->is_cut)
        l->p[l->n++] = '"'; /* out of the tail, so that the line is whole */
    else
        put(l, "\"", 1);
}

static bool
is_bare(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\')
            return false;
    }
    return s.n > 0;
}

static void
put_str(struct line *l, struct str s)
{
    if (!s.p)
        put_cstr(l, "null");
    else if (l->format == LOG_FORMAT_LOGFMT && is_bare(s) &&
             s.n < LINE_MAX_BYTES / 2)
        put(l, s.p, s.n);
    else
        put_quoted(l, s);
}

static void
put_key(struct line *l, const char *key)
{
    if (l->format == LOG_FORMAT_JSON) {
        put_cstr(l, l->n == 1 ? "\"" : ",\"");
        put_cstr(l, key);
        put_cstr(l, "\":");
    } else {
        put_cstr(l, l->n == 0 ? "" : " ");
        put_cstr(l, key);
        put_cstr(l, "=");
    }
}

static void
put_int(struct line *l, int64_t v)
{
    char text[24];
    int n = snprintf(text, sizeof(text), "%" PRId64, v);

    put(l, text, (size_t)n);
}

/* A field whose key or number has no room is left out as a whole. */
static void
put_field(struct line *l, const struct log_field *f)
{
    size_t before = l->n;

    put_key(l, f->key);
    if (!l->is_cut && f->kind == LOG_FIELD_STR && f->text.p) {
        size_t value_at = l->n;

        put_str(l, f->text);
        /* Nothing of the value fitted: no opening quote to close. */
        if (l->is_cut && l->n <= value_at + 1)
            l->n = before;
        return;
    }
    if (f->kind == LOG_FIELD_STR)
        put_str(l, f->text);
    else
        put_int(l, f->number);
    if (l->is_cut)
        l->n = before;
}

static void
put_tail(struct line *l)
{
    static const char *const ends[2][2] = {{"\n", " cut=true\n"},
                                           {"}\n", ",\"cut\":true}\n"}};
    const char *end = ends[l->format == LOG_FORMAT_JSON][l->is_cut];
    size_t n = strlen(end);

    assert(l->n + n <= sizeof(l->p));
    memcpy(l->p + l->n, end, n);
    l->n += n;
}

static struct repeat *
repeat_of(const char *event)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (const char *c = event; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619u;
    for (uint32_t i = 0; i < 8; i++) {
        struct repeat *r = &repeats[(hash + i) % EVENTS_MAX];

        if (!r->event)
            r->event = event;
        if (strcmp(r->event, event) == 0)
            return r;
    }
    return NULL;
}

/* False: one too many. Else how many were, since the last line. */
static bool
may_write(const char *event, int64_t now_ms, int64_t *ret_suppressed)
{
    struct repeat *r = repeat_of(event);

    *ret_suppressed = 0;
    if (!r)
        return true;
    if (r->written == 0 || now_ms - r->since_ms >= BURST_MS) {
        r->since_ms = now_ms;
        r->written = 0;
    }
    if (r->written >= BURST_MAX) {
        r->suppressed++;
        if (!suppressed_total)
            suppressed_total =
                metrics_series(METRIC_log_lines_suppressed_total);
        metric_add(suppressed_total, 1);
        return false;
    }
    r->written++;
    *ret_suppressed = r->suppressed;
    r->suppressed = 0;
    return true;
}

/* A reader that is too slow or gone costs lines, never the service. */
static void
write_line(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, p, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return;
        p += done;
        n -= (size_t)done;
    }
}

static void
build(struct line *l, enum log_level level, const char *event, int64_t wall_ms)
{
    char ts[TIME_TEXT_SIZE];

    l->n = 0;
    l->is_cut = false;
    l->format = (enum log_format)atomic_load(&line_format);
    if (l->format == LOG_FORMAT_JSON)
        put(l, "{", 1);
    put_key(l, "ts");
    put_str(l, time_format(ts, wall_ms));
    put_key(l, "level");
    put_str(l, (struct str){level_names[level], strlen(level_names[level])});
    put_key(l, "msg");
    put_str(l, (struct str){event, strlen(event)});
}

/* Apart from log_write(): hardened builds clear the line before anything else,
 * which costs more than most calls that write nothing. */
static void
write_event(enum log_level level, const char *event,
            const struct log_field *fields, int64_t wall_ms, int64_t suppressed)
{
    struct line line;

    build(&line, level, event, wall_ms);
    if (suppressed > 0)
        put_field(&line, &(struct log_field){.key = "suppressed",
                                             .kind = LOG_FIELD_INT,
                                             .number = suppressed});
    for (; fields->key && !line.is_cut; fields++)
        put_field(&line, fields);
    put_tail(&line);
    pthread_mutex_lock(&lock);
    write_line(out_fd, line.p, line.n);
    pthread_mutex_unlock(&lock);
}

void
log_write(enum log_level level, const char *event,
          const struct log_field *fields)
{
    int saved_errno = errno;
    int64_t suppressed, wall_ms;
    struct clock *clock;
    bool may;

    if ((int)level < atomic_load(&least_level))
        return;
    pthread_mutex_lock(&lock);
    clock = out_clock ? out_clock : clock_system();
    wall_ms = clock->wall_ms(clock);
    may = may_write(event, clock->mono_ms(clock), &suppressed);
    pthread_mutex_unlock(&lock);
    if (may)
        write_event(level, event, fields, wall_ms, suppressed);
    errno = saved_errno;
}
