#include "domain/digest.h"

#include "base/arena.h"
#include "base/map.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)
#define BODY_MAX (32 * 1024) /* bytes of titles; those beyond are counted */
#define LINE_MAX_BYTES 200

static const char *const mode_names[] = {
    [DIGEST_FIXED] = "fixed",
    [DIGEST_SLIDING] = "sliding",
    [DIGEST_CALENDAR] = "calendar",
};

bool
digest_mode_parse(struct str s, enum digest_mode *ret)
{
    for (size_t i = 0; i < sizeof(mode_names) / sizeof(*mode_names); i++)
        if (str_is(s, mode_names[i])) {
            *ret = (enum digest_mode)i;
            return true;
        }
    return false;
}

const char *
digest_mode_name(enum digest_mode m)
{
    return mode_names[m];
}

/* ---- when ---- */

/* Days since Monday, 1970-01-05; that calendar needs no zone. */
static int64_t
day_number(struct civil c)
{
    c.hour = c.minute = c.second = 0;
    return zone_instant(zone_utc(), c) / DAY_MS - 4;
}

static int64_t
next_round_day(const struct zone *zone, struct civil c, int64_t n_days)
{
    int64_t past = day_number(c) % n_days;

    if (past < 0)
        past += n_days;
    c.day += (int)(n_days - past);
    c.hour = c.minute = c.second = 0;
    return zone_first_instant(zone, c);
}

/* Midnight ends the last round of a day, however long that is. */
static int64_t
next_round_time(const struct zone *zone, struct civil c, int64_t window_ms,
                int64_t now_ms)
{
    int64_t now_s = (c.hour * INT64_C(60) + c.minute) * 60 + c.second;
    int64_t at_ms = (now_s * 1000 / window_ms + 1) * window_ms;
    int64_t wait_ms, end_ms;

    at_ms = at_ms < DAY_MS ? at_ms : DAY_MS;
    wait_ms = at_ms - now_s * 1000;
    c.hour = c.minute = 0;
    c.second = (int)(at_ms / 1000);
    end_ms = zone_first_instant(zone, c) + at_ms % 1000;
    /* In an hour that clocks show twice, that may have been the first time. */
    return end_ms > now_ms ? end_ms : now_ms - now_ms % 1000 + wait_ms;
}

int64_t
digest_end(const struct digest_rule *r, const struct zone *zone, int64_t now_ms)
{
    struct civil c;

    if (r->mode != DIGEST_CALENDAR)
        return now_ms + r->window_ms;
    c = zone_civil(zone, now_ms);
    if (r->window_ms >= DAY_MS)
        return next_round_day(zone, c, r->window_ms / DAY_MS);
    return next_round_time(zone, c, r->window_ms, now_ms);
}

int64_t
digest_end_after_join(const struct digest *d, int64_t now_ms)
{
    int64_t end_ms = now_ms + d->rule.window_ms;
    int64_t last_ms = d->opened_ms + d->rule.max_window_ms;

    if (d->rule.mode != DIGEST_SLIDING)
        return d->closes_ms;
    end_ms = end_ms < last_ms ? end_ms : last_ms;
    return end_ms > d->closes_ms ? end_ms : d->closes_ms;
}

bool
digest_is_over(const struct digest *d, int64_t now_ms)
{
    return d->closes_ms <= now_ms || d->n_members >= DIGEST_MEMBERS_MAX;
}

/* ---- what ---- */

/* The members of `over`, then those of `under` that it does not name. `items`
 * and `count` are the digest's own. */
static void
put_data(struct json_writer *w, struct arena *a, struct json over,
         struct json under, bool is_digest)
{
    const struct json both[] = {over, under};

    for (size_t i = 0; i < 2; i++)
        for (struct json m = json_first(both[i]); !json_is(m, JSON_ABSENT);
             m = json_next(both[i], m)) {
            struct str name = json_key(a, m);

            if (i == 1 && !json_is(json_get_str(over, name), JSON_ABSENT))
                continue;
            if (is_digest && (str_is(name, "items") || str_is(name, "count")))
                continue;
            json_put_key_str(w, name);
            json_put_raw(w, json_raw(m));
        }
}

static void
put_member_data(struct json_writer *w, struct arena *a,
                const struct digest_member *m, bool is_digest)
{
    put_data(w, a, json_get(m->given, "data"), json_get(m->doc, "data"),
             is_digest);
}

