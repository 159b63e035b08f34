/* errand.c - see errand.h. */
#include "app/errand.h"

#include <stdlib.h>

#include "base/log.h"

static void
on_done(struct outcall *o, const struct channel_answer *a)
{
    if (a->outcome != CHANNEL_ANSWERED || a->status < 200 || a->status > 299)
        LOG_WARN("receipt.errand_failed", log_str("provider", o->name),
                 log_int("status", a->status), log_str("detail", a->detail));
    arena_free(o->arena);
    free(o);
}

struct outcall *
errand_new(int64_t tenant, struct str provider,
           const struct channel_request *request)
{
    struct outcall *o = xcalloc(1, sizeof(*o));
    struct arena *a = arena_new();

    *o = (struct outcall){
        .arena = a,
        .tenant = tenant,
        .name = str_dup(a, provider),
        .request = {.kind = CHANNEL_REQUEST_HTTP,
                    .method = str_dup(a, request->method),
                    .url = str_dup(a, request->url),
                    .n_headers = request->n_headers,
                    .body = str_dup(a, request->body)},
        .timeout_ms = ERRAND_TIMEOUT_MS,
        .on_done = on_done,
    };
    for (size_t i = 0; i < request->n_headers; i++)
        o->request.headers[i] = (struct channel_header){
            str_dup(a, request->headers[i].name),
            str_dup(a, request->headers[i].value),
        };
    return o;
}
