/* make_docs.c - the pages of docs/ that say what a table says: make-docs PAGE
 * writes one of them to stdout. tools/make-docs calls it for each. */
#include <stdio.h>
#include <stdlib.h>

#include "api/route.h"
#include "app/template_lint.h"
#include "base/config.h"
#include "base/err.h"
#include "channel/channel.h"
#include "domain/reason.h"

static const char generated[] =
    "<!-- Made by `./dev doc` from %s; do not edit. -->\n\n";

static void
write_errors(struct buf *out)
{
    buf_put_cstr(out, "# Errors and reasons\n\n");
    buf_printf(out, generated, "src/base/errors.def and src/base/reasons.def");
    buf_put_cstr(
        out,
        "A refusal is `application/problem+json` (RFC 9457): `type`, `title`, "
        "`status`, `code`, `detail`, `request_id` and, where fields are at "
        "fault, `errors` with a JSON pointer each. `code` is stable; the "
        "server also serves this table at `/docs/errors`.\n\n"
        "## Error codes\n\n");
    for (int e = ERR_OK + 1; e < ERR_COUNT; e++)
        buf_printf(out, "### `%s`\n\nHTTP %d. %s. %s\n\n",
                   err_code((enum err)e), err_http_status((enum err)e),
                   err_title((enum err)e), err_help((enum err)e));
    buf_put_cstr(out,
                 "## Reason codes\n\nWhy a delivery is where it is: `reason` "
                 "of a delivery and of the steps of a trace. Codes of "
                 "features that are not built yet are reserved.\n\n"
                 "| code | meaning |\n|---|---|\n");
    for (int r = REASON_NONE + 1; r < REASON_COUNT; r++)
        buf_printf(out, "| `%.*s` | %s |\n",
                   STR_ARG(reason_code((enum reason)r)),
                   reason_sentence((enum reason)r));
}

static void
write_settings(struct buf *out)
{
    buf_put_cstr(out, "# Settings\n\n");
    buf_printf(out, generated, "src/base/config.def");
    config_write_doc(out);
}

static const char *
who(const struct route *r)
{
    switch (r->auth) {
    case ROUTE_OPEN:
        return "anybody";
    case ROUTE_METRICS:
        return "`metrics`, or loopback";
    case ROUTE_USER:
        return "a user's token";
    case ROUTE_KEY:
        break;
    }
    return NULL;
}

static void
write_routes(struct buf *out)
{
    buf_put_cstr(out, "# Routes\n\n");
    buf_printf(out, generated, "the route tables in src/api");
    buf_put_cstr(out,
                 "`/openapi.json` of a running server has the same with "
                 "every field.\n\n| route | who may | does |\n|---|---|---|\n");
    for (const struct route *const *t = route_tables; *t; t++) {
        for (const struct route *r = *t; r->method; r++) {
            buf_printf(out, "| `%s %s` | ", r->method, r->path);
            if (who(r))
                buf_put_cstr(out, who(r));
            else
                buf_printf(out, "`%s`", auth_scope_name(r->scope));
            if (r->auth == ROUTE_USER)
                buf_printf(out, ", or `%s` with `?user=`",
                           auth_scope_name(r->scope));
            buf_printf(out, " | %s%s |\n", r->summary,
                       r->is_dev_only ? " With `--dev`." : "");
        }
    }
}

static void
write_metrics(struct buf *out)
{
    buf_put_cstr(out, "# Metrics\n\n");
    buf_printf(out, generated, "src/base/metrics.def");
    buf_put_cstr(
        out, "`GET /metrics`, in the Prometheus text format. Of several "
             "processes on one\ndatabase any API process shows all: SUM adds "
             "up, NODE has a label `node`,\nSHARED is told once, WORST is the "
             "largest. `process_*` is per node.\n\n"
             "| metric | kind | across | labels | meaning "
             "|\n|---|---|---|---|---|\n");
#define METRIC(name, kind, across, labels, help)                               \
    buf_put_cstr(out, "| `belfry_" #name "` | " #kind " | " #across            \
                      " | " labels " | " help " |\n");
#include "base/metrics.def"
#undef METRIC
}

static void
write_lints(struct buf *out)
{
    buf_put_cstr(out, "# Warnings of templates\n\n");
    buf_printf(out, generated, "src/app/lints.def");
    buf_put_cstr(out,
                 "`POST /v1/templates/{key}/lint` and `belfry template "
                 "lint` warn of what is allowed, and most likely not "
                 "meant. What is not allowed is refused, as by `PUT`.\n\n");
    for (int i = 0; i < LINT_COUNT; i++)
        buf_printf(out, "## `%s`\n\n%s\n\n", lint_code((enum lint_id)i),
                   lint_help((enum lint_id)i));
    out->n--;
}

/* A line for each driver, which tools/make-docs puts on its page. */
static void
write_probes(struct buf *out)
{
    for (const struct channel_driver *const *d = channel_drivers(); *d; d++)
        buf_printf(out, "%s %s\n", (*d)->name, channel_probe_doc(*d));
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*write)(struct buf *out);
    } pages[] = {{"errors", write_errors}, {"settings", write_settings},
                 {"routes", write_routes}, {"metrics", write_metrics},
                 {"lints", write_lints},   {"probes", write_probes}};
    struct buf out = {0};

    for (size_t i = 0; argc == 2 && i < sizeof(pages) / sizeof(pages[0]); i++)
        if (strcmp(argv[1], pages[i].name) == 0)
            pages[i].write(&out);
    if (out.n == 0) {
        fputs("usage: make_docs errors|settings|routes|metrics|lints|probes\n",
              stderr);
        return 2;
    }
    fwrite(out.p, 1, out.n, stdout);
    buf_fini(&out);
    return 0;
}
