/* categories.c - kinds of notifications, and how far preferences reach. */
#include "app/category_doc.h"

#include "api/collection.h"
#include "api/route.h"

static void
check(struct call *c, struct str key, struct json doc)
{
    (void)key;
    category_doc_check(doc, &c->problem);
}

static const struct collection categories = {
    .kind = OBJECT_CATEGORY,
    .noun = "category",
    .key_name = "key",
    .is_configuration = true,
    .check = check,
};

static void
handle_put(struct call *c)
{
    collection_put(c, &categories);
}

static void
handle_get(struct call *c)
{
    collection_get(c, &categories);
}

static void
handle_list(struct call *c)
{
    collection_list(c, &categories);
}

static void
handle_delete(struct call *c)
{
    collection_delete(c, &categories);
}

const struct route category_routes[] = {
    {.method = "GET",
     .path = "/v1/categories",
     .scope = AUTH_READ,
     .handle = handle_list,
     .answer = category_fields,
     .is_list = true,
     .statuses = {200},
     .id = "listCategories",
     .summary = "List categories by key.",
     .query = route_page_params},
    {.method = "PUT",
     .path = "/v1/categories/{key}",
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_JSON,
     .handle = handle_put,
     .request = category_fields,
     .answer = category_fields,
     .statuses = {200, 201},
     .id = "putCategory",
     .summary = "Create or replace a category."},
    {.method = "GET",
     .path = "/v1/categories/{key}",
     .scope = AUTH_READ,
     .handle = handle_get,
     .answer = category_fields,
     .statuses = {200},
     .id = "getCategory",
     .summary = "Look at a category."},
    {.method = "DELETE",
     .path = "/v1/categories/{key}",
     .scope = AUTH_WRITE,
     .handle = handle_delete,
     .statuses = {204},
     .id = "deleteCategory",
     .summary = "Forget a category; what users chose for it stays."},
    {0},
};
