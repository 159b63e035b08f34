/* workflows.c - steps that each recipient goes through. */
#include "api/api.h"
#include "api/collection.h"
#include "api/route.h"
#include "app/workflow_doc.h"
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

static const struct collection workflows = {
    .kind = OBJECT_WORKFLOW,
    .noun = "workflow",
    .key_name = "key",
    .is_configuration = true,
    .check = check,
};

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
