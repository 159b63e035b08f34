#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/arena.h"

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))

static void
assert_str(struct str s, const char *want)
{
    assert_int_equal(s.n, strlen(want));
    assert_memory_equal(s.p ? s.p : "", want, s.n);
}

static void
equal_means_the_same_bytes(void **state)
{
    (void)state;
    assert_true(str_eq(STR_NONE, STR("")));
    assert_true(str_eq(STR("ab"), str_from("ab")));
    assert_false(str_eq(STR("ab"), STR("abc")));
    assert_false(str_eq(STR("ab"), STR("aB")));
    assert_true(str_eq(STR("a\0b"), STR("a\0b")));
    assert_false(str_eq(STR("a\0b"), STR("a\0c")));
    assert_true(str_is(STR("ab"), "ab"));
    assert_null(str_from(NULL).p);
    assert_true(str_ieq(STR("Content-TYPE"), STR("content-type")));
    assert_false(str_ieq(STR("a@"), STR("a`"))); /* 32 apart, no letters */
    assert_false(str_ieq(STR("[a"), STR("{a")));
}

static void
order_is_by_byte_then_by_length(void **state)
{
    (void)state;
    assert_true(str_cmp(STR("a"), STR("b")) < 0);
    assert_true(str_cmp(STR("a"), STR("ab")) < 0);
    assert_true(str_cmp(STR("ab"), STR("a")) > 0);
    assert_true(str_cmp(STR("\xFF"), STR("a")) > 0);
    assert_int_equal(str_cmp(STR_NONE, STR("")), 0);
}

static void
distance_counts_edits_and_swaps(void **state)
{
    char longer[200];

    (void)state;
    assert_int_equal(str_distance(STR("send"), STR("send")), 0);
    assert_int_equal(str_distance(STR("SEND"), STR("send")), 0);
    assert_int_equal(str_distance(STR("sned"), STR("send")), 1);
    assert_int_equal(str_distance(STR("snd"), STR("send")), 1);
    assert_int_equal(str_distance(STR("sendd"), STR("send")), 1);
    assert_int_equal(str_distance(STR("mend"), STR("send")), 1);
    assert_int_equal(str_distance(STR("ls"), STR("send")), 4);
    assert_int_equal(str_distance(STR_NONE, STR("send")), 4);
    assert_int_equal(str_distance(STR("send"), STR_NONE), 4);
    assert_int_equal(str_distance(STR("kitten"), STR("sitting")), 3);
    memset(longer, 'a', sizeof(longer));
    assert_int_equal(
        str_distance((struct str){longer, sizeof(longer)}, STR("")), 64);
}

static void
ends_and_middles_are_found(void **state)
{
    (void)state;
    assert_true(str_starts(STR("ntf_1"), STR("ntf_")));
    assert_false(str_starts(STR("ntf"), STR("ntf_")));
    assert_false(str_starts(STR("dlv_1"), STR("ntf_")));
    assert_true(str_starts(STR_NONE, STR("")));
    assert_true(str_ends(STR("10ms"), STR("ms")));
    assert_false(str_ends(STR("s"), STR("ms")));
    assert_true(str_ends(STR_NONE, STR_NONE));
    assert_str(str_trim(STR(" \t a b\t ")), "a b");
    assert_str(str_trim(STR(" \t")), "");
    assert_str(str_sub(STR("abcd"), 1, 2), "bc");
    assert_str(str_sub(STR("abcd"), 3, SIZE_MAX), "d");
    assert_str(str_sub(STR("abcd"), SIZE_MAX, SIZE_MAX), "");
    assert_int_equal(str_find(STR("a.b.c"), '.'), 1);
    assert_int_equal(str_find(STR("abc"), '.'), -1);
    assert_int_equal(str_find(STR_NONE, 0), -1);
}

static void
a_split_gives_every_part_also_the_empty_ones(void **state)
{
    struct str rest = STR("a,,b,"), part;

    (void)state;
    assert_true(str_split(&rest, ',', &part));
    assert_str(part, "a");
    assert_true(str_split(&rest, ',', &part));
    assert_str(part, "");
    assert_true(str_split(&rest, ',', &part));
    assert_str(part, "b");
    assert_true(str_split(&rest, ',', &part));
    assert_str(part, "");
    assert_false(str_split(&rest, ',', &part));
    assert_false(str_split(&rest, ',', &part));
}

static void
copies_end_with_nul(void **state)
{
    struct arena *a = arena_new();
    char big[1000];
    struct str s;

    (void)state;
    s = str_dup(a, (struct str){"abcdef", 3});
    assert_string_equal(s.p, "abc");
    assert_string_equal(str_cstr(a, STR_NONE), "");
    assert_str(str_lower(a, STR("MiXed-\xC3\x84Z")), "mixed-\xC3\x84z");
    memset(big, 'x', sizeof(big));
    for (size_t n = 250; n < 262; n++) {
        s = str_fmt(a, "%.*s!", (int)n, big);
        assert_int_equal(s.n, n + 1);
        assert_int_equal(strlen(s.p), n + 1);
        assert_int_equal(s.p[n], '!');
    }
    assert_str(str_fmt(a, "%s-%d", "a", 7), "a-7");
    arena_free(a);
}

