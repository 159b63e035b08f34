/* suppressions.c - addresses that are not written to. Each is kept once a
 * channel, however it is written; without a channel, what is asked is of all
 * those that write to an address. What an older program kept as it was written
 * is found under that, too. */
#include <assert.h>
#include <stdlib.h>

#include "api/collection.h"
#include "api/route.h"
#include "app/suppression.h"
#include "base/list.h"

#define ADDRESS_MAX 2048 /* as the fields of a user have it */
#define NOTE_MAX 500
#define KEYS_MAX STORE_DELETE_MAX /* of channels that write to addresses */

/* A list by reason looks at so many documents in a row, and then leaves off. */
#define LOOK_AT 500
#define LOOKS_MAX 10

struct asking {
    struct call *call;
    struct str address, channel; /* empty channel: all */
    struct str keys[KEYS_MAX];   /* where it may be, sorted */
    size_t n_keys;
    int64_t if_version;
    struct store_object_get get;
    struct store_object_write writes[KEYS_MAX];
    struct store_object_put put;
    struct store_object_delete delete;
};

/* ---- channels and keys ---- */

static bool
writes_to_addresses(const struct channel_info *i)
{
    return i && i->address_field;
}

static void
refuse_channel(struct call *c)
{
    struct buf names;

    buf_init(&names, c->arena);
    for (const struct channel_info *i = channels(); i->name; i++)
        if (writes_to_addresses(i))
            buf_printf(&names, "%s%s", names.n > 0 ? ", " : "", i->name);
    problem_add(&c->problem, ERR_INVALID, STR("/channel"),
                "must be a channel that writes to addresses: %.*s",
                STR_ARG(buf_str(&names)));
}

