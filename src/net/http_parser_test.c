#include "net/http_parser.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/buf.h"
#include "net/http_server.h"

#define HOST "Host: a.example\r\n"
#define GET "GET / HTTP/1.1\r\n"

static struct head_parser
parse_at_once(struct str text, enum http_progress *ret)
{
    struct head_parser p;

    head_parser_init(&p);
    *ret = head_parser_run(&p, text.p, text.n);
    return p;
}

static bool
spans_are_equal(const struct head_span *a, const struct head_span *b)
{
    return a->at == b->at && a->n == b->n;
}

/* One byte at a time, and in two parts cut at each place: the same. */
static void
check_every_split(struct str text, const struct head_parser *whole,
                  enum http_progress progress)
{
    for (size_t cut = 0; cut <= text.n; cut++) {
        struct head_parser p;
        enum http_progress now = HTTP_MORE;

        head_parser_init(&p);
        for (size_t n = 0; cut == 0 && n < text.n && now == HTTP_MORE; n++)
            now = head_parser_run(&p, text.p, n + 1);
        if (cut)
            now = head_parser_run(&p, text.p, cut);
        if (now == HTTP_MORE)
            now = head_parser_run(&p, text.p, text.n);
        assert_int_equal(now, progress);
        assert_int_equal(p.err, whole->err);
        assert_int_equal(p.at, whole->at);
        assert_int_equal(p.n_headers, whole->n_headers);
        assert_int_equal(p.framing, whole->framing);
        assert_true(spans_are_equal(&p.path, &whole->path));
        for (unsigned i = 0; i < p.n_headers; i++) {
            assert_true(spans_are_equal(&p.names[i], &whole->names[i]));
            assert_true(spans_are_equal(&p.values[i], &whole->values[i]));
        }
    }
}

struct accepted {
    const char *text, *method, *path, *query;
    unsigned n_headers;
    enum http_framing framing;
    uint64_t length;
    bool keeps_alive;
};

static const struct accepted accepted[] = {
    {GET HOST "\r\n", "GET", "/", NULL, 1, HTTP_NO_BODY, 0, true},
    {"\r\n" GET HOST "\r\n", "GET", "/", NULL, 1, HTTP_NO_BODY, 0, true},
    {"GET /a/b?c=d?e HTTP/1.1\r\n" HOST "\r\n", "GET", "/a/b", "c=d?e", 1,
     HTTP_NO_BODY, 0, true},
    {"GET /? HTTP/1.1\r\n" HOST "\r\n", "GET", "/", "", 1, HTTP_NO_BODY, 0,
     true},
    {"get /x\"{}|^` HTTP/1.1\r\n" HOST "\r\n", "get", "/x\"{}|^`", NULL, 1,
     HTTP_NO_BODY, 0, true},
    {"OPTIONS * HTTP/1.1\r\n" HOST "\r\n", "OPTIONS", "*", NULL, 1,
     HTTP_NO_BODY, 0, true},
    {"OPTIONS http://a.example HTTP/1.1\r\n" HOST "\r\n", "OPTIONS", "*", NULL,
     1, HTTP_NO_BODY, 0, true},
    {"GET http://a.example HTTP/1.1\r\n" HOST "\r\n", "GET", "/", NULL, 1,
     HTTP_NO_BODY, 0, true},
    {"GET HTTPS://A.example/p?q HTTP/1.1\r\n" HOST "\r\n", "GET", "/p", "q", 1,
     HTTP_NO_BODY, 0, true},
    {"GET http://a.example?q HTTP/1.1\r\n" HOST "\r\n", "GET", "/", "q", 1,
     HTTP_NO_BODY, 0, true},
    {GET "HOST: [::1]:80\r\n\r\n", "GET", "/", NULL, 1, HTTP_NO_BODY, 0, true},
    {GET HOST "X-Empty:\r\nX-Blank: \t \r\nX:a \r\n\r\n", "GET", "/", NULL, 4,
     HTTP_NO_BODY, 0, true},
    {GET HOST "X: \xc3\xa9 \x80\xff\r\n\r\n", "GET", "/", NULL, 2, HTTP_NO_BODY,
     0, true},
    {GET HOST "Connection: foo , CLOSE\r\n\r\n", "GET", "/", NULL, 2,
     HTTP_NO_BODY, 0, false},
    {"GET / HTTP/1.0\r\n\r\n", "GET", "/", NULL, 0, HTTP_NO_BODY, 0, false},
    {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET", "/", NULL, 1,
     HTTP_NO_BODY, 0, true},
    {"POST / HTTP/1.1\r\n" HOST "content-LENGTH:12\r\n\r\n", "POST", "/", NULL,
     2, HTTP_LENGTH, 12, true},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", "POST", "/", NULL,
     2, HTTP_NO_BODY, 0, true},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked \r\n\r\n", "POST",
     "/", NULL, 2, HTTP_CHUNKED, 0, true},
};

