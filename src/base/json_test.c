#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/arena_test.h"

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))

static struct json_doc doc;
static struct json_error error;

/* From a heap copy of just these bytes: AddressSanitizer sees a read beyond. */
static enum err
parse(struct str text)
{
    return json_parse(arena,
                      (struct str){arena_copy(arena, text.p, text.n), text.n},
                      &doc, &error);
}

static struct json
parsed(const char *text)
{
    if (parse(str_from(text)) != ERR_OK)
        fail_msg("%s: %s at %zu", text, error.why, error.at);
    return json_root(&doc);
}

static void
assert_str(struct str s, const char *want)
{
    if (!str_is(s, want))
        fail_msg("'%.*s' is not '%s'", STR_ARG(s), want);
}

static void
assert_refused(struct str text, size_t at)
{
    error = (struct json_error){SIZE_MAX, NULL};
    doc.n = 12345;
    if (parse(text) != ERR_MALFORMED)
        fail_msg("taken: %.*s", STR_ARG(text));
    if (error.at != at)
        fail_msg("%.*s: %s at %zu, not %zu", STR_ARG(text), error.why, error.at,
                 at);
    assert_non_null(error.why);
    assert_int_equal(doc.n, 12345); /* nothing written */
}

static void
every_kind_of_value_may_stand_alone(void **state)
{
    static const struct {
        const char *text;
        enum json_type type;
    } rows[] = {
        {"null", JSON_NULL},     {"true", JSON_TRUE},
        {"false", JSON_FALSE},   {"0", JSON_NUMBER},
        {"-0", JSON_NUMBER},     {"-12", JSON_NUMBER},
        {"1.50", JSON_NUMBER},   {"1e9", JSON_NUMBER},
        {"1E+9", JSON_NUMBER},   {"-0.1e-9", JSON_NUMBER},
        {"1e999", JSON_NUMBER},  {"\"\"", JSON_STRING},
        {"[]", JSON_ARRAY},      {"{}", JSON_OBJECT},
        {"[[],{}]", JSON_ARRAY}, {"\"\x7F\"", JSON_STRING},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct str around = str_fmt(arena, " \t\r\n%s\n ", rows[i].text);

        assert_int_equal(json_type(parsed(rows[i].text)), rows[i].type);
        assert_str(json_raw(json_root(&doc)), rows[i].text);
        assert_int_equal(json_type(parsed(around.p)), rows[i].type);
        assert_str(json_raw(json_root(&doc)), rows[i].text);
    }
}

