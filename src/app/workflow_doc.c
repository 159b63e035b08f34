#include "app/workflow_doc.h"

#include "app/send_request.h"
#include "domain/workflow.h"

struct checking {
    const struct workspace *workspace;
    workflow_check_host *check_host;
    void *arg;
};

static void
check_host(void *arg, struct str host, struct str at, struct problem *p)
{
    const struct checking *c = arg;

    c->check_host(c->arg, host, at, p);
}

static void
check_send(void *arg, struct json step, struct str at, struct problem *p)
{
    const struct workspace *w = ((const struct checking *)arg)->workspace;
    struct problem inner;

    problem_init(&inner, p->arena);
    send_step_check(p->arena, w, step, &inner);
    for (size_t i = 0; i < inner.n_errors; i++)
        problem_add(p, inner.err,
                    str_fmt(p->arena, "%.*s%.*s", STR_ARG(at),
                            STR_ARG(inner.errors[i].pointer)),
                    "%.*s", STR_ARG(inner.errors[i].detail));
    p->n_more += inner.n_more;
}

/* It is kept within another document, and read again. */
static bool
fits(struct arena *a, struct json steps)
{
    struct json_doc doc;
    struct json_error why;

    return json_parse(a,
                      str_fmt(a, "{\"workflow\":{\"steps\":%.*s}}",
                              STR_ARG(json_raw(steps))),
                      &doc, &why) == ERR_OK;
}

void
workflow_doc_check(const struct workspace *w, struct json doc,
                   workflow_check_host *on_host, void *arg, struct problem *p)
{
    struct checking c = {.workspace = w, .check_host = on_host, .arg = arg};

    if (json_raw(json_get(doc, "steps")).n > WORKFLOW_DOC_MAX) {
        problem_add(p, ERR_INVALID, STR("/steps"), "must be at most %d bytes",
                    WORKFLOW_DOC_MAX);
        return;
    }
    if (json_is(json_get(doc, "steps"), JSON_ARRAY) &&
        !fits(p->arena, json_get(doc, "steps"))) {
        problem_add(p, ERR_INVALID, STR("/steps"),
                    "holds something that is nested too deeply");
        return;
    }
    workflow_check(doc, check_send, on_host ? check_host : NULL, &c, p);
}
