/* attach.c - see attach.h. A taking waits for room (`queue`), then for its item
 * to be loaded (`item->waiting`), then to be told (`told`), then has it.
 *
 *   item: LOADING, contents by one read, then URLs one after another -> READY
 *         or FAILED, which is told and forgotten */
#include "app/attach.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "store/store.h"

#define ROOM (96 * 1024 * 1024)
#define KEPT_MS 30000 /* after the last use */
/* Of a byte: a call makes a mail of it, and a copy of that while it grows. */
#define CALL_COST 3

struct shelf_item {
    struct shelf *shelf; /* NULL: it is gone, only end this */
    struct list link;
    struct arena *arena;
    int64_t tenant, notification;
    enum { LOADING, READY, FAILED } state;
    struct attachment *rows;
    size_t n, cost;
    size_t n_taken;
    int64_t unused_ms; /* monotonic, since then */
    struct list waiting;
    int64_t timeout_ms;
    size_t at; /* of the row that is being fetched */
    struct store_attachments read;
    struct outcall call;
    /* of FAILED */
    enum verdict verdict;
    enum reason reason;
    struct str detail;
};

struct shelf {
    const struct env *env;
    struct outcaller *outcaller;
    struct list items, queue, told;
    size_t used; /* of ROOM */
    struct task tell;
    bool is_telling, is_gone;
    struct loop_timer timer;
};

static void fetch_next(struct shelf_item *i);
static void let_in(struct shelf *s);

/* ---- life ---- */

static int64_t
now_ms(const struct shelf *s)
{
    return s->env->clock->mono_ms(s->env->clock);
}

static void
item_free(struct shelf_item *i)
{
    list_remove(&i->link);
    if (i->shelf)
        i->shelf->used -= i->cost;
    arena_free(i->arena);
    free(i);
}

static bool
is_unused(const struct shelf_item *i)
{
    return i->n_taken == 0 && i->state == READY;
}

static void
on_timer(struct loop_timer *t)
{
    struct shelf *s = CONTAINER_OF(t, struct shelf, timer);
    int64_t old_ms = now_ms(s) - KEPT_MS;
    bool has_more = false;

    LIST_EACH(it, &s->items)
    {
        struct shelf_item *i = CONTAINER_OF(it, struct shelf_item, link);

        if (is_unused(i) && i->unused_ms <= old_ms)
            item_free(i);
        else
            has_more |= is_unused(i);
    }
    if (has_more)
        loop_timer_set(s->env->loop, &s->timer, KEPT_MS, on_timer);
}

static void
keep_for_a_while(struct shelf_item *i)
{
    struct shelf *s = i->shelf;

    i->unused_ms = now_ms(s);
    if (!loop_timer_is_set(&s->timer))
        loop_timer_set(s->env->loop, &s->timer, KEPT_MS, on_timer);
}

/* ---- telling ---- */

static void
on_tell(struct task *task)
{
    struct shelf *s = CONTAINER_OF(task, struct shelf, tell);
    struct list *entry;

    if (s->is_gone) {
        free(s);
        return;
    }
    s->is_telling = false;
    while ((entry = list_take(&s->told))) {
        struct taking *t = CONTAINER_OF(entry, struct taking, link);

        t->on_done(t);
    }
}

static void
tell(struct shelf *s, struct taking *t)
{
    list_append(&s->told, &t->link);
    if (s->is_telling)
        return;
    s->is_telling = true;
    s->tell.run = on_tell;
    loop_defer(s->env->loop, &s->tell);
}

static void
tell_all(struct shelf_item *i)
{
    struct list *entry;

    while ((entry = list_take(&i->waiting))) {
        struct taking *t = CONTAINER_OF(entry, struct taking, link);

        t->rows = i->state == READY ? i->rows : NULL;
        t->verdict = i->verdict;
        t->reason = reason_code(i->reason);
        t->detail = i->detail;
        tell(i->shelf, t);
    }
}

/* Whoever waits is told; the next one asks anew. */
static void
fail(struct shelf_item *i, enum verdict v, enum reason why, struct str detail)
{
    struct shelf *s = i->shelf;

    if (!s) {
        item_free(i);
        return;
    }
    i->state = FAILED;
    i->verdict = v;
    i->reason = why;
    i->detail = detail;
    tell_all(i);
    if (i->n_taken == 0) {
        item_free(i);
        let_in(s);
    }
}

static size_t
total(const struct shelf_item *i)
{
    size_t n = 0;

    for (size_t k = 0; k < i->n; k++)
        n += i->rows[k].size;
    return n;
}

/* In base64. */
static size_t
item_cost(size_t size)
{
    return size / 3 * 4;
}

/* Now that it is known how large it is. */
static void
correct_cost(struct shelf_item *i)
{
    const size_t size = total(i);
    struct shelf *s = i->shelf;

    s->used -= i->cost;
    i->cost = item_cost(size);
    s->used += i->cost;
    LIST_EACH(it, &i->waiting)
    {
        struct taking *t = CONTAINER_OF(it, struct taking, link);

        s->used -= t->cost;
        t->cost = size * CALL_COST;
        s->used += t->cost;
    }
}

