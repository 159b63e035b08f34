/* fuzz_json.c - our reader against jansson's: both must take the same texts,
 * and what we see in one, written out again, must be the same to jansson.
 * Where one has a limit that the other has not they may differ. Then merge
 * patches: applied twice must be as applied once. */
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "jansson_peer.h"

#define CHECK(what)                                                            \
    do {                                                                       \
        if (!(what)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what); \
            abort();                                                           \
        }                                                                      \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
is_our_limit(const struct json_error *error)
{
    struct str why = str_from(error->why);

    return str_starts(why, STR("there are too many ")) ||
           str_starts(why, STR("this is nested too deep"));
}

static void rewrite(struct arena *a, struct json_writer *w, struct json v);

static void
rewrite_members(struct arena *a, struct json_writer *w, struct json object)
{
    uint32_t n = 0;

    json_begin_object(w);
    for (struct json v = json_first(object); v.doc; v = json_next(object, v)) {
        struct str key = json_key(a, v);

        CHECK(str_is_utf8(key));
        /* Look-ups walk: enough of them to trust, too few to be slow. */
        if (n++ < 64)
            CHECK(json_get_str(object, key).i == v.i);
        json_put_key_str(w, key);
        rewrite(a, w, v);
    }
    json_end_object(w);
    CHECK(n == json_count(object));
}

static void
rewrite_elements(struct arena *a, struct json_writer *w, struct json array)
{
    uint32_t n = 0;

    json_begin_array(w);
    for (struct json v = json_first(array); v.doc; v = json_next(array, v)) {
        n++;
        rewrite(a, w, v);
    }
    json_end_array(w);
    CHECK(n == json_count(array));
}

static void
rewrite(struct arena *a, struct json_writer *w, struct json v)
{
    int64_t number;

    switch (json_type(v)) {
    case JSON_OBJECT:
        rewrite_members(a, w, v);
        break;
    case JSON_ARRAY:
        rewrite_elements(a, w, v);
        break;
    case JSON_STRING:
        CHECK(str_is_utf8(json_str(a, v)));
        json_put_str(w, json_str(a, v));
        break;
    case JSON_NUMBER:
        if (json_int(v, &number))
            json_put_int(w, number);
        else
            json_put_raw(w, json_raw(v));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        json_put_bool(w, json_bool(v, json_is(v, JSON_FALSE)));
        break;
    case JSON_NULL:
        json_put_null(w);
        break;
    case JSON_ABSENT:
        abort(); /* no walk goes there */
    }
}

static struct json_doc
must_parse(struct arena *a, struct str text)
{
    struct json_error error = {0};
    struct json_doc doc = {0};

    CHECK(json_parse(a, text, &doc, &error) == ERR_OK);
    return doc;
}

static void
check_rewriting(struct arena *a, const struct json_doc *doc, bool is_peer_able)
{
    struct buf once = {.arena = a}, twice = {.arena = a};
    struct json_writer w = json_writer(&once);
    struct json_doc again;

    rewrite(a, &w, json_root(doc));
    again = must_parse(a, buf_str(&once));
    CHECK(again.n == doc->n);
    w = json_writer(&twice);
    rewrite(a, &w, json_root(&again));
    CHECK(str_eq(buf_str(&once), buf_str(&twice)));
    if (is_peer_able)
        CHECK(peer_sees_the_same(doc->text, buf_str(&once)));
}

/* The first two elements of an array are target and patch; else the value is
 * its own patch. */
static void
check_merging(struct arena *a, const struct json_doc *doc)
{
    struct json target = json_root(doc), patch = target;
    struct json_doc merged;
    struct str once, twice;

    if (json_is(target, JSON_ARRAY) && json_count(target) >= 2) {
        patch = json_at(target, 1);
        target = json_at(target, 0);
    }
    once = json_merge_patch(a, target, patch);
    merged = must_parse(a, once);
    twice = json_merge_patch(a, json_root(&merged), patch);
    CHECK(str_eq(once, twice));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    enum peer_verdict peer = peer_judge(text);
    struct arena *a = arena_new();
    struct json_error error = {0};
    struct json_doc doc;

    if (json_parse(a, text, &doc, &error) == ERR_OK) {
        CHECK(peer != PEER_REFUSES && str_find(text, '\0') < 0);
        check_rewriting(a, &doc, peer == PEER_TAKES);
        check_merging(a, &doc);
    } else {
        CHECK(error.why && error.at <= size);
        /* jansson reads over a NUL byte that comes after a number. */
        CHECK(peer != PEER_TAKES || is_our_limit(&error) ||
              str_find(text, '\0') >= 0);
    }
    arena_free(a);
    return 0;
}
