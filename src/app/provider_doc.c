#include "app/provider_doc.h"

#include "base/decimal.h"
#include "base/url.h"

#define SEALED "sealed:"
#define COST_MAX (INT64_C(1000000) * 1000000000)

static bool
is_sealed(struct str s)
{
    return str_starts(s, STR(SEALED));
}

static bool
is_secret(const struct channel_driver *d, struct str name)
{
    const struct field *f = d && d->config ? field_find(d->config, name) : NULL;

    return f && (f->flags & FIELD_SECRET);
}

/* Whether a member of `config` is stored sealed. A driver that is not built
 * any more has no table to ask: there the text itself has to say it. */
static bool
is_closed(struct arena *a, const struct channel_driver *d, struct str name,
          struct json v)
{
    return d ? is_secret(d, name) : is_sealed(json_str(a, v));
}

static const struct channel_driver *
driver_of(struct arena *a, struct json doc)
{
    return channel_driver_find(json_str_of(a, doc, "driver"));
}

struct str
provider_doc_purpose(struct arena *a, int64_t tenant, struct str name)
{
    return str_fmt(a, "%lld/provider/%.*s", (long long)tenant, STR_ARG(name));
}

static bool
is_mask(struct arena *a, struct json v)
{
    return str_is(json_str(a, v), "***");
}

static bool
is_kept(struct arena *a, struct json before, struct str name, struct json old)
{
    return is_secret(driver_of(a, before), name) && is_sealed(json_str(a, old));
}

static bool
is_same_text(struct arena *a, struct json x, struct json y, const char *name)
{
    return str_eq(json_str_of(a, x, name), json_str_of(a, y, name));
}

/* Scheme, host and port. */
static struct str
origin_of(struct arena *a, struct json config, const char *name)
{
    struct str url = json_str_of(a, config, name);

    return str_sub(url, 0, url.n - url_rest(url).n);
}

/* A plugin may call any of its URLs. */
static bool
is_same_urls(struct arena *a, const struct channel_driver *d, struct json now,
             struct json then)
{
    for (const struct field *f = d->config; f->type != FIELD_END; f++)
        if (f->type == FIELD_URL &&
            !str_ieq(origin_of(a, now, f->name), origin_of(a, then, f->name)))
            return false;
    return true;
}

/* Who may write a provider may not thereby read its secrets: sent to another
 * host, or in the clear, they would be read. */
static bool
is_same_target(struct arena *a, struct json request, struct json before)
{
    const struct channel_driver *d = driver_of(a, request);
    struct json now = json_get(request, "config");
    struct json then = json_get(before, "config");

    return is_same_text(a, request, before, "driver") &&
           is_same_text(a, now, then, "tls") &&
           (!d || !d->host || str_eq(d->host(a, now), d->host(a, then))) &&
           (!d || !d->remote || is_same_urls(a, d, now, then));
}

void
provider_doc_check(struct arena *a, struct json request, struct json before,
                   struct problem *p)
{
    const struct channel_driver *d = driver_of(a, request);
    struct json config = json_get(request, "config");

    for (struct json m = json_first(config); !json_is(m, JSON_ABSENT);
         m = json_next(config, m)) {
        struct str name = json_key(a, m);
        struct json old = json_get_str(json_get(before, "config"), name);

        if (is_secret(d, name) && is_mask(a, m) &&
            !is_kept(a, before, name, old))
            problem_add(p, ERR_INVALID,
                        str_fmt(a, "/config/%.*s", STR_ARG(name)),
                        "\"***\" keeps a stored secret, and none is stored");
        else if (is_secret(d, name) && is_mask(a, m) &&
                 !is_same_target(a, request, before))
            problem_add(p, ERR_INVALID,
                        str_fmt(a, "/config/%.*s", STR_ARG(name)),
                        "give the secret again: it was stored for another "
                        "driver, host or tls");
    }
}

/* A secret may be any JSON; what is sealed is its text. */
static void
seal_config(struct arena *a, const struct vault *v, struct str purpose,
            struct json doc, struct json before, struct json_writer *w)
{
    const struct channel_driver *d = driver_of(a, doc);
    struct json config = json_get(doc, "config");

