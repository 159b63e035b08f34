#include "cli/diff.h"

#include "cli/canon.h"

#define VALUE_MAX 60 /* columns of a value that is shown */
#define LINES_MAX 12 /* of a long text, of each side */

struct comparing {
    struct arena *arena;
    struct buf entries; /* of struct diff_entry */
};

static void compare(struct comparing *x, struct str at, struct json before,
                    struct json after);

static struct str
pointer_below(struct arena *a, struct str at, struct str name)
{
    struct buf out;

    buf_init(&out, a);
    buf_put_str(&out, at);
    buf_put_char(&out, '/');
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] == '~' || name.p[i] == '/')
            buf_put_cstr(&out, name.p[i] == '~' ? "~0" : "~1");
        else
            buf_put_char(&out, name.p[i]);
    return buf_str(&out);
}

/* Members of both, merged in the order of their keys. */
static void
compare_objects(struct comparing *x, struct str at, struct json before,
                struct json after)
{
    size_t n_old, n_new, i = 0, k = 0;
    struct canon_member *old = canon_members(x->arena, before, &n_old);
    struct canon_member *new = canon_members(x->arena, after, &n_new);

    while (i < n_old || k < n_new) {
        int order = i == n_old   ? 1
                    : k == n_new ? -1
                                 : str_cmp(old[i].key, new[k].key);
        struct str key = order <= 0 ? old[i].key : new[k].key;
        struct json left = order <= 0 ? old[i++].value : (struct json){0};
        struct json right = order >= 0 ? new[k++].value : (struct json){0};

        compare(x, pointer_below(x->arena, at, key), left, right);
    }
}

static bool
has_plain(struct json array)
{
    for (struct json v = json_first(array); !json_is(v, JSON_ABSENT);
         v = json_next(array, v))
        if (!json_is(v, JSON_OBJECT) && !json_is(v, JSON_ARRAY))
            return true;
    return false;
}

static void
compare_arrays(struct comparing *x, struct str at, struct json before,
               struct json after)
{
    struct json left = json_first(before), right = json_first(after);

    for (size_t i = 0;
         !json_is(left, JSON_ABSENT) || !json_is(right, JSON_ABSENT); i++) {
        compare(x, str_fmt(x->arena, "%.*s/%zu", STR_ARG(at), i), left, right);
        left = json_is(left, JSON_ABSENT) ? left : json_next(before, left);
        right = json_is(right, JSON_ABSENT) ? right : json_next(after, right);
    }
}

static void
compare(struct comparing *x, struct str at, struct json before,
        struct json after)
{
    struct diff_entry e = {at, before, after};

    if (canon_is_same(before, after))
        return;
    if (json_is(before, JSON_OBJECT) && json_is(after, JSON_OBJECT))
        compare_objects(x, at, before, after);
    else if (json_is(before, JSON_ARRAY) && json_is(after, JSON_ARRAY) &&
             !has_plain(before) && !has_plain(after))
        compare_arrays(x, at, before, after);
    else
        buf_put(&x->entries, &e, sizeof(e));
}

struct diff
diff_of(struct arena *a, struct json before, struct json after)
{
    struct comparing x = {.arena = a};
    struct diff d;

    buf_init(&x.entries, a);
    compare(&x, STR(""), before, after);
    d.n = x.entries.n / sizeof(struct diff_entry);
    d.entries = ARENA_ARRAY(a, struct diff_entry, d.n);
    if (d.n > 0)
        memcpy(d.entries, x.entries.p, x.entries.n);
    return d;
}

/* ---- for people ---- */

static void
put_value(const struct term *t, struct arena *a, enum term_style style,
          struct json v, struct buf *out)
{
    term_put(t, out, style, term_clip(a, t, json_raw(v), VALUE_MAX), 0);
}

static bool
has_lines(struct arena *a, struct json v)
{
    return json_is(v, JSON_STRING) && str_find(json_str(a, v), '\n') >= 0;
}

static size_t
split_lines(struct arena *a, struct str text, struct str **ret)
{
    struct buf lines;
    struct str line;

    buf_init(&lines, a);
    while (str_split(&text, '\n', &line))
        buf_put(&lines, &line, sizeof(line));
    *ret = ARENA_ARRAY(a, struct str, lines.n / sizeof(line));
    if (lines.n > 0)
        memcpy(*ret, lines.p, lines.n);
    return lines.n / sizeof(line);
}

static void
put_lines(const struct term *t, enum term_style style, char mark,
          const struct str *lines, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n && i < LINES_MAX; i++) {
        buf_printf(out, "        %c ", mark);
        term_put(t, out, style, lines[i], 0);
        buf_put_char(out, '\n');
    }
    if (n > LINES_MAX)
        buf_printf(out, "        %c (%zu more lines)\n", mark, n - LINES_MAX);
}

/* What is between the lines that both begin and end with. */
static void
put_texts(const struct term *t, struct arena *a, struct str before,
          struct str after, struct buf *out)
{
    struct str *old, *new;
    size_t n_old = split_lines(a, before, &old);
    size_t n_new = split_lines(a, after, &new), n = 0;

    while (n < n_old && n < n_new && str_eq(old[n], new[n]))
        n++;
    while (n_old > n && n_new > n && str_eq(old[n_old - 1], new[n_new - 1])) {
        n_old--;
        n_new--;
    }
    buf_printf(out, "  from line %zu on\n", n + 1);
    put_lines(t, TERM_RED, '-', old + n, n_old - n, out);
    put_lines(t, TERM_GREEN, '+', new + n, n_new - n, out);
}

static void
put_entry(const struct term *t, struct arena *a, const struct diff_entry *e,
          struct buf *out)
{
    bool was = !json_is(e->before, JSON_ABSENT);
    bool is = !json_is(e->after, JSON_ABSENT);

    buf_printf(out, "    %c ", was ? (is ? '~' : '-') : '+');
    term_put(t, out, TERM_PLAIN, e->pointer.n > 0 ? e->pointer : STR("/"), 0);
    if (was && is && json_is(e->before, JSON_STRING) &&
        json_is(e->after, JSON_STRING) &&
        (has_lines(a, e->before) || has_lines(a, e->after))) {
        put_texts(t, a, json_str(a, e->before), json_str(a, e->after), out);
        return;
    }
    buf_put_cstr(out, "  ");
    if (was)
        put_value(t, a, TERM_RED, e->before, out);
    if (was && is)
        buf_put_cstr(out, " -> ");
    if (is)
        put_value(t, a, TERM_GREEN, e->after, out);
    buf_put_char(out, '\n');
}

void
diff_put(const struct term *t, struct arena *a, const struct diff *d,
         struct buf *out)
{
    for (size_t i = 0; i < d->n; i++)
        put_entry(t, a, &d->entries[i], out);
}

void
diff_put_json(const struct diff *d, struct json_writer *w)
{
    json_begin_array(w);
    for (size_t i = 0; i < d->n; i++) {
        const struct diff_entry *e = &d->entries[i];

        json_begin_object(w);
        json_str_field(w, "pointer", e->pointer);
        if (!json_is(e->before, JSON_ABSENT))
            json_raw_field(w, "before", json_raw(e->before));
        if (!json_is(e->after, JSON_ABSENT))
            json_raw_field(w, "after", json_raw(e->after));
        json_end_object(w);
    }
    json_end_array(w);
}
