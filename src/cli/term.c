#include "cli/term.h"

#include <assert.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define COLUMNS_MAX 16
#define GAP 2 /* blanks between columns */
#define WIDTH_LEAST 20

struct str
term_env(const char *const *env, const char *name)
{
    for (const char *const *e = env; e && *e; e++) {
        struct str value = str_from(*e), key;

        if (str_split(&value, '=', &key) && str_is(key, name) && value.n > 0)
            return value;
    }
    return STR_NONE;
}

static bool
speaks_utf8(const char *const *env)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    struct str locale = STR_NONE;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !locale.n; i++)
        locale = term_env(env, names[i]);
    for (size_t i = 0; i < locale.n; i++) {
        struct str tail = str_sub(locale, i, SIZE_MAX);

        if (str_ieq(str_sub(tail, 0, 5), STR("utf-8")) ||
            str_ieq(str_sub(tail, 0, 4), STR("utf8")))
            return true;
    }
    return false;
}

void
term_judge(struct term *t, bool is_tty, const char *const *env)
{
    bool is_dumb = str_is(term_env(env, "TERM"), "dumb");

    t->is_tty = is_tty && !is_dumb;
    t->is_utf8 = speaks_utf8(env);
    t->has_color = t->is_tty && term_env(env, "NO_COLOR").n == 0;
    t->width = 0;
}

void
term_open(struct term *t, FILE *file, const char *const *env)
{
    struct winsize size = {0};

    t->file = file;
    term_judge(t, isatty(fileno(file)) == 1, env);
    if (t->is_tty && ioctl(fileno(file), TIOCGWINSZ, &size) == 0)
        t->width = size.ws_col;
}

const char *
term_symbol(const struct term *t, enum term_symbol s)
{
    static const char *const symbols[][2] = {
        [TERM_YES] = {"+", "✓"},   [TERM_NO] = {"x", "✗"},
        [TERM_WARN] = {"!", "!"},  [TERM_SKIP] = {"-", "–"},
        [TERM_AGAIN] = {"~", "↻"}, [TERM_DOT] = {".", "·"},
        [TERM_BAR] = {"#", "▇"},
    };

    return symbols[s][t->is_utf8];
}

enum term_style
term_symbol_style(enum term_symbol s)
{
    static const enum term_style styles[] = {
        [TERM_YES] = TERM_GREEN,    [TERM_NO] = TERM_RED,
        [TERM_WARN] = TERM_YELLOW,  [TERM_SKIP] = TERM_DIM,
        [TERM_AGAIN] = TERM_YELLOW, [TERM_DOT] = TERM_DIM,
        [TERM_BAR] = TERM_CYAN,
    };

    return styles[s];
}

/* ---- text ---- */