/* By key, as a list has them. */
static int
by_text(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static size_t
make_keys(struct arena *a, struct str address, struct str channel,
          struct str keys[static KEYS_MAX])
{
    size_t n = 0;

    for (const struct channel_info *i = channels(); i->name; i++) {
        struct str name = str_from(i->name);

        if (!writes_to_addresses(i) ||
            (channel.n > 0 && !str_eq(channel, name)))
            continue;
        assert(n + SUPPRESSION_KEYS <= KEYS_MAX);
        n += suppression_keys(a, name, address, &keys[n]);
    }
    qsort(keys, n, sizeof(keys[0]), by_text);
    return n;
}

/* The one that is written. */
static bool
is_canonical(struct arena *a, struct str key)
{
    struct str channel, address;

    suppression_split(key, &channel, &address);
    return str_eq(key, suppression_key(a, channel, address));
}

static void
keep_canonical(struct asking *x)
{
    size_t n = 0;

    for (size_t i = 0; i < x->n_keys; i++)
        if (is_canonical(x->call->arena, x->keys[i]))
            x->keys[n++] = x->keys[i];
    x->n_keys = n;
}

static void
check_address(struct call *c, struct str address)
{
    bool is_text = address.n > 0 && address.n <= ADDRESS_MAX;

    for (size_t i = 0; i < address.n; i++)
        is_text = is_text && (unsigned char)address.p[i] >= ' ' &&
                  address.p[i] != 0x7f;
    if (!is_text)
        problem_add(&c->problem, ERR_INVALID, STR("/address"),
                    "must be 1 to %d bytes of text without control characters",
                    ADDRESS_MAX);
}

static void
check_channel(struct call *c, struct str channel)
{
    if (channel.p && !writes_to_addresses(channel_find(channel)))
        refuse_channel(c);
}

/* NULL: refused already. */
static struct asking *
start(struct call *c, struct str channel)
{
    struct asking *x = ARENA_NEW(c->arena, struct asking);

    *x =
        (struct asking){.call = c, .address = c->params[0], .channel = channel};
    if (!call_if_match(c, &x->if_version))
        return NULL;
    check_address(c, x->address);
    check_channel(c, channel);
    if (x->if_version != OBJECT_ANY_VERSION && channel.n == 0)
        problem_add(&c->problem, ERR_INVALID, STR("/channel"),
                    "must be given with If-Match: each has its own version");
    if (problem_is_set(&c->problem)) {
        call_refuse(c);
        return NULL;
    }
    x->n_keys = make_keys(c->arena, x->address, channel, x->keys);
    return x;
}

static struct str
asked_channel(struct call *c)
{
    struct str channel = STR_NONE;

    (void)call_param(c, "channel", &channel);
    return channel;
}

/* ---- showing ---- */

static void
write_members(struct call *c, struct json_writer *w, const struct object *o)
{
    struct json stored = call_parse(c, o->body);

    json_str_field(w, "reason",
                   reason_code(suppression_reason(c->arena, stored)));
    json_str_or_null_field(w, "note", json_str_of(c->arena, stored, "note"));
    json_int_field(w, "version", o->version);
    json_time_field(w, "created_at", o->created_ms);
    json_time_field(w, "updated_at", o->updated_ms);
    json_end_object(w);
}

static void
write_channel(struct call *c, struct json_writer *w, const struct object *o)
{
    struct str channel, address;

    suppression_split(o->key, &channel, &address);
    json_begin_object(w);
    json_str_field(w, "channel", channel);
    write_members(c, w, o);
}

static void
write_element(struct call *c, struct json_writer *w, const struct object *o)
{
    struct str channel, address;

    suppression_split(o->key, &channel, &address);
    json_begin_object(w);
    json_str_field(w, "address", address);
    json_str_field(w, "channel", channel);
    write_members(c, w, o);
}

static bool
is_of_same_channel(const struct object *x, const struct object *y)
{
    struct str of_x, of_y, address;

    suppression_split(x->key, &of_x, &address);
    suppression_split(y->key, &of_y, &address);
    return str_eq(of_x, of_y);
}

/* There, and not kept in another way, too, which holds then. */
static bool
is_told(struct arena *a, const struct object *objects, size_t n, size_t i)
{
    if (objects[i].version == 0 || is_canonical(a, objects[i].key))
        return objects[i].version > 0;
    for (size_t k = 0; k < n; k++)
        if (k != i && objects[k].version > 0 &&
            is_of_same_channel(&objects[k], &objects[i]))
            return false;
    return true;
}

/* What is there of these; it has an ETag if it is of one channel. */
static void
reply(struct asking *x, int status, const struct object *objects, size_t n)
{
    struct call *c = x->call;
    struct json_writer w;
    struct buf out;

    w = call_writer(c, &out);
    json_begin_object(&w);
    json_str_field(&w, "address", x->address);
    json_put_key(&w, "suppressions");
    json_begin_array(&w);
    for (size_t i = 0; i < n; i++) {
        if (!is_told(c->arena, objects, n, i))
            continue;
        write_channel(c, &w, &objects[i]);
        if (x->channel.n > 0)
            call_etag(c, objects[i].version);
    }
    json_end_array(&w);
    json_end_object(&w);
    call_reply(c, status, &out);
}

static size_t
count_there(const struct store_object_get *g)
{
    size_t n = 0;

    for (size_t i = 0; i < g->n_keys; i++)
        n += g->objects[i].version > 0;
    return n;
}

static void
look(struct asking *x, void (*on_done)(struct store_req *, enum err))
{
    x->get = (struct store_object_get){
        .req = call_req(x->call, on_done),
        .tenant = x->call->workspace->tenant,
        .kind = OBJECT_SUPPRESSION,
        .keys = x->keys,
        .n_keys = x->n_keys,
    };
    objects_get(x->call->app, &x->get);
}

/* ---- PUT ---- */

static void
reply_put(struct asking *x)
{
    struct object shown[KEYS_MAX];
    bool is_created = false;

    for (size_t i = 0; i < x->n_keys; i++) {
        shown[i] = x->writes[i].object;
        is_created = is_created || x->writes[i].is_created;
    }
    reply(x, is_created ? 201 : 200, shown, x->n_keys);
}

static void
on_put(struct store_req *req, enum err e)
{
    struct store_object_put *p =
        CONTAINER_OF(req, struct store_object_put, req);
    struct asking *x = CONTAINER_OF(p, struct asking, put);
    const struct store_object_write *first = &x->writes[0];

    if (e == ERR_OK)
        e = first->err;
    if (e == ERR_PRECONDITION)
        call_fail_with(x->call, e, "the suppression has version %lld now",
                       (long long)first->object.version);
    else if (e != ERR_OK)
        call_fail(x->call, e);
    else
        reply_put(x);
}

static struct store_object_write
write_of(struct asking *x, struct str key)
{
    struct call *c = x->call;
    struct suppression s = {
        .tenant = c->workspace->tenant,
        .reason = suppression_reason(c->arena, c->body),
        .note = json_str_of(c->arena, c->body, "note"),
        .now_ms = call_now_ms(c),
        .num = call_new_num(c),
        .tells = c->workspace->tells,
    };
    struct store_object_write w;

    suppression_split(key, &s.channel, &s.address);
    w = suppression_write(c->arena, &s);
    w.if_version = x->if_version;
    return w;
}

static void
handle_put(struct call *c)
{
    struct asking *x = start(c, json_str_of(c->arena, c->body, "channel"));

    if (!x)
        return;
    keep_canonical(x);
    for (size_t i = 0; i < x->n_keys; i++)
        x->writes[i] = write_of(x, x->keys[i]);
    x->put = (struct store_object_put){
        .req = call_req(c, on_put),
        .tenant = c->workspace->tenant,
        .now_ms = call_now_ms(c),
        .writes = x->writes,
        .n_writes = x->n_keys,
        .is_atomic = x->n_keys > 1,
    };
    objects_put(c->app, &x->put);
}

/* ---- GET ---- */

static void
refuse_missing(struct call *c)
{
    call_fail_with(c, ERR_NOT_FOUND, "this address is not suppressed");
}

static void
on_got(struct store_req *req, enum err e)
{
    struct store_object_get *g =
        CONTAINER_OF(req, struct store_object_get, req);
    struct asking *x = CONTAINER_OF(g, struct asking, get);

    if (e != ERR_OK)
        call_fail(x->call, e);
    else if (count_there(g) == 0)
        refuse_missing(x->call);
    else
        reply(x, 200, g->objects, g->n_keys);
}

static void
handle_get(struct call *c)
{
    struct asking *x = start(c, asked_channel(c));

    if (x)
        look(x, on_got);
}

/* ---- DELETE ---- */

static void
on_deleted(struct store_req *req, enum err e)
{
    struct store_object_delete *d =
        CONTAINER_OF(req, struct store_object_delete, req);
    struct call *c = CONTAINER_OF(d, struct asking, delete)->call;

    if (e == ERR_NOT_FOUND)
        refuse_missing(c);
    else if (e != ERR_OK)
        call_fail(c, e);
    else
        call_reply_empty(c, 204);
}

/* Empty key: all of them, together. */
static void delete (struct asking *x, struct str key)
{
    struct call *c = x->call;

    x->delete = (struct store_object_delete){
        .req = call_req(c, on_deleted),
        .tenant = c->workspace->tenant,
        .now_ms = call_now_ms(c),
        .kind = OBJECT_SUPPRESSION,
        .key = key,
        .if_version = x->if_version,
        .keys = x->keys,
        .n_keys = key.n > 0 ? 0 : x->n_keys,
    };
    x->delete.told =
        suppression_gone(c->arena, c->workspace->tells, &x->delete);
    objects_delete(c->app, &x->delete);
}

/* The one that was shown with the version that is asked for. */
static void
on_looked(struct store_req *req, enum err e)
{
    struct store_object_get *g =
        CONTAINER_OF(req, struct store_object_get, req);
    struct asking *x = CONTAINER_OF(g, struct asking, get);

    if (e != ERR_OK) {
        call_fail(x->call, e);
        return;
    }
    for (size_t i = 0; i < g->n_keys; i++)
        if (is_told(x->call->arena, g->objects, g->n_keys, i)) {
            delete (x, x->keys[i]);
            return;
        }
    refuse_missing(x->call);
}

static void
handle_delete(struct call *c)
{
    struct asking *x = start(c, asked_channel(c));

    if (x && x->if_version != OBJECT_ANY_VERSION)
        look(x, on_looked);
    else if (x)
        delete (x, STR_NONE);
}

/* ---- list ---- */

struct listing {
    struct call *call;
    struct str prefix; /* of keys; empty: any */
    struct str reason; /* empty: any */
    struct str after;  /* the key before the next */
    size_t limit, n_shown, n_looks;
    bool has_more;
    struct json_writer w;
    struct buf out;
    struct store_object_list list;
    struct store_object_get get; /* where the address is known */
};

static bool
is_shown(struct listing *x, const struct object *o)
{
    struct json stored = call_parse(x->call, o->body);

    return x->reason.n == 0 ||
           str_eq(x->reason,
                  reason_code(suppression_reason(x->call->arena, stored)));
}

/* Those of the page. False: more is not needed, or not there. */
static bool
take(struct listing *x, const struct object *objects, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct object *o = &objects[i];

        if (o->version == 0 || str_cmp(o->key, x->after) <= 0)
            continue;
        if (!str_starts(o->key, x->prefix)) {
            x->has_more = false;
            return false;
        }
        if (is_shown(x, o)) {
            if (x->n_shown == x->limit) {
                x->has_more = true;
                return false;
            }
            write_element(x->call, &x->w, o);
            x->n_shown++;
        }
        x->after = o->key;
    }
    return true;
}