static void
write_data(struct json_writer *w, const struct digest_letter *l)
{
    json_put_key(w, "data");
    json_begin_object(w);
    if (!l->is_bare)
        put_member_data(w, l->arena, l->newest, true);
    json_put_key(w, "items");
    json_begin_array(w);
    for (size_t i = 0; i < l->n_listed; i++) {
        json_begin_object(w);
        put_member_data(w, l->arena, &l->listed[i], false);
        json_end_object(w);
    }
    json_end_array(w);
    json_int_field(w, "count", l->count);
    json_end_object(w);
}

/* Its data is in the document's, so that it cannot hide `items`. */
static void
write_to(struct json_writer *w, const struct digest_letter *l)
{
    struct json given = l->newest->given;

    json_put_key(w, "to");
    if (!json_is(given, JSON_OBJECT)) {
        json_put_str(w, l->user);
        return;
    }
    json_begin_object(w);
    json_put_key(w, "recipients");
    json_begin_array(w);
    json_begin_object(w);
    for (struct json m = json_first(given); !json_is(m, JSON_ABSENT);
         m = json_next(given, m)) {
        struct str name = json_key(l->arena, m);

        if (str_is(name, "data"))
            continue;
        json_put_key_str(w, name);
        json_put_raw(w, json_raw(m));
    }
    json_end_object(w);
    json_end_array(w);
    json_end_object(w);
}

/* What names the thing in a line: its title, else how its text begins. */
static struct str
line_of(struct arena *a, struct json doc)
{
    struct str text = str_trim(json_str_of(a, doc, "title")), line;

    if (text.n == 0)
        text = json_str_of(a, doc, "body");
    while (str_split(&text, '\n', &line)) {
        line = str_trim(line);
        if (line.n > LINE_MAX_BYTES)
            return str_fmt(a, "%.*s…",
                           STR_ARG(str_utf8_clip(line, LINE_MAX_BYTES)));
        if (line.n > 0)
            return line;
    }
    return STR("…");
}

struct line {
    struct str text;
    int64_t n;
};

/* Equal ones are one line, where the first of them was. */
static struct line *
collect_lines(const struct digest_letter *l, size_t *ret_n)
{
    struct line *lines = ARENA_ARRAY(l->arena, struct line, l->n_listed + 1);
    struct map *seen = map_new();
    size_t n = 0;

    for (size_t i = 0; i < l->n_listed; i++) {
        struct str text = line_of(l->arena, l->listed[i].doc);
        struct line *known = map_get(seen, text);

        if (known) {
            known->n++;
            continue;
        }
        lines[n] = (struct line){text, 1};
        (void)map_put(seen, text, &lines[n++]);
    }
    map_free(seen);
    *ret_n = n;
    return lines;
}

static struct str
list_of_titles(const struct digest_letter *l)
{
    size_t n;
    const struct line *lines = collect_lines(l, &n);
    int64_t told = 0;
    struct buf out;

    buf_init(&out, l->arena);
    for (size_t i = 0; i < n && out.n < BODY_MAX; i++) {
        buf_printf(&out, "%s• %.*s", i > 0 ? "\n" : "", STR_ARG(lines[i].text));
        if (lines[i].n > 1)
            buf_printf(&out, " (%lld)", (long long)lines[i].n);
        told += lines[i].n;
    }
    if (told < l->count)
        buf_printf(&out, "%s+ %lld", out.n > 0 ? "\n" : "",
                   (long long)(l->count - told));
    return buf_str(&out);
}

static void
write_words(struct json_writer *w, const struct digest_letter *l)
{
    struct json doc = l->newest->doc;

    if (json_is(json_get(doc, "template"), JSON_STRING)) {
        json_raw_field(w, "template", json_raw(json_get(doc, "template")));
        return;
    }
    if (json_is(json_get(doc, "content"), JSON_OBJECT)) { /* of a variant */
        json_raw_field(w, "content", json_raw(json_get(doc, "content")));
        return;
    }
    json_str_field(w, "title", line_of(l->arena, doc));
    json_str_field(w, "body", list_of_titles(l));
}

struct str
digest_document(const struct digest_letter *l)
{
    static const char *const kept[] = {"category",   "priority",  "locale",
                                       "expires_at", "overrides", "metadata"};
    struct json_writer w;
    struct buf out;

    buf_init(&out, l->arena);
    w = json_writer(&out);
    json_begin_object(&w);
    write_to(&w, l);
    json_put_key(&w, "channels");
    json_begin_array(&w);
    json_put_str(&w, l->channel);
    json_end_array(&w);
    write_words(&w, l);
    write_data(&w, l);
    for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++) {
        struct json v = json_get(l->newest->doc, kept[i]);

        if (!json_is(v, JSON_ABSENT))
            json_raw_field(&w, kept[i], json_raw(v));
    }
    json_end_object(&w);
    return buf_str(&out);
}
