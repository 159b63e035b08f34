/* attach.c - see attach.h. A taking waits for room (`queue`; `urls` while
 * nobody knows how large it is), then for its item to be loaded
 * (`item->waiting`), then to be told (`told`), then has it.
 *
 *   item: LOADING, contents by one read, then URLs one after another -> READY
 *         or FAILED, which is told and forgotten
 *
 * Who waits for a URL holds up nobody else: there is room of its own for it,
 * for a few at a time, tenants take turns, and all URLs of one have one
 * deadline. */
#include "app/attach.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "store/store.h"

#define ROOM ((size_t)96 * 1024 * 1024) /* of what is not being fetched */
#define KEPT_MS 30000                   /* after the last use */
/* Of a byte: a call makes a mail of it, and a copy of that while it grows. */
#define CALL_COST 3
/* In base64. */
#define ITEM_COST(size) ((size) / 3 * 4)
#define FETCHING_MAX 2
#define FETCH_COST                                                             \
    (ITEM_COST((size_t)ATTACHMENTS_BYTES_MAX) +                                \
     (size_t)ATTACHMENTS_BYTES_MAX * CALL_COST)
#define FETCH_MS_MAX 30000 /* whatever the provider's timeout is */

struct shelf_item {
    struct shelf *shelf; /* NULL: it is gone, only end this */
    struct list link;
    struct arena *arena;
    int64_t tenant, notification;
    enum { LOADING, READY, FAILED } state;
    struct attachment *rows;
    size_t n;
    size_t cost; /* while it is being fetched FETCH_COST, its taker's nothing */
    size_t n_taken;
    int64_t unused_ms; /* monotonic, since then */
    struct list waiting;
    int64_t timeout_ms, deadline_ms; /* of its URLs; monotonic */
    size_t at;                       /* of the row that is being fetched */
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
    struct list items, queue, urls, told;
    size_t used; /* of all room */
    struct shelf_item *fetching[FETCHING_MAX];
    size_t n_fetching;
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

static bool
is_of(const struct shelf_item *i, const struct taking *t)
{
    return i->notification == t->notification && i->tenant == t->tenant;
}

static void
end_fetching(struct shelf_item *i)
{
    struct shelf *s = i->shelf;

    for (size_t k = 0; k < s->n_fetching; k++)
        if (s->fetching[k] == i)
            s->fetching[k] = s->fetching[--s->n_fetching];
}

/* Who waits for the same would fetch it only to hear the same. */
static void
join_failed(struct shelf_item *i)
{
    LIST_EACH(it, &i->shelf->urls)
    {
        struct taking *t = CONTAINER_OF(it, struct taking, link);

        if (!is_of(i, t))
            continue;
        list_remove(&t->link);
        list_append(&i->waiting, &t->link);
        t->item = i;
        i->n_taken++;
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
    end_fetching(i);
    join_failed(i);
    i->state = FAILED;
    i->verdict = v;
    i->reason = why;
    i->detail = detail;
    tell_all(i);
    if (i->n_taken == 0)
        item_free(i);
    let_in(s);
}

static size_t
total(const struct shelf_item *i)
{
    size_t n = 0;

    for (size_t k = 0; k < i->n; k++)
        n += i->rows[k].size;
    return n;
}

/* Now that it is known how large it is. */
static void
correct_cost(struct shelf_item *i)
{
    const size_t size = total(i);
    struct shelf *s = i->shelf;

    s->used -= i->cost;
    i->cost = ITEM_COST(size);
    s->used += i->cost;
    LIST_EACH(it, &i->waiting)
    {
        struct taking *t = CONTAINER_OF(it, struct taking, link);

        s->used -= t->cost;
        t->cost = size * CALL_COST;
        s->used += t->cost;
    }
}

/* It is known now how much room they need. */
static void
join_queue(struct shelf_item *i)
{
    LIST_EACH(it, &i->shelf->urls)
    {
        if (!is_of(i, CONTAINER_OF(it, struct taking, link)))
            continue;
        list_remove(it);
        list_append(&i->shelf->queue, it);
    }
}

static void
be_ready(struct shelf_item *i)
{
    struct shelf *s = i->shelf;

    i->state = READY;
    end_fetching(i);
    join_queue(i);
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
fail_as_late(struct shelf_item *i)
{
    fail(i, VERDICT_RETRY, REASON_ATTACHMENT_UNAVAILABLE,
         told_of(i, "its URL did not answer in time"));
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
        fail_as_late(i);
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
    int64_t left_ms = i->deadline_ms - now_ms(i->shelf);

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
    if (left_ms <= 0) {
        fail_as_late(i);
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
        .timeout_ms = left_ms,
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
    i->deadline_ms = now_ms(i->shelf) + i->timeout_ms;
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

static bool
has_urls(const struct taking *t)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->wanted[i].url.n > 0)
            return true;
    return false;
}

/* Where none of it is at a URL. */
static size_t
size_of(const struct taking *t)
{
    size_t n = 0;

    for (size_t i = 0; i < t->n; i++)
        n += t->wanted[i].size;
    return n;
}

static struct shelf_item *
find(const struct shelf *s, const struct taking *t)
{
    LIST_EACH(it, &s->items)
    {
        struct shelf_item *i = CONTAINER_OF(it, struct shelf_item, link);

        if (is_of(i, t) && i->state != FAILED)
            return i;
    }
    return NULL;
}

/* What is not for those that are being fetched. */
static size_t
used(const struct shelf *s)
{
    return s->used - s->n_fetching * FETCH_COST;
}

/* All but what is wanted now. */
static void
make_room(struct shelf *s, const struct shelf_item *wanted, size_t need)
{
    LIST_EACH(it, &s->items)
    {
        struct shelf_item *i = CONTAINER_OF(it, struct shelf_item, link);

        if (used(s) + need > ROOM && i != wanted && is_unused(i))
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
    i->timeout_ms = t->timeout_ms < FETCH_MS_MAX ? t->timeout_ms : FETCH_MS_MAX;
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

static void
join(struct shelf_item *i, struct taking *t, size_t cost)
{
    list_remove(&t->link);
    list_append(&i->waiting, &t->link);
    t->item = i;
    t->cost = cost;
    i->shelf->used += cost;
    i->n_taken++;
}

/* False: there is no room for it yet. Alone it always has. */
static bool
take_in(struct shelf *s, struct taking *t, struct shelf_item *i)
{
    size_t size = i && i->state == READY ? total(i) : size_of(t);
    size_t own = size * CALL_COST, need = own + (i ? 0 : ITEM_COST(size));
    bool is_new = !i;

    make_room(s, i, need);
    if (used(s) + need > ROOM && used(s) != (i ? i->cost : 0))
        return false;
    if (is_new)
        i = begin_item(s, t, ITEM_COST(size));
    join(i, t, own);
    if (is_new)
        store_attachments(s->env->store, &i->read);
    else if (i->state == READY)
        tell_all(i);
    return true;
}

static bool
is_known(const struct taking *t, const struct shelf_item *i)
{
    return !has_urls(t) || (i && i->state == READY);
}

/* In their order: a large one is not passed by small ones for ever. */
static void
let_in_known(struct shelf *s)
{
    while (!list_is_empty(&s->queue)) {
        struct taking *t = CONTAINER_OF(s->queue.next, struct taking, link);
        struct shelf_item *i = find(s, t);

        if (is_known(t, i)) {
            if (!take_in(s, t, i))
                return;
        } else { /* it had to make room meanwhile */
            list_remove(&t->link);
            list_append(&s->urls, &t->link);
        }
    }
}

static bool
is_being_fetched(const struct shelf *s, const struct taking *t)
{
    for (size_t k = 0; k < s->n_fetching; k++)
        if (is_of(s->fetching[k], t))
            return true;
    return false;
}

static struct taking *
next_to_fetch(const struct shelf *s)
{
    LIST_EACH(it, &s->urls)
    {
        struct taking *t = CONTAINER_OF(it, struct taking, link);

        if (!is_being_fetched(s, t))
            return t;
    }
    return NULL;
}

/* So that all others come before its next one. */
static void
put_behind(struct shelf *s, int64_t tenant)
{
    const struct list *last = s->urls.prev;

    LIST_EACH(it, &s->urls)
    {
        bool is_last = it == last;

        if (CONTAINER_OF(it, struct taking, link)->tenant == tenant) {
            list_remove(it);
            list_append(&s->urls, it);
        }
        if (is_last)
            return;
    }
}

static void
let_in_urls(struct shelf *s)
{
    struct taking *t;

    make_room(s, NULL, 0);
    while (s->n_fetching < FETCHING_MAX && used(s) <= ROOM &&
           (t = next_to_fetch(s)) != NULL) {
        struct shelf_item *i = begin_item(s, t, FETCH_COST);

        s->fetching[s->n_fetching++] = i;
        join(i, t, 0);
        put_behind(s, t->tenant);
        store_attachments(s->env->store, &i->read);
    }
}

static void
let_in(struct shelf *s)
{
    let_in_known(s);
    let_in_urls(s);
}

void
shelf_take(struct shelf *s, struct taking *t)
{
    t->shelf = s;
    t->item = NULL;
    t->rows = NULL;
    t->cost = 0;
    list_append(is_known(t, find(s, t)) ? &s->queue : &s->urls, &t->link);
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
    list_init(&s->urls);
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