static void
end_page(struct listing *x)
{
    call_end_page(x->call, &x->w,
                  x->has_more ? call_cursor(x->call, x->after) : STR_NONE);
}

static void read_more(struct listing *x);

static void
on_listed(struct store_req *req, enum err e)
{
    struct store_object_list *l =
        CONTAINER_OF(req, struct store_object_list, req);
    struct listing *x = CONTAINER_OF(l, struct listing, list);

    if (e != ERR_OK) {
        call_fail(x->call, e);
        return;
    }
    x->has_more = l->has_more;
    if (take(x, l->objects, l->n_objects) && x->has_more &&
        ++x->n_looks < LOOKS_MAX)
        read_more(x);
    else
        end_page(x);
}

static void
read_more(struct listing *x)
{
    struct call *c = x->call;

    x->list = (struct store_object_list){
        .req = call_req(c, on_listed),
        .tenant = c->workspace->tenant,
        .kind = OBJECT_SUPPRESSION,
        .after = str_cmp(x->after, x->prefix) < 0 ? x->prefix : x->after,
        .limit = x->reason.n > 0 ? LOOK_AT : x->limit + 1,
    };
    objects_list(c->app, &x->list);
}

static void
on_looked_up(struct store_req *req, enum err e)
{
    struct store_object_get *g =
        CONTAINER_OF(req, struct store_object_get, req);
    struct listing *x = CONTAINER_OF(g, struct listing, get);

    if (e != ERR_OK) {
        call_fail(x->call, e);
        return;
    }
    take(x, g->objects, g->n_keys);
    end_page(x);
}

