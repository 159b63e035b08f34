/* executor_net.c - see executor_net.h. What an execution needs meanwhile lives
 * in its arena, behind private_state. */
#include "dispatch/executor_net.h"

#include <assert.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/loop.h"
#include "net/append.h"
#include "net/fetch.h"

struct executor_net {
    struct executor executor;
    const struct env *env;
    struct append *files;
};

struct net_call {
    struct executor_net *net;
    struct execution *x;
    struct fetch_request fetch;
    struct loop_timer timer; /* WAIT, or an answer of the next turn */
    struct channel_answer answer;
    struct buf gathered; /* of an answer that may be longer than most */
    bool is_fetching;
};

/* ---- answers that are made here ---- */

static void
on_timer(struct loop_timer *t)
{
    struct net_call *n = CONTAINER_OF(t, struct net_call, timer);

    n->x->on_done(n->x, &n->answer);
}

static void
answer_after(struct net_call *n, int64_t ms)
{
    loop_timer_set(n->net->env->loop, &n->timer, ms, on_timer);
}

static void
start_wait(struct net_call *n)
{
    int64_t wait_ms = n->x->request->wait_ms;

    if (wait_ms <= n->x->timeout_ms) {
        n->answer.outcome = CHANNEL_ANSWERED;
        answer_after(n, wait_ms < 0 ? 0 : wait_ms);
        return;
    }
    n->answer.outcome = CHANNEL_UNKNOWN;
    n->answer.cause = CHANNEL_CAUSE_TIMEOUT;
    n->answer.detail = STR("no answer within the provider's timeout");
    answer_after(n, n->x->timeout_ms);
}

static void
start_file(struct net_call *n)
{
    const struct channel_request *r = n->x->request;
    char why[160] = "";

    if (r->is_probe) {
        n->answer.outcome =
            append_could(r->path, why) ? CHANNEL_ANSWERED : CHANNEL_NOT_SENT;
        n->answer.detail = str_dup(n->x->arena, str_from(why));
        answer_after(n, 0);
        return;
    }
    switch (append_block(n->net->files, r->path, r->body, false, why)) {
    case APPEND_DONE:
        n->answer.outcome = CHANNEL_ANSWERED;
        break;
    case APPEND_NOTHING:
        n->answer.outcome = CHANNEL_NOT_SENT;
        break;
    case APPEND_UNSURE:
        n->answer.outcome = CHANNEL_UNKNOWN;
        break;
    }
    n->answer.detail = str_dup(n->x->arena, str_from(why));
    answer_after(n, 0);
}

/* ---- answers of the network ---- */

static const int causes[] = {
    [FETCH_CAUSE_NONE] = CHANNEL_CAUSE_NONE,
    [FETCH_CAUSE_EGRESS] = CHANNEL_CAUSE_EGRESS,
    [FETCH_CAUSE_RESOLVE] = CHANNEL_CAUSE_NETWORK,
    [FETCH_CAUSE_CONNECT] = CHANNEL_CAUSE_NETWORK,
    [FETCH_CAUSE_TLS] = CHANNEL_CAUSE_TLS,
    [FETCH_CAUSE_LOGIN] = CHANNEL_CAUSE_LOGIN,
    [FETCH_CAUSE_TIMEOUT] = CHANNEL_CAUSE_TIMEOUT,
    [FETCH_CAUSE_BROKEN] = CHANNEL_CAUSE_NETWORK,
    [FETCH_CAUSE_URL] = CHANNEL_CAUSE_URL,
    [FETCH_CAUSE_SMTPUTF8] = CHANNEL_CAUSE_SMTPUTF8,
};

static const struct channel_header *
copied_headers(struct arena *a, const struct fetch_answer *from)
{
    struct channel_header *h =
        ARENA_ARRAY(a, struct channel_header, from->n_headers);

    for (size_t i = 0; i < from->n_headers; i++)
        h[i] = (struct channel_header){from->headers[i].name,
                                       from->headers[i].value};
    return h;
}

static bool
on_part(struct fetch_request *r, struct str part)
{
    struct net_call *n = CONTAINER_OF(r, struct net_call, fetch);

    n->answer.is_overlong |= part.n > n->x->request->answer_max - n->gathered.n;
    if (!n->answer.is_overlong)
        buf_put_str(&n->gathered, part);
    return !n->answer.is_overlong;
}

