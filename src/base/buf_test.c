#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/arena.h"

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))

static void
assert_buf(struct buf *b, const char *want)
{
    assert_int_equal(b->n, strlen(want));
    assert_memory_equal(b->p ? b->p : "", want, b->n);
    buf_reset(b);
}

static void
fill_and_check(struct buf *b)
{
    for (int i = 0; i < 3000; i++)
        buf_put_char(b, (char)('a' + i % 26));
    assert_int_equal(b->n, 3000);
    for (int i = 0; i < 3000; i++)
        assert_int_equal(b->p[i], 'a' + i % 26);
    buf_drop(b, 2999);
    assert_buf(b, "j");
}

static void
a_buffer_grows_on_the_heap_and_in_an_arena(void **state)
{
    struct arena *a = arena_new();
    struct buf b = {0};

    (void)state;
    assert_int_equal(buf_str(&b).n, 0);
    buf_drop(&b, 0);
    buf_put(&b, NULL, 0);
    fill_and_check(&b);
    buf_fini(&b);
    assert_null(b.p);
    fill_and_check(&b); /* and again from nothing */
    buf_fini(&b);
    buf_init(&b, a);
    fill_and_check(&b);
    buf_fini(&b);
    fill_and_check(&b); /* it is still the arena's */
    arena_free(a);
}

static void
numbers_and_formats_are_appended(void **state)
{
    struct buf b = {0};

    (void)state;
    buf_put_i64(&b, 0);
    buf_put_char(&b, ' ');
    buf_put_i64(&b, INT64_MIN);
    buf_put_char(&b, ' ');
    buf_put_i64(&b, INT64_MAX);
    assert_buf(&b, "0 -9223372036854775808 9223372036854775807");
    buf_put_str(&b, STR("a\0b"));
    assert_memory_equal(b.p, "a\0b", 3);
    buf_drop(&b, 2);
    buf_put_cstr(&b, "cd");
    assert_buf(&b, "bcd");
    for (int n = 40; n < 300; n++) {
        buf_put_char(&b, '<');
        buf_printf(&b, "%0*d", n, 7);
        assert_int_equal(b.n, n + 1);
        assert_int_equal(b.p[n], '7');
        buf_fini(&b);
    }
}

static void
json_text_is_escaped_where_it_must_be(void **state)
{
    struct buf b = {0};

    (void)state;
    buf_put_json_str(&b, STR("a\" b\\c/\b\f\n\r\t\x01\x1F\x7F\xC3\xA9"));
    assert_buf(&b,
               "\"a\\\" b\\\\c/\\b\\f\\n\\r\\t\\u0001\\u001f\x7F\xC3\xA9\"");
    buf_put_json_str(&b, STR("\0"));
    assert_buf(&b, "\"\\u0000\"");
    buf_put_json_str(&b, STR_NONE);
    assert_buf(&b, "\"\"");
    buf_fini(&b);
}

static void
html_and_url_and_hex_are_safe(void **state)
{
    struct buf b = {0};

    (void)state;
    buf_put_html(&b, STR("<a href=\"x\">Tom & 'J'</a>"));
    assert_buf(&b,
               "&lt;a href=&quot;x&quot;&gt;Tom &amp; &#39;J&#39;&lt;/a&gt;");
    buf_put_html(&b, STR("plain"));
    assert_buf(&b, "plain");
    buf_put_html(&b, STR_NONE);
    assert_buf(&b, "");
    buf_put_url(&b, STR("aZ09-._~ /?&=+%\xC3\xA9"));
    assert_buf(&b, "aZ09-._~%20%2F%3F%26%3D%2B%25%C3%A9");
    buf_put_url(&b, STR("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                        "0123456789"));
    assert_buf(&b, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                   "0123456789");
    buf_put_url(&b, STR("@[`{/:\x7F"));
    assert_buf(&b, "%40%5B%60%7B%2F%3A%7F");
    buf_put_hex(&b, STR("\x00\xFF\x1A"));
    assert_buf(&b, "00ff1a");
    buf_fini(&b);
}

/* RFC 4648 section 10. */
static void
base64_agrees_with_the_rfc(void **state)
{
    static const struct {
        const char *plain, *padded, *bare;
    } rows[] = {{"", "", ""},
                {"f", "Zg==", "Zg"},
                {"fo", "Zm8=", "Zm8"},
                {"foo", "Zm9v", "Zm9v"},
                {"foob", "Zm9vYg==", "Zm9vYg"},
                {"fooba", "Zm9vYmE=", "Zm9vYmE"},
                {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
                {"\xFB\xEF\xFF", "++//", "--__"}};
    struct buf b = {0};

    (void)state;
    for (size_t k = 0; k < COUNT(rows); k++) {
        buf_put_base64(&b, str_from(rows[k].plain));
        assert_buf(&b, rows[k].padded);
        buf_put_base64url(&b, str_from(rows[k].plain));
        assert_buf(&b, rows[k].bare);
        assert_true(buf_get_base64(&b, str_from(rows[k].padded)));
        assert_buf(&b, rows[k].plain);
        assert_true(buf_get_base64(&b, str_from(rows[k].bare)));
        assert_buf(&b, rows[k].plain);
    }
    buf_fini(&b);
}

static void
all_bytes_come_through_base64(void **state)
{
    struct buf plain = {0}, text = {0}, back = {0};

    (void)state;
    for (int i = 0; i < 3 * 256; i++)
        buf_put_char(&plain, (char)(unsigned char)(i * 7 + i / 256));
    for (size_t n = 0; n <= plain.n; n++) {
        struct str s = {plain.p, n};

        buf_put_base64(&text, s);
        assert_true(buf_get_base64(&back, buf_str(&text)));
        buf_reset(&text);
        buf_put_base64url(&text, s);
        assert_true(buf_get_base64(&back, buf_str(&text)));
        assert_int_equal(back.n, 2 * n);
        assert_true(str_eq(str_sub(buf_str(&back), 0, n), s));
        assert_true(str_eq(str_sub(buf_str(&back), n, n), s));
        buf_reset(&text);
        buf_reset(&back);
    }
    buf_fini(&plain);
    buf_fini(&text);
    buf_fini(&back);
}

static void
what_is_no_base64_leaves_the_buffer_alone(void **state)
{
    static const char *const bad[] = {
        "A",    "=",    "==",   "A===",   "AA=",  "AAA==", "A=AA",
        "AA=A", "====", "AB!D", "Zm9v\n", "AA:A", "AA@A",  "AA[A",
        "AA`A", "AA{A", "AA.A", "Zh",     "Zm9=", "AAAAA", "\xC3\xA9"};
    struct buf b = {0};

    (void)state;
    buf_put_cstr(&b, "kept");
    for (size_t k = 0; k < COUNT(bad); k++) {
        assert_false(buf_get_base64(&b, str_from(bad[k])));
        assert_int_equal(b.n, 4);
    }
    assert_buf(&b, "kept");
    buf_fini(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buffer_grows_on_the_heap_and_in_an_arena),
        cmocka_unit_test(numbers_and_formats_are_appended),
        cmocka_unit_test(json_text_is_escaped_where_it_must_be),
        cmocka_unit_test(html_and_url_and_hex_are_safe),
        cmocka_unit_test(base64_agrees_with_the_rfc),
        cmocka_unit_test(all_bytes_come_through_base64),
        cmocka_unit_test(what_is_no_base64_leaves_the_buffer_alone),
    };

    return cmocka_run_group_tests_name("base/buf", tests, NULL, NULL);
}