static void
look_up(struct listing *x, struct str address, struct str channel)
{
    struct call *c = x->call;
    struct str *keys = ARENA_ARRAY(c->arena, struct str, KEYS_MAX);

    x->get = (struct store_object_get){
        .req = call_req(c, on_looked_up),
        .tenant = c->workspace->tenant,
        .kind = OBJECT_SUPPRESSION,
        .keys = keys,
        .n_keys = make_keys(c->arena, address, channel, keys),
    };
    objects_get(c->app, &x->get);
}

static void
check_reason(struct call *c, struct str reason)
{
    const char *const *r = suppression_reasons;

    while (*r && !str_is(reason, *r))
        r++;
    if (reason.p && !*r)
        problem_add(&c->problem, ERR_INVALID, STR("/reason"),
                    "must be a reason for which addresses are suppressed, "
                    "such as suppress.manual");
}

static void
handle_list(struct call *c)
{
    struct listing *x = ARENA_NEW(c->arena, struct listing);
    struct str channel = asked_channel(c), address = STR_NONE;

    *x = (struct listing){.call = c};
    (void)call_param(c, "reason", &x->reason);
    if (!call_limit(c, &x->limit) || !call_after_key(c, &x->after))
        return;
    if (call_param(c, "address", &address))
        check_address(c, address);
    check_channel(c, channel);
    check_reason(c, x->reason);
    if (problem_is_set(&c->problem)) {
        call_refuse(c);
        return;
    }
    if (channel.n > 0)
        x->prefix = suppression_key(c->arena, channel, STR(""));
    x->w = call_begin_page(c, &x->out);
    if (address.n > 0)
        look_up(x, address, channel);
    else
        read_more(x);
}

