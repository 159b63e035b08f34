/* standard.c - see standard.h. */
#include "channel/standard.h"

#include "base/arena.h"
#include "base/hmac.h"
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

static bool
decode_secret(struct arena *a, struct str s, struct str *ret)
{
    struct buf text, b;
    size_t n_added = 0;

    if (str_starts(s, STR("whsk_")) || str_starts(s, STR("whpk_")))
        return false; /* of another kind of signature */
    if (str_starts(s, STR("whsec_")))
        s = str_sub(s, 6, s.n);
    while (s.n > 0 && s.p[s.n - 1] == '=')
        s.n--;
    if (s.n % 4 == 1)
        return false;
    /* Other libraries take a cut secret and drop its odd bits, so those are
     * given a place to go. */
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

static bool
add_secrets(struct arena *a, struct str words, struct standard_secrets *s)
{
    struct str word;

    while (str_split(&words, ' ', &word)) {
        if (word.n == 0)
            continue;
        if (s->n == STANDARD_SECRETS_MAX ||
            !decode_secret(a, word, &s->row[s->n++]))
            return false;
    }
    return true;
}

bool
standard_read(struct arena *a, struct json secrets,
              struct standard_secrets *ret)
{
    ret->n = 0;
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

void
standard_check(struct json config, const char *name, struct problem *p)
{
    struct json secrets = json_get(config, name);
    struct standard_secrets s;

    /* As it is shown, it stands for the one that is stored. */
    if (json_is(secrets, JSON_ABSENT) ||
        str_is(json_str(p->arena, secrets), "***"))
        return;
    if (!standard_read(p->arena, secrets, &s) || s.n == 0)
        problem_add(p, ERR_INVALID, str_fmt(p->arena, "/%s", name),
                    "must be whsec_ and base64 of 1 to %d bytes, at most %d "
                    "of them",
                    STANDARD_SECRET_BYTES_MAX, STANDARD_SECRETS_MAX);
}

/* ---- signatures ---- */

static struct str
signature_of(struct arena *a, struct str secret, struct str id,
             struct str timestamp, struct str body)
{
    struct buf text;

    buf_init(&text, a);
    buf_put_str(&text, id);
    buf_put_char(&text, '.');
    buf_put_str(&text, timestamp);
    buf_put_char(&text, '.');
    buf_put_str(&text, body);
    return hmac_sha256(a, secret, buf_str(&text));
}

void
standard_put_signatures(struct arena *a, const struct standard_secrets *s,
                        struct str id, struct str timestamp, struct str body,
                        struct buf *out)
{
    for (size_t i = 0; i < s->n; i++) {
        buf_put_cstr(out, out->n > 0 ? " v1," : "v1,");
        buf_put_base64(out, signature_of(a, s->row[i], id, timestamp, body));
    }
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

    if (id.n == 0 || !hook_is_recent(r, timestamp) ||
        !standard_read(r->arena, secrets, &s))
        return false;
    for (size_t i = 0; i < s.n; i++)
        is_good |=
            holds(r->arena, signatures,
                  signature_of(r->arena, s.row[i], id, timestamp, r->body));
    return is_good;
}