static void
what_is_not_strict_json_is_refused_where_it_goes_wrong(void **state)
{
    static const struct {
        const char *text;
        size_t at;
    } rows[] = {
        {"", 0},
        {"  ", 2},
        {"nul", 0},
        {"nulL", 0},
        {"True", 0},
        {"NaN", 0},
        {"-Infinity", 1},
        {"+1", 0},
        {".5", 0},
        {"1.", 2},
        {"1.e1", 2},
        {"01", 0},
        {"-01", 1},
        {"-", 1},
        {"1e", 2},
        {"1e+", 3},
        {"0x10", 1},
        {"1 2", 2},
        {"1,", 1},
        {"[1,]", 3},
        {"[,1]", 1},
        {"[1 2]", 3},
        {"[", 1},
        {"[1", 2},
        {"[1,", 3},
        {"]", 0},
        {"[1}", 2},
        {"{", 1},
        {"{\"a\"", 4},
        {"{\"a\":", 5},
        {"{\"a\":1", 6},
        {"{\"a\":1,", 7},
        {"{\"a\":1,}", 7},
        {"{\"a\" 1}", 5},
        {"{a:1}", 1},
        {"{1:1}", 1},
        {"{\"a\":1]", 6},
        {"{\"a\":}", 5},
        {"{,}", 1},
        {"'a'", 0},
        {"\"", 1},
        {"\"a", 2},
        {"\"\\", 2},
        {"\"\\\"", 3},
        {"\"\\x\"", 1},
        {"\"\\u12\"", 1},
        {"\"\\u12G4\"", 1},
        {"\"a\nb\"", 2},
        {"\"a\tb\"", 2},
        {"\"\x1F\"", 1},
        {"// c\n1", 0},
        {"1 /* c */", 2},
        {"\xEF\xBB\xBF"
         "1",
         0},
        {"\v1", 0},
        {"[1]]", 3},
        {"{}{}", 2},
        {"\"a\"\"b\"", 3},
        {"\xC2\xA0"
         "1",
         0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_refused(str_from(rows[i].text), rows[i].at);
    assert_refused(STR_NONE, 0);
    assert_refused(STR("\0"), 0);
    assert_refused(STR("1\0"), 1);
    assert_refused(STR("\"a\0b\""), 2);
    assert_refused(STR("\"\\\0\""), 1);
    assert_refused(STR("\"12345678901234\0\""), 15);
}

static void
strings_must_be_utf8_without_half_pairs_and_nul(void **state)
{
    static const char *const bad[] = {
        "\\u0000",          "\\ud800",        "\\udc00",  "\\ud800\\ud800",
        "\\ud83dxude00",    "\\ud83d\\xde00", "\\ud800x", "\\uD83D\\n",
        "\\uDE00\\uD83D",   "\x80",           "\xC0\x80", "\xED\xA0\x80",
        "\xF4\x90\x80\x80", "\xE2\x82",       "\xC3",     "\xFF",
        "\\uD83D\\u",       "\\ud83d\\u00e9"};

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        /* At each offset from a word's start, and as a key. */
        for (int pad = 0; pad < 9; pad++) {
            struct str s =
                str_fmt(arena, "\"%.*s%s\"", pad, "12345678", bad[i]);

            assert_refused(s, (size_t)pad + 1);
        }
        assert_refused(str_fmt(arena, "{\"%s\":1}", bad[i]), 2);
    }
}

static void
unescaping_gives_what_was_meant(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"\"plain\"", "plain"},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
        {"\"\\u0041\\u00e9\\u20AC\\uD83d\\uDe00\"",
         "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"},
        {"\"\\u0001\\u007f\\u0080\\u07ff\\u0800\\uffff\"",
         "\x01\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF"},
        {"\"\\udbff\\udfff\\ud800\\udc00\"",
         "\xF4\x8F\xBF\xBF\xF0\x90\x80\x80"},
        {"\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"",
         "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"},
        {"\"12345678\\n12345678\"", "12345678\n12345678"},
        {"\"\"", ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct str s = json_str(arena, parsed(rows[i].text));

        assert_str(s, rows[i].want);
        assert_non_null(s.p);
        assert_true(json_get_str(parsed(str_fmt(arena, "{\"\":0,%s:1}",
                                                i == 7 ? "\"x\"" : rows[i].text)
                                            .p),
                                 i == 7 ? STR("x") : s)
                        .doc);
    }
}

/* Where a string's odd byte stands within a word must not matter. */
static void
a_quote_or_a_control_is_seen_at_each_place(void **state)
{
    (void)state;
    for (int before = 0; before < 20; before++) {
        for (int c = 1; c < 0x80; c++) {
            char text[64];
            struct str s = {text, (size_t)before + 12};

            memset(text, 'x', sizeof(text));
            text[0] = text[s.n - 1] = '"';
            text[before + 1] = (char)c;
            if (c == '"')
                assert_refused(s, (size_t)before + 2);
            else if (c == '\\' || c < 0x20)
                assert_refused(s, (size_t)before + 1);
            else
                assert_int_equal(parse(s), ERR_OK);
        }
    }
}

static void
a_key_may_be_there_only_once_however_it_is_written(void **state)
{
    (void)state;
    assert_refused(STR("{\"a\":1,\"a\":2}"), 7);
    assert_refused(STR("{\"a\":1,\"\\u0061\":2}"), 7);
    assert_refused(STR("{\"\\/\":1,\"/\":2}"), 8);
    assert_refused(STR("{\"\":1,\"b\":{},\"\":2}"), 13);
    assert_refused(STR("[{\"x\":{\"a\":1,\"b\":2,\"a\":3}}]"), 19);
    assert_refused(STR("{\"\\ud83d\\ude00\":1,\"\xF0\x9F\x98\x80\":2}"), 18);
    parsed("{\"a\":{\"a\":1},\"b\":[{\"a\":1},{\"a\":2}],\"A\":1,\"aa\":2}");
    parsed("{\"axa\":1,\"aya\":2}");
}

