/* openapi.c - the OpenAPI 3.1 document, written from the table of routes. */
#include <stdio.h>

#include "api/api.h"
#include "api/route.h"

static void
string_schema(struct json_writer *w)
{
    json_put_key(w, "schema");
    json_begin_object(w);
    json_str_field(w, "type", STR("string"));
    json_end_object(w);
}

static void
write_parameter(struct json_writer *w, struct str name, const char *in)
{
    json_begin_object(w);
    json_str_field(w, "name", name);
    json_str_field(w, "in", str_from(in));
    if (strcmp(in, "path") == 0)
        json_bool_field(w, "required", true);
    string_schema(w);
    json_end_object(w);
}

static void
write_parameters(struct json_writer *w, const struct route *r)
{
    struct str rest = str_from(r->path), part;

    json_put_key(w, "parameters");
    json_begin_array(w);
    while (str_split(&rest, '/', &part))
        if (part.n > 2 && part.p[0] == '{')
            write_parameter(w, str_sub(part, 1, part.n - 2), "path");
    for (const char *const *q = r->query; q && *q; q++)
        write_parameter(w, str_from(*q), "query");
    json_end_array(w);
}

static void
write_content(struct json_writer *w, const char *type)
{
    json_put_key(w, "content");
    json_begin_object(w);
    json_put_key(w, type);
    json_begin_object(w);
    json_put_key(w, "schema");
}

static void
end_content(struct json_writer *w)
{
    json_end_object(w);
    json_end_object(w);
}

static void
write_request(struct json_writer *w, const struct route *r)
{
    if (r->body == ROUTE_BODY_NONE)
        return;
    json_put_key(w, "requestBody");
    json_begin_object(w);
    json_bool_field(w, "required", r->body != ROUTE_BODY_MAYBE);
    write_content(w, r->body == ROUTE_BODY_PATCH
                         ? "application/merge-patch+json"
                         : "application/json");
    if (r->request && r->body != ROUTE_BODY_PATCH)
        field_schema(r->request, false, w);
    else
        json_put_raw(w, STR("{}"));
    end_content(w);
    json_end_object(w);
}

static void
write_list_schema(struct json_writer *w, const struct field *of)
{
    json_begin_object(w);
    json_str_field(w, "type", STR("object"));
    json_put_key(w, "required");
    json_put_raw(w, STR("[\"data\",\"next\"]"));
    json_put_key(w, "properties");
    json_begin_object(w);
    json_put_key(w, "data");
    json_begin_object(w);
    json_str_field(w, "type", STR("array"));
    json_put_key(w, "items");
    field_schema(of, true, w);
    json_end_object(w);
    json_put_key(w, "next");
    json_put_raw(w, STR("{\"type\":[\"string\",\"null\"]}"));
    json_end_object(w);
    json_end_object(w);
}

static void
write_answer(struct json_writer *w, const struct route *r, int status)
{
    json_begin_object(w);
    json_str_field(w, "description", STR("As asked."));
    if (status != 204 && !r->is_raw_answer) {
        write_content(w, "application/json");
        if (r->is_list)
            write_list_schema(w, r->answer);
        else if (r->answer)
            field_schema(r->answer, true, w);
        else
            json_put_raw(w, STR("{}"));
        end_content(w);
    }
    json_end_object(w);
}

static void
write_answers(struct json_writer *w, const struct route *r)
{
    char text[8];

    json_put_key(w, "responses");
    json_begin_object(w);
    for (const int *s = r->statuses; *s; s++) {
        snprintf(text, sizeof(text), "%d", *s);
        json_put_key(w, text);
        write_answer(w, r, *s);
    }
    json_put_key(w, "default");
    json_put_raw(w, STR("{\"$ref\":\"#/components/responses/Problem\"}"));
    json_end_object(w);
}

