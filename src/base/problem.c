#include "base/problem.h"

#include <stdarg.h>
#include <stdio.h>

static struct str __attribute__((format(printf, 2, 0)))
vformat(struct arena *a, const char *fmt, va_list args)
{
    char text[512];
    int n = vsnprintf(text, sizeof(text), fmt, args);
    size_t len = n < 0 ? 0 : (size_t)n;

    if (len >= sizeof(text))
        len = str_utf8_clip((struct str){text, sizeof(text) - 1},
                            sizeof(text) - 1)
                  .n;
    return str_dup(a, (struct str){text, len});
}

void
problem_init(struct problem *p, struct arena *a)
{
    *p = (struct problem){.arena = a};
}

bool
problem_is_set(const struct problem *p)
{
    return p->err != ERR_OK;
}

enum err
problem_set(struct problem *p, enum err e, const char *fmt, ...)
{
    va_list args;

    if (p->err == ERR_OK) {
        p->err = e;
        va_start(args, fmt);
        p->detail = vformat(p->arena, fmt, args);
        va_end(args);
    }
    return p->err;
}

void
problem_add(struct problem *p, enum err e, struct str pointer, const char *fmt,
            ...)
{
    va_list args;

    if (p->err == ERR_OK)
        p->err = e;
    if (p->n_errors == PROBLEM_ERRORS_MAX) {
        p->n_more++;
        return;
    }
    va_start(args, fmt);
    p->errors[p->n_errors++] = (struct problem_error){
        .pointer = str_dup(p->arena, pointer),
        .detail = vformat(p->arena, fmt, args),
    };
    va_end(args);
}

struct str
problem_summary(const struct problem *p)
{
    const struct problem_error *first = &p->errors[0];

    if (p->detail.n > 0)
        return p->detail;
    if (p->n_errors == 0)
        return str_from(err_help(p->err));
    if (p->n_errors + p->n_more == 1)
        return first->pointer.n == 0 /* of the whole document */
                   ? first->detail
                   : str_fmt(p->arena, "%.*s: %.*s", STR_ARG(first->pointer),
                             STR_ARG(first->detail));
    return str_fmt(p->arena, "%zu fields are at fault.",
                   p->n_errors + p->n_more);
}

void
problem_write(const struct problem *p, const char *type_base,
              struct str request_id, struct buf *out)
{
    struct json_writer w = json_writer(out);

    json_begin_object(&w);
    json_str_field(&w, "type",
                   str_fmt(p->arena, "%s%s", type_base, err_code(p->err)));
    json_str_field(&w, "title", str_from(err_title(p->err)));
    json_int_field(&w, "status", err_http_status(p->err));
    json_str_field(&w, "code", str_from(err_code(p->err)));
    json_str_field(&w, "detail", problem_summary(p));
    if (request_id.n > 0)
        json_str_field(&w, "request_id", request_id);
    if (p->n_errors > 0) {
        json_put_key(&w, "errors");
        json_begin_array(&w);
        for (size_t i = 0; i < p->n_errors; i++) {
            json_begin_object(&w);
            json_str_field(&w, "pointer", p->errors[i].pointer);
            json_str_field(&w, "detail", p->errors[i].detail);
            json_end_object(&w);
        }
        json_end_array(&w);
    }
    json_end_object(&w);
}
