/* json.h - strict RFC 8259 in, plain writer out.
 *
 * In: one pass over the text makes a flat row of tokens that point into it;
 * nothing is copied, numbers keep their text. Refused: bytes after the value,
 * NUL, invalid UTF-8, lone surrogates, \u0000, NaN, duplicate keys (compared
 * after unescaping), too deep, too many tokens. The text must outlive the
 * document; tokens live in the arena. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

enum json_type {
    JSON_ABSENT = 0, /* json_get() found nothing */
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

#define JSON_DEPTH_MAX 32 /* arrays and objects within each other */
#define JSON_TOKENS_MAX 1000000
#define JSON_KEYS_MAX 10000 /* in one object */

struct json_token {
    uint32_t at;     /* first byte in the text, quotes included */
    uint32_t n;      /* bytes */
    uint32_t next;   /* index of the token after this value's last */
    uint32_t count;  /* members or elements */
    uint8_t type;    /* enum json_type */
    uint8_t escaped; /* a string with a backslash in it */
};

struct json_doc {
    struct str text;
    struct json_token *tokens;
    uint32_t n;
};

/* A value in a document; cheap to copy. doc == NULL: absent. */
struct json {
    const struct json_doc *doc;
    uint32_t i;
};

struct json_error {
    size_t at;       /* byte offset in the text */
    const char *why; /* static */
};

/* ERR_MALFORMED with *ret_error filled, or ERR_OK. */
enum err json_parse(struct arena *a, struct str text, struct json_doc *ret,
                    struct json_error *ret_error) MUST_CHECK;

struct json json_root(const struct json_doc *doc);
enum json_type json_type(struct json v);
bool json_is(struct json v, enum json_type type);
struct str json_raw(struct json v); /* its bytes as sent; STR_NONE if absent */
uint32_t json_count(struct json v); /* members or elements, else 0 */
struct json json_get(struct json object, const char *key);
struct json json_get_str(struct json object, struct str key);
struct json json_at(struct json array, uint32_t i); /* O(i) */

/* Walk: first child and the one after; absent at the end. In an object the
 * walk is over values; json_key() gives the key of such a value. */
struct json json_first(struct json container);
struct json json_next(struct json container, struct json child);
struct str json_key(struct arena *a, struct json member_value);

/* Unescaped text; borrowed from the document when nothing is escaped.
 * STR_NONE if it is no string. */
struct str json_str(struct arena *a, struct json v);
bool json_bool(struct json v, bool otherwise);
bool json_int(struct json v, int64_t *ret); /* an integer that fits */
struct str json_str_of(struct arena *a, struct json object, const char *key);

/* Writer: commas and nesting are its business.
 *
 *   json_begin_object(&w); json_put_key(&w, "id"); json_put_str(&w, id); ... */
struct json_writer {
    struct buf *out;
    uint64_t comma; /* one bit a level: a comma comes first */
    int depth;
};

struct json_writer json_writer(struct buf *out);
void json_begin_object(struct json_writer *w);
void json_end_object(struct json_writer *w);
void json_begin_array(struct json_writer *w);
void json_end_array(struct json_writer *w);
void json_put_key(struct json_writer *w, const char *key);
void json_put_key_str(struct json_writer *w, struct str key);
void json_put_str(struct json_writer *w, struct str s);
void json_put_cstr(struct json_writer *w, const char *s); /* NULL: null */
void json_put_int(struct json_writer *w, int64_t v);
void json_put_bool(struct json_writer *w, bool v);
void json_put_null(struct json_writer *w);
void json_put_raw(struct json_writer *w,
                  struct str value); /* is JSON already */
void json_put_time(struct json_writer *w, int64_t wall_ms); /* 0: null */
void json_put_duration(struct json_writer *w, int64_t ms);
/* key and value in one. */
void json_str_field(struct json_writer *w, const char *key, struct str s);
void json_str_or_null_field(struct json_writer *w, const char *key,
                            struct str s); /* empty: null */
void json_int_field(struct json_writer *w, const char *key, int64_t v);
void json_bool_field(struct json_writer *w, const char *key, bool v);
void json_raw_field(struct json_writer *w, const char *key, struct str value);
void json_time_field(struct json_writer *w, const char *key, int64_t wall_ms);

/* RFC 7396: target with patch applied, as text in the arena. */
struct str json_merge_patch(struct arena *a, struct json target,
                            struct json patch);
