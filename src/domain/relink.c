/* relink.c - see relink.h. Reads tags as browsers do, as far as it takes to
 * find the links: quotes, comments, and elements whose text is no markup. */
#include "domain/relink.h"

#include "base/buf.h"
#include "domain/link.h"

struct scan {
    const struct relink *r;
    struct str html;
    size_t at;
    struct buf out;
    bool has_tail;
};

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static bool
is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static struct str
rest_of(const struct scan *s, size_t from)
{
    return str_sub(s->html, from, s->html.n);
}

static bool
begins(struct str text, const char *word)
{
    struct str w = str_from(word);

    return text.n >= w.n && str_ieq(str_sub(text, 0, w.n), w);
}

/* Copies up to there. */
static void
copy_to(struct scan *s, size_t end)
{
    buf_put_str(&s->out, str_sub(s->html, s->at, end - s->at));
    s->at = end;
}

/* Where that stands first from there on; the end: nowhere. */
static size_t
find(const struct scan *s, size_t from, const char *word)
{
    for (size_t i = from; i < s->html.n; i++)
        if (begins(rest_of(s, i), word))
            return i;
    return s->html.n;
}

/* ---- the value of an attribute ---- */

/* Of what an ampersand begins: only itself is understood. 0: not. */
static size_t
ampersand(struct str text)
{
    static const char *const forms[] = {"&amp;", "&#38;", "&#x26;", NULL};
    size_t n = 1;

    for (const char *const *f = forms; *f; f++)
        if (begins(text, *f))
            return str_from(*f).n;
    while (n < text.n && (is_letter(text.p[n]) || text.p[n] == '#' ||
                          (text.p[n] >= '0' && text.p[n] <= '9')))
        n++;
    return n < text.n && text.p[n] == ';' ? 0 : 1;
}

/* False: it has characters that are written in another way. */
static bool
decode(struct arena *a, struct str text, struct str *ret)
{
    struct buf b;

    buf_init(&b, a);
    while (text.n > 0) {
        size_t n = text.p[0] == '&' ? ampersand(text) : 1;

        if (n == 0)
            return false;
        buf_put_char(&b, text.p[0]);
        text = str_sub(text, n, text.n);
    }
    *ret = str_trim(buf_str(&b));
    return true;
}

static struct str
other(struct scan *s, struct str value)
{
    struct str url;

    if (!s->r->other || !decode(s->r->arena, value, &url) ||
        url.n > RELINK_URL_MAX || !link_is_picture(url))
        return STR_NONE;
    return s->r->other(s->r->arg, url);
}

/* ---- a tag ---- */

struct attribute {
    struct str name;
    size_t begin, end; /* of the value, with its quotes */
    struct str value;  /* without them */
};

static size_t
skip_blanks(const struct scan *s, size_t i)
{
    while (i < s->html.n && (is_blank(s->html.p[i]) || s->html.p[i] == '/'))
        i++;
    return i;
}

/* The value that begins at i, if it is one; where it ends. */
static size_t
read_value(const struct scan *s, size_t i, struct attribute *a)
{
    const struct str h = s->html;
    size_t from;

    a->begin = i;
    if (i < h.n && (h.p[i] == '"' || h.p[i] == '\'')) {
        char quote = h.p[i];

        for (from = ++i; i < h.n && h.p[i] != quote;)
            i++;
        a->value = str_sub(h, from, i - from);
        i += i < h.n;
    } else {
        for (from = i; i < h.n && !is_blank(h.p[i]) && h.p[i] != '>';)
            i++;
        a->value = str_sub(h, from, i - from);
    }
    a->end = i;
    return i;
}

/* The next attribute from i on; false: *ret_end is where the tag ends. */
static bool
next_attribute(const struct scan *s, size_t i, struct attribute *a,
               size_t *ret_end)
{
    const struct str h = s->html;
    size_t from = i = skip_blanks(s, i), equals;

    *ret_end = i;
    if (i >= h.n || h.p[i] == '>')
        return false;
    for (i++; i < h.n && !is_blank(h.p[i]) && h.p[i] != '>' && h.p[i] != '=' &&
              h.p[i] != '/';)
        i++;
    *a = (struct attribute){.name = str_sub(h, from, i - from)};
    for (equals = i; equals < h.n && is_blank(h.p[equals]);)
        equals++;
    if (equals < h.n && h.p[equals] == '=') {
        for (i = equals + 1; i < h.n && is_blank(h.p[i]);)
            i++;
        i = read_value(s, i, a);
    }
    *ret_end = i;
    return true;
}

/* The first href counts; a tag without its end is none. */
static void
copy_tag(struct scan *s, bool is_link)
{
    size_t i = s->at + 1, end;
    struct attribute a, href = {0};
    struct str url = STR_NONE;

    while (i < s->html.n && !is_blank(s->html.p[i]) && s->html.p[i] != '>' &&
           s->html.p[i] != '/')
        i++;
    while (next_attribute(s, i, &a, &end)) {
        if (is_link && href.end == 0 && a.end > 0 && begins(a.name, "href") &&
            a.name.n == 4)
            href = a;
        i = end;
    }
    if (href.end > 0 && end < s->html.n)
        url = other(s, href.value);
    if (url.n > 0) {
        copy_to(s, href.begin);
        buf_put_char(&s->out, '"');
        buf_put_html(&s->out, url);
        buf_put_char(&s->out, '"');
        s->at = href.end;
    }
    copy_to(s, end < s->html.n ? end + 1 : end);
}

static bool
is_tag(struct str text, const char *name)
{
    size_t n = str_from(name).n;

    return begins(text, name) && (text.n == n || is_blank(text.p[n]) ||
                                  text.p[n] == '>' || text.p[n] == '/');
}

/* Elements in which nothing is a tag but their end. */
static bool
copy_raw_element(struct scan *s)
{
    static const char *const names[][2] = {{"<script", "</script"},
                                           {"<style", "</style"},
                                           {"<title", "</title"},
                                           {"<textarea", "</textarea"}};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (is_tag(rest_of(s, s->at), names[i][0])) {
            copy_to(s, find(s, s->at, names[i][1]));
            return true;
        }
    return false;
}

static void
copy_markup(struct scan *s)
{
    struct str rest = rest_of(s, s->at);

    if (begins(rest, "<!--")) {
        size_t end = find(s, s->at + 4, "-->");

        copy_to(s, end < s->html.n ? end + 3 : end);
    } else if (is_tag(rest, "</body") && !s->has_tail) {
        buf_put_str(&s->out, s->r->tail);
        s->has_tail = true;
        copy_to(s, s->at + 1);
    } else if (rest.n > 1 && is_letter(rest.p[1])) {
        if (!copy_raw_element(s))
            copy_tag(s, is_tag(rest, "<a") || is_tag(rest, "<area"));
    } else {
        copy_to(s, s->at + 1);
    }
}

struct str
relink_html(const struct relink *r, struct str html)
{
    struct scan s = {.r = r, .html = html};

    buf_init(&s.out, r->arena);
    buf_reserve(&s.out, html.n + r->tail.n);
    while (s.at < html.n) {
        const char *mark = memchr(html.p + s.at, '<', html.n - s.at);

        copy_to(&s, mark ? (size_t)(mark - html.p) : html.n);
        if (s.at < html.n)
            copy_markup(&s);
    }
    if (!s.has_tail)
        buf_put_str(&s.out, r->tail);
    return buf_str(&s.out);
}
