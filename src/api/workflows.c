/* workflows.c - steps that each recipient goes through. */
#include "api/api.h"
#include "api/collection.h"
#include "api/route.h"
#include "app/workflow_doc.h"
#include "app/workflow_secret.h"
#include "domain/workflow.h"
#include "net/egress.h"

/* As for a provider's host. */
static void
check_egress(void *arg, struct str host, struct str at, struct problem *p)
{
    struct call *c = arg;
    const struct api_options *o = api_options(c->api);
    char range[64] = "";

    if (host.n == 0 || o->dev_sink ||
        egress_allows_host(o->egress, host, range))
        return;
    problem_add(p, ERR_INVALID, at,
                "this server may not call %.*s; to allow it, start the server "
                "with BELFRY_EGRESS_ALLOW=%s",
                STR_ARG(host), range);
}

static void
check(struct call *c, struct str key, struct json doc)
{
    const struct workspace *w = c->workspace;

    workflow_doc_check(w, doc, check_egress, c, &c->problem);
    if (!workspace_workflow(w, key) && w->n_workflows >= WORKFLOWS_MAX)
        problem_set(&c->problem, ERR_CONFLICT,
                    "a workspace has at most %d workflows", WORKFLOWS_MAX);
}

/* The document with other steps. */
static struct json
with_steps(struct call *c, struct json doc, struct str steps)
{
    struct json_writer w;
    struct buf out;

    w = call_writer(c, &out);
    json_begin_object(&w);
    for (struct json m = json_first(doc); !json_is(m, JSON_ABSENT);
         m = json_next(doc, m)) {
        struct str name = json_key(c->arena, m);

        json_put_key_str(&w, name);
        json_put_raw(&w, str_is(name, "steps") ? steps : json_raw(m));
    }
    json_end_object(&w);
    return call_parse(c, buf_str(&out));
}

static struct str
to_store(struct call *c, struct str key, struct json doc, struct json before)
{
    const struct workflow_secrets x = {.arena = c->arena,
                                       .vault = c->app->vault,
                                       .tenant = c->workspace->tenant,
                                       .key = key};

    return json_raw(with_steps(c, doc,
                               workflow_secrets_seal(&x, json_get(doc, "steps"),
                                                     json_get(before, "steps"),
                                                     &c->problem)));
}

static void show(struct call *c, struct json_writer *w, const struct object *o,
                 struct json stored);

static const struct collection workflows = {
    .kind = OBJECT_WORKFLOW,
    .noun = "workflow",
    .key_name = "key",
    .is_configuration = true,
    .check = check,
    .to_store = to_store,
    .show = show,
};

static void
show(struct call *c, struct json_writer *w, const struct object *o,
     struct json stored)
{
    (void)o;
    collection_write_members(
        c, &workflows, w,
        with_steps(c, stored,
                   workflow_secrets_mask(c->arena, json_get(stored, "steps"))));
}

static void
handle_put(struct call *c)
{
    collection_put(c, &workflows);
}

static void
handle_get(struct call *c)
{
    collection_get(c, &workflows);
}

static void
handle_list(struct call *c)
{
    collection_list(c, &workflows);
}

static void
handle_delete(struct call *c)
{
    collection_delete(c, &workflows);
}

const struct route workflow_routes[] = {
    {.method = "GET",
     .path = "/v1/workflows",
     .scope = AUTH_READ,
     .handle = handle_list,
     .answer = workflow_fields,
     .is_list = true,
     .statuses = {200},
     .id = "listWorkflows",
     .summary = "List workflows by key.",
     .query = route_page_params},
    {.method = "PUT",
     .path = "/v1/workflows/{key}",
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_JSON,
     .handle = handle_put,
     .request = workflow_fields,
     .answer = workflow_fields,
     .statuses = {200, 201},
     .id = "putWorkflow",
     .summary = "Create or replace a workflow; what runs keeps to the one it "
                "began with."},
    {.method = "GET",
     .path = "/v1/workflows/{key}",
     .scope = AUTH_READ,
     .handle = handle_get,
     .answer = workflow_fields,
     .statuses = {200},
     .id = "getWorkflow",
     .summary = "Look at a workflow."},
    {.method = "DELETE",
     .path = "/v1/workflows/{key}",
     .scope = AUTH_WRITE,
     .handle = handle_delete,
     .statuses = {204},
     .id = "deleteWorkflow",
     .summary = "Remove a workflow; what runs goes on."},
    {0},
};
