/* novu.c - what all routes below /novu have in common. */
#include "api/novu.h"

#include "api/api_private.h"

#define LIMIT_DEFAULT 10

bool
novu_is_path(struct str path)
{
    return str_starts(path, STR("/novu/"));
}

/* ---- refusals ---- */

/* "/to/0/email" is to.0.email to them, and the whole document "general". */
static struct str
field_name(struct arena *a, struct str pointer)
{
    char *text;

    if (pointer.n < 2)
        return STR("general");
    text = str_cstr(a, str_sub(pointer, 1, pointer.n - 1));
    for (char *c = text; *c; c++)
        if (*c == '/')
            *c = '.';
    return str_from(text);
}

/* The first fault of each field has all of that field's, as a key comes once.
 */
static void
put_field_faults(struct json_writer *w, const struct problem *p, size_t first)
{
    struct str pointer = p->errors[first].pointer;

    for (size_t i = 0; i < first; i++)
        if (str_eq(p->errors[i].pointer, pointer))
            return;
    json_put_key_str(w, field_name(p->arena, pointer));
    json_begin_object(w);
    json_put_key(w, "messages");
    json_begin_array(w);
    for (size_t i = first; i < p->n_errors; i++)
        if (str_eq(p->errors[i].pointer, pointer))
            json_put_str(w, p->errors[i].detail);
    json_end_array(w);
    json_end_object(w);
}

/* Their client wants an object of a 422, and an array and a type of a 400. */
static void
put_errors(struct json_writer *w, const struct problem *p, const char *type)
{
    int status = err_http_status(p->err);

    if (status == 400) {
        json_str_field(w, "type", str_from(type));
        json_raw_field(w, "errors", STR("[]"));
    } else if (status == 422) {
        json_put_key(w, "errors");
        json_begin_object(w);
        for (size_t i = 0; i < p->n_errors; i++)
            put_field_faults(w, p, i);
        json_end_object(w);
    }
}

void
novu_put_refusal(struct call *c, struct json_writer *w)
{
    const struct problem *p = &c->problem;
    const char *code = err_code(p->err);
    struct str type =
        str_fmt(c->arena, "%s%s", api_problem_base(c->api, c->arena), code);

    json_int_field(w, "statusCode", err_http_status(p->err));
    json_time_field(w, "timestamp", call_now_ms(c));
    json_str_field(w, "path", c->request->path);
    json_str_field(w, "message", problem_summary(p));
    json_str_field(w, "error", str_from(err_title(p->err)));
    json_put_key(w, "ctx");
    json_begin_object(w);
    json_str_field(w, "type", type);
    json_str_field(w, "code", str_from(code));
    json_str_field(w, "request_id", c->request_id);
    json_end_object(w);
    put_errors(w, p, type.p);
}

void
novu_write_refusal(struct call *c, struct buf *out)
{
    struct json_writer w = json_writer(out);

    json_begin_object(&w);
    novu_put_refusal(c, &w);
    json_end_object(&w);
}

static bool
is_below(struct str pointer, struct str prefix)
{
    return str_starts(pointer, prefix) &&
           (pointer.n == prefix.n || pointer.p[prefix.n] == '/');
}

void
novu_rename(struct problem *p, const struct novu_name *names, size_t n)
{
    for (size_t i = 0; i < p->n_errors; i++) {
        struct str *pointer = &p->errors[i].pointer;

        for (size_t j = 0; j < n; j++) {
            struct str ours = str_from(names[j].ours);

            if (!is_below(*pointer, ours))
                continue;
            *pointer = str_fmt(
                p->arena, "%s%.*s", names[j].theirs,
                STR_ARG(str_sub(*pointer, ours.n, pointer->n - ours.n)));
            break;
        }
    }
}

/* ---- answers ---- */

struct json_writer
novu_open(struct buf *out)
{
    struct json_writer w = json_writer(out);

    json_begin_object(&w);
    json_put_key(&w, "data");
    return w;
}

void
novu_close(struct json_writer *w)
{
    json_end_object(w);
}

struct json_writer
novu_begin(struct call *c, struct buf *out)
{
    buf_init(out, c->arena);
    return novu_open(out);
}

void
novu_end(struct call *c, int status, struct json_writer *w)
{
    novu_close(w);
    call_reply(c, status, w->out);
}

/* ---- pages ---- */

struct json_writer
novu_begin_page(struct call *c, struct buf *out)
{
    struct json_writer w = novu_begin(c, out);

    json_begin_array(&w);
    return w;
}

void
novu_end_page(struct call *c, struct json_writer *w, size_t n, struct str next)
{
    struct str after;

    json_end_array(w);
    json_str_or_null_field(w, "next", next);
    json_str_or_null_field(w, "previous", STR_NONE);
    json_int_field(w, "totalCount", (int64_t)n);
    json_bool_field(w, "totalCountCapped",
                    next.n > 0 || call_param(c, "after", &after));
    novu_end(c, 200, w);
}

static bool
refuse_order(struct call *c, const char *name, const char *why)
{
    struct str pointer = str_fmt(c->arena, "/%s", name);

    problem_add(&c->problem, ERR_NOT_SUPPORTED, pointer, "%s", why);
    call_refuse(c);
    return false;
}

static bool
is_in_order(struct call *c)
{
    struct str text;
    bool has_cursor;

    if (call_param(c, "before", &text))
        return refuse_order(c, "before", "lists go forward only");
    if (call_param(c, "orderBy", &text))
        return refuse_order(c, "orderBy", "lists are by id or key");
    if (call_param(c, "orderDirection", &text) && !str_is(text, "ASC"))
        return refuse_order(c, "orderDirection", "lists go forward only");
    if (!novu_flag(c, "includeCursor", &has_cursor))
        return false;
    return !has_cursor ||
           refuse_order(c, "includeCursor", "a list begins after its cursor");
}

bool
novu_page(struct call *c, size_t *ret_limit, struct str *ret_after)
{
    struct str text;

    if (!is_in_order(c) || !call_limit(c, ret_limit) ||
        !call_after_key(c, ret_after))
        return false;
    if (!call_param(c, "limit", &text))
        *ret_limit = LIMIT_DEFAULT;
    return true;
}

bool
novu_flag(struct call *c, const char *name, bool *ret)
{
    struct str text;

    *ret = false;
    if (!call_param(c, name, &text))
        return true;
    *ret = str_is(text, "true");
    return *ret || str_is(text, "false") ||
           call_refuse_param(c, name, "must be true or false");
}

bool
novu_key_param(struct call *c, const char *name, struct str *ret)
{
    *ret = STR_NONE;
    return !call_param(c, name, ret) || id_is_key(*ret) ||
           call_refuse_param(c, name,
                             "must be 1 to 128 of A-Z a-z 0-9 _ . : @ -");
}
