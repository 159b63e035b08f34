#include "channel/mime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/arena.h"
#include "channel/call_test.h"

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))

static struct mime_message
message(void)
{
    return (struct mime_message){
        .from = {STR("Shop"), STR("shop@example.com")},
        .to = {STR_NONE, STR("tim@example.net")},
        .subject = STR("Paid"),
        .text = STR("Order 7 is paid."),
        .id = STR("dlv_01jd7w9q2me0rbn8t5k3xvhz4c"),
        .date_ms = INT64_C(1790242200000),
    };
}

static void
the_plain_message_is_known_to_the_byte(void **state)
{
    struct arena *a = arena_new();
    struct mime_message m = message();
    struct buf out = {0};

    (void)state;
    m.language = STR("pt-BR");
    m.unsubscribe_url = STR("https://example.com/u/tok");
    assert_null(mime_build(a, &m, &out));
    assert_text(buf_str(&out),
                "Date: Thu, 24 Sep 2026 09:30:00 +0000\r\n"
                "From: Shop <shop@example.com>\r\n"
                "To: tim@example.net\r\n"
                "Subject: Paid\r\n"
                "Message-ID: <dlv_01jd7w9q2me0rbn8t5k3xvhz4c@example.com>\r\n"
                "Content-Language: pt-BR\r\n"
                "List-Unsubscribe: <https://example.com/u/tok>\r\n"
                "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
                "Auto-Submitted: auto-generated\r\n"
                "MIME-Version: 1.0\r\n"
                "Content-Type: text/plain; charset=UTF-8\r\n"
                "Content-Transfer-Encoding: 7bit\r\n"
                "\r\n"
                "Order 7 is paid.\r\n");
    buf_fini(&out);
    arena_free(a);
}

static void
html_comes_as_the_second_alternative(void **state)
{
    struct arena *a = arena_new();
    struct mime_message m = message();
    struct buf out = {0};

    (void)state;
    m.html = STR("<p>Gr\xc3\xb6\xc3\x9f"
                 "e</p>\n");
    assert_null(mime_build(a, &m, &out));
    assert_holds(buf_str(&out),
                 "Content-Type: multipart/alternative;\r\n"
                 " boundary=\"=_dlv_01jd7w9q2me0rbn8t5k3xvhz4c_0\"\r\n\r\n"
                 "--=_dlv_01jd7w9q2me0rbn8t5k3xvhz4c_0\r\n"
                 "Content-Type: text/plain; charset=UTF-8\r\n"
                 "Content-Transfer-Encoding: 7bit\r\n\r\n"
                 "Order 7 is paid.\r\n"
                 "--=_dlv_01jd7w9q2me0rbn8t5k3xvhz4c_0\r\n"
                 "Content-Type: text/html; charset=UTF-8\r\n"
                 "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
                 "<p>Gr=C3=B6=C3=9Fe</p>\r\n\r\n"
                 "--=_dlv_01jd7w9q2me0rbn8t5k3xvhz4c_0--\r\n");
    buf_fini(&out);
    arena_free(a);
}

static void
a_part_cannot_hold_the_boundary(void **state)
{
    struct arena *a = arena_new();
    struct mime_message m = message();
    struct buf out = {0};

    (void)state;
    m.html = STR("<p>x</p>");
    m.text = STR("--=_dlv_01jd7w9q2me0rbn8t5k3xvhz4c_0--");
    assert_null(mime_build(a, &m, &out));
    assert_holds(buf_str(&out), "c_1--\r\n");
    buf_fini(&out);
    arena_free(a);
}

