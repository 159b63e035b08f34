/* ask.c - see ask.h. A question travels to the plugins' thread and back, and
 * ends on the thread that asked, whether anybody waits for it any more or not.
 */
#include "plugin/ask.h"

#include <stdlib.h>

#include "base/log.h"
#include "channel/driver.h"
#include "plugin/codec.h"
#include "plugin/guest.h"

struct question {
    struct task task;
    struct job job;
    struct plugin *plugin;
    struct loop *loop;         /* of who asks */
    struct channel_away *away; /* of that thread; NULL: nobody waits */
    bool is_oversized;
};

static void
question_free(struct question *q)
{
    buf_fini(&q->job.frame);
    buf_fini(&q->job.reply);
    buf_fini(&q->job.said);
    free(q);
}

/* ---- what it says besides ---- */

/* Here, where its secrets are known: a plugin was told them. */
static void
log_lines(const struct question *q, const struct channel_call *c)
{
    const struct manifest *m = &q->plugin->manifest;
    struct wire_reader in = {.rest = buf_str(&q->job.said)};

    while (in.rest.n > 0 && !in.is_bad) {
        struct str line = wire_get_str(&in, GUEST_LOG_MAX);

        LOG_INFO("plugin.says", log_cstr("plugin", m->name),
                 log_str("provider", c->provider), log_cstr("id", q->job.key),
                 log_str("line", channel_detail(c, m->config, line)));
    }
}

/* ---- a step that nobody took ---- */

static struct str
sentence(struct arena *a, const struct question *q)
{
    return str_fmt(a, "the plugin %s: %s", q->plugin->manifest.name,
                   q->job.why);
}

/* Without an answer of the other side nothing was sent; with one it may have
 * been, unless the request was one that sends nothing. */
static void
conclude_lost(struct question *q, struct channel_call *c)
{
    static const enum reason reasons[] = {
        [JOB_ANSWERED] = REASON_NONE,
        [JOB_DOWN] = REASON_PLUGIN_DOWN,
        [JOB_CRASHED] = REASON_PLUGIN_CRASHED,
        [JOB_GIVEN_UP] = REASON_PLUGIN_CRASH_LOOP,
    };
    bool may_be_sent = c->answer && !q->away->is_preparing;
    struct channel_verdict v = {
        .verdict = may_be_sent ? VERDICT_UNKNOWN : VERDICT_RETRY,
        .reason = reason_code(reasons[q->job.end]),
        .detail = sentence(c->arena, q),
        .is_last = q->job.end == JOB_GIVEN_UP,
    };

    channel_conclude(c, &v);
}

static void
conclude_oversized(struct channel_call *c)
{
    struct channel_verdict v = {
        .verdict = VERDICT_REJECTED,
        .reason = reason_code(REASON_SIZE_TOO_LARGE),
        .detail = STR("the message is larger than plugins take"),
    };

    channel_conclude(c, &v);
}

/* ---- a step that was taken ---- */

static void
take_step(struct question *q, struct channel_call *c)
{
    struct str payload = str_dup(c->arena, buf_str(&q->job.reply));
    struct codec_stepped s = {0};

    if (!codec_get_stepped(payload, &s)) /* it was looked at before */
        abort();
    c->stage = s.stage;
    /* By the pointer it is seen whether the call has changed it. */
    if (!str_eq(s.memo.text, c->memo.text) ||
        s.memo.expires_ms != c->memo.expires_ms)
        c->memo = s.memo;
    c->request = s.request;
    q->away->is_preparing = s.is_preparing;
    if (!s.is_done)
        return;
    s.verdict.detail =
        channel_detail(c, q->plugin->manifest.config, s.verdict.detail);
    channel_conclude(c, &s.verdict);
}

static void
finish_call(struct question *q, struct channel_call *c)
{
    log_lines(q, c);
    if (q->is_oversized)
        conclude_oversized(c);
    else if (q->job.end == JOB_ANSWERED)
        take_step(q, c);
    else
        conclude_lost(q, c);
}