static void
a_well_formed_head_is_taken_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        const struct accepted *a = &accepted[i];
        const struct str text = str_from(a->text);
        enum http_progress progress;
        struct head_parser p = parse_at_once(text, &progress);
        struct http_header headers[HTTP_HEADERS_MAX];
        struct http_head head;

        print_message("# %s\n", p.why ? p.why : "accepted");
        assert_int_equal(progress, HTTP_DONE);
        assert_int_equal(p.at, text.n);
        head_parser_get(&p, text.p, &head, headers);
        assert_true(str_is(head.method, a->method));
        assert_true(str_is(head.path, a->path));
        assert_int_equal(head.query.p != NULL, a->query != NULL);
        assert_true(!a->query || str_is(head.query, a->query));
        assert_int_equal(p.n_headers, a->n_headers);
        assert_int_equal(p.framing, a->framing);
        assert_int_equal(p.content_length, a->length);
        assert_int_equal(head_parser_keeps_alive(&p), a->keeps_alive);
        check_every_split(text, &p, progress);
    }
}

/* Refused at the last byte: the head is never complete, so an answer at the
 * deadline would be too late. */
static const struct refused {
    const char *text;
    enum err err;
} refused[] = {
    {"\n", ERR_MALFORMED},
    {"\r\n\r", ERR_MALFORMED},
    {"\rG", ERR_MALFORMED},
    {" ", ERR_MALFORMED},
    {"\x16", ERR_MALFORMED}, /* TLS on a plain port */
    {"G\xc3", ERR_MALFORMED},
    {"GET\t", ERR_MALFORMED},
    {"GET\r", ERR_MALFORMED},
    {"GET\n", ERR_MALFORMED},
    {"GET  ", ERR_MALFORMED},
    {"GET x", ERR_MALFORMED},
    {"GET *", ERR_MALFORMED},
    {"OPTIONS ** ", ERR_MALFORMED},
    {"CONNECT ", ERR_METHOD},
    {"GET f", ERR_MALFORMED},
    {"GET hx:", ERR_MALFORMED},
    {"GET http:x", ERR_MALFORMED},
    {"GET http:///", ERR_MALFORMED},
    {"GET http://u@", ERR_MALFORMED},
    {"GET /\n", ERR_MALFORMED},
    {"GET /\r", ERR_MALFORMED}, /* HTTP/0.9 */
    {"GET /a#", ERR_MALFORMED},
    {"GET /a\xc3", ERR_MALFORMED},
    {"GET /a\x7f", ERR_MALFORMED},
    {"GET /a\t", ERR_MALFORMED},
    {"GET /  ", ERR_MALFORMED},
    {"GET / h", ERR_MALFORMED},
    {"GET / HTTP/2", ERR_MALFORMED},
    {"GET / HTTP/0", ERR_MALFORMED},
    {"GET / HTTP/1.2", ERR_MALFORMED},
    {"GET / HTTP/1.1 ", ERR_MALFORMED},
    {"GET / HTTP/1.1\n", ERR_MALFORMED},
    {"GET / HTTP/1.1\rH", ERR_MALFORMED},
    {GET "\n", ERR_MALFORMED},
    {GET " ", ERR_MALFORMED},
    {GET ":", ERR_MALFORMED},
    {GET "Host ", ERR_MALFORMED},
    {GET "Host\t", ERR_MALFORMED},
    {GET "Host\r", ERR_MALFORMED},
    {GET "Ho(", ERR_MALFORMED},
    {GET "Ho\x80", ERR_MALFORMED},
    {GET "Host: a\n", ERR_MALFORMED},
    {GET "Host:\n", ERR_MALFORMED},
    {GET "Host: a\rb", ERR_MALFORMED},
    {GET "Host: a b\r\n", ERR_MALFORMED},
    {GET "Host: a,b\r\n", ERR_MALFORMED},
    {GET "Host: a/b\r\n", ERR_MALFORMED},
    {GET "Host: \r\n", ERR_MALFORMED},
    {GET "X: \x01", ERR_MALFORMED},
    {GET "X: a\x0b", ERR_MALFORMED},
    {GET "X: a\x7f", ERR_MALFORMED},
    {GET HOST " ", ERR_MALFORMED}, /* obs-fold */
    {GET HOST "\t", ERR_MALFORMED},
    {GET HOST "host: b\r\n", ERR_MALFORMED},
    {GET "X: y\r\n\r\n", ERR_MALFORMED},
    {GET "\r\n", ERR_MALFORMED},
    {GET "\rx", ERR_MALFORMED},
    {"GET http://b.example/ HTTP/1.1\r\n" HOST "\r\n", ERR_MALFORMED},
    {GET HOST "Content-Length:\r\n", ERR_MALFORMED},
    {GET HOST "Content-Length: +1\r\n", ERR_MALFORMED},
    {GET HOST "Content-Length: -1\r\n", ERR_MALFORMED},
    {GET HOST "Content-Length: 0x1\r\n", ERR_MALFORMED},
    {GET HOST "Content-Length: 1 1\r\n", ERR_MALFORMED},
    {GET HOST "Content-Length: 1, 1\r\n", ERR_MALFORMED},
    {GET HOST "Content-Length: 18446744073709551616\r\n", ERR_MALFORMED},
    {GET HOST "Content-Length: 1\r\nContent-Length: 1\r\n", ERR_MALFORMED},
    {GET HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
     ERR_MALFORMED},
    {GET HOST "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n",
     ERR_MALFORMED},
    {GET HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
     ERR_MALFORMED},
    {GET HOST "Transfer-Encoding: gzip, chunked\r\n", ERR_NOT_IMPLEMENTED},
    {GET HOST "Transfer-Encoding: identity\r\n", ERR_NOT_IMPLEMENTED},
    {GET HOST "Transfer-Encoding: chunked, chunked\r\n", ERR_NOT_IMPLEMENTED},
    {GET HOST "Transfer-Encoding: \"chunked\"\r\n", ERR_NOT_IMPLEMENTED},
    {GET HOST "Transfer-Encoding: \x0b", ERR_MALFORMED},
    {GET HOST "Transfer-Encoding: chunked\t\r\n", ERR_MALFORMED},
    {GET HOST "Transfer-Encoding:\tchunked\r\n", ERR_MALFORMED},
    {GET HOST "Content-Length: 1\t\r\n", ERR_MALFORMED},
    {GET HOST "Transfer-Encoding:\r\n", ERR_MALFORMED},
    {"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n", ERR_MALFORMED},
};