static struct str
object_of(int n, int duplicate_of)
{
    struct buf b;

    buf_init(&b, arena);
    buf_put_char(&b, '{');
    for (int i = 0; i < n; i++) {
        /* Same length, same first and last byte. */
        int number = i == n - 1 && duplicate_of >= 0 ? duplicate_of : i;

        buf_printf(&b, "%s\"k%s%04dk\":%d", i ? "," : "",
                   i % 3 == 0 ? "\\u0065" : "e", number, i);
    }
    buf_put_char(&b, '}');
    return buf_str(&b);
}

static void
duplicates_are_found_in_objects_of_any_size(void **state)
{
    static const int sizes[] = {2, 3, 23, 24, 25, 26, 100, 1000, 10000};

    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        int n = sizes[i];

        assert_int_equal(parse(object_of(n, -1)), ERR_OK);
        assert_int_equal(json_count(json_root(&doc)), n);
        for (int of = 0; of < n - 1; of += 1 + n / 4) {
            struct str text = object_of(n, of);
            ptrdiff_t last = (ptrdiff_t)text.n;

            while (text.p[--last] != ',')
                continue;
            assert_refused(text, (size_t)last + 1);
        }
    }
    assert_int_equal(parse(object_of(JSON_KEYS_MAX + 1, -1)), ERR_MALFORMED);
}

static struct str
nest(int depth, const char *open, const char *close)
{
    struct buf b;

    buf_init(&b, arena);
    for (int i = 0; i < depth; i++)
        buf_put_cstr(&b, open);
    buf_put_cstr(&b, "1");
    for (int i = 0; i < depth; i++)
        buf_put_cstr(&b, close);
    return buf_str(&b);
}

static void
depth_and_tokens_have_a_limit(void **state)
{
    struct buf b;

    (void)state;
    assert_int_equal(parse(nest(JSON_DEPTH_MAX, "[", "]")), ERR_OK);
    assert_refused(nest(JSON_DEPTH_MAX + 1, "[", "]"), JSON_DEPTH_MAX);
    assert_int_equal(parse(nest(JSON_DEPTH_MAX, "{\"a\":", "}")), ERR_OK);
    assert_refused(nest(JSON_DEPTH_MAX + 1, "{\"a\":", "}"),
                   5 * JSON_DEPTH_MAX);
    assert_refused(nest(100000, "[", ""), JSON_DEPTH_MAX);
    /* Depth is what is open, not what there was. */
    buf_init(&b, arena);
    buf_put_char(&b, '[');
    for (int i = 0; i < 100; i++)
        buf_put_cstr(&b, "[{}],");
    buf_put_cstr(&b, "0]");
    assert_int_equal(parse(buf_str(&b)), ERR_OK);
    buf_reset(&b);
    buf_put_char(&b, '[');
    for (int i = 0; i < JSON_TOKENS_MAX - 2; i++)
        buf_put_cstr(&b, "0,");
    buf_put_cstr(&b, "0]");
    assert_int_equal(parse(buf_str(&b)), ERR_OK);
    assert_int_equal(doc.n, JSON_TOKENS_MAX);
    b.p[b.n - 1] = ',';
    buf_put_cstr(&b, "0]");
    assert_int_equal(parse(buf_str(&b)), ERR_MALFORMED);
}

static void
a_walk_sees_each_child_once_and_in_order(void **state)
{
    struct json root =
        parsed("{\"a\":[1,[2,{\"x\":0}],\"\"],\"b\\n\":{\"c\":{}},\"d\":null}");
    static const char *const keys[] = {"a", "b\n", "d"};
    static const char *const items[] = {"1", "[2,{\"x\":0}]", "\"\""};
    struct json list = json_get(root, "a");
    uint32_t i = 0;

    (void)state;
    assert_int_equal(json_count(root), 3);
    for (struct json v = json_first(root); v.doc; v = json_next(root, v))
        assert_str(json_key(arena, v), keys[i++]);
    assert_int_equal(i, 3);
    i = 0;
    for (struct json v = json_first(list); v.doc; v = json_next(list, v)) {
        assert_str(json_raw(v), items[i]);
        assert_str(json_raw(json_at(list, i)), items[i]);
        i++;
    }
    assert_int_equal(i, 3);
    assert_false(json_at(list, 3).doc != NULL);
    assert_false(json_at(list, UINT32_MAX).doc != NULL);
    assert_false(json_first(json_get(json_get(root, "b\n"), "c")).doc != NULL);
    assert_str(json_raw(json_get(json_at(json_at(list, 1), 1), "x")), "0");
}

