/* workspaces.c - tenants: everything else belongs to one of them. */
#include "app/attention_doc.h"
#include "app/preference_doc.h"

#include "api/collection.h"
#include "api/route.h"

static void
check(struct call *c, struct str key, struct json doc)
{
    preference_doc_check(json_get(doc, "preferences"), STR("/preferences"),
                         &c->problem);
    if (key.n > 64)
        problem_add(&c->problem, ERR_INVALID, STR("/key"),
                    "must be at most 64 bytes long");
}

static const struct collection workspaces = {
    .kind = OBJECT_WORKSPACE,
    .noun = "workspace",
    .key_name = "key",
    .is_configuration = true,
    .is_global = true,
    .check = check,
};

static void
handle_put(struct call *c)
{
    collection_put(c, &workspaces);
}

static void
handle_get(struct call *c)
{
    collection_get(c, &workspaces);
}

static void
handle_list(struct call *c)
{
    collection_list(c, &workspaces);
}

static void
handle_delete(struct call *c)
{
    if (str_is(c->params[0], "default"))
        call_fail_with(c, ERR_CONFLICT,
                       "the workspace \"default\" cannot be removed");
    else
        collection_delete(c, &workspaces);
}

static const struct field best_time_fields[] = {
    {.name = "learn",
     .type = FIELD_BOOL,
     .doc = "Default true. false: nothing is learned of when its users read, "
            "and what was is forgotten."},
    {.type = FIELD_END},
};
static const struct field workspace_fields[] = {
    {.name = "key", .type = FIELD_KEY},
    {.name = "name",
     .type = FIELD_STRING,
     .max = 200,
     .doc = "What people call it."},
    {.name = "preferences",
     .type = FIELD_OBJECT,
     .of = default_fields,
     .doc = "What its users want who did not choose; on, where it is silent."},
    {.name = "attention",
     .type = FIELD_OBJECT,
     .of = attention_fields,
     .flags = FIELD_NULLABLE,
     .doc = "How often each of its users may be disturbed; none by default."},
    {.name = "best_time",
     .type = FIELD_OBJECT,
     .of = best_time_fields,
     .flags = FIELD_NULLABLE,
     .doc = "Of what waits for the hour in which each user reads."},
    {.name = "version", .type = FIELD_INT, .flags = FIELD_READ_ONLY},
    {.name = "created_at", .type = FIELD_TIME, .flags = FIELD_READ_ONLY},
    {.name = "updated_at", .type = FIELD_TIME, .flags = FIELD_READ_ONLY},
    {.type = FIELD_END},
};

const struct route workspace_routes[] = {
    {.method = "GET",
     .path = "/v1/workspaces",
     .scope = AUTH_ADMIN,
     .handle = handle_list,
     .answer = workspace_fields,
     .is_list = true,
     .statuses = {200},
     .id = "listWorkspaces",
     .summary = "List workspaces by key; root only.",
     .query = route_page_params},
    {.method = "PUT",
     .path = "/v1/workspaces/{key}",
     .scope = AUTH_ADMIN,
     .body = ROUTE_BODY_JSON,
     .handle = handle_put,
     .request = workspace_fields,
     .answer = workspace_fields,
     .statuses = {200, 201},
     .id = "putWorkspace",
     .summary = "Create or rename a workspace; root only."},
    {.method = "GET",
     .path = "/v1/workspaces/{key}",
     .scope = AUTH_ADMIN,
     .handle = handle_get,
     .answer = workspace_fields,
     .statuses = {200},
     .id = "getWorkspace",
     .summary = "Look at a workspace; root only."},
    {.method = "DELETE",
     .path = "/v1/workspaces/{key}",
     .scope = AUTH_ADMIN,
     .handle = handle_delete,
     .statuses = {204},
     .id = "deleteWorkspace",
     .summary = "Close a workspace and all its keys; root only."},
    {0},
};