    json_begin_object(w);
    for (struct json m = json_first(config); !json_is(m, JSON_ABSENT);
         m = json_next(config, m)) {
        struct str name = json_key(a, m);
        struct json old = json_get_str(json_get(before, "config"), name);

        json_put_key_str(w, name);
        if (!is_secret(d, name)) {
            json_put_raw(w, json_raw(m));
        } else if (is_mask(a, m) && is_kept(a, before, name, old)) {
            json_put_raw(w, json_raw(old));
        } else {
            struct str at =
                str_fmt(a, "%.*s/%.*s", STR_ARG(purpose), STR_ARG(name));
            struct str box = vault_seal(v, a, at, json_raw(m));

            json_put_str(w, str_fmt(a, SEALED "%.*s", STR_ARG(box)));
        }
    }
    json_end_object(w);
}

struct str
provider_doc_seal(struct arena *a, const struct vault *v, struct str purpose,
                  struct json request, struct json before)
{
    struct buf out;
    struct json_writer w;

    buf_init(&out, a);
    w = json_writer(&out);
    json_begin_object(&w);
    for (struct json m = json_first(request); !json_is(m, JSON_ABSENT);
         m = json_next(request, m)) {
        struct str name = json_key(a, m);

        if (str_is(name, "paused") || str_is(name, "receipt_url"))
            continue; /* not the sender's to say */
        json_put_key_str(&w, name);
        if (str_is(name, "config"))
            seal_config(a, v, purpose, request, before, &w);
        else
            json_put_raw(&w, json_raw(m));
    }
    if (json_bool(json_get(before, "paused"), false))
        json_bool_field(&w, "paused", true);
    json_end_object(&w);
    return buf_str(&out);
}

static void
show_config(struct arena *a, struct json stored, struct json_writer *w)
{
    const struct channel_driver *d = driver_of(a, stored);
    struct json config = json_get(stored, "config");

    json_begin_object(w);
    for (struct json m = json_first(config); !json_is(m, JSON_ABSENT);
         m = json_next(config, m)) {
        struct str name = json_key(a, m);

        json_put_key_str(w, name);
        if (is_closed(a, d, name, m))
            json_put_cstr(w, "***");
        else
            json_put_raw(w, json_raw(m));
    }
    json_end_object(w);
}

void
provider_doc_show(struct arena *a, struct json stored, struct json_writer *w)
{
    for (struct json m = json_first(stored); !json_is(m, JSON_ABSENT);
         m = json_next(stored, m)) {
        struct str name = json_key(a, m);

        json_put_key_str(w, name);
        if (str_is(name, "config"))
            show_config(a, stored, w);
        else
            json_put_raw(w, json_raw(m));
    }
}

static enum err
open_config(struct arena *a, const struct vault *v, struct str purpose,
            struct json stored, struct json *ret)
{
    const struct channel_driver *d = driver_of(a, stored);
    struct json config = json_get(stored, "config");
    struct json_doc *doc = ARENA_NEW(a, struct json_doc);
    struct json_error why;
    struct json_writer w;
    struct buf out;

    buf_init(&out, a);
    w = json_writer(&out);
    json_begin_object(&w);
    for (struct json m = json_first(config); !json_is(m, JSON_ABSENT);
         m = json_next(config, m)) {
        struct str name = json_key(a, m), text = json_str(a, m), plain;
        struct str at =
            str_fmt(a, "%.*s/%.*s", STR_ARG(purpose), STR_ARG(name));

        json_put_key_str(&w, name);
        if (!is_secret(d, name)) {
            json_put_raw(&w, json_raw(m));
            continue;
        }
        if (!is_sealed(text) ||
            vault_unseal(v, a, at, str_sub(text, sizeof(SEALED) - 1, text.n),
                         &plain) != ERR_OK)
            return ERR_INVALID;
        json_put_raw(&w, plain);
    }
    json_end_object(&w);
    if (json_parse(a, buf_str(&out), doc, &why) != ERR_OK)
        return ERR_INVALID;
    *ret = json_root(doc);
    return ERR_OK;
}

static int64_t
duration_of(struct arena *a, struct json doc, const char *key,
            int64_t otherwise)
{
    int64_t ms;

    return str_to_duration_ms(json_str_of(a, doc, key), &ms) ? ms : otherwise;
}

static int64_t
int_of(struct json doc, const char *key, int64_t otherwise)
{
    int64_t n;

    return json_int(json_get(doc, key), &n) ? n : otherwise;
}

