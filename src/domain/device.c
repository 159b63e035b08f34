/* device.c - see device.h. */
#include "domain/device.h"

#include "base/arena.h"
#include "base/buf.h"

/* ---- kinds ---- */

static const char *const kind_names[DEVICE_KINDS] = {
    [DEVICE_NONE] = "",
    [DEVICE_WEB_PUSH] = "web_push",
    [DEVICE_FCM] = "fcm",
    [DEVICE_APNS] = "apns",
};

const char *
device_kind_name(enum device_kind k)
{
    return kind_names[k];
}

enum device_kind
device_kind_find(struct str name)
{
    for (int k = DEVICE_NONE + 1; k < DEVICE_KINDS; k++)
        if (str_is(name, kind_names[k]))
            return (enum device_kind)k;
    return DEVICE_NONE;
}

unsigned
device_kinds_of(struct str channel)
{
    if (str_is(channel, "web_push"))
        return DEVICE_BIT(DEVICE_WEB_PUSH);
    if (str_is(channel, "mobile_push"))
        return DEVICE_BIT(DEVICE_FCM) | DEVICE_BIT(DEVICE_APNS);
    return 0;
}

/* ---- reading ---- */

static struct device
device_of(struct arena *a, struct str name, struct json stored)
{
    struct device d = {
        .name = name,
        .kind = device_kind_find(json_str_of(a, stored, "kind")),
        .stored = stored,
    };

    if (d.kind == DEVICE_WEB_PUSH)
        d.address = json_raw(json_get(stored, "subscription"));
    else
        d.address = json_str_of(a, stored, "token");
    (void)json_int(json_get(stored, "version"), &d.version);
    (void)json_int(json_get(stored, "created_ms"), &d.created_ms);
    (void)json_int(json_get(stored, "updated_ms"), &d.updated_ms);
    return d;
}

size_t
devices_read(struct arena *a, struct json doc,
             struct device ret[static DEVICES_MAX])
{
    size_t n = 0;

    for (struct json m = json_first(doc);
         !json_is(m, JSON_ABSENT) && n < DEVICES_MAX; m = json_next(doc, m)) {
        ret[n] = device_of(a, json_key(a, m), m);
        n += ret[n].kind != DEVICE_NONE;
    }
    return n;
}

bool
device_find(struct arena *a, struct json doc, struct str name,
            struct device *ret)
{
    struct json stored = json_get_str(doc, name);

    if (!json_is(stored, JSON_OBJECT))
        return false;
    *ret = device_of(a, name, stored);
    return ret->kind != DEVICE_NONE;
}

/* ---- writing ---- */

/* All others; returns how many. */
static size_t
put_others(struct arena *a, struct json_writer *w, struct json doc,
           struct str name)
{
    size_t n = 0;

    for (struct json m = json_first(doc); !json_is(m, JSON_ABSENT);
         m = json_next(doc, m)) {
        struct str other = json_key(a, m);

        if (str_eq(other, name))
            continue;
        json_put_key_str(w, other);
        json_put_raw(w, json_raw(m));
        n++;
    }
    return n;
}

static void
put_device(struct json_writer *w, const struct device *d)
{
    json_put_key_str(w, d->name);
    json_begin_object(w);
    json_str_field(w, "kind", str_from(device_kind_name(d->kind)));
    if (d->kind == DEVICE_WEB_PUSH)
        json_raw_field(w, "subscription", d->address);
    else
        json_str_field(w, "token", d->address);
    json_int_field(w, "version", d->version);
    json_int_field(w, "created_ms", d->created_ms);
    json_int_field(w, "updated_ms", d->updated_ms);
    json_end_object(w);
}

struct str
devices_with(struct arena *a, struct json doc, struct str name,
             struct json body, int64_t now_ms, struct device *ret)
{
    struct device d = device_of(a, name, body), was = {0};
    struct json_writer w;
    struct buf out;

    d.created_ms = now_ms;
    if (device_find(a, doc, name, &was))
        d.created_ms = was.created_ms;
    d.updated_ms = now_ms;
    d.version = now_ms > was.version ? now_ms : was.version + 1;
    buf_init(&out, a);
    w = json_writer(&out);
    json_begin_object(&w);
    if (put_others(a, &w, doc, name) >= DEVICES_MAX)
        return STR_NONE;
    put_device(&w, &d);
    json_end_object(&w);
    *ret = d;
    return buf_str(&out);
}

struct str
devices_without(struct arena *a, struct json doc, struct str name)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, a);
    w = json_writer(&out);
    json_begin_object(&w);
    (void)put_others(a, &w, doc, name);
    json_end_object(&w);
    return buf_str(&out);
}

/* ---- of a delivery ---- */

struct str
device_ref(struct arena *a, const struct device *d)
{
    return str_fmt(a, "%s/%.*s", device_kind_name(d->kind), STR_ARG(d->name));
}

/* No name has a slash in it. */
struct str
device_ref_name(struct str ref)
{
    ptrdiff_t slash = str_find(ref, '/');

    return slash < 0 ? STR_NONE : str_sub(ref, (size_t)slash + 1, ref.n);
}

enum device_kind
device_ref_kind(struct str ref)
{
    ptrdiff_t slash = str_find(ref, '/');

    return slash < 0 ? DEVICE_NONE
                     : device_kind_find(str_sub(ref, 0, (size_t)slash));
}
