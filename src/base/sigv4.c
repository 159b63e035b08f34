/* sigv4.c - see sigv4.h. */
#include "base/sigv4.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/civil.h"
#include "base/hmac.h"

#define ALGORITHM "AWS4-HMAC-SHA256"

static struct str
hex(struct arena *a, struct str raw)
{
    struct buf b;

    buf_init(&b, a);
    buf_put_hex(&b, raw);
    return buf_str(&b);
}

struct str
sigv4_time(struct arena *a, int64_t wall_ms)
{
    struct civil t = civil_from_seconds(floor_div(wall_ms, 1000));

    return str_fmt(a, "%04d%02d%02dT%02d%02d%02dZ", t.year, t.month, t.day,
                   t.hour, t.minute, t.second);
}

/* Each part is encoded once more than it is in the call. */
static void
put_path(struct buf *out, struct str path)
{
    struct str part;
    bool is_first = true;

    while (str_split(&path, '/', &part)) {
        if (!is_first)
            buf_put_char(out, '/');
        buf_put_url(out, part);
        is_first = false;
    }
}

/* Trimmed, and each run of blanks as one. */
static void
put_value(struct buf *out, struct str value)
{
    value = str_trim(value);
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] != ' ' || value.p[i - 1] != ' ')
            buf_put_char(out, value.p[i]);
}

static struct str
signed_names(struct arena *a, const struct sigv4_request *r)
{
    struct buf b;

    buf_init(&b, a);
    for (size_t i = 0; i < r->n_headers; i++) {
        if (i > 0)
            buf_put_char(&b, ';');
        buf_put_str(&b, r->headers[i].name);
    }
    return buf_str(&b);
}

static struct str
canonical(struct arena *a, const struct sigv4_request *r)
{
    struct buf b;

    buf_init(&b, a);
    buf_put_str(&b, r->method);
    buf_put_char(&b, '\n');
    put_path(&b, r->path);
    buf_put_cstr(&b, "\n\n"); /* an empty query */
    for (size_t i = 0; i < r->n_headers; i++) {
        buf_put_str(&b, r->headers[i].name);
        buf_put_char(&b, ':');
        put_value(&b, r->headers[i].value);
        buf_put_char(&b, '\n');
    }
    buf_put_char(&b, '\n');
    buf_put_str(&b, signed_names(a, r));
    buf_put_char(&b, '\n');
    buf_put_hex(&b, hash_sha256(a, r->body));
    return buf_str(&b);
}

struct str
sigv4_signing_key(struct arena *a, const struct sigv4_key *key, struct str date)
{
    struct str k =
        hmac_sha256(a, str_fmt(a, "AWS4%.*s", STR_ARG(key->secret)), date);

    k = hmac_sha256(a, k, key->region);
    k = hmac_sha256(a, k, key->service);
    return hmac_sha256(a, k, STR("aws4_request"));
}

struct str
sigv4_authorization(struct arena *a, const struct sigv4_key *key,
                    const struct sigv4_request *r, int64_t wall_ms)
{
    struct str time = sigv4_time(a, wall_ms);
    struct str date = str_sub(time, 0, 8);
    struct str scope = str_fmt(a, "%.*s/%.*s/%.*s/aws4_request", STR_ARG(date),
                               STR_ARG(key->region), STR_ARG(key->service));
    struct str hash = hex(a, hash_sha256(a, canonical(a, r)));
    struct str text = str_fmt(a, ALGORITHM "\n%.*s\n%.*s\n%.*s", STR_ARG(time),
                              STR_ARG(scope), STR_ARG(hash));
    struct str signature =
        hex(a, hmac_sha256(a, sigv4_signing_key(a, key, date), text));

    return str_fmt(a,
                   ALGORITHM " Credential=%.*s/%.*s, SignedHeaders=%.*s, "
                             "Signature=%.*s",
                   STR_ARG(key->id), STR_ARG(scope),
                   STR_ARG(signed_names(a, r)), STR_ARG(signature));
}
