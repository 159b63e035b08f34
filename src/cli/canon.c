#include "cli/canon.h"

#include <stdlib.h>

#include "cli/term.h"

#define INDENT 2
#define ROW_MAX 60 /* bytes of a row of plain values */

static int
by_key(const void *a, const void *b)
{
    return str_cmp(((const struct canon_member *)a)->key,
                   ((const struct canon_member *)b)->key);
}

struct canon_member *
canon_members(struct arena *a, struct json object, size_t *ret_n)
{
    size_t n = 0;
    struct canon_member *all =
        ARENA_ARRAY(a, struct canon_member, json_count(object));

    for (struct json m = json_first(object); !json_is(m, JSON_ABSENT);
         m = json_next(object, m))
        all[n++] = (struct canon_member){json_key(a, m), m};
    qsort(all, n, sizeof(*all), by_key);
    *ret_n = n;
    return all;
}

static bool
is_plain(struct json v)
{
    return !json_is(v, JSON_ARRAY) && !json_is(v, JSON_OBJECT);
}

static bool
fits_row(struct json array)
{
    size_t n = 0;

    for (struct json v = json_first(array); !json_is(v, JSON_ABSENT);
         v = json_next(array, v)) {
        n += json_raw(v).n + 2;
        if (!is_plain(v) || n > ROW_MAX)
            return false;
    }
    return true;
}

static void
put_line(int depth, struct buf *out)
{
    buf_put_char(out, '\n');
    for (int i = 0; i < depth * INDENT; i++)
        buf_put_char(out, ' ');
}

/* It may be shown on a terminal. */
static void
put_text(struct arena *a, struct str s, struct buf *out)
{
    struct buf text;

    buf_init(&text, a);
    buf_put_json_str(&text, s);
    term_put_json(out, buf_str(&text));
}

static void put(struct arena *a, struct json v, int depth, struct buf *out);

static void
put_object(struct arena *a, struct json v, int depth, struct buf *out)
{
    size_t n;
    struct canon_member *all = canon_members(a, v, &n);

    buf_put_char(out, '{');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_put_char(out, ',');
        put_line(depth + 1, out);
        put_text(a, all[i].key, out);
        buf_put_cstr(out, ": ");
        put(a, all[i].value, depth + 1, out);
    }
    if (n > 0)
        put_line(depth, out);
    buf_put_char(out, '}');
}

static void
put_array(struct arena *a, struct json v, int depth, struct buf *out)
{
    bool is_row = fits_row(v), is_first = true;

    buf_put_char(out, '[');
    for (struct json e = json_first(v); !json_is(e, JSON_ABSENT);
         e = json_next(v, e)) {
        if (!is_first)
            buf_put_cstr(out, is_row ? ", " : ",");
        if (!is_row)
            put_line(depth + 1, out);
        put(a, e, depth + 1, out);
        is_first = false;
    }
    if (!is_row)
        put_line(depth, out);
    buf_put_char(out, ']');
}

/* As deep as json_parse() lets it be. */
static void
put(struct arena *a, struct json v, int depth, struct buf *out)
{
    if (json_is(v, JSON_OBJECT))
        put_object(a, v, depth, out);
    else if (json_is(v, JSON_ARRAY))
        put_array(a, v, depth, out);
    else if (json_is(v, JSON_STRING))
        put_text(a, json_str(a, v), out);
    else
        buf_put_str(out, json_raw(v));
}

void
canon_put(struct json v, struct buf *out)
{
    struct arena *a = arena_new();

    put(a, v, 0, out);
    buf_put_char(out, '\n');
    arena_free(a);
}

static bool is_same(struct arena *arena, struct json a, struct json b);

static bool
are_same_members(struct arena *arena, struct json a, struct json b)
{
    for (struct json m = json_first(a); !json_is(m, JSON_ABSENT);
         m = json_next(a, m))
        if (!is_same(arena, m, json_get_str(b, json_key(arena, m))))
            return false;
    return true;
}

static bool
are_same_elements(struct arena *arena, struct json a, struct json b)
{
    struct json y = json_first(b);

    for (struct json x = json_first(a); !json_is(x, JSON_ABSENT);
         x = json_next(a, x)) {
        if (!is_same(arena, x, y))
            return false;
        y = json_next(b, y);
    }
    return true;
}

static bool
is_same(struct arena *arena, struct json a, struct json b)
{
    if (json_type(a) != json_type(b) || json_count(a) != json_count(b))
        return false;
    if (json_is(a, JSON_OBJECT))
        return are_same_members(arena, a, b);
    if (json_is(a, JSON_ARRAY))
        return are_same_elements(arena, a, b);
    if (json_is(a, JSON_STRING))
        return str_eq(json_str(arena, a), json_str(arena, b));
    return str_eq(json_raw(a), json_raw(b));
}

bool
canon_is_same(struct json a, struct json b)
{
    struct arena *arena = arena_new();
    bool same = is_same(arena, a, b);

    arena_free(arena);
    return same;
}
