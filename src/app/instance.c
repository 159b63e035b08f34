#include "app/instance.h"

#include "base/clock.h"
#include "domain/template.h"

/* ---- its cursor ---- */

struct str
instance_begin(struct arena *a, int recipient, int64_t since_ms)
{
    const struct instance i = {.recipient = recipient,
                               .state.since_ms = since_ms};

    return instance_write(a, &i);
}

struct str
instance_write(struct arena *a, const struct instance *i)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, a);
    w = json_writer(&out);
    json_begin_object(&w);
    json_int_field(&w, "at", i->state.at);
    json_int_field(&w, "since", i->state.since_ms);
    if (i->state.heard.ms > 0)
        json_int_field(&w, "heard", i->state.heard.ms);
    if (i->state.heard.id > 0)
        json_int_field(&w, "heard_id", i->state.heard.id);
    json_int_field(&w, "to", i->recipient);
    json_put_key(&w, "items");
    json_begin_array(&w);
    for (size_t k = 0; k < i->n_items; k++)
        json_put_int(&w, i->items[k]);
    json_end_array(&w);
    if (i->is_joined)
        json_bool_field(&w, "joined", true);
    if (json_is(i->digest, JSON_OBJECT))
        json_raw_field(&w, "digest", json_raw(i->digest));
    if (i->calls > 0)
        json_int_field(&w, "calls", i->calls);
    if (i->asked.n > 0) {
        json_str_field(&w, "asked", i->asked);
        json_int_field(&w, "asked_at", i->asked_at);
        json_int_field(&w, "n_asked", i->n_asked);
    }
    if (i->is_lent)
        json_str_field(&w, "owner", i->owner);
    if (json_is(i->fetched, JSON_OBJECT))
        json_raw_field(&w, "fetched", json_raw(i->fetched));
    json_end_object(&w);
    return buf_str(&out);
}

struct json
instance_parse(struct arena *a, struct str text)
{
    struct json_doc *doc = ARENA_NEW(a, struct json_doc);
    struct json_error why;

    if (text.n == 0 || json_parse(a, text, doc, &why) != ERR_OK)
        return (struct json){0};
    return json_root(doc);
}

static void
add_item(struct instance *i, int64_t id)
{
    if (i->n_items == INSTANCE_ITEMS_MAX) {
        i->n_items--;
        memmove(i->items, i->items + 1, i->n_items * sizeof(*i->items));
    }
    i->items[i->n_items++] = id;
}

void
instance_read(struct arena *a, struct str cursor, struct instance *ret)
{
    struct json doc = instance_parse(a, cursor), items = json_get(doc, "items");
    int64_t n;

    *ret = (struct instance){.recipient = -1};
    if (json_int(json_get(doc, "at"), &n))
        ret->state.at = n;
    if (json_int(json_get(doc, "since"), &n))
        ret->state.since_ms = n;
    if (json_int(json_get(doc, "heard"), &n))
        ret->state.heard.ms = n;
    if (json_int(json_get(doc, "heard_id"), &n))
        ret->state.heard.id = n;
    if (json_int(json_get(doc, "to"), &n))
        ret->recipient = (int)n;
    for (struct json v = json_first(items); !json_is(v, JSON_ABSENT);
         v = json_next(items, v))
        if (json_int(v, &n))
            add_item(ret, n);
    ret->is_joined = json_bool(json_get(doc, "joined"), false);
    ret->digest = json_get(doc, "digest");
    if (json_int(json_get(doc, "calls"), &n))
        ret->calls = n;
    ret->fetched = json_get(doc, "fetched");
    ret->asked = json_str_of(a, doc, "asked");
    ret->is_lent = json_is(json_get(doc, "owner"), JSON_STRING);
    ret->owner = json_str_of(a, doc, "owner");
    if (json_int(json_get(doc, "asked_at"), &n))
        ret->asked_at = n;
    if (json_int(json_get(doc, "n_asked"), &n))
        ret->n_asked = n;
}

void
instance_add_items(struct instance *i, const struct delivery *deliveries,
                   size_t n)
{
    for (size_t k = 0; k < n; k++)
        if (str_is(deliveries[k].channel, "in_app"))
            add_item(i, deliveries[k].id);
}

/* ---- what it knows and sends ---- */

bool
instance_has_more(const struct instance *i)
{
    return i && (json_is(i->digest, JSON_OBJECT) ||
                 json_is(i->fetched, JSON_OBJECT));
}

/* Those that none of `over` has. */
static void
put_members(struct arena *a, struct json_writer *w, struct json object,
            const struct json *over, size_t n_over)
{
    for (struct json m = json_first(object); !json_is(m, JSON_ABSENT);
         m = json_next(object, m)) {
        struct str name = json_key(a, m);
        bool is_hidden = false;

        for (size_t i = 0; i < n_over; i++)
            is_hidden |= !json_is(json_get_str(over[i], name), JSON_ABSENT);
        if (is_hidden)
            continue;
        json_put_key_str(w, name);
        json_put_raw(w, json_raw(m));
    }
}

