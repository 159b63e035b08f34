#include "auth/token.h"

#include <sodium.h>

#include "base/json.h"

#define HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define TOKEN_TEXT_MAX 2048

struct str
token_make(const struct vault *v, struct arena *a, const struct token_claims *c)
{
    struct buf claims, out;
    struct json_writer w;
    uint8_t mac[32];

    buf_init(&claims, a);
    w = json_writer(&claims);
    json_begin_object(&w);
    json_str_field(&w, "sub", c->user);
    json_str_field(&w, "ws", c->workspace);
    json_int_field(&w, "exp", c->expires_ms / 1000);
    json_end_object(&w);

    buf_init(&out, a);
    buf_put_base64url(&out, STR(HEADER));
    buf_put_char(&out, '.');
    buf_put_base64url(&out, buf_str(&claims));
    vault_sign(v, "user-token", buf_str(&out), mac);
    buf_put_char(&out, '.');
    buf_put_base64url(&out, (struct str){(char *)mac, sizeof(mac)});
    return buf_str(&out);
}

static bool
is_signed(const struct vault *v, struct arena *a, struct str text,
          struct str mac_text)
{
    struct str signed_part = str_sub(text, 0, text.n - mac_text.n - 1);
    struct buf mac;
    uint8_t want[32];

    buf_init(&mac, a);
    if (!buf_get_base64(&mac, mac_text) || mac.n != sizeof(want))
        return false;
    vault_sign(v, "user-token", signed_part, want);
    return sodium_memcmp(mac.p, want, sizeof(want)) == 0;
}

static bool
read_claims(struct arena *a, struct str text, struct token_claims *ret)
{
    struct json_doc *doc = ARENA_NEW(a, struct json_doc);
    struct json_error why;
    struct token_claims c;
    int64_t exp_s;

    if (json_parse(a, text, doc, &why) != ERR_OK)
        return false;
    c.user = json_str_of(a, json_root(doc), "sub");
    c.workspace = json_str_of(a, json_root(doc), "ws");
    if (!id_is_key(c.user) || !id_is_key(c.workspace) ||
        !json_int(json_get(json_root(doc), "exp"), &exp_s) || exp_s < 0 ||
        exp_s > INT64_MAX / 1000)
        return false;
    c.expires_ms = exp_s * 1000;
    *ret = c;
    return true;
}

bool
token_read(const struct vault *v, struct arena *a, struct str text,
           int64_t now_ms, struct token_claims *ret)
{
    struct str rest = text, header, claims, mac;
    struct token_claims c;
    struct buf plain;

    if (text.n > TOKEN_TEXT_MAX || !str_split(&rest, '.', &header) ||
        !str_split(&rest, '.', &claims) || !str_split(&rest, '.', &mac) ||
        rest.p != NULL || !is_signed(v, a, text, mac))
        return false;
    buf_init(&plain, a);
    if (!buf_get_base64(&plain, claims) ||
        !read_claims(a, buf_str(&plain), &c) || c.expires_ms <= now_ms)
        return false;
    *ret = c;
    return true;
}