static void
a_child_is_found_only_under_its_own_parent(void **state)
{
    struct json root =
        parsed("{\"a\":{\"b\":1,\"ab\":2},\"c\":\"b\",\"e\\u0301\":3}");

    (void)state;
    assert_true(json_is(json_get(root, "b"), JSON_ABSENT));
    assert_true(json_is(json_get(root, ""), JSON_ABSENT));
    assert_true(json_is(json_get(root, "e"), JSON_ABSENT));
    assert_true(json_is(json_get(root, "e\xCC"), JSON_ABSENT));
    assert_str(json_raw(json_get(root, "e\xCC\x81")), "3");
    assert_true(json_is(json_get(root, "e\xCC\x81x"), JSON_ABSENT));
    assert_str(json_raw(json_get(json_get(root, "a"), "b")), "1");
    assert_true(json_is(json_get(json_get(root, "c"), "b"), JSON_ABSENT));
}

static void
an_absent_value_answers_everything_with_nothing(void **state)
{
    struct json none = json_get(parsed("{}"), "x");
    int64_t number = 7;

    (void)state;
    assert_null(json_raw(none).p);
    assert_int_equal(json_count(none), 0);
    assert_null(json_get(none, "x").doc);
    assert_null(json_at(none, 0).doc);
    assert_null(json_first(none).doc);
    assert_null(json_next(none, none).doc);
    assert_null(json_next(json_root(&doc), none).doc);
    assert_null(json_next(none, json_root(&doc)).doc);
    assert_null(json_key(arena, none).p);
    assert_null(json_str(arena, none).p);
    assert_null(json_str_of(arena, none, "x").p);
    assert_true(json_bool(none, true));
    assert_false(json_bool(none, false));
    assert_false(json_int(none, &number));
    assert_int_equal(number, 7);
}

static void
values_are_read_only_as_what_they_are(void **state)
{
    static const char *const no_ints[] = {"1.0",  "1e3", "\"1\"",
                                          "true", "[1]", "9223372036854775808"};
    struct json root =
        parsed("{\"t\":true,\"f\":false,\"n\":null,\"s\":\"x\"}");
    int64_t number = 7;

    (void)state;
    assert_true(json_bool(json_get(root, "t"), false));
    assert_false(json_bool(json_get(root, "f"), true));
    assert_true(json_bool(json_get(root, "n"), true));
    assert_false(json_bool(json_get(root, "s"), false));
    assert_str(json_str_of(arena, root, "s"), "x");
    assert_null(json_str_of(arena, root, "t").p);
    for (size_t i = 0; i < COUNT(no_ints); i++)
        assert_false(json_int(parsed(no_ints[i]), &number));
    assert_int_equal(number, 7);
    assert_true(json_int(parsed("-9223372036854775808"), &number));
    assert_true(number == INT64_MIN);
}

static void
the_writer_minds_commas_and_nesting(void **state)
{
    struct buf out = {0};
    struct json_writer w = json_writer(&out);

    (void)state;
    json_begin_object(&w);
    json_str_field(&w, "s\"", STR("a\nb"));
    json_put_key(&w, "list");
    json_begin_array(&w);
    json_put_int(&w, INT64_MIN);
    json_begin_object(&w);
    json_end_object(&w);
    json_begin_array(&w);
    json_end_array(&w);
    json_put_null(&w);
    json_end_array(&w);
    json_int_field(&w, "i", 5);
    json_bool_field(&w, "b", true);
    json_raw_field(&w, "r", STR("[1, 2]"));
    json_raw_field(&w, "none", STR_NONE);
    json_str_or_null_field(&w, "t", STR("u"));
    json_str_or_null_field(&w, "no", STR_NONE);
    json_put_key_str(&w, STR("c"));
    json_put_cstr(&w, NULL);
    json_put_key(&w, "d");
    json_put_cstr(&w, "");
    json_put_key(&w, "e");
    json_put_bool(&w, false);
    json_time_field(&w, "at", 1795253400000);
    json_time_field(&w, "never", 0);
    json_put_key(&w, "for");
    json_put_duration(&w, 90000);
    json_end_object(&w);
    assert_str(
        buf_str(&out),
        "{\"s\\\"\":\"a\\nb\",\"list\":[-9223372036854775808,{},[],null],"
        "\"i\":5,\"b\":true,\"r\":[1, 2],\"none\":null,\"t\":\"u\","
        "\"no\":null,\"c\":null,\"d\":\"\",\"e\":false,"
        "\"at\":\"2026-11-21T09:30:00.000Z\","
        "\"never\":null,\"for\":\"90s\"}");
    assert_int_equal(parse(buf_str(&out)), ERR_OK);
    buf_fini(&out);
}