/* {"fetch": {...}} */
static struct json
fetched_data(struct arena *a, const struct instance *i)
{
    if (!json_is(i->fetched, JSON_OBJECT))
        return (struct json){0};
    return instance_parse(
        a, str_fmt(a, "{\"fetch\":%.*s}", STR_ARG(json_raw(i->fetched))));
}

struct json
instance_data(struct arena *a, struct json doc, struct json given,
              const struct instance *i)
{
    const struct json layers[] = {i ? i->digest : (struct json){0},
                                  i ? fetched_data(a, i) : (struct json){0},
                                  json_get(given, "data"),
                                  json_get(doc, "data")};
    struct json_writer w;
    struct buf out;

    if (!instance_has_more(i) && !json_is(layers[2], JSON_OBJECT))
        return layers[3];
    buf_init(&out, a);
    w = json_writer(&out);
    json_begin_object(&w);
    for (size_t k = 0; k < sizeof(layers) / sizeof(*layers); k++)
        put_members(a, &w, layers[k], layers, k);
    json_end_object(&w);
    return instance_parse(a, buf_str(&out));
}

struct json
instance_digest_of(struct arena *a, struct json data)
{
    struct str item = json_raw(data);

    return instance_parse(a, str_fmt(a, "{\"items\":[%.*s],\"count\":1}",
                                     STR_ARG(item.n > 0 ? item : STR("{}"))));
}

static struct json
all_roots(struct arena *a, const struct condition_root *roots, size_t n)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, a);
    w = json_writer(&out);
    json_begin_object(&w);
    for (size_t i = 0; i < n; i++)
        if (!json_is(roots[i].value, JSON_ABSENT))
            json_raw_field(&w, roots[i].name, json_raw(roots[i].value));
    json_end_object(&w);
    return instance_parse(a, buf_str(&out));
}

bool
instance_render(struct arena *a, const struct instance_text *x, struct str *ret)
{
    const struct json contexts[] = {all_roots(a, x->roots, x->n_roots),
                                    x->roots[0].value};
    const struct template_options options = {
        .escape = x->escape,
        .now_ms = x->now_ms,
        .locale = json_str_of(a, json_get(contexts[0], "user"), "locale"),
        .zone = json_str_of(a, json_get(contexts[0], "user"), "timezone"),
    };
    struct template_error why;
    struct template *t;
    struct buf out;

    buf_init(&out, a);
    if (template_compile(a, x->source, &t, &why) != ERR_OK ||
        template_render(t, contexts, sizeof(contexts) / sizeof(*contexts),
                        &options, &out) != ERR_OK)
        return false;
    *ret = buf_str(&out);
    return true;
}

static void
put_channels(struct json_writer *w, const struct instance_send *x)
{
    json_put_key(w, "channels");
    json_begin_array(w);
    json_put_raw(w, json_raw(x->channel));
    json_end_array(w);
}

/* The first of either list may be said by the instance. */
struct json
instance_body(struct arena *a, const struct instance_send *x)
{
    static const char *const of_step[] = {
        "channels",  "template",   "title",    "body",
        "html",      "actions",    "category", "priority",
        "overrides", "experiment", "if_flag",  "best_time"};
    static const char *const of_doc[] = {
        "data",   "category",   "priority",  "digest",     "overrides",
        "locale", "expires_at", "best_time", "attachments"};
    bool has_channel = !json_is(x->channel, JSON_ABSENT);
    bool has_data = json_is(x->data, JSON_OBJECT);
    struct json_writer w;
    struct buf out;

    buf_init(&out, a);
    w = json_writer(&out);
    json_begin_object(&w);
    json_raw_field(&w, "to", x->to);
    if (has_channel)
        put_channels(&w, x);
    if (has_data)
        json_raw_field(&w, "data", json_raw(x->data));
    for (size_t i = has_channel; i < sizeof(of_step) / sizeof(*of_step); i++) {
        struct json v = json_get(x->step, of_step[i]);

        if (!json_is(v, JSON_ABSENT))
            json_raw_field(&w, of_step[i], json_raw(v));
    }
    for (size_t i = has_data; i < sizeof(of_doc) / sizeof(*of_doc); i++) {
        struct json v = json_get(x->doc, of_doc[i]);

        if (!json_is(v, JSON_ABSENT) &&
            json_is(json_get(x->step, of_doc[i]), JSON_ABSENT))
            json_raw_field(&w, of_doc[i], json_raw(v));
    }
    json_end_object(&w);
    return instance_parse(a, buf_str(&out));
}
