#include "app/endpoint_doc.h"

#include "base/clock.h"
#include "base/rng.h"
#include "base/url.h"
#include "channel/endpoint.h"
#include "channel/standard.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)
#define DISABLE_AFTER_MS (5 * DAY_MS)
#define SECRET_BYTES 24
#define SEALED "sealed:"
#define MASK "***"

static const struct field event_row[] = {
    {.type = FIELD_STRING, .min = 1, .max = 64}};

const struct field endpoint_doc_fields[] = {
    {.name = "key", .type = FIELD_KEY},
    {.name = "url",
     .type = FIELD_URL,
     .flags = FIELD_REQUIRED,
     .max = 2048,
     .doc = "Where to post events."},
    {.name = "events",
     .type = FIELD_ARRAY,
     .flags = FIELD_REQUIRED,
     .min = 1,
     .max = 64,
     .of = event_row,
     .doc = "Names of events, or whole families such as `delivery.*`."},
    {.name = "secret",
     .type = FIELD_STRING,
     .flags = FIELD_SECRET,
     .min = 1,
     .max = 256,
     .doc = "Signs each call: whsec_ and base64. Made by Belfry where none is "
            "given, and shown in the answer that made it, once."},
    {.name = "enabled", .type = FIELD_BOOL, .doc = "Default true."},
    {.name = "description",
     .type = FIELD_STRING,
     .max = 1000,
     .doc = "For people."},
    {.name = "disable_after",
     .type = FIELD_DURATION,
     .min = 60000,
     .max = 90 * DAY_MS,
     .doc = "It is disabled once every call failed for so long; default 5d."},
    {.name = "failing_since",
     .type = FIELD_TIME,
     .flags = FIELD_READ_ONLY | FIELD_NULLABLE,
     .doc = "No call got through since then; kept about once an hour."},
    {.name = "disabled_at",
     .type = FIELD_TIME,
     .flags = FIELD_READ_ONLY | FIELD_NULLABLE,
     .doc = "When Belfry disabled it."},
    {.name = "disabled_reason",
     .type = FIELD_STRING,
     .flags = FIELD_READ_ONLY | FIELD_NULLABLE,
     .doc = "Why: endpoint.failing, or endpoint.gone."},
    {.name = "old_secret_until",
     .type = FIELD_TIME,
     .flags = FIELD_READ_ONLY | FIELD_NULLABLE,
     .doc = "The secret before the last rotation signs, too, until then, and "
            "those before it for 24 hours each."},
    {.name = "version", .type = FIELD_INT, .flags = FIELD_READ_ONLY},
    {.name = "created_at", .type = FIELD_TIME, .flags = FIELD_READ_ONLY},
    {.name = "updated_at", .type = FIELD_TIME, .flags = FIELD_READ_ONLY},
    {.type = FIELD_END},
};

/* What people write, and what is kept of them as it came. */
static const char *const own[] = {"url",         "events",        "enabled",
                                  "description", "disable_after", NULL};
/* What Belfry keeps beside it. */
static const char *const secrets[] = {"secret", "old_secrets", NULL};
static const char *const state[] = {"failing_since", "disabled_at",
                                    "disabled_reason", NULL};

/* ---- checks ---- */

static void
check_event(struct json e, size_t i, struct problem *p)
{
    struct str name = json_str(p->arena, e);
    struct str at = str_fmt(p->arena, "/events/%zu", i);
    const char *guess;

    if (event_match(name) != 0)
        return;
    guess = event_guess(name);
    if (guess)
        problem_add(p, ERR_INVALID, at,
                    "there is no such event; did you mean %s?", guess);
    else
        problem_add(p, ERR_INVALID, at,
                    "there is no such event; name one, such as "
                    "delivery.failed, or a family: delivery.*, inbox.*, "
                    "endpoint.*");
}

void
endpoint_doc_check_events(struct json events, struct problem *p)
{
    size_t i = 0;

    for (struct json e = json_first(events); !json_is(e, JSON_ABSENT);
         e = json_next(events, e))
        check_event(e, i++, p);
}

void
endpoint_doc_check_secret(struct json doc, struct problem *p)
{
    channel_endpoint.check(doc, p);
    if (str_is(json_str_of(p->arena, doc, "secret"), MASK))
        problem_add(p, ERR_INVALID, STR("/secret"),
                    "give the new one, or leave it out");
}

void
endpoint_doc_check(struct arena *a, struct json doc, struct problem *p)
{
    struct str url = json_str_of(a, doc, "url");
    const char *fault = url.n > 0 ? url_fault(url) : NULL;

    if (fault)
        problem_add(p, ERR_INVALID, STR("/url"), "%s", fault);
    endpoint_doc_check_events(json_get(doc, "events"), p);
    channel_endpoint.check(doc, p);
}