static void
open_rate(struct arena *a, struct json rate, struct provider_rate *ret)
{
    struct json bypass = json_get(rate, "bypass");
    enum priority p;

    ret->per_ms = duration_of(a, rate, "per", 0);
    ret->limit = int_of(rate, "limit", 0);
    ret->burst = int_of(rate, "burst", ret->limit);
    for (struct json b = json_first(bypass); !json_is(b, JSON_ABSENT);
         b = json_next(bypass, b))
        if (priority_parse(json_str(a, b), &p))
            ret->bypass |= 1u << p;
}

static void
open_retry(struct arena *a, struct json retry, struct retry_policy *ret)
{
    struct str strategy = json_str_of(a, retry, "strategy");

    *ret = retry_policy_default;
    if (str_is(strategy, "linear"))
        ret->strategy = RETRY_LINEAR;
    else if (str_is(strategy, "fixed"))
        ret->strategy = RETRY_FIXED;
    ret->base_ms = duration_of(a, retry, "base", ret->base_ms);
    ret->max_ms = duration_of(a, retry, "max", ret->max_ms);
    ret->attempts = (int)int_of(retry, "attempts", ret->attempts);
}

static struct str
amount_of(struct arena *a, struct json cost)
{
    struct json amount = json_get(cost, "amount");

    return json_is(amount, JSON_STRING) ? json_str(a, amount)
                                        : json_raw(amount);
}

static bool
is_currency(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < 'A' || s.p[i] > 'Z')
            return false;
    return s.n == PROVIDER_CURRENCY_SIZE - 1;
}

void
provider_doc_check_cost(struct arena *a, struct json cost, struct problem *p)
{
    int64_t billionths;

    if (!json_is(cost, JSON_OBJECT))
        return;
    if (!decimal_billionths(amount_of(a, cost), &billionths) ||
        billionths > COST_MAX)
        problem_add(p, ERR_INVALID, STR("/cost/amount"),
                    "must be from 0 to 1000000, with at most 9 digits after "
                    "the point and no exponent");
    if (!is_currency(json_str_of(a, cost, "currency")))
        problem_add(p, ERR_INVALID, STR("/cost/currency"),
                    "must be three capital letters of ISO 4217, such as EUR");
}

/* What is stored may be older than the checks. */
static void
open_cost(struct arena *a, struct json cost, struct provider_cost *ret)
{
    struct str amount = amount_of(a, cost);
    struct str currency = json_str_of(a, cost, "currency");

    *ret = (struct provider_cost){0};
    if (!json_is(cost, JSON_OBJECT) || !is_currency(currency) ||
        !decimal_billionths(amount, &ret->billionths) || ret->billionths == 0 ||
        ret->billionths > COST_MAX)
        return;
    ret->text = str_fmt(a, "%.*s %.*s", STR_ARG(amount), STR_ARG(currency));
    ret->currency = str_dup(a, currency);
}

enum err
provider_doc_open(struct arena *a, const struct vault *v, struct str purpose,
                  struct json stored, struct provider *ret)
{
    const struct channel_driver *d = driver_of(a, stored);

    if (!d)
        return ERR_INVALID;
    ret->driver = d;
    ret->channel = str_dup(a, json_str_of(a, stored, "channel"));
    ret->order = (int)int_of(stored, "order", 1);
    ret->weight = (int)int_of(stored, "weight", 1);
    ret->says_weight = json_is(json_get(stored, "weight"), JSON_NUMBER);
    ret->is_adaptive = json_bool(json_get(stored, "adaptive"), true);
    ret->concurrency =
        (int)int_of(stored, "concurrency", PROVIDER_CONCURRENCY_DEFAULT);
    ret->timeout_ms =
        duration_of(a, stored, "timeout", PROVIDER_TIMEOUT_DEFAULT_MS);
    ret->is_enabled = json_bool(json_get(stored, "enabled"), true);
    ret->is_paused = json_bool(json_get(stored, "paused"), false);
    open_rate(a, json_get(stored, "rate"), &ret->rate);
    open_retry(a, json_get(stored, "retry"), &ret->retry);
    open_cost(a, json_get(stored, "cost"), &ret->cost);
    return open_config(a, v, purpose, stored, &ret->config);
}
