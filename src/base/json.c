/* json.c - the reader: text to tokens, walks over tokens, merge patches.
 *
 * A container's token is followed by those of what it holds; in an object
 * each value's token comes right after its key's. Once json_parse() has said
 * yes the text is known to be good, so that nothing after it can fail.
 *
 * The text comes from anybody. Time is bounded by n log n of its length (the
 * log is for finding duplicate keys in big objects), stack use by nothing that
 * it says, memory by JSON_TOKENS_MAX. */
#include "base/json.h"

#include <assert.h>
#include <stdlib.h>

#include "base/arena.h"

/* Up to here keys are compared each with each, beyond it they are sorted. */
#define JSON_PAIRWISE_MAX 24

struct json_parser {
    struct arena *arena;
    const char *start, *end;
    struct json_token *tokens;
    uint32_t n, cap;
    uint32_t open[JSON_DEPTH_MAX]; /* the containers that we are in */
    uint32_t depth;
    struct json_error error;
};

/* A member of an object, with its key as it reads. */
struct json_member {
    struct str key;
    uint32_t value; /* its token; the key's is the one before */
};

/* What the next byte of a document must belong to. */
enum json_step { STEP_FAILED, STEP_VALUE, STEP_AFTER_VALUE };

static const char *
parse_fail(struct json_parser *ps, const char *at, const char *why)
{
    ps->error.at = (size_t)(at - ps->start);
    ps->error.why = why;
    return NULL;
}

static struct json_token *
parse_push(struct json_parser *ps, const char *at, enum json_type type)
{
    struct json_token *token;

    if (ps->n == ps->cap) {
        uint32_t cap =
            ps->cap < JSON_TOKENS_MAX / 2 ? 2 * ps->cap : JSON_TOKENS_MAX;
        struct json_token *more;

        if (ps->n == JSON_TOKENS_MAX) {
            parse_fail(ps, at, "there are too many values");
            return NULL;
        }
        more = ARENA_ARRAY(ps->arena, struct json_token, cap);
        memcpy(more, ps->tokens, ps->n * sizeof(*more));
        ps->tokens = more;
        ps->cap = cap;
    }
    token = &ps->tokens[ps->n++];
    *token = (struct json_token){
        .at = (uint32_t)(at - ps->start), .next = ps->n, .type = (uint8_t)type};
    return token;
}

static const char *
skip_blank(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}

/* Does the byte stand for itself in a string? */
static bool
is_plain(char c)
{
    return (unsigned char)c >= 0x20 && (unsigned char)c < 0x80 && c != '"' &&
           c != '\\';
}

static const char *
skip_plain(const char *p, const char *end)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);

    /* Eight bytes at once. The top bit of a byte in `odd` is set if it is a
     * control, a quote, a backslash or not ASCII; a borrow can only mark
     * bytes after one that is. */
    while (end - p >= 8) {
        uint64_t word, odd;

        memcpy(&word, p, sizeof(word));
        odd = word | (word - ones * 0x20) | ((word ^ ones * '"') - ones) |
              ((word ^ ones * '\\') - ones);
        if (odd & ones * 0x80)
            break;
        p += 8;
    }
    while (p < end && is_plain(*p))
        p++;
    return p;
}