static void
a_wrong_byte_is_refused_as_soon_as_it_is_there(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        const struct str text = str_from(refused[i].text);
        enum http_progress progress;
        struct head_parser p;

        print_message("# %zu\n", i);
        p = parse_at_once(str_sub(text, 0, text.n - 1), &progress);
        assert_int_equal(progress, HTTP_MORE);
        p = parse_at_once(text, &progress);
        assert_int_equal(progress, HTTP_REFUSED);
        assert_int_equal(p.err, refused[i].err);
        assert_non_null(p.why);
        check_every_split(text, &p, progress);
    }
}

static void
a_nul_is_refused_wherever_it_stands(void **state)
{
    static const char head[] = "POST /a?b HTTP/1.1\r\nHost: h\r\nX: yz\r\n\r\n";

    (void)state;
    for (size_t i = 0; i < sizeof head - 1; i++) {
        char text[sizeof head];
        enum http_progress progress;

        memcpy(text, head, sizeof head);
        text[i] = '\0';
        (void)parse_at_once((struct str){text, i + 1}, &progress);
        assert_int_equal(progress, HTTP_REFUSED);
    }
}

static void
a_target_of_8_kib_is_taken_and_one_byte_more_is_414(void **state)
{
    static char text[HTTP_HEAD_MAX];
    const size_t start = sizeof "GET " - 1;
    enum http_progress progress;
    struct head_parser p;
    size_t n;

    (void)state;
    memset(text, 'a', sizeof text);
    memcpy(text, "GET /", start + 1);
    n = start + HTTP_TARGET_MAX;
    p = parse_at_once((struct str){text, n}, &progress);
    assert_int_equal(progress, HTTP_MORE);
    p = parse_at_once((struct str){text, n + 1}, &progress);
    assert_int_equal(progress, HTTP_REFUSED);
    assert_int_equal(p.err, ERR_URI_TOO_LONG);

    memcpy(text + n, " HTTP/1.1\r\nHost: a\r\n\r\n", 22);
    p = parse_at_once((struct str){text, n + 22}, &progress);
    assert_int_equal(progress, HTTP_DONE);
    assert_int_equal(p.path.n, HTTP_TARGET_MAX);
}

