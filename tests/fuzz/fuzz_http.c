/* fuzz_http.c - our HTTP parser beside http_parser, which is more lenient:
 * what ours accepts, it must accept too, and see the same request in it; and
 * how the bytes are cut into reads must change nothing. */
#include <assert.h>
#include <http_parser.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "net/http_parser.h"
#include "net/http_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition)) {                                                    \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);    \
            abort();                                                           \
        }                                                                      \
    } while (0)

/* ---- ours ---- */

static enum http_progress
parse_head(struct head_parser *p, struct str in, size_t step)
{
    enum http_progress progress = HTTP_MORE;

    head_parser_init(p);
    for (size_t n = step; progress == HTTP_MORE; n += step) {
        progress = head_parser_run(p, in.p, n < in.n ? n : in.n);
        if (n >= in.n)
            break;
    }
    return progress;
}

static enum http_progress
parse_chunks(struct str in, size_t step, struct buf *body, size_t *ret_used)
{
    enum http_progress progress = HTTP_MORE;
    struct chunk_parser c;
    size_t used = 0;

    chunk_parser_init(&c);
    while (used < in.n && progress == HTTP_MORE) {
        struct str part = str_sub(in, used, step), some;
        const size_t given = part.n;

        while ((progress = chunk_parser_run(&c, &part, &some)) == HTTP_DATA)
            buf_put_str(body, some);
        used += given - part.n;
    }
    *ret_used = used;
    return progress;
}

/* ---- theirs ---- */

struct theirs {
    struct str names[HTTP_HEADERS_MAX + 1], values[HTTP_HEADERS_MAX + 1];
    size_t n;
    bool in_value, has_head, is_chunked, is_complete;
    struct buf body;
    uint64_t content_length;
};

/* All of a span is in one buffer here, so parts of it are neighbours. */
static void
extend(struct str *s, const char *at, size_t n)
{
    if (!s->p)
        s->p = at;
    CHECK(s->p + s->n == at);
    s->n += n;
}

static int
on_name(http_parser *hp, const char *at, size_t n)
{
    struct theirs *t = hp->data;

    if (t->has_head)
        return 0; /* a trailer */
    if (t->in_value)
        t->n++;
    t->in_value = false;
    CHECK(t->n <= HTTP_HEADERS_MAX);
    extend(&t->names[t->n], at, n);
    return 0;
}

static int
on_value(http_parser *hp, const char *at, size_t n)
{
    struct theirs *t = hp->data;

    t->in_value = true;
    if (!t->has_head && n)
        extend(&t->values[t->n], at, n);
    return 0;
}

static int
on_head(http_parser *hp)
{
    struct theirs *t = hp->data;

    t->has_head = true;
    t->content_length = hp->content_length;
    t->is_chunked = (hp->flags & F_CHUNKED) != 0;
    if (t->in_value)
        t->n++;
    return 0;
}

static int
on_body(http_parser *hp, const char *at, size_t n)
{
    struct theirs *t = hp->data;

    buf_put(&t->body, at, n);
    return 0;
}

static int
on_complete(http_parser *hp)
{
    struct theirs *t = hp->data;

    t->is_complete = true;
    http_parser_pause(hp, 1);
    return 0;
}

static void
run_theirs(http_parser *hp, struct theirs *t, struct str in)
{
    static const http_parser_settings settings = {
        .on_header_field = on_name,
        .on_header_value = on_value,
        .on_headers_complete = on_head,
        .on_body = on_body,
        .on_message_complete = on_complete,
    };

    http_parser_init(hp, HTTP_REQUEST);
    hp->data = t;
    (void)http_parser_execute(hp, &settings, in.p, in.n);
}

/* ---- both ---- */

static bool
is_known_method(struct str method)
{
#define KNOWN(number, name, text)                                              \
    if (str_is(method, #text))                                                 \
        return true;
    HTTP_METHOD_MAP(KNOWN)
#undef KNOWN
    return false;
}

/* It takes a name that only begins with these words for the field itself. */
static bool
is_misread(const struct head_parser *p, struct str in)
{
    const struct str coding = STR("Transfer-Encoding");

    for (unsigned i = 0; i < p->n_headers; i++) {
        const struct str name = {in.p + p->names[i].at, p->names[i].n};

        if (name.n > coding.n && str_ieq(str_sub(name, 0, coding.n), coding))
            return true;
    }
    return false;
}

static void
compare_heads(const struct head_parser *p, struct str in, const http_parser *hp,
              const struct theirs *t)
{
    struct http_header headers[HTTP_HEADERS_MAX];
    struct http_head head;

    head_parser_get(p, in.p, &head, headers);
    CHECK(t->has_head);
    CHECK(str_is(head.method, http_method_str((enum http_method)hp->method)));
    CHECK(hp->http_major == 1 && hp->http_minor == p->minor_version);
    CHECK(t->n == p->n_headers);
    for (size_t i = 0; i < t->n; i++) {
        CHECK(str_eq(t->names[i], headers[i].name));
        CHECK(str_eq(str_trim(t->values[i]), headers[i].value));
    }
    CHECK(t->is_chunked == (p->framing == HTTP_CHUNKED));
    if (p->has_length)
        CHECK(t->content_length == p->content_length);
    else
        CHECK(p->framing == HTTP_CHUNKED || t->content_length == UINT64_MAX ||
              t->content_length == 0);
}

/* It gives meaning to trailers, which we drop. */
static bool
is_about_framing(const http_parser *hp)
{
    const enum http_errno e = HTTP_PARSER_ERRNO(hp);

    return e == HPE_UNEXPECTED_CONTENT_LENGTH ||
           e == HPE_INVALID_CONTENT_LENGTH ||
           e == HPE_INVALID_TRANSFER_ENCODING;
}

static void
compare_bodies(struct str in, const http_parser *hp, const struct theirs *t)
{
    struct buf whole = {0}, bytes = {0};
    size_t used, used_bytes;
    const enum http_progress progress =
        parse_chunks(in, in.n ? in.n : 1, &whole, &used);

    CHECK(parse_chunks(in, 1, &bytes, &used_bytes) == progress);
    CHECK(used == used_bytes);
    CHECK(str_eq(buf_str(&whole), buf_str(&bytes)));
    if (progress == HTTP_DONE && !is_about_framing(hp)) {
        CHECK(t->is_complete);
        CHECK(str_eq(buf_str(&whole), buf_str(&t->body)));
    }
    buf_fini(&whole);
    buf_fini(&bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct str in = {(const char *)data, size};
    struct head_parser whole, bytes;
    struct theirs t = {0};
    http_parser hp;
    enum http_progress progress;

    if (size == 0)
        return 0;
    progress = parse_head(&whole, in, size);
    CHECK(parse_head(&bytes, in, 1 + size % 3) == progress);
    CHECK(whole.at == bytes.at && whole.err == bytes.err);
    CHECK(whole.n_headers == bytes.n_headers && whole.why == bytes.why);
    if (progress != HTTP_DONE)
        return 0;
    if (!is_known_method((struct str){in.p + whole.method.at, whole.method.n}))
        return 0;
    /* It counts in steps of ten and gives up a little before 2^64. */
    if (whole.content_length > UINT64_MAX / 16 || is_misread(&whole, in))
        return 0;
    run_theirs(&hp, &t, in);
    compare_heads(&whole, in, &hp, &t);
    if (whole.framing == HTTP_CHUNKED)
        compare_bodies(str_sub(in, whole.at, in.n), &hp, &t);
    buf_fini(&t.body);
    return 0;
}