static void
quoted_printable_is_the_published_one(void **state)
{
    static const struct {
        const char *in, *want;
    } rows[] = {
        {"Gr\xc3\xb6\xc3\x9f"
         "e = 5 \xe2\x82\xac\r\ntrail \r\n",
         "Gr=C3=B6=C3=9Fe =3D 5 =E2=82=AC\r\ntrail=20\r\n"},
        {"tab\t\r\nx", "tab=09\r\nx"},
        {".\r\n..a\r\nb.", "=2E\r\n=2E.a\r\nb."},
        {"From me\r\nFromage\r\n", "=46rom me\r\nFromage\r\n"},
        {"\x01\x7f", "=01=7F"},
        {"", ""},
        {"\r\n\r\n", "\r\n\r\n"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf out = {0};

        mime_put_quoted_printable(&out, str_from(rows[i].in));
        assert_text(buf_str(&out), rows[i].want);
        buf_fini(&out);
    }
}

static void
no_encoded_line_is_over_76(void **state)
{
    struct buf in = {0}, out = {0};
    struct str rest, line;

    (void)state;
    for (int i = 0; i < 300; i++)
        buf_put_cstr(&in, i % 7 == 0 ? "\xe2\x82\xac" : i % 5 ? "x" : ".");
    for (size_t cut = 0; cut < 90; cut++) {
        buf_reset(&out);
        mime_put_quoted_printable(&out, str_sub(buf_str(&in), cut, 300));
        rest = buf_str(&out);
        while (str_split(&rest, '\n', &line)) {
            assert_true(line.n <= 77); /* with its CR */
            assert_true(line.n == 0 || line.p[0] != '.');
        }
    }
    buf_fini(&in);
    buf_fini(&out);
}

static void
headers_are_encoded_as_published(void **state)
{
    static const struct {
        const char *in, *want;
    } rows[] = {
        {"plain words", "S: plain words\r\n"},
        {"", "S:\r\n"},
        {"Gr\xc3\xb6\xc3\x9f"
         "e: na\xc3\xafve caf\xc3\xa9 \xe2\x98\x95",
         "S: =?UTF-8?B?R3LDtsOfZTogbmHDr3ZlIGNhZsOpIOKYlQ==?=\r\n"},
        {"\xc3\x84pfel", "S: =?UTF-8?Q?=C3=84pfel?=\r\n"},
        {"a =?utf-8?q?a=0D=0ABcc:?= b",
         "S: =?UTF-8?Q?a_=3D=3Futf-8=3Fq=3Fa=3D0D=3D0ABcc=3A=3F=3D_b?=\r\n"},
        {"two  blanks", "S: =?UTF-8?Q?two__blanks?=\r\n"},
        {" lead", "S: =?UTF-8?Q?_lead?=\r\n"},
        {"under_score", "S: under_score\r\n"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf out = {0};

        mime_put_header(&out, "S", str_from(rows[i].in));
        assert_text(buf_str(&out), rows[i].want);
        buf_fini(&out);
    }
}

/* Each encoded-word by itself: 75 at most, whole characters. */
static void
long_titles_fold_and_split_between_characters(void **state)
{
    static const char *const units[] = {
        "\xe2\x82\xac", "\xc3\xa9",         "abc",
        "w ",           "\xf0\x9f\x9b\x92", "e\xc3\xa9"};

    (void)state;
    for (size_t u = 0; u < COUNT(units); u++) {
        struct buf in = {0}, out = {0}, text = {0};
        struct str rest, line;

        for (int i = 0; i < 200; i++)
            buf_put_cstr(&in, units[u]);
        mime_put_header(&out, "Subject", buf_str(&in));
        rest = buf_str(&out);
        assert_true(str_ends(rest, STR("\r\n")));
        rest.n -= 2;
        while (str_split(&rest, '\n', &line)) {
            ptrdiff_t b = str_find(line, 'B');

            line = str_trim(line);
            if (line.n > 0 && line.p[line.n - 1] == '\r')
                line.n--;
            assert_true(line.n <= 76);
            if (str_starts(line, STR("=?UTF-8?B?")) && b > 0) {
                struct str payload = str_sub(line, 10, line.n - 12);
                size_t before = text.n;

                assert_true(buf_get_base64(&text, payload));
                assert_true(str_is_utf8(
                    (struct str){text.p + before, text.n - before}));
            }
        }
        buf_fini(&in);
        buf_fini(&out);
        buf_fini(&text);
    }
}

static void
addresses_are_written_so_that_they_read_back(void **state)
{
    static const struct {
        const char *in, *want;
    } rows[] = {
        {"a@b.c", "To: a@b.c\r\n"},
        {"<a@b.c>", "To: a@b.c\r\n"},
        {" Tim Doe <a@b.c> ", "To: Tim Doe <a@b.c>\r\n"},
        {"\"Doe, Tim\" <a@b.c>", "To: \"Doe, Tim\" <a@b.c>\r\n"},
        {"Doe, Tim <a@b.c>", "To: \"Doe, Tim\" <a@b.c>\r\n"},
        {"\"a\\\"b\\\\c\" <a@b.c>", "To: \"a\\\"b\\\\c\" <a@b.c>\r\n"},
        {"J\xc3\xbcrgen K <a@b.c>",
         "To: =?UTF-8?Q?J=C3=BCrgen_K?= <a@b.c>\r\n"},
        {"x@y <a@b.c>", "To: \"x@y\" <a@b.c>\r\n"},
        {"a.b+c!#$%&'*/=?^_`{|}~-@localhost",
         "To: a.b+c!#$%&'*/=?^_`{|}~-@localhost\r\n"},
    };
    struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct mime_message m = message();
        struct buf out = {0};

        if (!mime_parse_address(a, str_from(rows[i].in), &m.to))
            fail_msg("%s", rows[i].in);
        assert_null(mime_build(a, &m, &out));
        assert_holds(buf_str(&out), rows[i].want);
        buf_fini(&out);
    }
    arena_free(a);
}

static void
what_is_no_mailbox_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "a",
        "@b",
        "a@",
        "a@b@c",
        "a b@c.d",
        "a@b c",
        ".a@b.c",
        "a.@b.c",
        "a..b@c.d",
        "a@-b.c",
        "a@b-.c",
        "a@b..c",
        "a@b.c.",
        "a@[127.0.0.1]",
        "a,b@c.d",
        "a@b.c,d@e.f",
        "a@b.c>",
        "<a@b.c",
        "<a@b.c> x",
        "\"a b\"@c.d",
        "\"a\r\n\"@x",
        "a@x\r\nBcc: v@y",
        "a@x\nBcc: v@y",
        "a@x\r",
        "a\t@x.y",
        "\r\n a@x",
        "N\r\nBcc: v@y <a@b.c>",
        "N\x7f <a@b.c>",
        "N\xe2\x80\xa8M <a@b.c>",
        "N\xff <a@b.c>",
        "j\xc3\xbc rgen@b.c",
        "j\xc3@b.c",
        "\xe2\x80\xa8@b.c",
        "\xc3\xbc..a@b.c",
        "a@-b\xc3\xbc.de",
        "a@b\xc3\xbc..de",
        "a@b.c\xe2\x80\xa9",
        "01234567890123456789012345678901234567890123456789012345678901234@x.y",
    };
    struct mime_address address;
    struct arena *a = arena_new();
    struct str nul = STR("a@b.c\0d");

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        if (mime_parse_address(a, str_from(bad[i]), &address))
            fail_msg("|%s|", bad[i]);
    assert_false(mime_parse_address(a, nul, &address));
    arena_free(a);
}

