#include "api/novu_merge.h"

#include <assert.h>

#include "base/list.h"

#define AT_ONCE 1000
#define TRIES 8

void
novu_give(struct arena *a, struct novu_merge_row *row, struct json doc)
{
    struct novu_given *g = ARENA_NEW(a, struct novu_given);

    *g = (struct novu_given){.doc = doc};
    if (row->last)
        row->last->next = g;
    else
        row->first = g;
    row->last = g;
}

struct novu_merge *
novu_merge_of(struct store_req *req)
{
    return CONTAINER_OF(CONTAINER_OF(req, struct store_object_put, req),
                        struct novu_merge, put);
}

static void
end_row(struct novu_merge_row *row, enum err e)
{
    row->is_done = true;
    row->err = e;
}

/* ---- write ---- */

static void next_round(struct novu_merge *m);

static void
note_written(struct novu_merge *m, struct novu_merge_row *row,
             const struct store_object_write *w)
{
    row->object = w->object;
    row->is_created = w->is_created;
    if (w->err != ERR_PRECONDITION)
        end_row(row, w->err);
    else if (m->when == NOVU_MERGE_IF_NEW || ++row->n_tries == TRIES)
        end_row(row, ERR_CONFLICT);
}

static void
on_written(struct store_req *req, enum err e)
{
    struct novu_merge *m = novu_merge_of(req);

    m->idem = m->put.idem;
    if (e == ERR_OK && m->idem.is_replay) {
        m->then(m, ERR_OK);
        return;
    }
    if (e != ERR_OK && e != ERR_PRECONDITION) {
        m->then(m, e);
        return;
    }
    for (size_t i = 0; i < m->put.n_writes; i++)
        note_written(m, &m->rows[m->written[i]], &m->put.writes[i]);
    next_round(m);
}

static void
add_write(struct novu_merge *m, size_t place, struct json doc, int64_t version)
{
    struct novu_merge_row *row = &m->rows[place];
    struct store_object_write *w = &m->put.writes[m->put.n_writes];

    *w = (struct store_object_write){
        .kind = m->kind->kind,
        .key = row->key,
        .body = json_raw(doc),
        .if_version = version,
        .num = call_new_num(m->call),
    };
    if (m->kind->fill)
        m->kind->fill(m->call, doc, w);
    m->written[m->put.n_writes++] = place;
}

/* What was read, with all that is given to it. */
static struct json
merged(struct novu_merge *m, const struct novu_merge_row *row, struct json doc)
{
    struct arena *a = m->call->arena;

    for (const struct novu_given *g = row->first; g; g = g->next)
        doc = call_parse(m->call, m->kind->merge(a, doc, g->doc));
    return doc;
}

static void
change(struct novu_merge *m, size_t place, const struct object *o)
{
    struct novu_merge_row *row = &m->rows[place];
    struct call *c = m->call;
    struct json doc = merged(m, row, call_parse(c, o->body));
    struct problem p;

    if (o->version > 0 && str_eq(json_raw(doc), o->body)) {
        row->object = *o;
        end_row(row, ERR_OK);
        return;
    }
    problem_init(&p, c->arena);
    if (m->kind->check)
        m->kind->check(doc, STR(""), &p);
    if (problem_is_set(&p)) {
        row->problem = arena_copy(c->arena, &p, sizeof(p));
        end_row(row, p.err);
    } else {
        add_write(m, place, doc, o->version);
    }
}

/* objects: what was read; NULL: nothing was. */
static void
write_what_changed(struct novu_merge *m, const struct object *objects)
{
    static const struct object nothing;
    struct call *c = m->call;

    m->put = (struct store_object_put){
        .req = call_req(c, on_written),
        .tenant = c->workspace->tenant,
        .now_ms = call_now_ms(c),
        .idem = m->idem,
        .is_atomic = m->idem.key.n > 0, /* a conflict is not to be replayed */
        .writes = ARENA_ARRAY(c->arena, struct store_object_write, m->n_places),
    };
    m->written = ARENA_ARRAY(c->arena, size_t, m->n_places);
    for (size_t i = 0; i < m->n_places; i++) {
        const struct object *o = objects ? &objects[i] : &nothing;

        if (m->when == NOVU_MERGE_IF_THERE && o->version == 0)
            end_row(&m->rows[m->places[i]], ERR_NOT_FOUND);
        else
            change(m, m->places[i], o);
    }
    if (m->put.n_writes > 0)
        objects_put(c->app, &m->put);
    else
        next_round(m);
}

/* ---- read ---- */

static void
on_read(struct store_req *req, enum err e)
{
    struct store_object_get *g =
        CONTAINER_OF(req, struct store_object_get, req);
    struct novu_merge *m = CONTAINER_OF(g, struct novu_merge, get);

    if (e != ERR_OK)
        m->then(m, e);
    else
        write_what_changed(m, g->objects);
}

static void
read_rows(struct novu_merge *m)
{
    struct call *c = m->call;
    struct str *keys = ARENA_ARRAY(c->arena, struct str, m->n_places);

    for (size_t i = 0; i < m->n_places; i++)
        keys[i] = m->rows[m->places[i]].key;
    m->get = (struct store_object_get){
        .req = call_req(c, on_read),
        .tenant = c->workspace->tenant,
        .kind = m->kind->kind,
        .keys = keys,
        .n_keys = m->n_places,
    };
    objects_get(c->app, &m->get);
}

static void
next_round(struct novu_merge *m)
{
    m->n_places = 0;
    for (size_t i = 0; i < m->n_rows && m->n_places < AT_ONCE; i++)
        if (!m->rows[i].is_done)
            m->places[m->n_places++] = i;
    if (m->n_places == 0)
        m->then(m, ERR_OK);
    else if (m->when == NOVU_MERGE_IF_NEW) /* the write will tell */
        write_what_changed(m, NULL);
    else
        read_rows(m);
}

void
novu_merge(struct novu_merge *m)
{
    size_t n = m->n_rows < AT_ONCE ? m->n_rows : AT_ONCE;

    assert(n == 1 || (n > 0 && m->when != NOVU_MERGE_IF_NEW));
    m->places = ARENA_ARRAY(m->call->arena, size_t, n);
    next_round(m);
}
