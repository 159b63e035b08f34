#include "app/press_secret.h"

#include "base/arena.h"

#define N_MAX INT64_C(1000000000) /* a document that says more is damaged */

struct press_secret
press_secret_read(struct json stored)
{
    struct json until = json_get(stored, "old_until");
    struct json u = json_first(until);
    struct press_secret s = {0};

    if (!json_int(json_get(stored, "n"), &s.n) || s.n < 0 || s.n > N_MAX)
        return (struct press_secret){0};
    for (size_t i = 0; i < STANDARD_OLD_MAX; i++, u = json_next(until, u))
        if (!json_int(u, &s.until_ms[i]))
            s.until_ms[i] = 0;
    return s;
}

struct press_secret
press_secret_rotate(const struct press_secret *before, int64_t now_ms)
{
    struct press_secret s = {.n = before->n + 1};

    s.until_ms[0] = now_ms + STANDARD_OVERLAP_MS;
    for (size_t i = 1; i < STANDARD_OLD_MAX; i++)
        s.until_ms[i] = before->until_ms[i - 1];
    return s;
}

struct str
press_secret_store(struct arena *a, const struct press_secret *s)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, a);
    w = json_writer(&out);
    json_begin_object(&w);
    json_int_field(&w, "n", s->n);
    json_put_key(&w, "old_until");
    json_begin_array(&w);
    for (size_t i = 0; i < STANDARD_OLD_MAX; i++)
        json_put_int(&w, s->until_ms[i]);
    json_end_array(&w);
    json_end_object(&w);
    return buf_str(&out);
}

/* That of n rotations. */
static struct str
bytes_of(const struct vault *v, struct arena *a, int64_t tenant, int64_t n)
{
    struct str text =
        n == 0 ? str_fmt(a, "%lld", (long long)tenant)
               : str_fmt(a, "%lld/%lld", (long long)tenant, (long long)n);
    uint8_t *mac = arena_alloc(a, 32);

    vault_sign(v, "actions", text, mac);
    return (struct str){(const char *)mac, 32};
}

struct str
press_secret_text(const struct vault *v, struct arena *a, int64_t tenant,
                  const struct press_secret *s)
{
    struct buf out;

    buf_init(&out, a);
    buf_put_cstr(&out, "whsec_");
    buf_put_base64(&out, bytes_of(v, a, tenant, s->n));
    return buf_str(&out);
}

struct standard_secrets
press_secret_all(const struct vault *v, struct arena *a, int64_t tenant,
                 const struct press_secret *s, int64_t now_ms)
{
    struct standard_secrets all = {.row = {bytes_of(v, a, tenant, s->n)},
                                   .n = 1};

    for (int64_t i = 0; i < STANDARD_OLD_MAX && i < s->n; i++)
        if (s->until_ms[i] > now_ms)
            all.row[all.n++] = bytes_of(v, a, tenant, s->n - 1 - i);
    return all;
}
