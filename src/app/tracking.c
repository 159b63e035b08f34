#include "app/tracking.h"

#include <sodium.h>

#include "domain/relink.h"

#define MAC_BYTES 16
#define TOKEN_MAX 4096

/* The signature, then: tenant, a blank, the delivery, a blank, the target. */
struct str
tracking_token(const struct vault *v, struct arena *a, const struct tracking *t)
{
    struct str text = str_fmt(a, "%lld %.*s %.*s", (long long)t->tenant,
                              STR_ARG(t->delivery_id), STR_ARG(t->url));
    struct buf raw, out;
    uint8_t mac[32];

    vault_sign(v, "tracking", text, mac);
    buf_init(&raw, a);
    buf_put(&raw, mac, MAC_BYTES);
    buf_put_str(&raw, text);
    buf_init(&out, a);
    buf_put_base64url(&out, buf_str(&raw));
    return buf_str(&out);
}

bool
tracking_read(const struct vault *v, struct arena *a, struct str token,
              struct tracking *ret)
{
    struct str text, tenant;
    struct buf raw;
    uint8_t mac[32];

    buf_init(&raw, a);
    if (token.n > TOKEN_MAX || !buf_get_base64(&raw, token) ||
        raw.n <= MAC_BYTES)
        return false;
    text = str_sub(buf_str(&raw), MAC_BYTES, raw.n);
    vault_sign(v, "tracking", text, mac);
    if (sodium_memcmp(mac, raw.p, MAC_BYTES) != 0 ||
        !str_split(&text, ' ', &tenant) || !str_to_i64(tenant, &ret->tenant) ||
        !str_split(&text, ' ', &ret->delivery_id))
        return false;
    ret->url = text;
    return true;
}

static struct str
url_of(const struct tracked_mail *m, struct str target)
{
    struct tracking t = {
        .tenant = m->tenant, .delivery_id = m->delivery_id, .url = target};

    return str_fmt(m->arena, "%.*s/t/%.*s", STR_ARG(m->public_url),
                   STR_ARG(tracking_token(m->vault, m->arena, &t)));
}

static struct str
other(void *arg, struct str url)
{
    const struct tracked_mail *m = arg;

    return str_starts(url, m->public_url) ? STR_NONE : url_of(m, url);
}

struct str
tracking_html(const struct tracked_mail *m, struct str html)
{
    struct relink r = {.arena = m->arena, .arg = (void *)(uintptr_t)m};

    if (m->clicks)
        r.other = other;
    if (m->opens)
        r.tail = str_fmt(m->arena,
                         "<img src=\"%.*s\" width=\"1\" height=\"1\" alt=\"\">",
                         STR_ARG(url_of(m, STR_NONE)));
    return relink_html(&r, html);
}