static void
on_fetched(struct fetch_request *r, const struct fetch_answer *a)
{
    struct net_call *n = CONTAINER_OF(r, struct net_call, fetch);
    struct buf gathered; /* on_done may free the rest */

    switch (a->outcome) {
    case FETCH_ANSWERED:
        n->answer.outcome = CHANNEL_ANSWERED;
        break;
    case FETCH_NOT_SENT:
        n->answer.outcome = CHANNEL_NOT_SENT;
        break;
    case FETCH_UNKNOWN:
        n->answer.outcome = CHANNEL_UNKNOWN;
        break;
    }
    n->answer.cause = causes[a->cause];
    n->answer.status = a->status;
    n->answer.headers = copied_headers(n->x->arena, a);
    n->answer.n_headers = a->n_headers;
    n->answer.body = n->fetch.on_body ? buf_str(&n->gathered) : a->body;
    n->answer.detail = a->detail;
    gathered = n->gathered;
    n->x->on_done(n->x, &n->answer);
    buf_fini(&gathered);
}

static enum fetch_tls
tls_of(struct str name)
{
    if (str_is(name, "none"))
        return FETCH_TLS_NONE;
    return str_is(name, "tls") ? FETCH_TLS_TLS : FETCH_TLS_STARTTLS;
}

static void
start_fetch(struct net_call *n)
{
    const struct channel_request *r = n->x->request;
    struct fetch_header *h =
        ARENA_ARRAY(n->x->arena, struct fetch_header, r->n_headers);

    for (size_t i = 0; i < r->n_headers; i++)
        h[i] = (struct fetch_header){r->headers[i].name, r->headers[i].value};
    n->fetch = (struct fetch_request){
        .kind = r->kind == CHANNEL_REQUEST_SMTP ? FETCH_SMTP : FETCH_HTTP,
        .arena = n->x->arena,
        .timeout_ms = n->x->timeout_ms,
        .is_probe = r->is_probe,
        .on_done = on_fetched,
        .on_body = r->answer_max > 0 ? on_part : NULL,
        .method = r->method,
        .url = r->url,
        .headers = h,
        .n_headers = r->n_headers,
        .body = r->body,
        .host = r->host,
        .port = r->port,
        .tls = tls_of(r->tls),
        .username = r->username,
        .password = r->password,
        .oauth_token = r->oauth_token,
        .needs_smtputf8 = r->needs_smtputf8,
        .mail_from = r->mail_from,
        .rcpt_to = r->rcpt_to,
        .n_rcpt_to = r->n_rcpt_to,
    };
    n->is_fetching = true;
    fetch_start(n->net->env->fetch, &n->fetch);
}

/* ---- the executor ---- */

static void
start(struct executor *e, struct execution *x)
{
    struct net_call *n = ARENA_NEW(x->arena, struct net_call);

    n->net = CONTAINER_OF(e, struct executor_net, executor);
    n->x = x;
    x->private_state = n;
    switch (x->request->kind) {
    case CHANNEL_REQUEST_WAIT:
        start_wait(n);
        return;
    case CHANNEL_REQUEST_FILE:
        start_file(n);
        return;
    case CHANNEL_REQUEST_HTTP:
    case CHANNEL_REQUEST_SMTP:
        break;
    }
    if (n->net->env->fetch) {
        start_fetch(n);
        return;
    }
    n->answer.outcome = CHANNEL_NOT_SENT;
    n->answer.cause = CHANNEL_CAUSE_NETWORK;
    n->answer.detail = STR("this process has no way out");
    answer_after(n, 0);
}

static void
cancel(struct executor *e, struct execution *x)
{
    struct net_call *n = x->private_state;

    (void)e;
    if (n->is_fetching) {
        fetch_cancel(n->net->env->fetch, &n->fetch);
        return;
    }
    /* A file is written already; a wait was cut short. */
    if (x->request->kind == CHANNEL_REQUEST_WAIT)
        n->answer.outcome = CHANNEL_UNKNOWN;
    answer_after(n, 0);
}

struct executor *
executor_net_new(const struct env *env)
{
    struct executor_net *net = xcalloc(1, sizeof(*net));

    net->executor = (struct executor){.start = start, .cancel = cancel};
    net->env = env;
    net->files = append_new();
    return &net->executor;
}

void
executor_net_free(struct executor *e)
{
    struct executor_net *net;

    if (!e)
        return;
    net = CONTAINER_OF(e, struct executor_net, executor);
    append_free(net->files);
    free(net);
}
