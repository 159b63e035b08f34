/* audit.c - see audit.h: from a verb and what came of it to lines. */
#include "store/audit.h"

#include <assert.h>

#include "base/id.h"
#include "base/list.h"
#include "store/approval.h"
#include "store/cycle.h"
#include "store/digest.h"
#include "store/object.h"

/* NULL: what is written under that kind is not told of. */
static const char *const kinds[] = {
    [OBJECT_WORKSPACE] = "workspace",
    [OBJECT_KEY] = "key",
    [OBJECT_PROVIDER] = "provider",
    [OBJECT_TEMPLATE] = "template",
    [OBJECT_USER] = "user",
    [OBJECT_SUPPRESSION] = "suppression",
    [OBJECT_CATEGORY] = "category",
    [OBJECT_TOPIC] = "topic",
    [OBJECT_SCHEDULE] = "schedule",
    [OBJECT_WORKFLOW] = "workflow",
    [OBJECT_EXPERIMENT] = "experiment",
    [OBJECT_FLAG] = "flag",
    [OBJECT_ENDPOINT] = "endpoint",
    [OBJECT_ACTION_SECRET] = "action_secret",
};

static const char *
kind_name(enum object_kind kind)
{
    return kind < sizeof(kinds) / sizeof(kinds[0]) ? kinds[kind] : NULL;
}

/* An application stores its users all day. */
static bool
is_told_when_put(enum object_kind kind)
{
    return kind_name(kind) && kind != OBJECT_USER;
}

static struct str
or_else(struct str given, const char *otherwise)
{
    return given.n > 0 ? given : str_from(otherwise);
}

static struct audit_line *
add(const struct audit *a, struct audit_line *lines, size_t *n)
{
    struct audit_line *l = &lines[*n];

    assert(*n < AUDIT_LINES_MAX);
    *l = (struct audit_line){
        .tenant = a->tenant,
        .id = a->id + (int64_t)*n,
        .at_ms = a->now_ms,
        .actor = a->actor,
        .actor_name = a->actor_name,
        .source = a->source,
        .request_id = a->request_id,
        .action = a->action,
        .kind = a->kind,
        .key = a->key,
        .detail = a->detail,
    };
    (*n)++;
    return l;
}

static size_t
lines_of_put(const struct store_object_put *p, struct audit_line *ret)
{
    size_t n = 0;

    for (size_t i = 0; i < p->n_writes && !p->idem.is_replay; i++) {
        const struct store_object_write *o = &p->writes[i];
        struct audit_line *l;

        if (o->err != ERR_OK || !is_told_when_put(o->kind))
            continue;
        l = add(p->req.audit, ret, &n);
        l->action = or_else(l->action, o->is_created ? "create" : "replace");
        l->kind = str_from(kind_name(o->kind));
        l->key = o->key;
        l->from_version = o->is_created ? 0 : o->object.version - 1;
        l->to_version = o->object.version;
    }
    return n;
}

static void
add_deleted(const struct store_object_delete *d, struct str key,
            int64_t version, struct audit_line *ret, size_t *n)
{
    struct audit_line *l = add(d->req.audit, ret, n);

    l->action = or_else(l->action, d->kind == OBJECT_KEY ? "revoke" : "delete");
    l->kind = str_from(kind_name(d->kind));
    l->key = key;
    l->from_version = version;
}

static size_t
lines_of_delete(const struct store_object_delete *d, struct audit_line *ret)
{
    size_t n = 0;

    if (!kind_name(d->kind))
        return 0;
    if (d->n_keys == 0)
        add_deleted(d, d->key, d->version, ret, &n);
    for (size_t i = 0; i < d->n_keys; i++)
        if (d->versions[i] > 0)
            add_deleted(d, d->keys[i], d->versions[i], ret, &n);
    return n;
}

static size_t
one_line(const struct audit *a, const char *action, const char *kind,
         struct audit_line *ret)
{
    size_t n = 0;
    struct audit_line *l = add(a, ret, &n);

    l->action = or_else(l->action, action);
    l->kind = or_else(l->kind, kind);
    return n;
}

static const char *
act_name(enum store_act_kind kind)
{
    static const char *const names[] = {[STORE_ACT_RETRY] = "retry",
                                        [STORE_ACT_CANCEL] = "cancel",
                                        [STORE_ACT_DISCARD] = "discard"};

    return names[kind];
}

static size_t
lines_of_decide(const struct store_decide *d, struct audit_line *ret)
{
    if (!d->is_news)
        return 0; /* it was so before */
    return one_line(d->req.audit, d->is_approved ? "approve" : "reject",
                    "notification", ret);
}

/* Other verbs are not told of, whoever asks. */
size_t
audit_lines(struct store_req *req,
            struct audit_line ret[static AUDIT_LINES_MAX])
{
    if (!req->audit)
        return 0;
    if (req->verb == STORE_VERB_object_put)
        return lines_of_put(CONTAINER_OF(req, struct store_object_put, req),
                            ret);
    if (req->verb == STORE_VERB_object_delete)
        return lines_of_delete(
            CONTAINER_OF(req, struct store_object_delete, req), ret);
    if (req->verb == STORE_VERB_decide)
        return lines_of_decide(CONTAINER_OF(req, struct store_decide, req),
                               ret);
    if (req->verb == STORE_VERB_act)
        return one_line(
            req->audit,
            act_name(CONTAINER_OF(req, struct store_act, req)->kind),
            "delivery", ret);
    if (req->verb == STORE_VERB_cancel)
        return one_line(req->audit, "cancel", "notification", ret);
    if (req->verb == STORE_VERB_digest_flush)
        return one_line(req->audit, "flush", "digest", ret);
    if (req->verb == STORE_VERB_audit_add)
        return one_line(req->audit, "", "", ret);
    return 0;
}

static bool
is_asked(struct str asked, struct str is)
{
    return asked.n == 0 || str_eq(asked, is);
}

bool
audit_fits(const struct audit_line *l, const struct store_audit_filter *f)
{
    return is_asked(f->actor, l->actor) && is_asked(f->action, l->action) &&
           is_asked(f->kind, l->kind) && is_asked(f->key, l->key) &&
           l->at_ms >= f->since_ms;
}

int64_t
audit_first_id(const struct store_audit_filter *f)
{
    return f->since_ms > 0 ? id_after(f->since_ms - 1) : 0;
}
