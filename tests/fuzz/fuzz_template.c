/* fuzz_template.c - any template with any data: no crash, no budget broken,
 * the same output twice; and no data that gets markup into HTML.
 *
 * Input: one byte of options, the source, a form feed, the data as JSON. */
#include "domain/template_uses.h"

#include <stdlib.h>

#include "base/arena.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition))                                                      \
            abort();                                                           \
    } while (0)

/* Some names lead back to the template itself, others nowhere. */
static const struct template *
itself(void *arg, struct str name)
{
    return name.n % 2 ? arg : NULL;
}

static void
render(const struct template *t, struct json data,
       const struct template_options *options)
{
    struct buf one = {0}, two = {0};
    enum err err;

    buf_put_cstr(&one, "kept");
    err = template_render(t, &data, 1, options, &one);
    CHECK(err == ERR_OK || err == ERR_TOO_LARGE);
    CHECK(one.n - 4 <= TEMPLATE_OUTPUT_MAX);
    CHECK(err == ERR_OK || str_is(buf_str(&one), "kept"));
    CHECK(template_render(t, &data, 1, options, &two) == err);
    CHECK(str_eq(str_sub(buf_str(&one), 4, one.n), buf_str(&two)));
    buf_fini(&one);
    buf_fini(&two);
}

/* Only {{x}}: whatever the data is, the page's own markup is all there is. */
static void
check_escapes(struct arena *a, struct json data)
{
    static const char *const source =
        "{{.}}{{a}}{{a.b}}{{#a}}{{.}}{{a}}{{b}}{{/a}}{{#.}}{{a}}{{/.}}"
        "{{$a}}{{b}}{{/a}}{{>*a}}{{none}}{{a | number}}{{a | currency:b}}"
        "{{a | datetime:full}}{{a | relative}}{{a | select:\"b {#} other {}\"}}"
        "{{a | plural:\"one {#} other {##}\"}}";
    const struct template_options options = {.escape = TEMPLATE_HTML,
                                             .locale = STR("de-CH"),
                                             .zone = STR("Asia/Kathmandu")};
    struct template_error why;
    struct template *t;
    struct buf out = {0};

    CHECK(template_compile(a, str_from(source), &t, &why) == ERR_OK);
    if (template_render(t, &data, 1, &options, &out) == ERR_OK) {
        for (size_t i = 0; i < out.n; i++)
            CHECK(!strchr("<>\"'", out.p[i]) || out.p[i] == '\0');
    }
    buf_fini(&out);
}

/* What a lint sees of it is within it, and ends. */
static void
check_uses(const struct template *t, bool is_html)
{
    struct template_uses uses = template_uses_of(t, is_html);
    struct template_use u;
    struct buf out = {0};
    size_t n = 0;

    while (template_next_use(&uses, &u))
        CHECK(++n <= TEMPLATE_TAGS_MAX && u.name.n <= TEMPLATE_NAME_MAX);
    template_put_literal(t, &out);
    CHECK(out.n <= TEMPLATE_SOURCE_MAX);
    buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const locales[8] = {
        "", "en", "de-AT", "ar-EG", "fr", "th", "en-u-nu-deva", "x-none"};
    struct str rest = {(const char *)data, size}, source;
    struct template_options options = {.partial = itself};
    struct arena *a = arena_new();
    struct template_error why;
    struct json_error json_why;
    struct json_doc doc;
    struct template *t;

    if (size == 0)
        goto out;
    options.escape = data[0] & 1 ? TEMPLATE_HTML : TEMPLATE_PLAIN;
    options.keeps_unknown = data[0] & 2;
    options.locale = str_from(locales[data[0] >> 2 & 7]);
    options.zone = data[0] & 32 ? STR("Europe/Berlin") : STR_NONE;
    rest = str_sub(rest, 1, size - 1);
    (void)str_split(&rest, '\f', &source);
    if (json_parse(a, rest, &doc, &json_why) != ERR_OK &&
        json_parse(a, STR("{\"a\":[1,\"<\"]}"), &doc, &json_why) != ERR_OK)
        abort();
    check_escapes(a, json_root(&doc));
    if (template_compile(a, source, &t, &why) == ERR_OK) {
        options.partial_arg = t;
        check_uses(t, options.escape == TEMPLATE_HTML);
        render(t, json_root(&doc), &options);
    } else {
        CHECK(why.at <= source.n && why.why);
    }
out:
    arena_free(a);
    return 0;
}