static void
be_ready(struct shelf_item *i)
{
    struct shelf *s = i->shelf;

    i->state = READY;
    correct_cost(i);
    tell_all(i);
    if (is_unused(i))
        keep_for_a_while(i);
    let_in(s);
}

/* ---- loading ---- */

/* Said without the URL, which may be a secret. */
static struct str
told_of(const struct shelf_item *i, const char *what)
{
    return str_fmt(i->arena, "attachment %zu, %.*s: %s", i->at + 1,
                   STR_ARG(i->rows[i->at].filename), what);
}

static void
fail_as_too_large(struct shelf_item *i)
{
    fail(i, VERDICT_REJECTED, REASON_SIZE_TOO_LARGE,
         told_of(i, "with it there are more than 10 MiB"));
}

static void
refuse_answer(struct shelf_item *i, const struct channel_answer *a)
{
    bool may_change = a->status == 408 || a->status == 425 ||
                      a->status == 429 || a->status >= 500;
    struct str what = str_fmt(i->arena, "its URL answered %d", a->status);

    fail(i, may_change ? VERDICT_RETRY : VERDICT_REJECTED,
         may_change ? REASON_ATTACHMENT_UNAVAILABLE : REASON_ATTACHMENT_REFUSED,
         told_of(i, str_cstr(i->arena, what)));
}

static void
refuse_call(struct shelf_item *i, const struct channel_answer *a)
{
    switch (a->cause) {
    case CHANNEL_CAUSE_EGRESS:
        fail(i, VERDICT_REJECTED, REASON_EGRESS_REFUSED,
             told_of(i, str_cstr(i->arena, a->detail)));
        break;
    case CHANNEL_CAUSE_URL:
        fail(i, VERDICT_REJECTED, REASON_ATTACHMENT_REFUSED,
             told_of(i, "its URL cannot be called"));
        break;
    case CHANNEL_CAUSE_TIMEOUT:
        fail(i, VERDICT_RETRY, REASON_ATTACHMENT_UNAVAILABLE,
             told_of(i, "its URL did not answer in time"));
        break;
    default:
        fail(i, VERDICT_RETRY, REASON_ATTACHMENT_UNAVAILABLE,
             told_of(i, "its URL could not be fetched"));
        break;
    }
}

static void
on_fetched(struct outcall *c, const struct channel_answer *a)
{
    struct shelf_item *i = CONTAINER_OF(c, struct shelf_item, call);
    struct attachment *row = &i->rows[i->at];
    struct buf content;

    if (!i->shelf) {
        item_free(i);
    } else if (a->is_overlong) {
        fail_as_too_large(i);
    } else if (a->outcome != CHANNEL_ANSWERED) {
        refuse_call(i, a);
    } else if (a->status < 200 || a->status > 299) {
        refuse_answer(i, a);
    } else if (a->body.n == 0) {
        fail(i, VERDICT_REJECTED, REASON_ATTACHMENT_REFUSED,
             told_of(i, "its URL answered with nothing"));
    } else {
        buf_init(&content, i->arena);
        buf_reserve(&content, (a->body.n + 2) / 3 * 4);
        buf_put_base64(&content, a->body);
        row->content = buf_str(&content);
        row->size = a->body.n;
        i->at++;
        fetch_next(i);
    }
}

static void
fetch_next(struct shelf_item *i)
{
    while (i->at < i->n && i->rows[i->at].url.n == 0)
        i->at++;
    if (i->at == i->n) {
        be_ready(i);
        return;
    }
    if (total(i) >= ATTACHMENTS_BYTES_MAX) {
        fail_as_too_large(i);
        return;
    }
    i->call = (struct outcall){
        .arena = i->arena,
        .tenant = i->tenant,
        .name = STR("attachment"),
        .request = {.kind = CHANNEL_REQUEST_HTTP,
                    .method = STR("GET"),
                    .url = i->rows[i->at].url,
                    .answer_max = ATTACHMENTS_BYTES_MAX - total(i)},
        .timeout_ms = i->timeout_ms,
        .on_done = on_fetched,
    };
    i->shelf->outcaller->start(i->shelf->outcaller, &i->call);
}

static void
on_read(struct store_req *req, enum err e)
{
    struct store_attachments *r =
        CONTAINER_OF(req, struct store_attachments, req);
    struct shelf_item *i = CONTAINER_OF(r, struct shelf_item, read);

    if (!i->shelf) {
        item_free(i);
        return;
    }
    for (size_t k = 0; e == ERR_OK && k < r->n_rows; k++)
        if (r->rows[k].n >= 0 && (size_t)r->rows[k].n < i->n)
            i->rows[r->rows[k].n].content = r->rows[k].content;
    for (size_t k = 0; e == ERR_OK && k < i->n; k++)
        if (i->rows[k].url.n == 0 && i->rows[k].content.n == 0)
            e = ERR_NOT_FOUND;
    if (e == ERR_OK)
        fetch_next(i);
    else if (e == ERR_NOT_FOUND)
        fail(i, VERDICT_REJECTED, REASON_ATTACHMENT_REFUSED,
             STR("an attachment is not kept any more"));
    else
        fail(i, VERDICT_RETRY, REASON_ATTACHMENT_UNAVAILABLE,
             STR("the database did not give the attachments"));
}