static void
domains_become_ascii_and_what_is_before_them_stays(void **state)
{
    static const struct {
        const char *text, *spec;
        bool is_wide;
    } rows[] = {
        {"tim@example.net", "tim@example.net", false},
        {"tim@b\xc3\xbc"
         "cher.example",
         "tim@xn--bcher-kva.example", false},
        {"T <tim@B\xc3\x9c"
         "CHER.example>",
         "tim@xn--bcher-kva.example", false},
        {"j\xc3\xbcrgen@example.net", "j\xc3\xbcrgen@example.net", true},
        {"J\xc3\xbcrgen <j\xc3\xbcrgen@b\xc3\xbc"
         "cher.example>",
         "j\xc3\xbcrgen@xn--bcher-kva.example", true},
        {"\xe7\x94\xa8\xe6\x88\xb7@example.net",
         "\xe7\x94\xa8\xe6\x88\xb7@example.net", true},
    };
    struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct mime_address address;

        assert_true(mime_parse_address(a, str_from(rows[i].text), &address));
        assert_text(address.spec, rows[i].spec);
        assert_int_equal(mime_is_wide(&address), rows[i].is_wide);
    }
    arena_free(a);
}

static void
a_wide_address_stands_as_it_is_and_no_other_text_does(void **state)
{
    struct arena *a = arena_new();
    struct mime_message m = message();
    struct buf out = {0};

    (void)state;
    assert_true(mime_parse_address(
        a, STR("J\xc3\xbcrgen <j\xc3\xbcrgen@example.net>"), &m.to));
    m.subject = STR("Gr\xc3\xbc\xc3\x9f"
                    "e");
    assert_null(mime_build(a, &m, &out));
    assert_holds(buf_str(&out), "To: =?UTF-8?Q?J=C3=BCrgen?= "
                                "<j\xc3\xbcrgen@example.net>\r\n");
    assert_holds(buf_str(&out), "Subject: =?UTF-8?B?R3LDvMOfZQ==?=\r\n");
    m.reply_to = m.to;
    assert_non_null(mime_fault(&m));
    buf_fini(&out);
    arena_free(a);
}