/* ---- writing ---- */

struct str
endpoint_doc_purpose(struct arena *a, int64_t tenant, struct str key)
{
    return str_fmt(a, "%lld/endpoint/%.*s", (long long)tenant, STR_ARG(key));
}

static struct str
new_secret(struct arena *a)
{
    char bytes[SECRET_BYTES];
    struct buf out;

    rng_secret(bytes, sizeof(bytes));
    buf_init(&out, a);
    buf_put_cstr(&out, "whsec_");
    buf_put_base64(&out, (struct str){bytes, sizeof(bytes)});
    return buf_str(&out);
}

static void
put_sealed(struct arena *a, const struct vault *v, struct str purpose,
           struct str plain, struct json_writer *w)
{
    struct str box = vault_seal(v, a, purpose, plain);

    json_str_field(w, "secret", str_fmt(a, SEALED "%.*s", STR_ARG(box)));
}

static void
copy(struct json from, const char *const *names, struct json_writer *w)
{
    for (; *names; names++) {
        struct json m = json_get(from, *names);

        if (!json_is(m, JSON_ABSENT) && !json_is(m, JSON_NULL))
            json_raw_field(w, *names, json_raw(m));
    }
}

struct draft {
    struct buf out;
    struct json_writer w;
};

static struct json_writer *
begin(struct draft *d, struct arena *a)
{
    buf_init(&d->out, a);
    d->w = json_writer(&d->out);
    json_begin_object(&d->w);
    return &d->w;
}

static struct str
end(struct draft *d)
{
    json_end_object(&d->w);
    return buf_str(&d->out);
}

struct str
endpoint_doc_store(struct arena *a, const struct vault *v, struct str purpose,
                   struct json request, struct json before,
                   bool *ret_makes_secret)
{
    struct str secret = json_str_of(a, request, "secret");
    bool is_given = secret.n > 0 && !str_is(secret, MASK);
    bool is_kept =
        !is_given && json_is(json_get(before, "secret"), JSON_STRING);
    struct draft d;
    struct json_writer *w = begin(&d, a);

    copy(request, own, w);
    if (is_kept)
        copy(before, secrets, w);
    else
        put_sealed(a, v, purpose, is_given ? secret : new_secret(a), w);
    *ret_makes_secret = !is_given && !is_kept;
    if (!json_bool(json_get(request, "enabled"), true))
        copy(before, state, w);
    return end(&d);
}

static int64_t
time_of(struct arena *a, struct json doc, const char *name)
{
    int64_t at_ms;

    return time_parse(json_str_of(a, doc, name), &at_ms) ? at_ms : 0;
}

/* Sealed as it is. */
static void
put_old(struct str sealed, int64_t until_ms, struct json_writer *w)
{
    json_begin_object(w);
    json_str_field(w, "secret", sealed);
    json_time_field(w, "until", until_ms);
    json_end_object(w);
}

struct str
endpoint_doc_rotate(struct arena *a, const struct vault *v, struct str purpose,
                    struct json before, struct str given, int64_t now_ms)
{
    struct json all = json_get(before, "old_secrets");
    struct draft d;
    struct json_writer *w = begin(&d, a);
    int n = 1;

    copy(before, own, w);
    copy(before, state, w);
    put_sealed(a, v, purpose, given.n > 0 ? given : new_secret(a), w);
    json_put_key(w, "old_secrets"); /* the last one first */
    json_begin_array(w);
    put_old(json_str_of(a, before, "secret"), now_ms + STANDARD_OVERLAP_MS, w);
    for (struct json o = json_first(all);
         !json_is(o, JSON_ABSENT) && n < STANDARD_OLD_MAX;
         o = json_next(all, o), n++)
        if (time_of(a, o, "until") > now_ms)
            json_put_raw(w, json_raw(o));
    json_end_array(w);
    return end(&d);
}

struct str
endpoint_doc_failing(struct arena *a, struct json before, int64_t since_ms)
{
    struct draft d;
    struct json_writer *w = begin(&d, a);

    copy(before, own, w);
    copy(before, secrets, w);
    if (since_ms != 0)
        json_time_field(w, "failing_since", since_ms);
    return end(&d);
}

struct str
endpoint_doc_disable(struct arena *a, struct json before, struct str reason,
                     int64_t now_ms)
{
    static const char *const kept[] = {
        "url", "events", "description", "disable_after", "failing_since", NULL};
    struct draft d;
    struct json_writer *w = begin(&d, a);

    copy(before, kept, w);
    copy(before, secrets, w);
    json_bool_field(w, "enabled", false);
    json_time_field(w, "disabled_at", now_ms);
    json_str_field(w, "disabled_reason", reason);
    return end(&d);
}

