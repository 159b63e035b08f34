/* mail_batch.c - see mail_batch.h.
 *
 * What a mail cannot be refuses that one alone, before anybody is called. A
 * request that is refused as a whole says nothing of one mail: each is tried
 * again by itself. */
#include "channel/mail_batch.h"

#include "base/arena.h"
#include "base/hmac.h"

size_t
mail_batch(struct json config)
{
    int64_t n;

    return json_int(json_get(config, "batch"), &n) && n >= 1 &&
                   n <= MAIL_BATCH_MAX
               ? (size_t)n
               : 1;
}

/* One of them, as a call of its own. */
static struct channel_call
one_of(const struct channel_call *c, size_t i)
{
    struct channel_call one = *c;

    one.messages = &c->messages[i];
    one.n_messages = 1;
    one.verdicts = &c->verdicts[i];
    return one;
}

/* ---- the call ---- */

static void
request(struct channel_call *c, const struct mail_api *api, const char *path,
        const struct buf *body, const struct buf *ids)
{
    channel_post(c, channel_url(c->arena, c->config, api->home, str_from(path)),
                 CHANNEL_JSON, buf_str(body));
    api->add_headers(c, buf_str(ids));
}

static void
ask_one(struct channel_call *c, const struct mail_api *api)
{
    struct mime_message mail;
    struct json_writer w;
    struct buf body, ids;

    if (!mail_take(c, &mail))
        return;
    buf_init(&body, c->arena);
    buf_init(&ids, c->arena);
    w = json_writer(&body);
    api->put(&w, c, &mail);
    buf_put_str(&ids, c->messages[0].delivery_id);
    request(c, api, api->path, &body, &ids);
}

static void
put_list(struct json_writer *w, struct channel_call *c,
         const struct mail_api *api, const struct mime_message *all, size_t n)
{
    json_begin_array(w);
    for (size_t i = 0; i < n; i++)
        api->put(w, c, &all[i]);
    json_end_array(w);
}

static void
ask_all(struct channel_call *c, const struct mail_api *api)
{
    struct mime_message *all =
        ARENA_ARRAY(c->arena, struct mime_message, c->n_messages);
    struct json_writer w;
    struct buf body, ids, hash;
    size_t n = 0;

    buf_init(&ids, c->arena);
    for (size_t i = 0; i < c->n_messages; i++) {
        struct channel_call one = one_of(c, i);

        c->verdicts[i] = (struct channel_verdict){0};
        if (!mail_take(&one, &all[n]))
            continue;
        buf_put_str(&ids, one.messages[0].delivery_id);
        n++;
    }
    c->is_done = n == 0;
    if (c->is_done)
        return;
    buf_init(&body, c->arena);
    w = json_writer(&body);
    if (api->put_all)
        api->put_all(&w, c, all, n);
    else
        put_list(&w, c, api, all, n);
    buf_init(&hash, c->arena);
    buf_put_hex(&hash, hash_sha256(c->arena, buf_str(&ids)));
    request(c, api, api->batch_path, &body, &hash);
}

/* ---- the answer ---- */

static bool
was_refused(const struct channel_verdict *v)
{
    return v->verdict == VERDICT_REJECTED;
}

static size_t
count_asked(const struct channel_call *c)
{
    size_t n = 0;

    for (size_t i = 0; i < c->n_messages; i++)
        n += !was_refused(&c->verdicts[i]);
    return n;
}

static void
conclude_asked(struct channel_call *c, const struct channel_verdict *v)
{
    c->is_done = true;
    for (size_t i = 0; i < c->n_messages; i++)
        if (!was_refused(&c->verdicts[i]))
            c->verdicts[i] = *v;
}

/* What speaks of no mail in particular is true of each. */
static void
judge_whole(struct channel_call *c, const struct mail_api *api)
{
    struct channel_call one = one_of(c, 0);
    struct channel_verdict v = api->judge(&one);

    if (v.verdict == VERDICT_REJECTED || v.verdict == VERDICT_GONE) {
        v.verdict = VERDICT_RETRY;
        v.reason = reason_code(REASON_BATCH_REFUSED);
    }
    conclude_asked(c, &v);
}

/* What it calls the request is no id of a mail. */
static void
judge_alike(struct channel_call *c, const struct mail_api *api)
{
    struct channel_call one = one_of(c, 0);
    struct channel_verdict v = api->judge(&one);

    v.provider_message_id = STR_NONE;
    conclude_asked(c, &v);
}

static struct channel_verdict
untold(const struct channel_call *c)
{
    return (struct channel_verdict){
        .verdict = VERDICT_UNKNOWN,
        .status = c->answer->status,
        .detail = STR("the answer does not tell of each mail")};
}

static void
judge_parts(struct channel_call *c, const struct mail_api *api,
            struct json parts)
{
    struct json part = json_first(parts);

    for (size_t i = 0; i < c->n_messages; i++) {
        struct channel_call one = one_of(c, i);
        struct channel_answer answer = *c->answer;

        if (was_refused(&c->verdicts[i]))
            continue;
        answer.status = api->status(part);
        answer.body = json_raw(part);
        one.answer = &answer;
        c->verdicts[i] = answer.status > 0 ? api->judge(&one) : untold(c);
        part = json_next(parts, part);
    }
    c->is_done = true;
}

static void
judge_all(struct channel_call *c, const struct mail_api *api)
{
    struct channel_verdict v = untold(c);
    struct json parts;

    if (!channel_answer_is_ok(c)) {
        judge_whole(c, api);
        return;
    }
    if (!api->parts) {
        judge_alike(c, api);
        return;
    }
    parts = api->parts(channel_answer_json(c));
    if (json_is(parts, JSON_ARRAY) && json_count(parts) == count_asked(c))
        judge_parts(c, api, parts);
    else
        conclude_asked(c, &v);
}

void
mail_api_step(struct channel_call *c, const struct mail_api *api)
{
    bool is_answered = c->answer && c->answer->outcome == CHANNEL_ANSWERED;
    struct channel_verdict v;

    if (!c->answer) {
        (c->n_messages == 1 ? ask_one : ask_all)(c, api);
    } else if (is_answered && c->n_messages > 1) {
        judge_all(c, api);
    } else {
        v = is_answered ? api->judge(c) : channel_unanswered(c, api->config);
        (c->n_messages == 1 ? channel_conclude : conclude_asked)(c, &v);
    }
}