static void
write_security(struct json_writer *w, const struct route *r)
{
    json_put_key(w, "security");
    if (r->auth == ROUTE_OPEN)
        json_put_raw(w, STR("[]"));
    else
        json_put_raw(w, STR("[{\"key\":[]}]"));
    if (r->auth != ROUTE_OPEN && r->scope)
        json_str_field(w, "x-scope", str_from(auth_scope_name(r->scope)));
}

static void
write_operation(struct json_writer *w, const struct route *r)
{
    static const char *const methods[][2] = {{"GET", "get"},
                                             {"POST", "post"},
                                             {"PUT", "put"},
                                             {"PATCH", "patch"},
                                             {"DELETE", "delete"}};

    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (strcmp(r->method, methods[i][0]) == 0)
            json_put_key(w, methods[i][1]);
    json_begin_object(w);
    json_str_field(w, "operationId", str_from(r->id));
    json_str_field(w, "summary", str_from(r->summary));
    write_security(w, r);
    write_parameters(w, r);
    write_request(w, r);
    write_answers(w, r);
    json_end_object(w);
}

static bool
is_first_of_path(const struct route *r)
{
    for (const struct route *const *t = route_tables; *t; t++)
        for (const struct route *row = *t; row->method; row++) {
            if (row == r)
                return true;
            if (strcmp(row->path, r->path) == 0)
                return false;
        }
    return false;
}

static void
write_path(struct json_writer *w, const char *path, bool is_dev)
{
    json_put_key(w, path);
    json_begin_object(w);
    for (const struct route *const *t = route_tables; *t; t++)
        for (const struct route *r = *t; r->method; r++)
            if (strcmp(r->path, path) == 0 && (is_dev || !r->is_dev_only))
                write_operation(w, r);
    json_end_object(w);
}

static const char problem_component[] =
    "{\"responses\":{\"Problem\":{\"description\":\"Refused, with the reason "
    "(RFC 9457).\",\"content\":{\"application/problem+json\":{\"schema\":{"
    "\"$ref\":\"#/components/schemas/Problem\"}}}}},"
    "\"schemas\":{\"Problem\":{\"type\":\"object\",\"required\":[\"type\","
    "\"title\",\"status\",\"code\",\"detail\"],\"properties\":{"
    "\"type\":{\"type\":\"string\"},\"title\":{\"type\":\"string\"},"
    "\"status\":{\"type\":\"integer\"},\"code\":{\"type\":\"string\"},"
    "\"detail\":{\"type\":\"string\"},\"request_id\":{\"type\":\"string\"},"
    "\"errors\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
    "\"required\":[\"pointer\",\"detail\"],\"properties\":{"
    "\"pointer\":{\"type\":\"string\"},\"detail\":{\"type\":\"string\"}}}}}}},"
    "\"securitySchemes\":{\"key\":{\"type\":\"http\",\"scheme\":\"bearer\"}}}";

void
openapi_write(const char *public_url, bool is_dev, struct buf *out)
{
    struct json_writer w = json_writer(out);

    json_begin_object(&w);
    json_str_field(&w, "openapi", STR("3.1.0"));
    json_put_key(&w, "info");
    json_begin_object(&w);
    json_str_field(&w, "title", STR("Belfry"));
    json_str_field(&w, "version", STR(BELFRY_VERSION));
    json_end_object(&w);
    json_put_key(&w, "servers");
    json_begin_array(&w);
    json_begin_object(&w);
    json_str_field(&w, "url", str_from(public_url));
    json_end_object(&w);
    json_end_array(&w);
    json_put_key(&w, "paths");
    json_begin_object(&w);
    for (const struct route *const *t = route_tables; *t; t++)
        for (const struct route *r = *t; r->method; r++)
            if (is_first_of_path(r) && (is_dev || !r->is_dev_only))
                write_path(&w, r->path, is_dev);
    json_end_object(&w);
    json_put_key(&w, "components");
    json_put_raw(&w, str_from(problem_component));
    json_end_object(&w);
}