static void
attachments_follow_the_words(void **state)
{
    const struct attachment files[] = {
        {.filename = STR("a.txt"),
         .content_type = STR("text/plain; charset=utf-8"),
         .content = STR("aGVsbG8=")},
        {.filename = STR("b.bin"),
         .content_type = STR("application/octet-stream"),
         .content = STR("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4"
                        "OTAxMjM0NTY3ODkwMTIzNDU2Nzg5")},
    };
    struct arena *a = arena_new();
    struct mime_message m = message();
    struct buf out = {0};

    (void)state;
    m.attachments = files;
    m.n_attachments = 2;
    assert_null(mime_build(a, &m, &out));
    assert_holds(
        buf_str(&out),
        "MIME-Version: 1.0\r\n"
        "Content-Type: multipart/mixed;\r\n"
        " boundary=\"=_dlv_01jd7w9q2me0rbn8t5k3xvhz4c_0\"\r\n"
        "\r\n"
        "--=_dlv_01jd7w9q2me0rbn8t5k3xvhz4c_0\r\n"
        "Content-Type: text/plain; charset=UTF-8\r\n"
        "Content-Transfer-Encoding: 7bit\r\n"
        "\r\n"
        "Order 7 is paid.\r\n"
        "--=_dlv_01jd7w9q2me0rbn8t5k3xvhz4c_0\r\n"
        "Content-Type: text/plain;\r\n"
        " charset=utf-8\r\n"
        "Content-Disposition: attachment;\r\n"
        " filename=\"a.txt\"\r\n"
        "Content-Transfer-Encoding: base64\r\n"
        "\r\n"
        "aGVsbG8=\r\n"
        "--=_dlv_01jd7w9q2me0rbn8t5k3xvhz4c_0\r\n"
        "Content-Type: application/octet-stream\r\n"
        "Content-Disposition: attachment;\r\n"
        " filename=\"b.bin\"\r\n"
        "Content-Transfer-Encoding: base64\r\n"
        "\r\n"
        "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwM"
        "TIzNDU2\r\n"
        "Nzg5\r\n"
        "--=_dlv_01jd7w9q2me0rbn8t5k3xvhz4c_0--\r\n");
    buf_fini(&out);
    arena_free(a);
}

static void
the_alternatives_stand_within_the_mixed(void **state)
{
    const struct attachment file = {.filename = STR("a.txt"),
                                    .content_type = STR("text/plain"),
                                    .content = STR("aGVsbG8=")};
    struct arena *a = arena_new();
    struct mime_message m = message();
    struct buf out = {0};

    (void)state;
    m.html = STR("<p>x</p>");
    m.attachments = &file;
    m.n_attachments = 1;
    assert_null(mime_build(a, &m, &out));
    assert_holds(buf_str(&out),
                 "--=_dlv_01jd7w9q2me0rbn8t5k3xvhz4c_1\r\n"
                 "Content-Type: multipart/alternative;\r\n"
                 " boundary=\"=_dlv_01jd7w9q2me0rbn8t5k3xvhz4c_0\"\r\n");
    assert_holds(buf_str(&out), "--=_dlv_01jd7w9q2me0rbn8t5k3xvhz4c_0--\r\n"
                                "--=_dlv_01jd7w9q2me0rbn8t5k3xvhz4c_1\r\n");
    buf_fini(&out);
    arena_free(a);
}

