#include "channel/call_test.h"

#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

void
assert_text(struct str s, const char *want)
{
    if (!str_is(s, want))
        fail_msg("|%.*s| is not |%s|", STR_ARG(s), want);
}

static bool
holds(struct str s, const char *part)
{
    return s.n > 0 && memmem(s.p, s.n, part, strlen(part)) != NULL;
}

void
assert_holds(struct str s, const char *part)
{
    if (!holds(s, part))
        fail_msg("|%.*s| lacks |%s|", STR_ARG(s), part);
}

void
assert_lacks(struct str s, const char *part)
{
    if (holds(s, part))
        fail_msg("|%.*s| has |%s|", STR_ARG(s), part);
}

void
call_begin(struct call_fixture *f, const char *config)
{
    struct json_error error;

    *f = (struct call_fixture){.arena = arena_new()};
    assert_int_equal(json_parse(f->arena, str_from(config), &f->doc, &error),
                     ERR_OK);
    f->message = (struct channel_message){
        .delivery_id = STR("dlv_01jd7w9q2me0rbn8t5k3xvhz4c"),
        .notification_id = STR("ntf_01jd7w9q2me0rbn8t5k3xvhz4d"),
        .user = STR("u1"),
        .channel = STR("webhook"),
        .category = STR("orders"),
        .priority = STR("high"),
        .title = STR("Paid"),
        .body = STR("Order 7 is paid."),
        .created_ms = CALL_NOW_MS - 1500,
        .attempt = 1,
    };
    f->call = (struct channel_call){
        .arena = f->arena,
        .config = json_root(&f->doc),
        .messages = &f->message,
        .n_messages = 1,
        .now_ms = CALL_NOW_MS,
        .verdicts = &f->verdict,
        .secret = rng_secret,
    };
}

void
call_begin_mail(struct call_fixture *f, const char *config)
{
    call_begin(f, config);
    f->message.channel = STR("email");
    f->message.address = STR("tim@example.net");
    f->message.language = STR("en");
}

void
call_begin_full_mail(struct call_fixture *f, const char *config)
{
    call_begin_mail(f, config);
    f->message.user_name = STR("Tim \"T\"");
    f->message.html = STR("<p>Paid</p>");
    f->message.unsubscribe_url = STR("https://example.com/u/tok");
    f->message.overrides =
        STR("{\"email\":{\"reply_to\":\"help@example.com\","
            "\"cc\":[\"Ann <ann@example.net>\",\"tim@example.net\","
            "\"ANN@example.net\"],\"headers\":{\"X-Order\":\"7\"}}}");
}

void
call_end(struct call_fixture *f)
{
    arena_free(f->arena);
}

void
call_ask(struct call_fixture *f, const struct channel_driver *d)
{
    f->call.answer = NULL;
    f->call.is_done = false;
    d->step(&f->call);
}

struct channel_verdict *
call_answer(struct call_fixture *f, const struct channel_driver *d)
{
    f->verdict = (struct channel_verdict){0};
    f->call.answer = &f->answer;
    f->call.is_done = false;
    d->step(&f->call);
    assert_true(f->call.is_done);
    return &f->verdict;
}

const char *
call_faults(struct call_fixture *f, const struct channel_driver *d)
{
    struct problem p;
    struct buf b;

    problem_init(&p, f->arena);
    field_check(d->config, f->call.config, STR(""), &p);
    if (!problem_is_set(&p))
        channel_check(d, f->call.config, &p);
    buf_init(&b, f->arena);
    for (size_t i = 0; i < p.n_errors; i++)
        buf_printf(&b, "%s%.*s", i ? " " : "", STR_ARG(p.errors[i].pointer));
    return str_cstr(f->arena, buf_str(&b));
}

struct str
call_request_header(const struct call_fixture *f, const char *name)
{
    const struct channel_request *r = &f->call.request;

    for (size_t i = 0; i < r->n_headers; i++)
        if (str_is(r->headers[i].name, name))
            return r->headers[i].value;
    return STR_NONE;
}

void
hook_begin(struct hook_fixture *h, const char *config, const char *url,
           struct str body)
{
    struct str rest = str_from(url), path;