/* ---- room ---- */

/* How large it may be, with what is not known of it yet. */
static size_t
size_of(const struct taking *t)
{
    size_t n = 0;

    for (size_t i = 0; i < t->n; i++) {
        if (t->wanted[i].url.n > 0)
            return ATTACHMENTS_BYTES_MAX;
        n += t->wanted[i].size;
    }
    return n;
}

static struct shelf_item *
find(const struct shelf *s, const struct taking *t)
{
    LIST_EACH(it, &s->items)
    {
        struct shelf_item *i = CONTAINER_OF(it, struct shelf_item, link);

        if (i->notification == t->notification && i->tenant == t->tenant &&
            i->state != FAILED)
            return i;
    }
    return NULL;
}

/* All but what is wanted now. */
static void
make_room(struct shelf *s, const struct shelf_item *wanted, size_t need)
{
    LIST_EACH(it, &s->items)
    {
        struct shelf_item *i = CONTAINER_OF(it, struct shelf_item, link);

        if (s->used + need > ROOM && i != wanted && is_unused(i))
            item_free(i);
    }
}

static struct shelf_item *
begin_item(struct shelf *s, const struct taking *t, size_t cost)
{
    struct shelf_item *i = xcalloc(1, sizeof(*i));

    i->shelf = s;
    i->arena = arena_new();
    i->tenant = t->tenant;
    i->notification = t->notification;
    i->timeout_ms = t->timeout_ms;
    i->cost = cost;
    i->n = t->n;
    i->rows = ARENA_ARRAY(i->arena, struct attachment, t->n);
    for (size_t k = 0; k < t->n; k++) {
        i->rows[k] = t->wanted[k];
        i->rows[k].filename = str_dup(i->arena, t->wanted[k].filename);
        i->rows[k].content_type = str_dup(i->arena, t->wanted[k].content_type);
        i->rows[k].url = str_dup(i->arena, t->wanted[k].url);
    }
    list_init(&i->waiting);
    list_append(&s->items, &i->link);
    s->used += cost;
    i->read = (struct store_attachments){
        .req = {.arena = i->arena, .loop = s->env->loop, .on_done = on_read},
        .tenant = t->tenant,
        .notification = t->notification,
    };
    return i;
}

/* False: there is no room for it yet. Alone it always has. */
static bool
take_in(struct shelf *s, struct taking *t)
{
    struct shelf_item *i = find(s, t);
    size_t size = i && i->state == READY ? total(i) : size_of(t);
    size_t own = size * CALL_COST, need = own + (i ? 0 : item_cost(size));
    bool is_new = !i;

    make_room(s, i, need);
    if (s->used + need > ROOM && s->used != (i ? i->cost : 0))
        return false;
    if (is_new)
        i = begin_item(s, t, item_cost(size));
    t->item = i;
    t->cost = own;
    s->used += own;
    i->n_taken++;
    list_append(&i->waiting, &t->link);
    if (is_new)
        store_attachments(s->env->store, &i->read);
    else if (i->state == READY)
        tell_all(i);
    return true;
}

/* In their order: a large one is not passed by small ones for ever. */
static void
let_in(struct shelf *s)
{
    while (!list_is_empty(&s->queue)) {
        struct taking *t = CONTAINER_OF(s->queue.next, struct taking, link);

        list_remove(&t->link);
        if (take_in(s, t))
            continue;
        list_prepend(&s->queue, &t->link);
        return;
    }
}

void
shelf_take(struct shelf *s, struct taking *t)
{
    t->shelf = s;
    t->item = NULL;
    t->rows = NULL;
    t->cost = 0;
    list_append(&s->queue, &t->link);
    let_in(s);
}

void
shelf_put(struct taking *t)
{
    struct shelf_item *i = t->item;
    struct shelf *s = t->shelf;

    if (!s)
        return;
    list_remove(&t->link);
    t->shelf = NULL;
    t->item = NULL;
    if (i) {
        s->used -= t->cost;
        i->n_taken--;
        if (i->n_taken == 0 && i->state == FAILED)
            item_free(i);
        else if (is_unused(i))
            keep_for_a_while(i);
    }
    let_in(s);
}

struct shelf *
shelf_new(const struct env *env, struct outcaller *outcaller)
{
    struct shelf *s = xcalloc(1, sizeof(*s));

    s->env = env;
    s->outcaller = outcaller;
    list_init(&s->items);
    list_init(&s->queue);
    list_init(&s->told);
    return s;
}

void
shelf_free(struct shelf *s)
{
    if (!s)
        return;
    loop_timer_clear(s->env->loop, &s->timer);
    LIST_EACH(it, &s->items)
    {
        struct shelf_item *i = CONTAINER_OF(it, struct shelf_item, link);

        if (i->state != LOADING) {
            item_free(i);
            continue;
        }
        list_remove(&i->link); /* who loads it frees it */
        i->shelf = NULL;
    }
    s->is_gone = true;
    if (!s->is_telling)
        free(s);
}