static void
a_65th_header_is_431(void **state)
{
    static char text[HTTP_HEAD_MAX];
    size_t n = (size_t)snprintf(text, sizeof text, "%s", GET HOST);
    enum http_progress progress;
    struct head_parser p;

    (void)state;
    for (int i = 1; i < HTTP_HEADERS_MAX; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "X-%d: v\r\n", i);
    snprintf(text + n, sizeof text - n, "\r\n");
    p = parse_at_once((struct str){text, n + 2}, &progress);
    assert_int_equal(progress, HTTP_DONE);
    assert_int_equal(p.n_headers, HTTP_HEADERS_MAX);
    text[n] = 'Y';
    p = parse_at_once((struct str){text, n + 1}, &progress);
    assert_int_equal(progress, HTTP_REFUSED);
    assert_int_equal(p.err, ERR_HEADERS_TOO_LARGE);
}

static void
a_head_over_16_kib_is_431(void **state)
{
    static char text[HTTP_HEAD_MAX + 8];
    const size_t n = (size_t)snprintf(text, sizeof text, "%s", GET HOST "X: ");
    enum http_progress progress;
    struct head_parser p;

    (void)state;
    memset(text + n, 'a', sizeof text - n);
    memcpy(text + HTTP_HEAD_MAX - 4, "\r\n\r\n", 4);
    p = parse_at_once((struct str){text, HTTP_HEAD_MAX}, &progress);
    assert_int_equal(progress, HTTP_DONE);

    memcpy(text + HTTP_HEAD_MAX - 4, "a\r\n\r\n", 5);
    p = parse_at_once((struct str){text, HTTP_HEAD_MAX - 1}, &progress);
    assert_int_equal(progress, HTTP_MORE);
    p = parse_at_once((struct str){text, sizeof text}, &progress);
    assert_int_equal(progress, HTTP_REFUSED);
    assert_int_equal(p.err, ERR_HEADERS_TOO_LARGE);
}

