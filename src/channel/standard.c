/* standard.c - see standard.h. */
#include "channel/standard.h"

#include "base/arena.h"
#include "base/hmac.h"
#include "base/sign.h"
#include "channel/hook.h"

static const struct field secret_row[] = {
    {.type = FIELD_STRING, .min = 1, .max = 256}, {.type = FIELD_END}};

const struct field standard_secret_forms[] = {
    {.type = FIELD_STRING, .min = 1, .max = 2048},
    {.type = FIELD_ARRAY,
     .min = 1,
     .max = STANDARD_SECRETS_MAX,
     .of = secret_row},
    {.type = FIELD_END}};

/* ---- secrets ---- */

/* Other libraries take a cut secret and drop its odd bits, so those are given a
 * place to go. */
static bool
decode(struct arena *a, struct str s, struct str *ret)
{
    struct buf text, b;
    size_t n_added = 0;

    while (s.n > 0 && s.p[s.n - 1] == '=')
        s.n--;
    if (s.n % 4 == 1)
        return false;
    buf_init(&text, a);
    buf_put_str(&text, s);
    for (; text.n % 4 != 0; n_added++)
        buf_put_char(&text, 'A');
    buf_init(&b, a);
    if (!buf_get_base64(&b, buf_str(&text)) || b.n <= n_added ||
        b.n - n_added > STANDARD_SECRET_BYTES_MAX)
        return false;
    *ret = str_sub(buf_str(&b), 0, b.n - n_added);
    return true;
}

#define SEED_BYTES 32 /* of RFC 8032; some write the public key behind it */

/* As PKCS#8 has a seed (RFC 8410, 7). */
static struct str
pem_of(struct arena *a, struct str seed)
{
    static const char head[] = "\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65"
                               "\x70\x04\x22\x04\x20";
    struct buf der, pem;

    buf_init(&der, a);
    buf_put(&der, head, sizeof(head) - 1);
    buf_put_str(&der, seed);
    buf_init(&pem, a);
    buf_put_cstr(&pem, "-----BEGIN PRIVATE KEY-----\n");
    buf_put_base64(&pem, buf_str(&der));
    buf_put_cstr(&pem, "\n-----END PRIVATE KEY-----\n");
    return buf_str(&pem);
}

static bool
add_key(struct arena *a, struct str word, struct standard_secrets *s)
{
    struct str raw;

    if (!decode(a, word, &raw) ||
        (raw.n != SEED_BYTES && raw.n != 2 * SEED_BYTES))
        return false;
    s->keys[s->n_keys++] = pem_of(a, str_sub(raw, 0, SEED_BYTES));
    return true;
}

static bool
add_secret(struct arena *a, struct str word, struct standard_secrets *s)
{
    static const struct str shared = {"whsec_", 6}, private = {"whsk_", 5};

    if (s->n + s->n_keys == STANDARD_SECRETS_MAX)
        return false;
    if (str_starts(word, private))
        return add_key(a, str_sub(word, private.n, word.n), s);
    if (str_starts(word, STR("whpk_")))
        return false; /* nobody signs with a public one */
    if (str_starts(word, shared))
        word = str_sub(word, shared.n, word.n);
    return decode(a, word, &s->row[s->n++]);
}

static bool
add_secrets(struct arena *a, struct str words, struct standard_secrets *s)
{
    struct str word;

    while (str_split(&words, ' ', &word))
        if (word.n > 0 && !add_secret(a, word, s))
            return false;
    return true;
}

bool
standard_read(struct arena *a, struct json secrets,
              struct standard_secrets *ret)
{
    ret->n = ret->n_keys = 0;
    if (json_is(secrets, JSON_STRING))
        return add_secrets(a, json_str(a, secrets), ret);
    if (!json_is(secrets, JSON_ARRAY))
        return true;
    for (struct json e = json_first(secrets); !json_is(e, JSON_ABSENT);
         e = json_next(secrets, e))
        if (!add_secrets(a, json_str(a, e), ret))
            return false;
    return true;
}