/* ---- routes ---- */

#define MEMBERS                                                                \
    {.name = "reason",                                                         \
     .type = FIELD_ENUM,                                                       \
     .values = suppression_reasons,                                            \
     .doc = "Why; without it `suppress.manual`. What deliveries to it are "    \
            "`suppressed` with."},                                             \
    {                                                                          \
        .name = "note", .type = FIELD_STRING, .flags = FIELD_NULLABLE,         \
        .max = NOTE_MAX, .doc = "For people; nobody else reads it."            \
    }
#define KEPT                                                                   \
    {.name = "version",                                                        \
     .type = FIELD_INT,                                                        \
     .flags = FIELD_READ_ONLY | FIELD_REQUIRED},                               \
        {.name = "created_at",                                                 \
         .type = FIELD_TIME,                                                   \
         .flags = FIELD_READ_ONLY | FIELD_REQUIRED},                           \
    {                                                                          \
        .name = "updated_at", .type = FIELD_TIME,                              \
        .flags = FIELD_READ_ONLY | FIELD_REQUIRED                              \
    }
static const struct field put_fields[] = {
    {.name = "channel",
     .type = FIELD_STRING,
     .doc = "On which channel; without it, on all that write to addresses."},
    MEMBERS,
    {.type = FIELD_END},
};
static const struct field channel_fields[] = {
    {.name = "channel", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    MEMBERS,
    KEPT,
    {.type = FIELD_END},
};
static const struct field channel_row[] = {
    {.type = FIELD_OBJECT, .of = channel_fields}};
static const struct field answer_fields[] = {
    {.name = "address", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "suppressions",
     .type = FIELD_ARRAY,
     .of = channel_row,
     .flags = FIELD_REQUIRED,
     .doc = "One a channel."},
    {.type = FIELD_END},
};
static const struct field element_fields[] = {
    {.name = "address", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "channel", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    MEMBERS,
    KEPT,
    {.type = FIELD_END},
};

static const char *const channel_params[] = {"channel", NULL};
static const char *const list_params[] = {"limit",  "after",   "channel",
                                          "reason", "address", NULL};

const struct route suppression_routes[] = {
    {.method = "GET",
     .path = "/v1/suppressions",
     .scope = AUTH_READ,
     .handle = handle_list,
     .answer = element_fields,
     .is_list = true,
     .statuses = {200},
     .id = "listSuppressions",
     .summary = "List addresses that are not written to, by channel and "
                "address. By reason, a page may hold less than `limit` and "
                "have a `next`.",
     .query = list_params},
    {.method = "PUT",
     .path = "/v1/suppressions/{address}",
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_JSON,
     .handle = handle_put,
     .request = put_fields,
     .answer = answer_fields,
     .statuses = {200, 201},
     .id = "putSuppression",
     .summary = "Write to an address no more, on one channel or on all."},
    {.method = "GET",
     .path = "/v1/suppressions/{address}",
     .scope = AUTH_READ,
     .handle = handle_get,
     .answer = answer_fields,
     .statuses = {200},
     .id = "getSuppression",
     .summary = "On which channels an address is not written to, and why.",
     .query = channel_params},
    {.method = "DELETE",
     .path = "/v1/suppressions/{address}",
     .scope = AUTH_WRITE,
     .handle = handle_delete,
     .statuses = {204},
     .id = "deleteSuppression",
     .summary = "Write to an address again, on one channel or on all.",
     .query = channel_params},
    {0},
};