static void
numbers_stop_at_their_range(void **state)
{
    static const char *const bad[] = {"",
                                      "-",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "1a",
                                      "0x1",
                                      "--1",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999",
                                      "1\xB2"};
    uint64_t u = 7;
    int64_t i = 7;

    (void)state;
    for (size_t k = 0; k < COUNT(bad); k++)
        assert_false(str_to_i64(str_from(bad[k]), &i));
    assert_int_equal(i, 7);
    assert_true(str_to_i64(STR("-9223372036854775808"), &i));
    assert_true(i == INT64_MIN);
    assert_true(str_to_i64(STR("9223372036854775807"), &i));
    assert_true(i == INT64_MAX);
    assert_true(str_to_i64(STR("-0"), &i));
    assert_int_equal(i, 0);
    assert_true(str_to_u64(STR("18446744073709551615"), &u));
    assert_true(u == UINT64_MAX);
    assert_false(str_to_u64(STR("18446744073709551616"), &u));
    assert_false(str_to_u64(STR("-1"), &u));
    assert_false(str_to_u64(STR("184467440737095516150"), &u));
}

static void
hex_digits_are_of_either_case(void **state)
{
    (void)state;
    for (int i = 0; i < 16; i++) {
        assert_int_equal(str_hex_digit("0123456789abcdef"[i]), i);
        assert_int_equal(str_hex_digit("0123456789ABCDEF"[i]), i);
    }
    for (const char *c = "/:@G`g\xff"; *c; c++)
        assert_int_equal(str_hex_digit(*c), -1);
    assert_int_equal(str_hex_digit('\0'), -1);
}

static void
durations_need_a_unit(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {{"0", 0},          {"250ms", 250},
                {"30s", 30000},    {"10m", 600000},
                {"24h", 86400000}, {"7d", 604800000},
                {"0s", 0},         {"9223372036854775807ms", INT64_MAX}};
    static const char *const bad[] = {"",
                                      "1",
                                      "s",
                                      "ms",
                                      "-1s",
                                      "-0s",
                                      "1.5s",
                                      "1 s",
                                      "1S",
                                      "1w",
                                      "00",
                                      "1ss",
                                      " 1s",
                                      "1s ",
                                      "+1s",
                                      "106751991168d",
                                      "9223372036854775807s"};
    int64_t ms = -7;

    (void)state;
    for (size_t k = 0; k < COUNT(bad); k++)
        assert_false(str_to_duration_ms(str_from(bad[k]), &ms));
    assert_int_equal(ms, -7);
    for (size_t k = 0; k < COUNT(good); k++) {
        assert_true(str_to_duration_ms(str_from(good[k].text), &ms));
        assert_int_equal(ms, good[k].ms);
    }
}

/* By definition, and slowly: encode each code point, compare. */
static size_t
encode(uint32_t c, char out[static 4])
{
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

    for (size_t i = n; i-- > 1; c >>= 6)
        out[i] = (char)(0x80 | (c & 63));
    out[0] = (char)(lead[n == 1 ? 0 : n] | c);
    return n;
}

static void
every_code_point_but_surrogates_is_utf8(void **state)
{
    (void)state;
    for (uint32_t c = 0; c < 0x120000; c++) {
        bool is_good = c < 0x110000 && (c < 0xD800 || c > 0xDFFF);
        char text[4];
        struct str s = {text, encode(c, text)};

        if (str_is_utf8(s) != is_good)
            fail_msg("U+%04X", c);
        if (str_utf8_char(s) != (is_good ? s.n : 0))
            fail_msg("U+%04X has another length", c);
        s.n--;
        if (s.n > 0 && str_is_utf8(s))
            fail_msg("U+%04X cut short", c);
    }
}

static void
overlong_and_stray_bytes_are_no_utf8(void **state)
{
    static const char *const bad[] = {"\xC0\x80",
                                      "\xC1\xBF",
                                      "\xE0\x80\x80",
                                      "\xE0\x9F\xBF",
                                      "\xF0\x80\x80\x80",
                                      "\xF0\x8F\xBF\xBF",
                                      "\x80",
                                      "\xBF",
                                      "\xC3(",
                                      "\xE2\x82(",
                                      "\xF0\x9F\x98(",
                                      "\xF5\x80\x80\x80",
                                      "\xFE",
                                      "\xFF",
                                      "abcdefg\x80",
                                      "abcdefgh\xC3"};

    (void)state;
    for (size_t k = 0; k < COUNT(bad); k++) {
        assert_false(str_is_utf8(str_from(bad[k])));
    }
    assert_true(str_is_utf8(STR_NONE));
    assert_true(str_is_utf8(STR("12345678\xF0\x9F\x98\x80 12345678\xC3\xA9")));
    assert_true(str_is_text(STR("a\xC3\xA9")));
    assert_true(str_is_text(STR_NONE));
    assert_true(str_is_utf8(STR("a\0b")));
    assert_false(str_is_text(STR("a\0b")));
    assert_false(str_is_text(STR("a\xC3")));
}

static void
a_clip_never_cuts_a_character(void **state)
{
    struct str s = STR("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z");
    static const size_t want[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};

    (void)state;
    for (size_t n = 0; n < COUNT(want); n++)
        assert_int_equal(str_utf8_clip(s, n).n, want[n]);
    assert_int_equal(str_utf8_clip(STR("\x80\x80\x80"), 2).n, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_means_the_same_bytes),
        cmocka_unit_test(order_is_by_byte_then_by_length),
        cmocka_unit_test(distance_counts_edits_and_swaps),
        cmocka_unit_test(ends_and_middles_are_found),
        cmocka_unit_test(a_split_gives_every_part_also_the_empty_ones),
        cmocka_unit_test(copies_end_with_nul),
        cmocka_unit_test(numbers_stop_at_their_range),
        cmocka_unit_test(hex_digits_are_of_either_case),
        cmocka_unit_test(durations_need_a_unit),
        cmocka_unit_test(every_code_point_but_surrogates_is_utf8),
        cmocka_unit_test(overlong_and_stray_bytes_are_no_utf8),
        cmocka_unit_test(a_clip_never_cuts_a_character),
    };

    return cmocka_run_group_tests_name("base/str", tests, NULL, NULL);
}