/* NULL: none at all, or as it is shown, which stands for the one stored. */
static const struct standard_secrets *
read_given(struct json config, const char *name, struct problem *p,
           bool *ret_is_good)
{
    struct json secrets = json_get(config, name);
    struct standard_secrets *s = ARENA_NEW(p->arena, struct standard_secrets);

    if (json_is(secrets, JSON_ABSENT) ||
        str_is(json_str(p->arena, secrets), "***"))
        return NULL;
    *ret_is_good = standard_read(p->arena, secrets, s) && s->n + s->n_keys > 0;
    return s;
}

#define SHARED_FORM "whsec_ and base64 of 1 to %d bytes"

void
standard_check(struct json config, const char *name, struct problem *p)
{
    bool is_good = true;
    const struct standard_secrets *s = read_given(config, name, p, &is_good);

    if (!is_good || (s && s->n_keys > 0))
        problem_add(p, ERR_INVALID, str_fmt(p->arena, "/%s", name),
                    "must be " SHARED_FORM ", at most %d of them",
                    STANDARD_SECRET_BYTES_MAX, STANDARD_SECRETS_MAX);
}

void
standard_check_signer(struct json config, const char *name, struct problem *p)
{
    bool is_good = true;

    (void)read_given(config, name, p, &is_good);
    if (!is_good)
        problem_add(p, ERR_INVALID, str_fmt(p->arena, "/%s", name),
                    "must be " SHARED_FORM ", or whsk_ and base64 of %d, at "
                    "most %d of them",
                    STANDARD_SECRET_BYTES_MAX, SEED_BYTES,
                    STANDARD_SECRETS_MAX);
}

/* ---- signatures ---- */

/* A body may have any byte, also one that ends a text for printf(). */
static struct str
signed_text(struct arena *a, struct str id, struct str timestamp,
            struct str body)
{
    struct buf b;

    buf_init(&b, a);
    buf_put_str(&b, id);
    buf_put_char(&b, '.');
    buf_put_str(&b, timestamp);
    buf_put_char(&b, '.');
    buf_put_str(&b, body);
    return buf_str(&b);
}

static void
put_signature(struct buf *out, const char *version, struct str raw)
{
    if (out->n > 0)
        buf_put_char(out, ' ');
    buf_put_cstr(out, version);
    buf_put_char(out, ',');
    buf_put_base64(out, raw);
}

void
standard_put_signatures(struct arena *a, const struct standard_secrets *s,
                        struct str id, struct str timestamp, struct str body,
                        struct buf *out)
{
    struct str text = signed_text(a, id, timestamp, body);

    for (size_t i = 0; i < s->n; i++)
        put_signature(out, "v1", hmac_sha256(a, s->row[i], text));
    for (size_t i = 0; i < s->n_keys; i++)
        put_signature(out, "v1a", sign(a, SIGN_ED25519, s->keys[i], text));
}

/* Whether one of the signatures, "v1,base64 v1,base64", is that. */
static bool
holds(struct arena *a, struct str signatures, struct str raw)
{
    struct str word;
    struct buf want;
    bool is_there = false;

    buf_init(&want, a);
    buf_put_cstr(&want, "v1,");
    buf_put_base64(&want, raw);
    while (str_split(&signatures, ' ', &word))
        is_there |= hmac_is_same(word, buf_str(&want));
    return is_there;
}

static struct str
header(const struct channel_receipt *r, const char *prefix, const char *name)
{
    return hook_header(
        r, str_cstr(r->arena, str_fmt(r->arena, "%s-%s", prefix, name)));
}

bool
standard_is_signed(const struct channel_receipt *r, const char *prefix,
                   struct json secrets)
{
    struct str id = header(r, prefix, "id");
    struct str timestamp = header(r, prefix, "timestamp");
    struct str signatures = header(r, prefix, "signature");
    struct standard_secrets s;
    bool is_good = false;
    struct str text;

    if (id.n == 0 || !hook_is_recent(r, timestamp) ||
        !standard_read(r->arena, secrets, &s))
        return false;
    text = signed_text(r->arena, id, timestamp, r->body);
    for (size_t i = 0; i < s.n; i++)
        is_good |=
            holds(r->arena, signatures, hmac_sha256(r->arena, s.row[i], text));
    return is_good;
}