/* Four hex digits at p; -1 if they are not there. */
static int32_t
hex4_value(const char *p, const char *end)
{
    int32_t value = 0;

    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = str_hex_digit(p[i]);

        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static bool
is_high_surrogate(int32_t unit)
{
    return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool
is_low_surrogate(int32_t unit)
{
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

/* p is at the backslash; the end of the escape is returned. */
static const char *
scan_escape(struct json_parser *ps, const char *p)
{
    const char *end = ps->end;
    int32_t unit;

    if (end - p < 2)
        return parse_fail(ps, end, "the text ends inside a string");
    if (p[1] != 'u') {
        if (p[1] == '\0' || !strchr("\"\\/bfnrt", p[1]))
            return parse_fail(ps, p, "there is no such escape");
        return p + 2;
    }
    unit = hex4_value(p + 2, end);
    if (unit < 0)
        return parse_fail(ps, p, "\\u needs four hex digits");
    if (unit == 0)
        return parse_fail(ps, p, "\\u0000 is not taken");
    if (is_low_surrogate(unit))
        return parse_fail(ps, p, "half a surrogate pair");
    if (!is_high_surrogate(unit))
        return p + 6;
    if (end - p < 8 || p[6] != '\\' || p[7] != 'u' ||
        !is_low_surrogate(hex4_value(p + 8, end)))
        return parse_fail(ps, p, "half a surrogate pair");
    return p + 12;
}

/* p is at the quote; a token is made and the end of the string returned. */
static const char *
scan_string(struct json_parser *ps, const char *p)
{
    struct json_token *token = parse_push(ps, p, JSON_STRING);
    const char *start = p++;

    if (!token)
        return NULL;
    for (p = skip_plain(p, ps->end); p < ps->end && *p != '"';
         p = skip_plain(p, ps->end)) {
        if (*p == '\\') {
            token->escaped = 1;
            p = scan_escape(ps, p);
            if (!p)
                return NULL;
        } else if ((unsigned char)*p < 0x20) {
            return parse_fail(ps, p, "a control character in a string");
        } else {
            size_t n = str_utf8_char((struct str){p, (size_t)(ps->end - p)});

            if (n == 0)
                return parse_fail(ps, p, "this is not UTF-8");
            p += n;
        }
    }
    if (p == ps->end)
        return parse_fail(ps, p, "the text ends inside a string");
    p++;
    token->n = (uint32_t)(p - start);
    return p;
}

static const char *
skip_digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

static bool
is_one_of(const char *p, const char *end, char a, char b)
{
    return p < end && (*p == a || *p == b);
}

static const char *
scan_number(struct json_parser *ps, const char *p)
{
    const char *start = p, *digits;
    struct json_token *token;

    if (*p != '-' && (*p < '0' || *p > '9'))
        return parse_fail(ps, p, "this is no JSON value");
    token = parse_push(ps, p, JSON_NUMBER);
    if (!token)
        return NULL;
    if (*p == '-')
        p++;
    digits = p;
    p = skip_digits(p, ps->end);
    if (p == digits)
        return parse_fail(ps, p, "a number needs digits");
    if (*digits == '0' && p - digits > 1)
        return parse_fail(ps, digits, "a number may not start with 0");
    if (is_one_of(p, ps->end, '.', '.')) {
        digits = ++p;
        p = skip_digits(p, ps->end);
        if (p == digits)
            return parse_fail(ps, p, "digits must follow the point");
    }
    if (is_one_of(p, ps->end, 'e', 'E')) {
        p++;
        if (is_one_of(p, ps->end, '+', '-'))
            p++;
        digits = p;
        p = skip_digits(p, ps->end);
        if (p == digits)
            return parse_fail(ps, p, "digits must follow the exponent");
    }
    token->n = (uint32_t)(p - start);
    return p;
}

static const char *
scan_word(struct json_parser *ps, const char *p, struct str word,
          enum json_type type)
{
    struct json_token *token = parse_push(ps, p, type);

    if (!token)
        return NULL;
    if ((size_t)(ps->end - p) < word.n || memcmp(p, word.p, word.n) != 0)
        return parse_fail(ps, p, "this is no JSON value");
    token->n = (uint32_t)word.n;
    return p + word.n;
}

static size_t
put_utf8(uint32_t c, char out[static 4])
{
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

    if (n == 1) {
        out[0] = (char)c;
        return n;
    }
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3F));
    /* As many ones at the top as there are bytes. */
    out[0] = (char)(unsigned char)(0xF00u >> n | c);
    return n;
}

/* The bytes that one escape, or one plain byte, at *p stands for; *p moves
 * past it. Only for text that has been parsed. */
static size_t
unescape_one(const char **p, char out[static 4])
{
    const char *at = *p;
    uint32_t c;

    if (at[0] != '\\') {
        out[0] = at[0];
        *p = at + 1;
        return 1;
    }
    if (at[1] != 'u') {
        static const char names[] = "bfnrt", values[] = "\b\f\n\r\t";
        const char *name = strchr(names, at[1]);

        out[0] = name ? values[name - names] : at[1];
        *p = at + 2;
        return 1;
    }
    c = (uint32_t)hex4_value(at + 2, at + 6);
    *p = at + 6;
    if (is_high_surrogate((int32_t)c)) {
        uint32_t low = (uint32_t)hex4_value(at + 8, at + 12);

        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
        *p = at + 12;
    }
    return put_utf8(c, out);
}

static struct str
unescape(struct arena *a, struct str raw)
{
    /* An escape is never shorter than what it stands for. */
    char *text = arena_alloc(a, raw.n + 1);
    const char *p = raw.p;
    size_t n = 0;

    while (p < raw.p + raw.n) {
        char piece[4];
        size_t n_piece = unescape_one(&p, piece);

        memcpy(text + n, piece, n_piece);
        n += n_piece;
    }
    return (struct str){text, n};
}

static struct str
token_text(struct arena *a, const char *start, const struct json_token *token)
{
    struct str raw = {start + token->at + 1, token->n - 2};

    return token->escaped ? unescape(a, raw) : raw;
}

static void
list_members(struct arena *a, const char *start,
             const struct json_token *tokens, uint32_t object,
             struct json_member *ret_members)
{
    uint32_t at = object + 1;

    for (uint32_t i = 0; i < tokens[object].count; i++) {
        ret_members[i] =
            (struct json_member){token_text(a, start, &tokens[at]), at + 1};
        at = tokens[at + 1].next;
    }
}

/* Any total order does. Equal keys keep their order in the text. */
static int
compare_members(const void *a, const void *b)
{
    const struct json_member *x = a, *y = b;
    int order;

    if (x->key.n != y->key.n)
        return x->key.n < y->key.n ? -1 : 1;
    order = x->key.n > 0 ? memcmp(x->key.p, y->key.p, x->key.n) : 0;
    return order != 0 ? order : (x->value > y->value) - (x->value < y->value);
}

static void
sort_members(struct json_member *members, uint32_t n)
{
    if (n > 1)
        qsort(members, n, sizeof(*members), compare_members);
}

/* The token of a value whose key came before, 0 if there is none. */
static uint32_t
find_duplicate_pairwise(const struct json_member *members, uint32_t n)
{
    uint32_t marks[JSON_PAIRWISE_MAX];

    /* Length and two bytes tell nearly all keys apart. */
    for (uint32_t i = 0; i < n; i++) {
        struct str key = members[i].key;

        marks[i] = (uint32_t)key.n << 16;
        if (key.n > 0)
            marks[i] |= (uint32_t)(unsigned char)key.p[0] << 8 |
                        (unsigned char)key.p[key.n - 1];
        for (uint32_t k = 0; k < i; k++)
            if (marks[k] == marks[i] && str_eq(members[k].key, key))
                return members[i].value;
    }
    return 0;
}

static uint32_t
find_duplicate_sorted(struct json_member *members, uint32_t n)
{
    sort_members(members, n);
    for (uint32_t i = 1; i < n; i++)
        if (str_eq(members[i - 1].key, members[i].key))
            return members[i].value;
    return 0;
}

static bool
parse_check_keys(struct json_parser *ps, uint32_t object)
{
    uint32_t n = ps->tokens[object].count, found;
    struct json_member few[JSON_PAIRWISE_MAX], *members = few;

    if (n < 2)
        return true;
    if (n > JSON_PAIRWISE_MAX)
        members = xmalloc(n * sizeof(*members));
    list_members(ps->arena, ps->start, ps->tokens, object, members);
    if (n <= JSON_PAIRWISE_MAX) {
        found = find_duplicate_pairwise(members, n);
    } else {
        found = find_duplicate_sorted(members, n);
        free(members);
    }
    if (found == 0)
        return true;
    parse_fail(ps, ps->start + ps->tokens[found - 1].at,
               "this key is there twice");
    return false;
}

static enum json_step
parse_close(struct json_parser *ps, const char **p)
{
    uint32_t container = ps->open[--ps->depth];
    struct json_token *token = &ps->tokens[container];

    ++*p;
    token->n = (uint32_t)(*p - ps->start) - token->at;
    token->next = ps->n;
    if (token->type == JSON_OBJECT && !parse_check_keys(ps, container))
        return STEP_FAILED;
    return STEP_AFTER_VALUE;
}

/* At the first byte of a member or an element: count it, take its key. */
static enum json_step
parse_entry(struct json_parser *ps, const char **p)
{
    struct json_token *container = &ps->tokens[ps->open[ps->depth - 1]];
    const char *at = *p;

    container->count++;
    if (container->type == JSON_ARRAY)
        return STEP_VALUE;
    if (container->count > JSON_KEYS_MAX) {
        parse_fail(ps, at, "there are too many keys in one object");
        return STEP_FAILED;
    }
    if (at == ps->end || *at != '"') {
        parse_fail(ps, at, "a key in quotes must be here");
        return STEP_FAILED;
    }
    at = scan_string(ps, at);
    if (!at)
        return STEP_FAILED;
    at = skip_blank(at, ps->end);
    if (at == ps->end || *at != ':') {
        parse_fail(ps, at, "a colon must follow the key");
        return STEP_FAILED;
    }
    *p = at + 1;
    return STEP_VALUE;
}

static enum json_step
parse_open(struct json_parser *ps, const char **p, enum json_type type)
{
    char closing = type == JSON_OBJECT ? '}' : ']';

    if (ps->depth == JSON_DEPTH_MAX) {
        parse_fail(ps, *p, "this is nested too deep");
        return STEP_FAILED;
    }
    if (!parse_push(ps, *p, type))
        return STEP_FAILED;
    ps->open[ps->depth++] = ps->n - 1;
    *p = skip_blank(*p + 1, ps->end);
    if (*p < ps->end && **p == closing)
        return parse_close(ps, p);
    return parse_entry(ps, p);
}

static enum json_step
parse_value(struct json_parser *ps, const char **p)
{
    const char *at = *p = skip_blank(*p, ps->end);

    if (at == ps->end) {
        parse_fail(ps, at, "a value is missing");
        return STEP_FAILED;
    }
    switch (*at) {
    case '{':
        return parse_open(ps, p, JSON_OBJECT);
    case '[':
        return parse_open(ps, p, JSON_ARRAY);
    case '"':
        at = scan_string(ps, at);
        break;
    case 't':
        at = scan_word(ps, at, STR("true"), JSON_TRUE);
        break;
    case 'f':
        at = scan_word(ps, at, STR("false"), JSON_FALSE);
        break;
    case 'n':
        at = scan_word(ps, at, STR("null"), JSON_NULL);
        break;
    default:
        at = scan_number(ps, at);
        break;
    }
    if (!at)
        return STEP_FAILED;
    *p = at;
    return STEP_AFTER_VALUE;
}

/* After a value inside a container: a comma or its end. */
static enum json_step
parse_after_value(struct json_parser *ps, const char **p)
{
    bool is_object = ps->tokens[ps->open[ps->depth - 1]].type == JSON_OBJECT;

    if (*p < ps->end && **p == (is_object ? '}' : ']'))
        return parse_close(ps, p);
    if (*p == ps->end || **p != ',') {
        parse_fail(ps, *p,
                   is_object ? "a comma or } must be here"
                             : "a comma or ] must be here");
        return STEP_FAILED;
    }
    *p = skip_blank(*p + 1, ps->end);
    return parse_entry(ps, p);
}

static bool
parse_document(struct json_parser *ps)
{
    const char *p = ps->start;
    enum json_step step = STEP_VALUE;

    while (step != STEP_FAILED) {
        if (step == STEP_VALUE) {
            step = parse_value(ps, &p);
            continue;
        }
        p = skip_blank(p, ps->end);
        if (ps->depth == 0) {
            if (p == ps->end)
                return true;
            parse_fail(ps, p, "something follows the value");
            return false;
        }
        step = parse_after_value(ps, &p);
    }
    return false;
}

enum err
json_parse(struct arena *a, struct str text, struct json_doc *ret,
           struct json_error *ret_error)
{
    struct json_parser ps = {.arena = a, .start = text.p ? text.p : ""};

    bool is_good = false;

    ps.end = ps.start + text.n;
    /* A guess that is seldom too small, and not much for a long string. */
    ps.cap = (uint32_t)(text.n < 32768 ? text.n / 8 + 8 : 4096);
    ps.tokens = ARENA_ARRAY(a, struct json_token, ps.cap);
    if (text.n <= UINT32_MAX)
        is_good = parse_document(&ps);
    else
        parse_fail(&ps, ps.start, "the text is too long");
    if (!is_good) {
        *ret_error = ps.error;
        return ERR_MALFORMED;
    }
    *ret = (struct json_doc){
        .text = {ps.start, text.n}, .tokens = ps.tokens, .n = ps.n};
    return ERR_OK;
}

static const struct json_token *
token_of(struct json v)
{
    return v.doc ? &v.doc->tokens[v.i] : NULL;
}

static struct json
absent(void)
{
    return (struct json){NULL, 0};
}

struct json
json_root(const struct json_doc *doc)
{
    return doc->n > 0 ? (struct json){doc, 0} : absent();
}

enum json_type
json_type(struct json v)
{
    return v.doc ? (enum json_type)token_of(v)->type : JSON_ABSENT;
}

bool
json_is(struct json v, enum json_type type)
{
    return json_type(v) == type;
}

struct str
json_raw(struct json v)
{
    const struct json_token *token = token_of(v);

    return token ? (struct str){v.doc->text.p + token->at, token->n} : STR_NONE;
}

uint32_t
json_count(struct json v)
{
    return v.doc ? token_of(v)->count : 0;
}

static bool
token_text_is(const char *start, const struct json_token *token, struct str s)
{
    struct str raw = {start + token->at + 1, token->n - 2};
    const char *p = raw.p;

    if (!token->escaped)
        return str_eq(raw, s);
    while (p < raw.p + raw.n) {
        char piece[4];
        size_t n = unescape_one(&p, piece);

        if (s.n < n || memcmp(s.p, piece, n) != 0)
            return false;
        s = str_sub(s, n, s.n);
    }
    return s.n == 0;
}

struct json
json_get_str(struct json object, struct str key)
{
    const struct json_doc *doc = object.doc;

    if (!json_is(object, JSON_OBJECT))
        return absent();
    for (uint32_t at = object.i + 1; at < doc->tokens[object.i].next;
         at = doc->tokens[at + 1].next)
        if (token_text_is(doc->text.p, &doc->tokens[at], key))
            return (struct json){doc, at + 1};
    return absent();
}

struct json
json_get(struct json object, const char *key)
{
    return json_get_str(object, str_from(key));
}

struct json
json_at(struct json array, uint32_t i)
{
    struct json v;

    if (!json_is(array, JSON_ARRAY))
        return absent();
    v = json_first(array);
    while (i-- > 0 && v.doc)
        v = json_next(array, v);
    return v;
}

struct json
json_first(struct json container)
{
    if (json_count(container) == 0)
        return absent();
    container.i += json_is(container, JSON_OBJECT) ? 2 : 1;
    return container;
}

struct json
json_next(struct json container, struct json child)
{
    uint32_t next;

    if (!container.doc || !child.doc)
        return absent();
    next = token_of(child)->next;
    if (next >= token_of(container)->next)
        return absent();
    if (json_is(container, JSON_OBJECT))
        next++;
    return (struct json){container.doc, next};
}

struct str
json_key(struct arena *a, struct json member_value)
{
    if (!member_value.doc || member_value.i == 0)
        return STR_NONE;
    member_value.i--;
    return json_str(a, member_value);
}

struct str
json_str(struct arena *a, struct json v)
{
    if (!json_is(v, JSON_STRING))
        return STR_NONE;
    return token_text(a, v.doc->text.p, token_of(v));
}

bool
json_bool(struct json v, bool otherwise)
{
    if (json_is(v, JSON_TRUE))
        return true;
    return json_is(v, JSON_FALSE) ? false : otherwise;
}

bool
json_int(struct json v, int64_t *ret)
{
    return json_is(v, JSON_NUMBER) && str_to_i64(json_raw(v), ret);
}

struct str
json_str_of(struct arena *a, struct json object, const char *key)
{
    return json_str(a, json_get(object, key));
}

static struct json_member *
sorted_members(struct arena *a, struct json object)
{
    uint32_t n = json_count(object);
    struct json_member *members = ARENA_ARRAY(a, struct json_member, n);

    if (n > 0)
        list_members(a, object.doc->text.p, object.doc->tokens, object.i,
                     members);
    sort_members(members, n);
    return members;
}

/* By halves, so that a patch of 10,000 keys on as many is not 10^8 steps. */
static struct json
find_member(struct json object, const struct json_member *sorted,
            struct str key)
{
    uint32_t low = 0, high = json_count(object);

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        /* Before all values of this key: tokens of values start at 2. */
        struct json_member wanted = {key, 0};

        if (compare_members(&sorted[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == json_count(object) || !str_eq(sorted[low].key, key))
        return absent();
    return (struct json){object.doc, sorted[low].value};
}

static void merge_value(struct arena *a, struct json_writer *w,
                        struct json target, struct json patch);

static void
merge_object(struct arena *a, struct json_writer *w, struct json target,
             struct json patch)
{
    const struct json_member *patches = sorted_members(a, patch), *olds;

    if (!json_is(target, JSON_OBJECT))
        target = absent();
    olds = sorted_members(a, target);
    json_begin_object(w);
    for (struct json v = json_first(target); v.doc; v = json_next(target, v)) {
        struct str key = json_key(a, v);
        struct json change = find_member(patch, patches, key);

        if (json_is(change, JSON_NULL))
            continue;
        json_put_key_str(w, key);
        if (change.doc)
            merge_value(a, w, v, change);
        else
            json_put_raw(w, json_raw(v));
    }
    for (struct json v = json_first(patch); v.doc; v = json_next(patch, v)) {
        struct str key = json_key(a, v);

        if (json_is(v, JSON_NULL) || find_member(target, olds, key).doc)
            continue;
        json_put_key_str(w, key);
        merge_value(a, w, absent(), v);
    }
    json_end_object(w);
}

/* As deep as the patch, which is at most JSON_DEPTH_MAX. */
static void
merge_value(struct arena *a, struct json_writer *w, struct json target,
            struct json patch)
{
    if (json_is(patch, JSON_OBJECT))
        merge_object(a, w, target, patch);
    else
        json_put_raw(w, json_raw(patch));
}

struct str
json_merge_patch(struct arena *a, struct json target, struct json patch)
{
    struct buf out;
    struct json_writer w;

    buf_init(&out, a);
    w = json_writer(&out);
    assert(patch.doc);
    merge_value(a, &w, target, patch);
    return buf_str(&out);
}