    call_begin(&h->f, config);
    str_split(&rest, '?', &path);
    h->r = (struct channel_receipt){
        .arena = h->f.arena,
        .config = h->f.call.config,
        .method = STR("POST"),
        .url = str_from(url),
        .query = rest,
        .headers = h->headers,
        .body = body,
        .now_ms = CALL_NOW_MS,
    };
}

void
hook_end(struct hook_fixture *h)
{
    call_end(&h->f);
}

void
hook_put_header(struct hook_fixture *h, const char *name, struct str value)
{
    assert_in_range(h->r.n_headers, 0, 3);
    h->headers[h->r.n_headers++] =
        (struct channel_header){str_from(name), value};
}

void
hook_take(struct hook_fixture *h, const struct channel_driver *d)
{
    h->r.outcome = CHANNEL_RECEIPT_MALFORMED;
    h->r.n_events = 0;
    d->receipt(&h->r);
}

void
assert_configs(const struct channel_driver *d, const struct call_config *rows,
               size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct call_fixture f;

        call_begin(&f, rows[i].config);
        assert_string_equal(call_faults(&f, d), rows[i].faults);
        call_end(&f);
    }
}

/* The answer of the row to what the fixture holds. */
static void
assert_row(struct call_fixture *f, const struct channel_driver *d,
           const struct call_row *row)
{
    struct channel_header headers[] = {
        {str_from(row->header), str_from(row->value)},
        {STR("Date"), STR("Thu, 24 Sep 2026 09:30:00 GMT")}};
    struct channel_verdict *v;

    if (row->address)
        f->message.address = str_from(row->address);
    call_ask(f, d);
    assert_false(f->call.is_done);
    f->answer = (struct channel_answer){.status = row->status,
                                        .headers = headers,
                                        .n_headers = 2,
                                        .body = str_from(row->body)};
    v = call_answer(f, d);
    if (v->verdict != row->verdict || v->retry_after_ms != row->retry_after_ms)
        fail_msg("%d %s: %s, %lld ms", row->status, row->body,
                 verdict_name(v->verdict), (long long)v->retry_after_ms);
    assert_int_equal(v->status, row->status);
    if (row->id)
        assert_text(v->provider_message_id, row->id);
}

void
assert_rows(const struct channel_driver *d, const char *config,
            const struct call_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct call_fixture f;

        call_begin(&f, config);
        assert_row(&f, d, &rows[i]);
        call_end(&f);
    }
}

void
assert_mail_rows(const struct channel_driver *d, const char *config,
                 const struct call_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct call_fixture f;

        call_begin_mail(&f, config);
        assert_row(&f, d, &rows[i]);
        assert_text(f.verdict.reason,
                    rows[i].status == 413 ? "size.too_large" : "");
        call_end(&f);
    }
}

static const char *
kind_name(enum channel_event_kind kind)
{
    switch (kind) {
    case CHANNEL_EVENT_DELIVERED:
        return "delivered";
    case CHANNEL_EVENT_DEFERRED:
        return "deferred";
    case CHANNEL_EVENT_BOUNCED:
        return "bounced";
    case CHANNEL_EVENT_FAILED:
        return "failed";
    case CHANNEL_EVENT_COMPLAINED:
        return "complained";
    case CHANNEL_EVENT_UNSUBSCRIBED:
        return "unsubscribed";
    case CHANNEL_EVENT_OPENED:
        return "opened";
    case CHANNEL_EVENT_CLICKED:
        return "clicked";
    case CHANNEL_EVENT_ACTION:
        return "action";
    case CHANNEL_EVENT_RESUBSCRIBED:
        return "resubscribed";
    }
    return "?";
}

void
hook_check_told(const struct hook_fixture *h, const char *want)
{
    struct buf b;

    buf_init(&b, h->f.arena);
    for (size_t i = 0; i < h->r.n_events; i++) {
        const struct channel_event *e = &h->r.events[i];

        buf_printf(&b, "%s%s|%.*s|%.*s|%.*s|%.*s|%.*s|%.*s|%lld",
                   i > 0 ? " " : "", kind_name(e->kind), STR_ARG(e->id),
                   STR_ARG(e->delivery_id), STR_ARG(e->provider_message_id),
                   STR_ARG(e->address), STR_ARG(e->detail), STR_ARG(e->url),
                   (long long)e->at_ms);
    }
    assert_int_equal(h->r.outcome, CHANNEL_RECEIPT_TAKEN);
    assert_text(buf_str(&b), want);
}
