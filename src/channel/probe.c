/* probe.c - how a provider is, as far as it says so by itself. */
#include "base/arena.h"
#include "channel/http.h"

void
channel_get(struct channel_call *c, struct str url)
{
    c->request = (struct channel_request){
        .kind = CHANNEL_REQUEST_HTTP, .method = STR("GET"), .url = url};
}

void
channel_connect(struct channel_call *c, struct str url)
{
    channel_get(c, url);
    c->request.is_probe = true;
}

static void
connect_to_host(const struct channel_driver *d, struct channel_call *c)
{
    struct str base = json_str_of(c->arena, c->config, "base_url");
    struct str host;

    if (!d->host)
        return;
    host = d->host(c->arena, c->config);
    if (base.n > 0)
        channel_connect(c, base);
    else if (host.n > 0)
        channel_connect(c, str_fmt(c->arena, "https://%.*s/", STR_ARG(host)));
}

void
channel_probe_account(struct channel_call *c, struct channel_verdict *v)
{
    (void)c;
    if (v->status == 404)
        v->verdict = VERDICT_CREDENTIALS;
}

/* Some say in the body alone that the token is none. */
static struct channel_verdict
judge_http(const struct channel_driver *d, struct channel_call *c)
{
    struct channel_verdict v = channel_judge_http(c, d->config);
    bool was_well = v.verdict == VERDICT_SENT;

    if (was_well && json_is(json_get(channel_answer_json(c), "ok"), JSON_FALSE))
        v.verdict = VERDICT_CREDENTIALS;
    else if (d->probe_judge)
        d->probe_judge(c, &v);
    if (was_well && v.verdict != VERDICT_SENT)
        v.detail = channel_detail(c, d->config, c->answer->body);
    return v;
}

static struct channel_verdict
judge_mail(struct channel_call *c, const struct field *config)
{
    const struct channel_answer *a = c->answer;
    bool is_well = a->status >= 200 && a->status < 300;

    return (struct channel_verdict){
        .verdict = is_well ? VERDICT_SENT : VERDICT_RETRY,
        .status = a->status,
        .detail = channel_detail(
            c, config,
            str_fmt(c->arena, "%d %.*s", a->status, STR_ARG(a->body))),
    };
}

/* What was asked for, the driver left in c->stage. */
static struct channel_verdict
judge(const struct channel_driver *d, struct channel_call *c)
{
    struct channel_verdict v = {.verdict = VERDICT_DELIVERED};

    if (c->answer->outcome != CHANNEL_ANSWERED) {
        v = channel_unanswered(c, d->config);
        if (c->answer->cause == CHANNEL_CAUSE_LOGIN)
            v.verdict = VERDICT_CREDENTIALS;
        return v;
    }
    if (c->stage == CHANNEL_REQUEST_SMTP + 1)
        return judge_mail(c, d->config);
    return c->answer->status == 0 ? v : judge_http(d, c);
}

void
channel_probe(const struct channel_driver *d, struct channel_call *c)
{
    if (c->answer) {
        c->is_done = true;
        c->verdicts[0] = judge(d, c);
        return;
    }
    if (d->probe)
        d->probe(c);
    else
        connect_to_host(d, c);
    c->is_done = c->request.url.n + c->request.host.n + c->request.path.n == 0;
    c->stage = (int)c->request.kind + 1;
}

const char *
channel_probe_doc(const struct channel_driver *d)
{
    if (d->probe_doc)
        return d->probe_doc;
    return d->host ? "a connection to the provider's host, no request."
                   : "nobody.";
}
