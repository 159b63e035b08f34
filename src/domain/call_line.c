#include "domain/call_line.h"

#include "base/buf.h"

/* A word stays one, and does not look like another. */
static void
put_word(struct buf *b, struct str word)
{
    if (word.n == 0)
        buf_put_char(b, '-');
    for (size_t i = 0; i < word.n; i++)
        buf_put_char(b, (unsigned char)word.p[i] <= ' ' ? '_' : word.p[i]);
    buf_put_char(b, ' ');
}

struct str
call_line_write(struct arena *a, const struct call_line *l)
{
    struct buf b;

    buf_init(&b, a);
    put_word(&b, str_utf8_clip(l->method, 16));
    put_word(&b, str_utf8_clip(l->host, 80));
    put_word(&b, str_utf8_clip(l->path, 120));
    buf_put_i64(&b, l->size);
    buf_put_char(&b, ' ');
    put_word(&b, l->is_delivery ? STR("+") : str_utf8_clip(l->key, 40));
    return str_sub(buf_str(&b), 0, b.n - 1);
}

static bool
next_word(struct str *text, struct str *ret)
{
    if (!str_split(text, ' ', ret) || ret->n == 0)
        return false;
    if (str_is(*ret, "-"))
        *ret = STR_NONE;
    return true;
}

bool
call_line_read(struct str text, struct call_line *ret)
{
    struct call_line l = {0};
    struct str size;

    if (!next_word(&text, &l.method) || !next_word(&text, &l.host) ||
        !next_word(&text, &l.path) || !next_word(&text, &size) ||
        !str_to_i64(size, &l.size) || !next_word(&text, &l.key))
        return false;
    l.is_delivery = str_is(l.key, "+");
    if (l.is_delivery)
        l.key = STR_NONE;
    *ret = l;
    return true;
}