uint32_t
term_code_point(struct str c)
{
    const unsigned char *p = (const unsigned char *)c.p;

    switch (c.n) {
    case 1:
        return p[0];
    case 2:
        return (uint32_t)(p[0] & 0x1f) << 6 | (p[1] & 0x3f);
    case 3:
        return (uint32_t)(p[0] & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 |
               (p[2] & 0x3f);
    default:
        return (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3f) << 12 |
               (uint32_t)(p[2] & 0x3f) << 6 | (p[3] & 0x3f);
    }
}

struct range {
    uint32_t first, last;
};

static bool
is_within(const struct range *ranges, size_t n, uint32_t c)
{
    for (size_t i = 0; i < n; i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    return false;
}

/* The blocks that terminals agree on, not all of Unicode. */
static size_t
char_width(uint32_t c)
{
    static const struct range none[] = {
        {0x0300, 0x036f}, {0x200b, 0x200f}, {0x20d0, 0x20ff},
        {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
    };
    static const struct range wide[] = {
        {0x1100, 0x115f},   {0x2e80, 0xa4cf},   {0xac00, 0xd7a3},
        {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},
        {0xffe0, 0xffe6},   {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff},
        {0x1f900, 0x1faff}, {0x20000, 0x3fffd},
    };

    if (is_within(none, sizeof(none) / sizeof(none[0]), c))
        return 0;
    return 1 + is_within(wide, sizeof(wide) / sizeof(wide[0]), c);
}

bool
term_is_control(uint32_t c)
{
    static const struct range bad[] = {
        {0x00, 0x1f},     {0x7f, 0x9f},     {0x200e, 0x200f},
        {0x2028, 0x202e}, {0x2066, 0x2069}, {0xfeff, 0xfeff},
    };

    return is_within(bad, sizeof(bad) / sizeof(bad[0]), c);
}

/* Takes a character off; bytes that are none count as one each. */
static struct str
take_char(struct str *rest)
{
    size_t n = str_utf8_char(*rest);
    struct str c = str_sub(*rest, 0, n > 0 ? n : 1);

    *rest = str_sub(*rest, c.n, SIZE_MAX);
    return c;
}

size_t
term_width(struct str s)
{
    size_t width = 0;

    while (s.n > 0)
        width += char_width(term_code_point(take_char(&s)));
    return width;
}

struct str
term_clean(struct arena *a, struct str s)
{
    struct buf out;

    buf_init(&out, a);
    while (s.n > 0) {
        struct str c = take_char(&s);

        if (str_is(c, "\n") || str_is(c, "\t") || str_is(c, "\r"))
            buf_put_char(&out, ' ');
        else if ((c.n == 1 && (c.p[0] & 0x80)) ||
                 term_is_control(term_code_point(c)))
            buf_put_char(&out, '?');
        else
            buf_put_str(&out, c);
    }
    return buf_str(&out);
}

/* A byte below 32 stands between two values, as in a string there is none. */
void
term_put_json(struct buf *out, struct str json)
{
    while (json.n > 0) {
        struct str c = take_char(&json);
        uint32_t point = term_code_point(c);

        if (point < ' ')
            buf_put_char(out, ' ');
        else if (term_is_control(point))
            buf_printf(out, "\\u%04x", (unsigned)point);
        else
            buf_put_str(out, c);
    }
}

struct str
term_clip(struct arena *a, const struct term *t, struct str s, size_t width)
{
    struct str end = t->is_utf8 ? STR("…") : STR("..");
    struct str rest = s;
    size_t room = width > term_width(end) ? width - term_width(end) : 0;
    size_t taken = 0, n = 0;

    if (term_width(s) <= width)
        return s;
    while (rest.n > 0) {
        struct str c = take_char(&rest);

        taken += char_width(term_code_point(c));
        if (taken > room)
            break;
        n += c.n;
    }
    return str_fmt(a, "%.*s%.*s", (int)n, s.p, STR_ARG(end));
}

static const char *
style_code(enum term_style s)
{
    static const char *const codes[] = {
        [TERM_PLAIN] = "",         [TERM_BOLD] = "\033[1m",
        [TERM_DIM] = "\033[2m",    [TERM_RED] = "\033[31m",
        [TERM_GREEN] = "\033[32m", [TERM_YELLOW] = "\033[33m",
        [TERM_CYAN] = "\033[36m",
    };

    return codes[s];
}

void
term_put(const struct term *t, struct buf *out, enum term_style style,
         struct str s, size_t width)
{
    struct arena *a = arena_new();
    struct str clean = term_clean(a, s);
    bool is_colored = t->has_color && style != TERM_PLAIN;

    if (is_colored)
        buf_put_cstr(out, style_code(style));
    buf_put_str(out, clean);
    if (is_colored)
        buf_put_cstr(out, "\033[0m");
    for (size_t n = term_width(clean); n < width; n++)
        buf_put_char(out, ' ');
    arena_free(a);
}

void
term_put_symbol(const struct term *t, struct buf *out, enum term_symbol s)
{
    term_put(t, out, term_symbol_style(s), str_from(term_symbol(t, s)), 0);
}

bool
term_write(struct term *t, struct str s)
{
    if (s.n > 0)
        fwrite(s.p, 1, s.n, t->file);
    return fflush(t->file) == 0 && !ferror(t->file);
}

bool
term_is_gone(const struct term *t)
{
    struct pollfd p = {.fd = fileno(t->file)};

    return poll(&p, 1, 0) == 1 && (p.revents & (POLLERR | POLLNVAL)) != 0;
}

/* ---- tables ---- */

struct cell {
    enum term_style style;
    struct str text;
    size_t width;
};

struct table {
    struct arena *arena;
    const struct term *term;
    const char *const *heads;
    size_t n_columns;
    size_t widths[COLUMNS_MAX];
    struct buf cells; /* of struct cell */
};

struct table *
table_new(struct arena *a, const struct term *t, const char *const *heads)
{
    struct table *x = ARENA_NEW(a, struct table);

    x->arena = a;
    x->term = t;
    x->heads = heads;
    buf_init(&x->cells, a);
    for (; heads[x->n_columns]; x->n_columns++) {
        assert(x->n_columns < COLUMNS_MAX);
        x->widths[x->n_columns] = term_width(str_from(heads[x->n_columns]));
    }
    return x;
}

static size_t
count_cells(const struct table *t)
{
    return t->cells.n / sizeof(struct cell);
}

void
table_cell(struct table *t, enum term_style style, struct str text)
{
    size_t column = count_cells(t) % t->n_columns;
    struct cell c = {.style = style, .text = term_clean(t->arena, text)};

    c.width = term_width(c.text);
    if (c.width > t->widths[column])
        t->widths[column] = c.width;
    buf_put(&t->cells, &c, sizeof(c));
}

/* What the last column may take; 0: all it wants. */
static size_t
last_width(const struct table *t)
{
    size_t before = 0;

    if (t->term->width == 0)
        return 0;
    for (size_t i = 0; i + 1 < t->n_columns; i++)
        before += t->widths[i] + GAP;
    return before + WIDTH_LEAST < t->term->width ? t->term->width - before
                                                 : WIDTH_LEAST;
}

static void
write_cell(const struct table *t, struct buf *out, size_t column,
           const struct cell *c)
{
    struct str text = c->text;
    size_t room = last_width(t);

    if (column + 1 < t->n_columns) {
        term_put(t->term, out, c->style, text, t->widths[column] + GAP);
        return;
    }
    if (room > 0)
        text = term_clip(t->arena, t->term, text, room);
    term_put(t->term, out, c->style, text, 0);
    while (out->n > 0 && out->p[out->n - 1] == ' ')
        out->n--;
    buf_put_char(out, '\n');
}

void
table_write(const struct table *t, struct buf *out)
{
    size_t n = count_cells(t);

    assert(n % t->n_columns == 0);
    for (size_t i = 0; i < t->n_columns; i++)
        write_cell(
            t, out, i,
            &(struct cell){.style = TERM_BOLD, .text = str_from(t->heads[i])});
    for (size_t i = 0; i < n; i++) {
        struct cell c;

        memcpy(&c, t->cells.p + i * sizeof(c), sizeof(c));
        write_cell(t, out, i % t->n_columns, &c);
    }
}
