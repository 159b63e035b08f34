/* openapi.c - the OpenAPI 3.1 document, written from the table of routes. */
#include <stdio.h>

#include "api/api.h"
#include "api/novu.h"
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

static bool
is_json(const char *type)
{
    return str_ends(str_from(type), STR("json"));
}

/* Fields describe JSON; text is a string, a line of NDJSON is not described. */
static void
write_media(struct json_writer *w, const char *type, const struct field *fields,
            bool is_answer)
{
    json_put_key(w, type);
    json_begin_object(w);
    json_put_key(w, "schema");
    if (fields && is_json(type))
        field_schema(fields, is_answer, w);
    else
        json_put_raw(w,
                     is_json(type) ? STR("{}") : STR("{\"type\":\"string\"}"));
    json_end_object(w);
}

static void
write_request(struct json_writer *w, const struct route *r)
{
    static const char *const json[] = {"application/json", NULL};
    static const char *const patch[] = {"application/merge-patch+json",
                                        "application/json", NULL};
    bool is_patch = r->body == ROUTE_BODY_PATCH;
    const char *const *type = is_patch ? patch : json;

    if (!route_takes_body(r))
        return;
    json_put_key(w, "requestBody");
    json_begin_object(w);
    json_bool_field(w, "required",
                    r->body != ROUTE_BODY_MAYBE && r->body != ROUTE_BODY_NONE);
    json_put_key(w, "content");
    json_begin_object(w);
    for (type = r->takes ? r->takes : type; *type; type++)
        write_media(w, *type, is_patch ? NULL : route_fields(r), false);
    json_end_object(w);
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
write_answer_content(struct json_writer *w, const struct route *r)
{
    const char *type = r->gives ? r->gives : "application/json";

    json_put_key(w, "content");
    json_begin_object(w);
    if (r->is_list) {
        json_put_key(w, type);
        json_begin_object(w);
        json_put_key(w, "schema");
        write_list_schema(w, r->answer);
        json_end_object(w);
    } else {
        write_media(w, type, r->answer, true);
    }
    json_end_object(w);
}

static void
write_answer(struct json_writer *w, const struct route *r, int status)
{
    json_begin_object(w);
    json_str_field(w, "description", STR("As asked."));
    json_put_key(w, "headers");
    json_put_raw(w, STR("{\"X-Request-Id\":{\"$ref\":"
                        "\"#/components/headers/RequestId\"}}"));
    if (status != 204)
        write_answer_content(w, r);
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
    json_put_raw(w, novu_is_path(str_from(r->path))
                        ? STR("{\"$ref\":\"#/components/responses/Novu\"}")
                        : STR("{\"$ref\":\"#/components/responses/Problem\"}"));
    json_end_object(w);
}

static void
write_security(struct json_writer *w, const struct route *r)
{
    json_put_key(w, "security");
    if (r->auth == ROUTE_OPEN)
        json_put_raw(w, STR("[]"));
    else if (novu_is_path(str_from(r->path)))
        json_put_raw(w, STR("[{\"key\":[]},{\"novu\":[]}]"));
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
    "{\"headers\":{\"RequestId\":{\"description\":\"Names this exchange, also "
    "in the log.\",\"required\":true,\"schema\":{\"type\":\"string\"}}},"
    "\"responses\":{\"Problem\":{\"description\":\"Refused, with the reason "
    "(RFC 9457).\",\"headers\":{\"X-Request-Id\":{\"$ref\":"
    "\"#/components/headers/RequestId\"}},\"content\":{\"application/"
    "problem+json\":{\"schema\":{"
    "\"$ref\":\"#/components/schemas/Problem\"}}}},"
    "\"Novu\":{\"description\":\"Refused, in the shape of Novu.\","
    "\"headers\":{\"X-Request-Id\":{\"$ref\":"
    "\"#/components/headers/RequestId\"}},\"content\":{\"application/"
    "json\":{\"schema\":{\"$ref\":\"#/components/schemas/Novu\"}}}}},"
    "\"schemas\":{\"Problem\":{\"type\":\"object\",\"required\":[\"type\","
    "\"title\",\"status\",\"code\",\"detail\",\"request_id\"],\"properties\":{"
    "\"type\":{\"type\":\"string\"},\"title\":{\"type\":\"string\"},"
    "\"status\":{\"type\":\"integer\"},\"code\":{\"type\":\"string\"},"
    "\"detail\":{\"type\":\"string\"},\"request_id\":{\"type\":\"string\"},"
    "\"errors\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
    "\"required\":[\"pointer\",\"detail\"],\"properties\":{"
    "\"pointer\":{\"type\":\"string\"},\"detail\":{\"type\":\"string\"}}}}}},"
    "\"Novu\":{\"type\":\"object\",\"required\":[\"statusCode\",\"timestamp\","
    "\"path\",\"message\",\"error\",\"ctx\"],\"properties\":{"
    "\"statusCode\":{\"type\":\"integer\"},"
    "\"timestamp\":{\"type\":\"string\"},\"path\":{\"type\":\"string\"},"
    "\"message\":{\"type\":\"string\"},\"error\":{\"type\":\"string\"},"
    "\"ctx\":{\"type\":\"object\",\"required\":[\"type\",\"code\","
    "\"request_id\"]},\"errors\":{\"type\":[\"object\",\"array\"]}}}},"
    "\"securitySchemes\":{\"key\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
    "\"novu\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":"
    "\"Authorization\",\"description\":\"ApiKey KEY, below /novu.\"}}}";

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
