/* template_scan.c - find the tags of a template and the lines they own.
 *
 * Three passes over at most TEMPLATE_TAGS_MAX tags: find them (delimiters may
 * change on the way), pair those that open with those that close, and mark
 * the standalone ones, whose line is removed with them. Pure, any thread. */
#include "domain/template_private.h"

#include <assert.h>

#include "base/arena.h"

#define DELIMITER_MAX 16 /* bytes */

struct scanner {
    struct str source;
    struct str open, close; /* the delimiters now */
    struct template_tags *out;
    uint32_t cap;
    struct arena *arena;
    struct template_error *error;
};

static enum err
refuse(struct template_error *e, size_t at, const char *why)
{
    e->at = at;
    e->why = why;
    return ERR_INVALID;
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool
is_space(char c)
{
    return is_blank(c) || c == '\r' || c == '\n';
}

static struct str
trim_space(struct str s)
{
    while (s.n > 0 && is_space(s.p[0]))
        s = (struct str){s.p + 1, s.n - 1};
    while (s.n > 0 && is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

/* Where `what` begins at or after `from`; source.n: nowhere. */
static size_t
find(struct str source, size_t from, struct str what)
{
    const char *p;

    if (from >= source.n)
        return source.n;
    p = memmem(source.p + from, source.n - from, what.p, what.n);
    return p ? (size_t)(p - source.p) : source.n;
}

/* ---- pass 1: find them ---- */

static enum err
set_delimiters(struct scanner *s, struct str content, size_t at)
{
    size_t open_n = 0;
    struct str open, close;

    while (open_n < content.n && !is_space(content.p[open_n]))
        open_n++;
    open = str_sub(content, 0, open_n);
    close = trim_space(str_sub(content, open_n, content.n - open_n));
    if (open.n == 0 || close.n == 0 || open.n > DELIMITER_MAX ||
        close.n > DELIMITER_MAX)
        return refuse(s->error, at, "bad delimiters");
    for (size_t i = 0; i < close.n; i++) {
        if (is_space(close.p[i]))
            return refuse(s->error, at, "bad delimiters");
    }
    if (str_find(open, '=') >= 0 || str_find(close, '=') >= 0)
        return refuse(s->error, at, "bad delimiters");
    s->open = open;
    s->close = close;
    return ERR_OK;
}

static uint8_t
kind_of(char sigil)
{
    switch (sigil) {
    case '#':
        return TAG_SECTION;
    case '^':
        return TAG_INVERTED;
    case '/':
        return TAG_CLOSE;
    case '>':
        return TAG_PARTIAL;
    case '<':
        return TAG_PARENT;
    case '$':
        return TAG_BLOCK;
    case '!':
        return TAG_COMMENT;
    case '=':
        return TAG_DELIMITERS;
    default:
        return TAG_VARIABLE;
    }
}

/* What ends the tag: after {{{ and {{= it is one byte longer. */
static size_t
find_close(const struct scanner *s, struct str source, size_t from, char before)
{
    size_t at;

    if (before == '\0')
        return find(source, from, s->close);
    for (at = from; at < source.n; at++) {
        at = find(source, at, (struct str){&before, 1});
        if (str_starts(str_sub(source, at + 1, s->close.n), s->close))
            return at;
    }
    return source.n;
}

/* The same of a variable. Behind a bar there is a helper, in whose double
 * quotes nothing closes the tag. SIZE_MAX: it is longer than one may be. */
static size_t
find_variable_close(const struct scanner *s, size_t from, char before)
{
    size_t end = find_close(s, s->source, from, before);
    size_t bar = find(str_sub(s->source, 0, end), from, STR("|"));
    struct str within;

    if (bar >= end || end == s->source.n)
        return end;
    within = str_sub(s->source, 0, bar + TEMPLATE_HELPER_MAX + DELIMITER_MAX);
    for (size_t at = bar; at < within.n;) {
        size_t quote = find(within, at, STR("\""));

        end = find_close(s, within, at, before);
        if (end < quote)
            return end;
        at = find(within, quote + 1, STR("\"")) + 1;
    }
    return within.n < s->source.n ? SIZE_MAX : s->source.n;
}

static void
split_helper(struct template_tag *t)
{
    ptrdiff_t bar = str_find(t->name, '|');

    if (bar < 0)
        return;
    t->helper = trim_space(str_sub(t->name, (size_t)bar + 1, t->name.n));
    t->name = trim_space(str_sub(t->name, 0, (size_t)bar));
}

/* The asterisk of a dynamic name, and blanks behind it, are not its name. */
static void
take_asterisk(struct template_tag *t)
{
    if ((t->kind == TAG_PARTIAL || t->kind == TAG_PARENT ||
         t->kind == TAG_CLOSE) &&
        t->name.n > 0 && t->name.p[0] == '*') {
        t->is_dynamic = true;
        t->name = trim_space(str_sub(t->name, 1, t->name.n - 1));
    }
}

/* The tag whose delimiter stands at `start`. */
static enum err
scan_tag(struct scanner *s, size_t start, struct template_tag *t)
{
    size_t from = start + s->open.n, end;
    char sigil = from < s->source.n ? s->source.p[from] : '\0';
    char before = sigil == '{' ? '}' : sigil == '=' ? '=' : '\0';

    *t = (struct template_tag){.kind = kind_of(sigil),
                               .is_raw = sigil == '{' || sigil == '&',
                               .start = (uint32_t)start,
                               .up = TEMPLATE_NONE,
                               .mate = TEMPLATE_NONE};
    if (t->kind != TAG_VARIABLE || t->is_raw)
        from++;
    end = t->kind == TAG_VARIABLE ? find_variable_close(s, from, before)
                                  : find_close(s, s->source, from, before);
    if (end == SIZE_MAX)
        return refuse(s->error, start, "the helper is too long");
    if (end >= s->source.n)
        return refuse(s->error, start, "the tag is not closed");
    t->name = trim_space(str_sub(s->source, from, end - from));
    t->end = (uint32_t)(end + (before ? 1 : 0) + s->close.n);
    t->cut_start = t->start;
    t->cut_end = t->end;
    if (t->kind == TAG_DELIMITERS)
        return set_delimiters(s, t->name, start);
    take_asterisk(t);
    if (t->kind == TAG_VARIABLE)
        split_helper(t);
    else if ((t->kind == TAG_SECTION || t->kind == TAG_INVERTED) &&
             str_find(t->name, '|') >= 0)
        return refuse(s->error, start, "a section takes no helper");
    if (t->kind == TAG_COMMENT)
        return ERR_OK;
    if (t->name.n == 0)
        return refuse(s->error, start, "the tag has no name");
    if (t->name.n > TEMPLATE_NAME_MAX)
        return refuse(s->error, start, "the name is too long");
    return ERR_OK;
}

static void
append(struct scanner *s, const struct template_tag *t)
{
    struct template_tags *out = s->out;

    if (out->n == s->cap) {
        struct template_tag *old = out->tags;

        s->cap = s->cap ? s->cap * 2 : 32;
        out->tags = ARENA_ARRAY(s->arena, struct template_tag, s->cap);
        if (out->n > 0)
            memcpy(out->tags, old, out->n * sizeof(*old));
    }
    out->tags[out->n++] = *t;
}

static enum err
find_tags(struct scanner *s)
{
    size_t at = find(s->source, 0, s->open);

    while (at < s->source.n) {
        struct template_tag t;
        enum err err = scan_tag(s, at, &t);

        if (err != ERR_OK)
            return err;
        if (s->out->n == TEMPLATE_TAGS_MAX)
            return refuse(s->error, at, "too many tags");
        append(s, &t);
        at = find(s->source, t.end, s->open);
    }
    return ERR_OK;
}

/* ---- pass 2: pair them ---- */

static bool
opens(const struct template_tag *t)
{
    return t->kind == TAG_SECTION || t->kind == TAG_INVERTED ||
           t->kind == TAG_PARENT || t->kind == TAG_BLOCK;
}

static enum err
pair_tags(const struct template_tags *all, struct template_error *e)
{
    uint32_t open = TEMPLATE_NONE; /* the innermost one */
    int depth = 0;

    for (uint32_t i = 0; i < all->n; i++) {
        struct template_tag *t = &all->tags[i];
        struct template_tag *o;

        t->up = open;
        if (opens(t)) {
            if (++depth > TEMPLATE_DEPTH_MAX)
                return refuse(e, t->start, "sections are too deep");
            open = i;
            continue;
        }
        if (t->kind != TAG_CLOSE)
            continue;
        o = open == TEMPLATE_NONE ? NULL : &all->tags[open];
        if (!o || !str_eq(o->name, t->name) || o->is_dynamic != t->is_dynamic)
            return refuse(e, t->start, "closes what is not open");
        t->mate = open;
        o->mate = i;
        open = o->up;
        depth--;
    }
    if (open != TEMPLATE_NONE)
        return refuse(e, all->tags[open].start, "the section is not closed");
    return ERR_OK;
}

/* ---- pass 3: whose line is it? ---- */

uint32_t
template_skip_blanks(struct str source, uint32_t from)
{
    while (from < source.n && is_blank(source.p[from]))
        from++;
    return from;
}

/* Only blanks before `at` on its line: *ret is where the line begins. */
static bool
line_begins(struct str source, uint32_t at, uint32_t *ret)
{
    while (at > 0 && is_blank(source.p[at - 1]))
        at--;
    *ret = at;
    return at == 0 || source.p[at - 1] == '\n';
}

/* Only blanks after `at` on its line: *ret is where the next line begins. */
static bool
line_ends(struct str source, uint32_t at, uint32_t *ret)
{
    at = template_skip_blanks(source, at);
    if (at + 1 < source.n && source.p[at] == '\r' && source.p[at + 1] == '\n')
        at++;
    *ret = at < source.n ? at + 1 : at;
    return at == source.n || source.p[at] == '\n';
}

static bool
is_inheritance(const struct template_tags *all, uint32_t i)
{
    const struct template_tag *t = &all->tags[i];

    if (t->kind == TAG_CLOSE)
        t = &all->tags[t->mate];
    return t->kind == TAG_PARENT || t->kind == TAG_BLOCK;
}

/* A block that renders here (it is no argument) and closes by `last`. */
static bool
is_inline_block(const struct template_tags *all, uint32_t i, uint32_t last)
{
    const struct template_tag *t = &all->tags[i];

    return t->kind == TAG_BLOCK && t->mate <= last &&
           (t->up == TEMPLATE_NONE || all->tags[t->up].kind != TAG_PARENT);
}

/* Tags of inheritance share a line: {{<page}}{{$title}}. That line is theirs
 * if it has nothing else, and no block but one that is empty fits in it.
 * Returns the last of the row that begins at `first`. */
static uint32_t
mark_row(struct str source, const struct template_tags *all, uint32_t first)
{
    struct template_tag *tags = all->tags;
    uint32_t last = first, begin, end;
    bool has_inline = false;

    while (last + 1 < all->n && is_inheritance(all, last + 1) &&
           template_skip_blanks(source, tags[last].end) == tags[last + 1].start)
        last++;
    if (!line_begins(source, tags[first].start, &begin) ||
        !line_ends(source, tags[last].end, &end))
        return last;
    for (uint32_t i = first; i <= last; i++)
        has_inline = has_inline || is_inline_block(all, i, last);
    if (has_inline && last != first + 1)
        return last;
    for (uint32_t i = first; i <= last; i++) {
        tags[i].is_standalone = true;
        tags[i].cut_end = i < last ? tags[i + 1].start : end;
    }
    tags[first].cut_start = begin;
    return last;
}

static void
mark_lines(struct str source, const struct template_tags *all)
{
    for (uint32_t i = 0; i < all->n; i++) {
        struct template_tag *t = &all->tags[i];
        uint32_t begin, end;

        if (is_inheritance(all, i)) {
            i = mark_row(source, all, i);
        } else if (t->kind != TAG_VARIABLE &&
                   line_begins(source, t->start, &begin) &&
                   line_ends(source, t->end, &end)) {
            t->is_standalone = true;
            t->cut_start = begin;
            t->cut_end = end;
        }
    }
}

/* A parent renders as a whole, so that it stands alone as a whole. */
static void
mark_parents(struct str source, const struct template_tags *all)
{
    for (uint32_t i = 0; i < all->n; i++) {
        struct template_tag *t = &all->tags[i], *close;
        uint32_t begin, end;

        if (t->kind != TAG_PARENT)
            continue;
        close = &all->tags[t->mate];
        if (!line_begins(source, t->start, &begin) ||
            !line_ends(source, close->end, &end))
            continue;
        t->is_standalone = close->is_standalone = true;
        t->cut_start = begin;
        close->cut_end = end;
    }
}

enum err
template_scan(struct arena *a, struct str source, struct template_tags *ret,
              struct template_error *ret_error)
{
    struct template_tags out = {NULL, 0};
    struct scanner s = {.source = source,
                        .open = STR("{{"),
                        .close = STR("}}"),
                        .out = &out,
                        .arena = a,
                        .error = ret_error};
    enum err err = find_tags(&s);

    if (err == ERR_OK)
        err = pair_tags(&out, ret_error);
    if (err != ERR_OK)
        return err;
    mark_lines(source, &out);
    mark_parents(source, &out);
    *ret = out;
    return ERR_OK;
}
