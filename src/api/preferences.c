/* preferences.c - what users want: set by the application for them, or by
 * themselves with their token. */
#include "app/preference_doc.h"

#include "api/api_private.h"
#include "api/collection.h"
#include "api/route.h"

static void
check(struct call *c, struct str key, struct json doc)
{
    (void)key;
    preference_doc_check(doc, STR(""), &c->problem);
}

/* Users who chose nothing have all the same some: {}. */
static const struct collection preferences = {
    .kind = OBJECT_PREFERENCE,
    .noun = "user's preferences",
    .key_name = "user",
    .is_implicit = true,
    .check = check,
};

static void
handle_get(struct call *c)
{
    collection_get(c, &preferences);
}

static void
handle_put(struct call *c)
{
    collection_put(c, &preferences);
}

static void
handle_patch(struct call *c)
{
    collection_patch(c, &preferences, preference_fields);
}

static void
handle_own_get(struct call *c)
{
    if (inbox_user(c, &c->params[0]))
        collection_get(c, &preferences);
}

static void
handle_own_patch(struct call *c)
{
    if (inbox_user(c, &c->params[0]))
        collection_patch(c, &preferences, preference_fields);
}

static const char *const user_params[] = {"user", NULL};

const struct route preference_routes[] = {
    {.method = "GET",
     .path = "/v1/users/{id}/preferences",
     .scope = AUTH_READ,
     .handle = handle_get,
     .answer = preference_fields,
     .statuses = {200},
     .id = "getPreferences",
     .summary = "What a user wants; what they never set is not there."},
    {.method = "PUT",
     .path = "/v1/users/{id}/preferences",
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_JSON,
     .handle = handle_put,
     .request = preference_fields,
     .answer = preference_fields,
     .statuses = {200},
     .id = "putPreferences",
     .summary = "Replace a user's preferences; what is absent is unset."},
    {.method = "PATCH",
     .path = "/v1/users/{id}/preferences",
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_PATCH,
     .handle = handle_patch,
     .request = preference_fields,
     .answer = preference_fields,
     .statuses = {200},
     .id = "patchPreferences",
     .summary = "Change some of a user's preferences (RFC 7396)."},
    {.method = "GET",
     .path = "/v1/inbox/preferences",
     .auth = ROUTE_USER,
     .scope = AUTH_READ,
     .handle = handle_own_get,
     .answer = preference_fields,
     .statuses = {200},
     .id = "getOwnPreferences",
     .summary = "What the user of the token wants.",
     .query = user_params},
    {.method = "PATCH",
     .path = "/v1/inbox/preferences",
     .auth = ROUTE_USER,
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_PATCH,
     .handle = handle_own_patch,
     .request = preference_fields,
     .answer = preference_fields,
     .statuses = {200},
     .id = "patchOwnPreferences",
     .summary = "Change some of one's own preferences (RFC 7396).",
     .query = user_params},
    {0},
};
