/* hook.c - see hook.h. */
#include "channel/hook.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/hmac.h"

#define WINDOW_SECONDS 300

struct str
hook_header(const struct channel_receipt *r, const char *name)
{
    struct str value = STR_NONE;
    size_t n = 0;

    for (size_t i = 0; i < r->n_headers; i++)
        if (str_ieq(r->headers[i].name, str_from(name))) {
            value = str_trim(r->headers[i].value);
            n++;
        }
    return n == 1 ? value : STR_NONE;
}

/* ---- forms ---- */

static bool
decode(struct arena *a, struct str s, struct str *ret)
{
    struct buf b;

    buf_init(&b, a);
    for (size_t i = 0; i < s.n; i++) {
        int high, low;

        if (s.p[i] == '\0')
            return false;
        if (s.p[i] != '%') {
            buf_put_char(&b, s.p[i] == '+' ? ' ' : s.p[i]);
            continue;
        }
        if (i + 2 >= s.n || (high = str_hex_digit(s.p[i + 1])) < 0 ||
            (low = str_hex_digit(s.p[i + 2])) < 0 || high + low == 0)
            return false;
        buf_put_char(&b, (char)(high * 16 + low));
        i += 2;
    }
    *ret = buf_str(&b);
    return str_is_utf8(*ret);
}

bool
hook_form(struct arena *a, struct str text, struct hook_form *ret)
{
    struct str pair, name;

    *ret = (struct hook_form){
        .pairs = ARENA_ARRAY(a, struct hook_pair, HOOK_PAIRS_MAX)};
    if (text.n == 0)
        return true;
    while (str_split(&text, '&', &pair)) {
        struct hook_pair *p = &ret->pairs[ret->n];

        if (pair.n == 0)
            continue;
        if (ret->n++ == HOOK_PAIRS_MAX || !str_split(&pair, '=', &name) ||
            !decode(a, name, &p->name) || !decode(a, pair, &p->value))
            return false;
    }
    return true;
}

struct str
hook_form_get(const struct hook_form *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (str_is(f->pairs[i].name, name))
            return f->pairs[i].value;
    return STR_NONE;
}

static int
compare(const void *left, const void *right)
{
    const struct hook_pair *a = left, *b = right;
    int order = str_cmp(a->name, b->name);

    return order != 0 ? order : str_cmp(a->value, b->value);
}

void
hook_form_sort(struct hook_form *f)
{
    qsort(f->pairs, f->n, sizeof(f->pairs[0]), compare);
}

/* ---- what it says ---- */

struct json
hook_json(const struct channel_receipt *r)
{
    struct json_doc *doc = ARENA_NEW(r->arena, struct json_doc);
    struct json_error error;

    if (json_parse(r->arena, r->body, doc, &error) != ERR_OK)
        return (struct json){0};
    return json_root(doc);
}

void
hook_add(struct channel_receipt *r, const struct channel_event *e)
{
    if (r->n_events == CHANNEL_EVENTS_MAX) {
        r->outcome = CHANNEL_RECEIPT_MALFORMED;
        return;
    }
    if ((r->n_events & (r->n_events - 1)) == 0) { /* 0, 1, 2, 4, ... */
        size_t room = r->n_events > 0 ? 2 * r->n_events : 1;
        struct channel_event *row =
            ARENA_ARRAY(r->arena, struct channel_event, room);

        for (size_t i = 0; i < r->n_events; i++)
            row[i] = r->events[i];
        r->events = row;
    }
    r->events[r->n_events++] = *e;
}

bool
hook_is_hex_of(struct arena *a, struct str hex, struct str raw)
{
    struct buf want;

    buf_init(&want, a);
    buf_put_hex(&want, raw);
    return hmac_is_same(str_lower(a, hex), buf_str(&want));
}

bool
hook_is_recent(const struct channel_receipt *r, struct str seconds)
{
    int64_t now = r->now_ms / 1000;
    uint64_t then;

    return str_to_u64(seconds, &then) && then < INT64_MAX / 2 &&
           llabs(now - (int64_t)then) <= WINDOW_SECONDS;
}

bool
hook_find_kind(const struct hook_kind *row, struct str name,
               enum channel_event_kind *ret)
{
    for (; row->name; row++)
        if (str_is(name, row->name)) {
            *ret = row->kind;
            return true;
        }
    return false;
}

int64_t
hook_seconds_ms(struct json v)
{
    struct str text = json_is(v, JSON_NUMBER) ? json_raw(v) : STR_NONE, whole;
    uint64_t seconds;

    if (!str_split(&text, '.', &whole) || !str_to_u64(whole, &seconds) ||
        seconds > INT64_C(253402300799)) /* the year 9999 */
        return 0;
    return (int64_t)seconds * 1000;
}

int64_t
hook_time_ms(struct arena *a, struct json object, const char *name)
{
    int64_t ms;

    return time_parse(json_str_of(a, object, name), &ms) ? ms : 0;
}