/* ---- reading ---- */

static enum err
open_secret(struct arena *a, const struct vault *v, struct str purpose,
            struct json stored, const char *name, struct str *ret)
{
    struct str text = json_str_of(a, stored, name);

    if (!str_starts(text, STR(SEALED)))
        return ERR_INVALID;
    return vault_unseal(v, a, purpose,
                        str_sub(text, sizeof(SEALED) - 1, text.n), ret);
}

void
endpoint_doc_show(struct arena *a, const struct vault *v, struct str purpose,
                  struct json stored, bool shows_secret, struct json_writer *w)
{
    struct json last = json_at(json_get(stored, "old_secrets"), 0);
    struct str plain;

    copy(stored, own, w);
    if (json_is(json_get(stored, "enabled"), JSON_ABSENT))
        json_bool_field(w, "enabled", true);
    if (shows_secret &&
        open_secret(a, v, purpose, stored, "secret", &plain) == ERR_OK)
        json_str_field(w, "secret", plain);
    else
        json_str_field(w, "secret", STR(MASK));
    if (json_is(last, JSON_OBJECT))
        json_str_field(w, "old_secret_until", json_str_of(a, last, "until"));
    copy(stored, state, w);
}

static event_set
events_of(struct arena *a, struct json events)
{
    event_set all = 0;

    for (struct json e = json_first(events); !json_is(e, JSON_ABSENT);
         e = json_next(events, e))
        all |= event_match(json_str(a, e));
    return all;
}

/* As two lists, for what is to be masked is text. */
static void
put_old_secrets(struct arena *a, const struct vault *v, struct str purpose,
                struct json all, struct json_writer *w)
{
    int64_t until_ms[STANDARD_OLD_MAX];
    struct str plain;
    int n = 0;

    json_put_key(w, "old_secrets");
    json_begin_array(w);
    for (struct json o = json_first(all);
         !json_is(o, JSON_ABSENT) && n < STANDARD_OLD_MAX;
         o = json_next(all, o)) {
        if (open_secret(a, v, purpose, o, "secret", &plain) != ERR_OK)
            continue;
        json_put_str(w, plain);
        until_ms[n++] = time_of(a, o, "until");
    }
    json_end_array(w);
    json_put_key(w, "old_secrets_until");
    json_begin_array(w);
    for (int i = 0; i < n; i++)
        json_put_int(w, until_ms[i]);
    json_end_array(w);
}

/* What the driver goes by. */
static enum err
read_config(struct arena *a, const struct vault *v, struct str purpose,
            struct json stored, struct json *ret)
{
    struct json_doc *doc = ARENA_NEW(a, struct json_doc);
    struct json_error why;
    struct draft d;
    struct json_writer *w = begin(&d, a);
    struct str plain;

    if (open_secret(a, v, purpose, stored, "secret", &plain) != ERR_OK)
        return ERR_INVALID;
    json_str_field(w, "url", json_str_of(a, stored, "url"));
    json_str_field(w, "secret", plain);
    put_old_secrets(a, v, purpose, json_get(stored, "old_secrets"), w);
    if (json_parse(a, end(&d), doc, &why) != ERR_OK)
        return ERR_INVALID;
    *ret = json_root(doc);
    return ERR_OK;
}

enum err
endpoint_doc_read(struct arena *a, const struct vault *v,
                  const struct object *o, struct json stored,
                  struct endpoint_doc *ret)
{
    struct str purpose = endpoint_doc_purpose(a, o->tenant, o->key);
    int64_t ms;

    *ret = (struct endpoint_doc){
        .key = str_dup(a, o->key),
        .events = events_of(a, json_get(stored, "events")),
        .disable_after_ms = DISABLE_AFTER_MS,
        .failing_since_ms = time_of(a, stored, "failing_since"),
        .lane = {.tenant = o->tenant,
                 .num = o->num,
                 .version = o->version,
                 .channel = STR(EVENT_CHANNEL),
                 .driver = &channel_endpoint,
                 .concurrency = 8,
                 .timeout_ms = 15000,
                 .is_enabled = json_bool(json_get(stored, "enabled"), true),
                 /* 20 calls in a day, more or less; two at the most. */
                 .retry = {.strategy = RETRY_EXPONENTIAL,
                           .base_ms = 5000,
                           .max_ms = INT64_C(6) * 3600 * 1000,
                           .attempts = 20}},
    };
    ret->lane.name = ret->key;
    if (str_to_duration_ms(json_str_of(a, stored, "disable_after"), &ms))
        ret->disable_after_ms = ms;
    return read_config(a, v, purpose, stored, &ret->lane.config);
}