static void
whatever_is_written_reads_back_the_same(void **state)
{
    struct buf text = {0}, out = {0};
    struct json_writer w = json_writer(&out);

    (void)state;
    /* Every character of one and two bytes, and the edges of the others. */
    for (int c = 1; c < 0x80; c++)
        buf_put_char(&text, (char)c);
    for (int c = 0x80; c < 0x800; c++) {
        buf_put_char(&text, (char)(0xC0 | c >> 6));
        buf_put_char(&text, (char)(0x80 | (c & 63)));
    }
    buf_put_cstr(&text, "\xE2\x80\xA8\xEF\xBF\xBD\xEF\xBF\xBF\xF4\x8F\xBF\xBF");
    json_begin_object(&w);
    json_put_key_str(&w, buf_str(&text));
    json_put_str(&w, buf_str(&text));
    json_end_object(&w);
    assert_int_equal(parse(buf_str(&out)), ERR_OK);
    assert_true(
        str_eq(json_str(arena, json_get_str(json_root(&doc), buf_str(&text))),
               buf_str(&text)));
    buf_fini(&text);
    buf_fini(&out);
}

static struct str
merged(const char *target, const char *patch)
{
    static struct json_doc target_doc, patch_doc;

    assert_int_equal(json_parse(arena, str_from(target), &target_doc, &error),
                     ERR_OK);
    assert_int_equal(json_parse(arena, str_from(patch), &patch_doc, &error),
                     ERR_OK);
    return json_merge_patch(arena, json_root(&target_doc),
                            json_root(&patch_doc));
}

/* RFC 7396, appendix A. */
static void
a_merge_patch_does_what_the_rfc_shows(void **state)
{
    static const char *const rows[][3] = {
        {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
        {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
        {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
        {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}",
         "{\"a\":{\"b\":\"d\"}}"},
        {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
        {"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
        {"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
        {"{\"a\":\"foo\"}", "null", "null"},
        {"{\"a\":\"foo\"}", "\"bar\"", "\"bar\""},
        {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
        {"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
        {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_str(merged(rows[i][0], rows[i][1]), rows[i][2]);
}

static void
a_merge_patch_compares_keys_unescaped_and_keeps_the_order(void **state)
{
    struct str s;

    (void)state;
    assert_str(merged("{\"z\":1,\"\\u0061\\n\":2,\"b\":[ 1 ]}",
                      "{\"y\":0,\"a\\n\":{\"k\":1,\"n\":null},\"b\":null}"),
               "{\"z\":1,\"a\\n\":{\"k\":1},\"y\":0}");
    assert_int_equal(parse(object_of(3000, -1)), ERR_OK);
    s = json_merge_patch(arena, json_root(&doc), json_root(&doc));
    assert_int_equal(parse(s), ERR_OK);
    assert_int_equal(json_count(json_root(&doc)), 3000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_kind_of_value_may_stand_alone),
        TEST(what_is_not_strict_json_is_refused_where_it_goes_wrong),
        TEST(strings_must_be_utf8_without_half_pairs_and_nul),
        TEST(unescaping_gives_what_was_meant),
        TEST(a_quote_or_a_control_is_seen_at_each_place),
        TEST(a_key_may_be_there_only_once_however_it_is_written),
        TEST(duplicates_are_found_in_objects_of_any_size),
        TEST(depth_and_tokens_have_a_limit),
        TEST(a_walk_sees_each_child_once_and_in_order),
        TEST(a_child_is_found_only_under_its_own_parent),
        TEST(an_absent_value_answers_everything_with_nothing),
        TEST(values_are_read_only_as_what_they_are),
        TEST(the_writer_minds_commas_and_nesting),
        TEST(whatever_is_written_reads_back_the_same),
        TEST(a_merge_patch_does_what_the_rfc_shows),
        TEST(a_merge_patch_compares_keys_unescaped_and_keeps_the_order),
    };

    return cmocka_run_group_tests_name("base/json", tests, NULL, NULL);
}
