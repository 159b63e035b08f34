/* fuzz_blocks.c - any HTML: a tree that our own reader takes, of nothing but
 * what is on the list, with links that lead nowhere else; the same twice. */
#include "domain/blocks.h"

#include <stdlib.h>

#include "base/arena.h"
#include "domain/link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition))                                                      \
            abort();                                                           \
    } while (0)

static void
check_node(struct arena *a, struct json node)
{
    static const char *const types[] = {
        "paragraph",    "heading", "list",  "item", "quote",
        "preformatted", "rule",    "image", "text", "strong",
        "emphasis",     "strike",  "code",  "link", "break"};
    struct str type = json_str_of(a, node, "type");
    struct json children = json_get(node, "children");
    bool is_known = false;

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        is_known |= str_is(type, types[i]);
    CHECK(is_known);
    if (str_is(type, "link"))
        CHECK(link_is_safe(json_str_of(a, node, "url")));
    if (str_is(type, "image"))
        CHECK(link_is_picture(json_str_of(a, node, "url")));
    for (struct json v = json_first(children); !json_is(v, JSON_ABSENT);
         v = json_next(children, v))
        check_node(a, v);
}

static struct str
blocks_of(struct arena *a, struct str html)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, a);
    w = json_writer(&out);
    blocks_write(html, &w);
    return buf_str(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str html = {(const char *)data, size};
    struct arena *a = arena_new();
    struct json_doc doc;
    struct json_error why;
    struct str out;

    if (str_is_utf8(html)) { /* as all that comes in */
        out = blocks_of(a, html);
        CHECK(json_parse(a, out, &doc, &why) == ERR_OK);
        for (struct json v = json_first(json_root(&doc));
             !json_is(v, JSON_ABSENT); v = json_next(json_root(&doc), v))
            check_node(a, v);
        CHECK(str_eq(out, blocks_of(a, html)));
    }
    arena_free(a);
    return 0;
}
