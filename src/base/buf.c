/* buf.c - see buf.h. Growth doubles, so a byte is copied about once. */
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"

void
buf_init(struct buf *b, struct arena *arena_or_null)
{
    *b = (struct buf){.arena = arena_or_null};
}

void
buf_fini(struct buf *b)
{
    if (!b->arena)
        free(b->p);
    *b = (struct buf){.arena = b->arena};
}

void
buf_reset(struct buf *b)
{
    b->n = 0;
}

void
buf_reserve(struct buf *b, size_t more)
{
    size_t cap = b->cap > 0 ? b->cap : 64;
    char *p;

    if (more <= b->cap - b->n)
        return;
    if (more > SIZE_MAX / 4 - b->n)
        fatal("out of memory: a buffer of %zu bytes wants %zu more", b->n,
              more);
    while (cap < b->n + more)
        cap *= 2;
    if (b->arena) {
        p = arena_alloc(b->arena, cap);
        if (b->n > 0)
            memcpy(p, b->p, b->n);
    } else {
        p = xrealloc(b->p, cap);
    }
    b->p = p;
    b->cap = cap;
}

void
buf_put(struct buf *b, const void *p, size_t n)
{
    if (n == 0)
        return;
    buf_reserve(b, n);
    memcpy(b->p + b->n, p, n);
    b->n += n;
}

void
buf_put_str(struct buf *b, struct str s)
{
    buf_put(b, s.p, s.n);
}

void
buf_put_cstr(struct buf *b, const char *s)
{
    buf_put(b, s, strlen(s));
}

void
buf_put_char(struct buf *b, char c)
{
    buf_reserve(b, 1);
    b->p[b->n++] = c;
}

void
buf_put_i64(struct buf *b, int64_t v)
{
    uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    char text[20];
    size_t at = sizeof(text);

    do {
        text[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (v < 0)
        text[--at] = '-';
    buf_put(b, text + at, sizeof(text) - at);
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap, again;
    int n;

    buf_reserve(b, 64);
    va_start(ap, fmt);
    va_copy(again, ap);
    n = vsnprintf(b->p + b->n, b->cap - b->n, fmt, ap);
    va_end(ap);
    assert(n >= 0);
    if ((size_t)n >= b->cap - b->n) {
        buf_reserve(b, (size_t)n + 1);
        vsnprintf(b->p + b->n, b->cap - b->n, fmt, again);
    }
    va_end(again);
    b->n += (size_t)n;
}

void
buf_drop(struct buf *b, size_t n)
{
    assert(n <= b->n);
    if (n == 0)
        return;
    b->n -= n;
    memmove(b->p, b->p + n, b->n);
}

struct str
buf_str(const struct buf *b)
{
    return (struct str){b->p, b->n};
}

static const char hex_digits[] = "0123456789abcdef";

/* What stands after the backslash; 'u' for \u00XX. */
static char
json_escape_of(unsigned char c)
{
    switch (c) {
    case '"':
    case '\\':
        return (char)c;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 'u';
    }
}

static void
buf_put_json_escape(struct buf *b, unsigned char c)
{
    char text[6] = {'\\', json_escape_of(c), '0', '0'};

    text[4] = hex_digits[c >> 4];
    text[5] = hex_digits[c & 15];
    buf_put(b, text, text[1] == 'u' ? 6 : 2);
}

static size_t
json_plain_length(const char *p, size_t n)
{
    size_t i = 0;

    while (i < n && (unsigned char)p[i] >= 0x20 && p[i] != '"' && p[i] != '\\')
        i++;
    return i;
}

void
buf_put_json_str(struct buf *b, struct str s)
{
    size_t at = 0;

    buf_reserve(b, s.n + 2);
    buf_put_char(b, '"');
    while (at < s.n) {
        size_t plain = json_plain_length(s.p + at, s.n - at);

        buf_put(b, s.p + at, plain);
        at += plain;
        if (at < s.n)
            buf_put_json_escape(b, (unsigned char)s.p[at++]);
    }
    buf_put_char(b, '"');
}

static struct str
html_entity_of(char c)
{
    switch (c) {
    case '&':
        return STR("&amp;");
    case '<':
        return STR("&lt;");
    case '>':
        return STR("&gt;");
    case '"':
        return STR("&quot;");
    case '\'':
        return STR("&#39;");
    default:
        return STR_NONE;
    }
}

void
buf_put_html(struct buf *b, struct str s)
{
    size_t start = 0;

    buf_reserve(b, s.n);
    for (size_t i = 0; i < s.n; i++) {
        struct str entity = html_entity_of(s.p[i]);

        if (entity.n == 0)
            continue;
        buf_put(b, s.p + start, i - start);
        buf_put_str(b, entity);
        start = i + 1;
    }
    if (start < s.n)
        buf_put(b, s.p + start, s.n - start);
}

#define BASE64_COMMON                                                          \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static void
buf_put_base64_with(struct buf *b, struct str s, const char *alphabet,
                    bool is_padded)
{
    buf_reserve(b, s.n / 3 * 4 + 4);
    for (size_t i = 0; i < s.n; i += 3) {
        size_t n = s.n - i < 3 ? s.n - i : 3;
        uint32_t bits = 0;
        char quad[4] = {'=', '=', '=', '='};

        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (k < n ? (unsigned char)s.p[i + k] : 0u);
        for (size_t k = 0; k <= n; k++)
            quad[k] = alphabet[bits >> (18 - 6 * k) & 63];
        buf_put(b, quad, is_padded ? 4 : n + 1);
    }
}

void
buf_put_base64(struct buf *b, struct str s)
{
    buf_put_base64_with(b, s, BASE64_COMMON "+/", true);
}

void
buf_put_base64url(struct buf *b, struct str s)
{
    buf_put_base64_with(b, s, BASE64_COMMON "-_", false);
}

static int
base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

bool
buf_get_base64(struct buf *b, struct str s)
{
    size_t before = b->n;
    uint32_t bits = 0;
    int held = 0; /* bits not yet put */

    /* Pads only where they make whole quads. */
    if (s.n > 0 && s.n % 4 == 0 && s.p[s.n - 1] == '=')
        s.n -= s.p[s.n - 2] == '=' ? 2 : 1;
    if (s.n % 4 == 1)
        return false;
    buf_reserve(b, s.n / 4 * 3 + 3);
    for (size_t i = 0; i < s.n; i++) {
        int value = base64_value(s.p[i]);

        if (value < 0) {
            b->n = before;
            return false;
        }
        bits = bits << 6 | (uint32_t)value;
        held += 6;
        if (held >= 8) {
            held -= 8;
            buf_put_char(b, (char)(unsigned char)(bits >> held));
        }
    }
    /* One text for the same bytes: what is left over must be zero. */
    if (bits & ((1u << held) - 1)) {
        b->n = before;
        return false;
    }
    return true;
}

void
buf_put_hex(struct buf *b, struct str s)
{
    buf_reserve(b, 2 * s.n);
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        buf_put_char(b, hex_digits[c >> 4]);
        buf_put_char(b, hex_digits[c & 15]);
    }
}

static bool
char_is_unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
           c == '~';
}

void
buf_put_url(struct buf *b, struct str s)
{
    static const char upper_hex[] = "0123456789ABCDEF";

    buf_reserve(b, s.n);
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        char text[3] = {'%', upper_hex[c >> 4], upper_hex[c & 15]};

        if (char_is_unreserved(s.p[i]))
            buf_put_char(b, s.p[i]);
        else
            buf_put(b, text, sizeof(text));
    }
}