static void
names_of_files_are_written_as_rfc_2231_has_them(void **state)
{
    static const struct {
        const char *name, *want;
    } rows[] = {
        {"a b.txt", ";\r\n filename=\"a b.txt\""},
        {"a\"b;c.txt", ";\r\n filename=\"a\\\"b;c.txt\""},
        {"\xc3\xbc b.txt", ";\r\n filename*=UTF-8''%C3%BC%20b.txt"},
        {"100%.\xc3\xa4", ";\r\n filename*=UTF-8''100%25.%C3%A4"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.txt",
         ";\r\n filename*0*=UTF-8''aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "aaaaaaaaa;\r\n filename*1*=aaaaaaaa.txt"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf out = {0};

        mime_put_parameter(&out, "filename", str_from(rows[i].name));
        assert_text(buf_str(&out), rows[i].want);
        buf_fini(&out);
    }
}

/* Every place that a value can reach, with every byte that could end it. */
static void
no_value_can_add_a_header(void **state)
{
    static const struct str evil[] = {
        {"A\rB: c", 6},
        {"A\nB: c", 6},
        {"A\r\nB: c", 7},
        {"A\0B", 3},
        {"A\r\n\r\nbody", 9},
        {"\x7f", 1},
        {"A\xe2\x80\xa8"
         "B",
         5},
        {"A\xe2\x80\xa9"
         "B",
         5},
        {"A\x1b"
         "B",
         3},
        {"A\x0b"
         "B",
         3},
        {"\xc0\x8a", 2},
        {"\xff", 1},
    };
    struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < COUNT(evil); i++) {
        for (int place = 0; place < 12; place++) {
            struct mime_header header = {STR("X-Tag"), STR("v")};
            struct mime_address cc = {STR("n"), STR("a@b.c")};
            struct mime_message m = message();
            struct buf out = {0};
            struct str *places[] = {
                &m.subject, &m.language,        &m.from.name, &m.from.spec,
                &m.to.name, &m.to.spec,         &cc.name,     &cc.spec,
                &m.id,      &m.unsubscribe_url, &header.name, &header.value};

            m.cc = &cc;
            m.headers = &header;
            m.n_cc = m.n_headers = 1;
            *places[place] = evil[i];
            if (!mime_build(a, &m, &out))
                fail_msg("place %d takes row %zu", place, i);
            assert_int_equal(out.n, 0);
            buf_fini(&out);
        }
    }
    arena_free(a);
}

static void
bodies_have_no_bare_line_end(void **state)
{
    struct arena *a = arena_new();
    struct mime_message m = message();
    struct buf out = {0};

    (void)state;
    m.text = STR("a\rb\nc\r\nd\n\re\r\n.\r\nQUIT");
    m.html = STR("<i>\n.\n</i>\r");
    assert_null(mime_build(a, &m, &out));
    assert_holds(buf_str(&out),
                 "a\r\nb\r\nc\r\nd\r\n\r\ne\r\n.\r\nQUIT\r\n--=_");
    for (size_t i = 0; i < out.n; i++) {
        if (out.p[i] == '\n')
            assert_true(i > 0 && out.p[i - 1] == '\r');
        if (out.p[i] == '\r')
            assert_true(i + 1 < out.n && out.p[i + 1] == '\n');
    }
    buf_fini(&out);
    arena_free(a);
}

static void
senders_set_only_headers_of_the_list(void **state)
{
    static const char *const good[] = {"X-Tag",       "x-priority",
                                       "In-Reply-To", "references",
                                       "List-ID",     "Precedence"};
    static const char *const bad[] = {"From",
                                      "to",
                                      "Cc",
                                      "Bcc",
                                      "Sender",
                                      "Reply-To",
                                      "Date",
                                      "Message-ID",
                                      "Subject",
                                      "Received",
                                      "Return-Path",
                                      "MIME-Version",
                                      "Content-Type",
                                      "content-id",
                                      "DKIM-Signature",
                                      "List-Unsubscribe",
                                      "Resent-To",
                                      "X-",
                                      "X-a b",
                                      "X-a:",
                                      "X-\xc3\xa4",
                                      "",
                                      "X",
                                      "Authentication-Results"};

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++)
        assert_true(mime_header_is_free(str_from(good[i])));
    for (size_t i = 0; i < COUNT(bad); i++)
        if (mime_header_is_free(str_from(bad[i])))
            fail_msg("%s", bad[i]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_plain_message_is_known_to_the_byte),
        cmocka_unit_test(html_comes_as_the_second_alternative),
        cmocka_unit_test(a_part_cannot_hold_the_boundary),
        cmocka_unit_test(quoted_printable_is_the_published_one),
        cmocka_unit_test(no_encoded_line_is_over_76),
        cmocka_unit_test(headers_are_encoded_as_published),
        cmocka_unit_test(long_titles_fold_and_split_between_characters),
        cmocka_unit_test(addresses_are_written_so_that_they_read_back),
        cmocka_unit_test(what_is_no_mailbox_is_refused),
        cmocka_unit_test(domains_become_ascii_and_what_is_before_them_stays),
        cmocka_unit_test(a_wide_address_stands_as_it_is_and_no_other_text_does),
        cmocka_unit_test(attachments_follow_the_words),
        cmocka_unit_test(the_alternatives_stand_within_the_mixed),
        cmocka_unit_test(names_of_files_are_written_as_rfc_2231_has_them),
        cmocka_unit_test(no_value_can_add_a_header),
        cmocka_unit_test(bodies_have_no_bare_line_end),
        cmocka_unit_test(senders_set_only_headers_of_the_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
