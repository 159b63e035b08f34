#include "api/novu_change.h"

#include "base/list.h"

/* What one search looks at. */
#define SCAN_MAX 5000
#define SCAN_BYTES_MAX (8 * 1024 * 1024)
#define SCAN_PAGE 250

static void
put_object(struct call *c, const struct novu_merge_kind *kind,
           struct json_writer *w, const struct object *o)
{
    json_begin_object(w);
    kind->put(c, w, o);
    json_end_object(w);
}

void
novu_reply(struct call *c, const struct novu_merge_kind *kind, int status,
           const struct object *o)
{
    struct buf out;
    struct json_writer w = novu_begin(c, &out);

    put_object(c, kind, &w, o);
    novu_end(c, status, &w);
}

/* ---- make, change ---- */

struct changing {
    struct call *call;
    struct novu_merge_row row;
    struct novu_merge merge;
};

static void
reply_conflict(struct call *c, const struct novu_merge_kind *kind,
               const struct object *o)
{
    struct buf out;
    struct json_writer w = call_writer(c, &out);

    problem_set(&c->problem, ERR_CONFLICT, "there is such a %s already",
                kind->noun);
    json_begin_object(&w);
    novu_put_refusal(c, &w);
    kind->put(c, &w, o);
    json_end_object(&w);
    call_reply(c, 409, &out);
}

static void
refuse_row(struct changing *x)
{
    struct call *c = x->call;
    const struct novu_merge_row *row = &x->row;
    const struct novu_merge_kind *kind = x->merge.kind;

    if (row->problem) {
        c->problem = *row->problem;
        call_refuse(c);
    } else if (row->err == ERR_CONFLICT && x->merge.when == NOVU_MERGE_IF_NEW) {
        reply_conflict(c, kind, &row->object);
    } else if (row->err == ERR_NOT_FOUND) {
        call_fail_with(c, ERR_NOT_FOUND, "there is no such %s", kind->noun);
    } else {
        call_fail(c, row->err);
    }
}

static void
on_changed(struct novu_merge *m, enum err e)
{
    struct changing *x = CONTAINER_OF(m, struct changing, merge);
    struct call *c = x->call;

    if (e != ERR_OK)
        call_fail(c, e);
    else if (m->idem.is_replay)
        call_reply_replay(c, &m->idem);
    else if (x->row.err != ERR_OK)
        refuse_row(x);
    else
        novu_reply(c, m->kind,
                   x->row.is_created                ? 201
                   : m->when == NOVU_MERGE_IF_THERE ? 200
                                                    : m->kind->changed_status,
                   &x->row.object);
}

/* Runs inside the commit, for a repeated request. */
static void
answer_created(struct store_req *req, struct buf *body, int *status)
{
    struct novu_merge *m = novu_merge_of(req);
    struct json_writer w = novu_open(body);

    put_object(m->call, m->kind, &w, &m->put.writes[0].object);
    novu_close(&w);
    *status = 201;
}

static struct changing *
changing_new(struct call *c, const struct novu_merge_kind *kind,
             enum novu_merge_if when)
{
    struct changing *x = ARENA_NEW(c->arena, struct changing);

    x->call = c;
    x->merge = (struct novu_merge){.call = c,
                                   .kind = kind,
                                   .when = when,
                                   .rows = &x->row,
                                   .n_rows = 1,
                                   .then = on_changed};
    novu_give(c->arena, &x->row, c->body);
    return x;
}

void
novu_create(struct call *c, const struct novu_merge_kind *kind, struct str key)
{
    struct changing *x;
    bool fails_if_there;

    if (!novu_flag(c, "failIfExists", &fails_if_there))
        return;
    x = changing_new(c, kind,
                     fails_if_there ? NOVU_MERGE_IF_NEW : NOVU_MERGE_ALWAYS);
    x->row.key = key;
    x->merge.idem.answer = answer_created;
    if (!fails_if_there || call_idem(c, &x->merge.idem))
        novu_merge(&x->merge);
}

void
novu_patch(struct call *c, const struct novu_merge_kind *kind)
{
    struct changing *x = changing_new(c, kind, NOVU_MERGE_IF_THERE);

    if (call_path_key(c, 0, &x->row.key))
        novu_merge(&x->merge);
}

/* ---- search ---- */

static void list(struct novu_search *s);

static void
reply_found(struct novu_search *s, struct str last)
{
    struct call *c = s->call;
    struct buf out;
    struct json_writer w = novu_begin_page(c, &out);

    for (size_t i = 0; i < s->n_found; i++)
        put_object(c, s->kind, &w, &s->found[i]);
    novu_end_page(c, &w, s->n_found,
                  last.n > 0 ? call_cursor(c, last) : STR_NONE);
}

static bool
has_enough(const struct novu_search *s)
{
    return s->n_found == s->limit || s->n_seen >= SCAN_MAX ||
           s->n_bytes >= SCAN_BYTES_MAX;
}

static void
on_listed(struct store_req *req, enum err e)
{
    struct store_object_list *l =
        CONTAINER_OF(req, struct store_object_list, req);
    struct novu_search *s = CONTAINER_OF(l, struct novu_search, list);
    size_t i = 0;

    if (e != ERR_OK) {
        call_fail(s->call, e);
        return;
    }
    for (; i < l->n_objects && s->n_found < s->limit; i++) {
        s->n_bytes += l->objects[i].body.n;
        if (!s->is_wanted || s->is_wanted(s, &l->objects[i]))
            s->found[s->n_found++] = l->objects[i];
    }
    s->n_seen += i;
    if (i > 0)
        l->after = l->objects[i - 1].key;
    if (i == l->n_objects && !l->has_more)
        reply_found(s, STR_NONE);
    else if (has_enough(s))
        reply_found(s, l->after);
    else
        list(s);
}

static void
list(struct novu_search *s)
{
    struct call *c = s->call;

    s->list = (struct store_object_list){
        .req = call_req(c, on_listed),
        .tenant = c->workspace->tenant,
        .kind = s->kind->kind,
        .after = s->list.after,
        .limit = s->is_wanted ? SCAN_PAGE : s->limit,
    };
    objects_list(c->app, &s->list);
}

void
novu_search(struct novu_search *s)
{
    if (!novu_page(s->call, &s->limit, &s->list.after))
        return;
    s->found = ARENA_ARRAY(s->call->arena, struct object, s->limit);
    list(s);
}

bool
novu_holds(struct str text, struct str part)
{
    for (size_t i = 0; i + part.n <= text.n; i++)
        if (str_ieq(str_sub(text, i, part.n), part))
            return true;
    return false;
}
