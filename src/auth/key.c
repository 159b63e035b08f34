#include "auth/key.h"

#include <sodium.h>

#include "base/arena.h"
#include "base/rng.h"

#define PREFIX "bf_"
#define SECRET_LEN 43 /* of 62 letters: 256 bits */

static const struct {
    enum auth_scope scope;
    const char *name;
} scopes[] = {
    {AUTH_SEND, "send"},   {AUTH_READ, "read"},       {AUTH_WRITE, "write"},
    {AUTH_ADMIN, "admin"}, {AUTH_METRICS, "metrics"},
};
#define N_SCOPES (sizeof(scopes) / sizeof(scopes[0]))

const char *
auth_scope_name(enum auth_scope s)
{
    for (size_t i = 0; i < N_SCOPES; i++)
        if (scopes[i].scope == s)
            return scopes[i].name;
    return "none";
}

bool
auth_scope_parse(struct str s, enum auth_scope *ret)
{
    for (size_t i = 0; i < N_SCOPES; i++) {
        if (str_is(s, scopes[i].name)) {
            *ret = scopes[i].scope;
            return true;
        }
    }
    return false;
}

static void
hash_secret(struct str secret, uint8_t hash[static 32])
{
    crypto_hash_sha256(hash, (const unsigned char *)secret.p, secret.n);
}

/* Letters and digits only, so that a double click takes the whole key. */
static void
random_text(char *text, size_t n)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    uint8_t bytes[64];

    for (size_t i = 0; i < n;) {
        rng_secret(bytes, sizeof(bytes));
        for (size_t j = 0; j < sizeof(bytes) && i < n; j++)
            if (bytes[j] < 4 * 62) /* even */
                text[i++] = alphabet[bytes[j] % 62];
    }
    sodium_memzero(bytes, sizeof(bytes));
}

struct str
auth_key_make(char text[static AUTH_KEY_TEXT_MAX], struct auth_key *ret)
{
    size_t at = sizeof(PREFIX) - 1;
    size_t secret_at = at + AUTH_KEY_ID_LEN + 1;

    memcpy(text, PREFIX, at);
    random_text(text + at, AUTH_KEY_ID_LEN);
    text[at + AUTH_KEY_ID_LEN] = '_';
    random_text(text + secret_at, SECRET_LEN);
    text[secret_at + SECRET_LEN] = '\0';
    memcpy(ret->id, text + at, AUTH_KEY_ID_LEN);
    ret->id[AUTH_KEY_ID_LEN] = '\0';
    hash_secret((struct str){text + secret_at, SECRET_LEN}, ret->hash);
    return (struct str){text, secret_at + SECRET_LEN};
}

bool
auth_key_split(struct str text, struct str *ret_id, struct str *ret_secret)
{
    size_t at = sizeof(PREFIX) - 1;

    if (!str_starts(text, STR(PREFIX)) || text.n >= AUTH_KEY_TEXT_MAX ||
        text.n < at + AUTH_KEY_ID_LEN + 2 ||
        text.p[at + AUTH_KEY_ID_LEN] != '_')
        return false;
    *ret_id = str_sub(text, at, AUTH_KEY_ID_LEN);
    *ret_secret = str_sub(text, at + AUTH_KEY_ID_LEN + 1, text.n);
    return true;
}

bool
auth_key_matches(const struct auth_key *k, struct str secret)
{
    uint8_t hash[32];

    hash_secret(secret, hash);
    return sodium_memcmp(hash, k->hash, sizeof(hash)) == 0;
}

bool
auth_key_is_same(struct str a, struct str b)
{
    uint8_t ha[32], hb[32];

    /* Hashing first makes the comparison's time say nothing of lengths. */
    hash_secret(a, ha);
    hash_secret(b, hb);
    return sodium_memcmp(ha, hb, sizeof(ha)) == 0;
}

void
auth_key_write(const struct auth_key *k, struct str name, int64_t created_ms,
               struct json_writer *w)
{
    char hex[65];

    sodium_bin2hex(hex, sizeof(hex), k->hash, sizeof(k->hash));
    json_begin_object(w);
    json_str_field(w, "id", str_from(k->id));
    json_str_field(w, "name", name);
    json_str_field(w, "hash", str_from(hex));
    json_put_key(w, "scopes");
    json_begin_array(w);
    for (size_t i = 0; i < N_SCOPES; i++)
        if (k->scopes & scopes[i].scope)
            json_put_cstr(w, scopes[i].name);
    json_end_array(w);
    json_int_field(w, "created_ms", created_ms);
    json_int_field(w, "expires_ms", k->expires_ms);
    json_end_object(w);
}

bool
auth_key_read(struct arena *a, struct json doc, struct auth_key *ret)
{
    struct auth_key k = {.scopes = 0};
    struct str id = json_str_of(a, doc, "id");
    struct str hex = json_str_of(a, doc, "hash"), name;
    struct json list = json_get(doc, "scopes");
    enum auth_scope scope;
    size_t n;

    if (id.n != AUTH_KEY_ID_LEN || hex.n != 64 ||
        sodium_hex2bin(k.hash, sizeof(k.hash), hex.p, hex.n, NULL, &n, NULL) ||
        n != sizeof(k.hash) ||
        !json_int(json_get(doc, "expires_ms"), &k.expires_ms))
        return false;
    memcpy(k.id, id.p, AUTH_KEY_ID_LEN);
    name = str_utf8_clip(json_str_of(a, doc, "name"), AUTH_KEY_NAME_MAX);
    if (name.n > 0)
        memcpy(k.name, name.p, name.n);
    for (struct json s = json_first(list); !json_is(s, JSON_ABSENT);
         s = json_next(list, s))
        if (auth_scope_parse(json_str(a, s), &scope))
            k.scopes |= scope;
    *ret = k;
    return true;
}