static void
an_endless_method_is_refused(void **state)
{
    enum http_progress progress;

    (void)state;
    (void)parse_at_once(STR("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), &progress);
    assert_int_equal(progress, HTTP_MORE);
    (void)parse_at_once(STR("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), &progress);
    assert_int_equal(progress, HTTP_REFUSED);
}

static void
what_follows_the_head_is_left_alone(void **state)
{
    enum http_progress progress;
    struct head_parser p;

    (void)state;
    p = parse_at_once(STR(GET HOST "\r\n\n\n garbage"), &progress);
    assert_int_equal(progress, HTTP_DONE);
    assert_int_equal(p.at, sizeof(GET HOST "\r\n") - 1);
}

static void
expect_is_for_http_1_1_alone(void **state)
{
    enum http_progress progress;
    struct head_parser p;

    (void)state;
    p = parse_at_once(STR(GET HOST "Expect: 100-Continue\r\n\r\n"), &progress);
    assert_true(p.expects_continue);
    p = parse_at_once(STR("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n"),
                      &progress);
    assert_false(p.expects_continue);
}

/* ---- chunks ---- */

/* Feeds `step` bytes at a time; the body goes to `body`. */
static enum http_progress
decode(struct str text, size_t step, struct buf *body, size_t *ret_used)
{
    enum http_progress progress = HTTP_MORE;
    struct chunk_parser c;
    size_t used = 0;

    chunk_parser_init(&c);
    buf_reset(body);
    while (used < text.n && progress == HTTP_MORE) {
        struct str in = str_sub(text, used, step), data;
        const size_t given = in.n;

        do {
            progress = chunk_parser_run(&c, &in, &data);
            if (progress == HTTP_DATA)
                buf_put_str(body, data);
        } while (progress == HTTP_DATA);
        used += given - in.n;
    }
    *ret_used = used;
    return progress;
}

static void
chunks_come_together_however_they_are_cut(void **state)
{
    static const char whole[] = "4\r\nWiki\r\n00000005;a=\"b;c\"\r\npedia\r\n"
                                "e\r\n in\r\n\r\nchunks.\r\n0\r\n"
                                "X-Trailer: dropped\r\nY:\r\n\r\n"
                                "NEXT";
    struct buf body = {0};
    size_t used;

    (void)state;
    for (size_t step = 1; step < sizeof whole; step++) {
        assert_int_equal(decode(str_from(whole), step, &body, &used),
                         HTTP_DONE);
        assert_true(str_is(buf_str(&body), "Wikipedia in\r\n\r\nchunks."));
        assert_int_equal(used, sizeof whole - 1 - 4);
    }
    buf_fini(&body);
}

static void
a_wrong_chunk_is_refused(void **state)
{
    static const char *const texts[] = {
        "\r\n",        "\n",           " 1",         "g",          "-1",
        "+1",          "0x1",          "1\n",        "1 \r\n",     "1\r\nab",
        "1\r\na\n",    "1\r\na\r\r",   "1\rx",       "000000001",  "1;a\n",
        "1;\x01",      "0\r\n\n",      "0\r\n X: y", "0\r\nX\r\n", "0\r\nX Y:",
        "0\r\nX: y\n", "0\r\nX: y\rz", "0\r\n: y",   "0\r\n\rx",   "1;\x7f",
        "fffffffff",
    };
    struct buf body = {0};
    size_t used;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const struct str text = str_from(texts[i]);

        print_message("# %zu\n", i);
        for (size_t step = 1; step <= text.n; step++)
            assert_int_equal(decode(text, step, &body, &used), HTTP_REFUSED);
    }
    buf_fini(&body);
}

static void
extensions_and_trailers_have_a_cap(void **state)
{
    const struct str starts[] = {STR("1;"), STR("0\r\nX: ")};
    static char text[HTTP_CHUNK_EXTRA_MAX + 64];
    struct buf body = {0};
    size_t used;

    (void)state;
    for (int i = 0; i < 2; i++) {
        memset(text, 'a', sizeof text);
        memcpy(text, starts[i].p, starts[i].n);
        assert_int_equal(decode((struct str){text, HTTP_CHUNK_EXTRA_MAX}, 4096,
                                &body, &used),
                         HTTP_MORE);
        assert_int_equal(
            decode((struct str){text, sizeof text}, 4096, &body, &used),
            HTTP_REFUSED);
    }
    buf_fini(&body);
}

static void
a_chunk_of_4_gib_is_announced_but_only_what_came_is_held(void **state)
{
    struct buf body = {0};
    size_t used;

    (void)state;
    assert_int_equal(decode(STR("ffffffff\r\nabc"), 64, &body, &used),
                     HTTP_MORE);
    assert_true(str_is(buf_str(&body), "abc"));
    buf_fini(&body);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_well_formed_head_is_taken_apart),
        cmocka_unit_test(a_wrong_byte_is_refused_as_soon_as_it_is_there),
        cmocka_unit_test(a_nul_is_refused_wherever_it_stands),
        cmocka_unit_test(a_target_of_8_kib_is_taken_and_one_byte_more_is_414),
        cmocka_unit_test(a_65th_header_is_431),
        cmocka_unit_test(a_head_over_16_kib_is_431),
        cmocka_unit_test(an_endless_method_is_refused),
        cmocka_unit_test(what_follows_the_head_is_left_alone),
        cmocka_unit_test(expect_is_for_http_1_1_alone),
        cmocka_unit_test(chunks_come_together_however_they_are_cut),
        cmocka_unit_test(a_wrong_chunk_is_refused),
        cmocka_unit_test(extensions_and_trailers_have_a_cap),
        cmocka_unit_test(
            a_chunk_of_4_gib_is_announced_but_only_what_came_is_held),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