static void
finish_receipt(struct question *q, struct channel_receipt *r)
{
    const struct channel_call about = {
        .arena = r->arena, .provider = q->away->provider, .config = r->config};
    struct str payload;

    log_lines(q, &about);
    r->outcome = CHANNEL_RECEIPT_LOST;
    if (q->is_oversized)
        r->outcome = CHANNEL_RECEIPT_MALFORMED;
    if (q->is_oversized || q->job.end != JOB_ANSWERED)
        return;
    payload = str_dup(r->arena, buf_str(&q->job.reply));
    if (!codec_get_received(payload, r)) /* it was looked at before */
        abort();
}

static void
on_back(struct task *t)
{
    struct question *q = CONTAINER_OF(t, struct question, task);
    struct channel_away *a = q->away;

    if (a) {
        a->private_state = NULL;
        if (a->call)
            finish_call(q, a->call);
        else
            finish_receipt(q, a->receipt);
    }
    question_free(q);
    if (a)
        a->on_done(a);
}

/* ---- the plugins' thread ---- */

static void
on_end(struct job *j)
{
    struct question *q = CONTAINER_OF(j, struct question, job);

    q->task.run = on_back;
    loop_post(q->loop, &q->task);
}

static void
on_asked(struct task *t)
{
    struct question *q = CONTAINER_OF(t, struct question, task);

    keeper_ask(q->job.is_receipt ? &q->plugin->receipts : &q->plugin->messages,
               &q->job);
}

/* ---- who asks ---- */

static void
conclude_unanswered(struct channel_call *c, const struct channel_away *a,
                    const struct field *config)
{
    struct channel_verdict v = channel_unanswered(c, config);

    if (v.verdict == VERDICT_UNKNOWN && a->is_preparing)
        v.verdict = VERDICT_RETRY;
    channel_conclude(c, &v);
}

static void
on_unanswered(struct task *t)
{
    struct question *q = CONTAINER_OF(t, struct question, task);
    struct channel_away *a = q->away;

    if (a) {
        a->private_state = NULL;
        conclude_unanswered(a->call, a, q->plugin->manifest.config);
    }
    question_free(q);
    if (a)
        a->on_done(a);
}

static bool
put_question(struct question *q, struct channel_away *a)
{
    const struct manifest *m = &q->plugin->manifest;
    struct channel_call *c = a->call;
    struct str id;

    list_init(&q->job.link);
    q->job.on_end = on_end;
    q->job.is_receipt = !c;
    if (!c)
        return codec_put_receipt(&q->job.frame, m, a->provider, a->receipt);
    id = c->messages[0].delivery_id;
    q->job.has_answer = c->answer != NULL;
    if (id.n < sizeof(q->job.key))
        memcpy(q->job.key, id.p, id.n);
    return codec_put_step(&q->job.frame, m, c);
}

void
plugin_ask(const struct channel_remote *r, struct channel_away *a)
{
    struct plugin *p =
        (struct plugin *)(uintptr_t)((const char *)r -
                                     offsetof(struct plugin, remote));
    struct question *q = xcalloc(1, sizeof(*q));

    *q = (struct question){.plugin = p, .loop = a->loop, .away = a};
    a->private_state = q;
    if (a->call && a->call->answer &&
        a->call->answer->outcome != CHANNEL_ANSWERED) {
        q->task.run = on_unanswered;
        loop_defer(a->loop, &q->task);
    } else if (!put_question(q, a)) {
        q->is_oversized = true;
        q->task.run = on_back;
        loop_defer(a->loop, &q->task);
    } else {
        q->task.run = on_asked;
        loop_post(p->loop, &q->task);
    }
}

void
plugin_cancel(const struct channel_remote *r, struct channel_away *a)
{
    struct question *q = a->private_state;

    (void)r;
    if (q) {
        q->away = NULL;
        atomic_store(&q->job.is_cancelled, true);
    }
    a->private_state = NULL;
}
