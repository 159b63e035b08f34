/* guest_test.c - both ends of what is said between host and child, against each
 * other; and each against nonsense. */
#include "plugin/guest.h"

#include "base/problem.h"
#include "channel/call_test.h"
#include "plugin/codec.h"
#include "plugin/rig_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

struct fixture {
    struct call_fixture f;
    struct manifest manifest;
    struct guest guest;
    struct buf frames, log;
};

static struct wire_frame
only_frame(const struct buf *b)
{
    struct wire_frame f = {0};
    size_t n;

    assert_int_equal(wire_take(buf_str(b), &f, &n), WIRE_WHOLE);
    assert_int_equal(n, b->n);
    return f;
}

static void
begin(struct fixture *x, const char *config)
{
    const char *why = "";
    struct buf hello = {0};
    struct wire_frame f;

    *x = (struct fixture){0};
    call_begin(&x->f, config);
    guest_put_hello(&rig_plugin, &hello);
    f = only_frame(&hello);
    assert_int_equal(f.kind, WIRE_HELLO);
    assert_int_equal(manifest_read(x->f.arena, f.payload, &x->manifest, &why),
                     ERR_OK);
    buf_fini(&hello);
    guest_init(&x->guest, &rig_plugin, &x->log);
}

static void
end(struct fixture *x)
{
    guest_fini(&x->guest);
    buf_fini(&x->frames);
    buf_fini(&x->log);
    call_end(&x->f);
}

/* The payload of the answer, until the next question. */
static struct str
answered(struct fixture *x, enum wire_kind kind)
{
    struct wire_frame f = only_frame(&x->frames);
    struct buf out = {0};
    struct str payload;

    assert_true(guest_answer(&x->guest, &f, &out));
    f = only_frame(&out);
    assert_int_equal(f.kind, kind);
    payload = str_dup(x->f.arena, f.payload);
    buf_fini(&out);
    buf_reset(&x->frames);
    return payload;
}

static struct codec_stepped
stepped(struct fixture *x)
{
    struct codec_stepped s = {0};

    assert_true(codec_put_step(&x->frames, &x->manifest, &x->f.call));
    assert_true(codec_get_stepped(answered(x, WIRE_STEPPED), &s));
    return s;
}

/* ---- steps ---- */

static void
a_step_arrives_whole_and_so_does_its_request(void **state)
{
    struct fixture x;
    struct codec_stepped s;

    (void)state;
    begin(&x, RIG_CONFIG);
    x.f.call.provider = STR("mine");
    s = stepped(&x);
    assert_false(s.is_done);
    assert_false(s.is_preparing);
    assert_int_equal(s.stage, 5);
    assert_text(s.memo.text, "kept");
    assert_int_equal(s.memo.expires_ms, 99);
    assert_text(s.request.method, "POST");
    assert_text(s.request.url, "https://x.example/");
    assert_int_equal(s.request.n_headers, 1);
    assert_text(s.request.headers[0].name, "X-One");
    assert_text(s.request.headers[0].value, "1");
    assert_text(s.request.body,
                "mine|https://x.example/|1:canary-0123|1:-7|1:1|1:30000|1:text|"
                "dlv_01jd7w9q2me0rbn8t5k3xvhz4c|Orde\u2026|1|0");
    end(&x);
}

static void
what_is_not_configured_is_the_default(void **state)
{
    struct fixture x;

    (void)state;
    begin(&x, "{\"base_url\":\"https://y\",\"token\":null,\"form\":\"html\"}");
    assert_holds(stepped(&x).request.body,
                 "|https://y|0:|1:3|0:0|1:120000|1:html|");
    end(&x);
}

static void
an_answer_comes_to_a_verdict(void **state)
{
    struct fixture x;
    struct codec_stepped s;

    (void)state;
    begin(&x, RIG_CONFIG);
    x.f.answer = (struct channel_answer){
        .status = 429, .body = STR("{\"a/b\":[0,{\"id\":\"m\\u0031\"}]}")};
    x.f.call.answer = &x.f.answer;
    s = stepped(&x);
    assert_true(s.is_done);
    assert_int_equal(s.verdict.verdict, VERDICT_RATE);
    assert_int_equal(s.verdict.status, 429);
    assert_int_equal(s.verdict.retry_after_ms, 2000);
    assert_text(s.verdict.detail, "{\"a/b\":[0,{\"id\":\"m\\u0031\"}]}");
    assert_text(s.verdict.provider_message_id, "m1");
    end(&x);
}

static void
lines_for_the_log_go_beside_the_answer(void **state)
{
    struct fixture x;
    struct wire_reader in;

    (void)state;
    begin(&x, RIG_CONFIG);
    stepped(&x);
    in = (struct wire_reader){.rest = only_frame(&x.log).payload};
    assert_text(wire_get_str(&in, 100), "it works");
    end(&x);
}

static void
a_message_beyond_every_frame_is_not_sent(void **state)
{
    struct fixture x;
    char *much;

    (void)state;
    begin(&x, RIG_CONFIG);
    much = arena_alloc(x.f.arena, WIRE_MAX);
    x.f.message.data = (struct str){much, WIRE_MAX};
    assert_false(codec_put_step(&x.frames, &x.manifest, &x.f.call));
    assert_int_equal(x.frames.n, 0);
    end(&x);
}

/* ---- what the host does for it ---- */

/* RFC 6901, 5, and what it does not have. */
static void
a_pointer_leads_where_it_says(void **state)
{
    static const char doc[] =
        "{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"m~n\":8,"
        "\"deep\":{\"\":{\"x\":null}}}";
    static const struct {
        const char *pointer, *value; /* NULL: there is none */
    } rows[] = {
        {"", doc},
        {"/foo", "[\"bar\",\"baz\"]"},
        {"/foo/0", "bar"},
        {"/", "0"},
        {"/a~1b", "1"},
        {"/m~0n", "8"},
        {"/deep/", "{\"x\":null}"},
        {"/deep//x", "null"},
        {"/foo/", NULL},
        {"/foo/2", NULL},
        {"/foo/-", NULL},
        {"/foo/00", NULL},
        {"foo", NULL},
        {"/deep", "{\"\":{\"x\":null}}"},
        {"//", NULL},
        {"/foo/0/x", NULL},
    };
    struct fixture x;

    (void)state;
    begin(&x, RIG_CONFIG);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct belfry_host *h = &x.guest.host;
        struct belfry_str got;
        uint32_t is_there = h->json_get(
            h, (struct belfry_str){doc, sizeof(doc) - 1},
            (struct belfry_str){rows[i].pointer, strlen(rows[i].pointer)},
            &got);

        if (is_there != (rows[i].value != NULL))
            fail_msg("\"%s\"", rows[i].pointer);
        assert_text(((struct str){got.p, got.n}),
                    is_there ? rows[i].value : "");
    }
    end(&x);
}

/* ---- webhooks ---- */

static void
a_webhook_comes_to_events(void **state)
{
    const struct channel_header header = {STR("X-Id"), STR("e1")};
    struct fixture x;
    struct channel_receipt r;

    (void)state;
    begin(&x, RIG_CONFIG);
    r = (struct channel_receipt){.arena = x.f.arena,
                                 .config = x.f.call.config,
                                 .method = STR("POST"),
                                 .url = STR("https://us/hook"),
                                 .query = STR("m=1"),
                                 .headers = &header,
                                 .n_headers = 1,
                                 .body = STR("{}"),
                                 .now_ms = 1000};
    assert_true(codec_put_receipt(&x.frames, &x.manifest, STR("mine"), &r));
    assert_true(codec_get_received(answered(&x, WIRE_RECEIVED), &r));
    assert_int_equal(r.outcome, CHANNEL_RECEIPT_TAKEN);
    assert_int_equal(r.n_events, 2);
    assert_int_equal(r.events[0].kind, CHANNEL_EVENT_DELIVERED);
    assert_text(r.events[0].id, "e1");
    assert_text(r.events[0].provider_message_id, "m=1");
    assert_int_equal(r.events[0].at_ms, 1000);
    assert_int_equal(r.events[1].kind, CHANNEL_EVENT_CLICKED);
    assert_text(r.events[1].delivery_id, "dlv_1");
    assert_text(r.events[1].url, "https://us/hook");
    assert_text(r.reply, "mine");
    assert_text(r.reply_type, "text/plain");
    r.body = STR("unsigned");
    assert_true(codec_put_receipt(&x.frames, &x.manifest, STR("mine"), &r));
    assert_true(codec_get_received(answered(&x, WIRE_RECEIVED), &r));
    assert_int_equal(r.outcome, CHANNEL_RECEIPT_UNSIGNED);
    assert_int_equal(r.n_events, 0);
    end(&x);
}

/* ---- hostile ends ---- */

/* An answer as a hostile child would write it. */
static struct buf
answer_of(uint32_t what, uint32_t stage, uint32_t third, struct str text)
{
    struct buf b = {0};

    wire_put_u32(&b, what);
    wire_put_u32(&b, stage);
    wire_put_str(&b, STR(""));
    wire_put_i64(&b, 0);
    if (what == BELFRY_ASK) {
        wire_put_str(&b, text);
        wire_put_str(&b, STR("https://x/"));
        wire_put_u32(&b, third);
        for (uint32_t i = 0; i < third && i < 20; i++) {
            wire_put_str(&b, STR("A"));
            wire_put_str(&b, STR("b"));
        }
        wire_put_str(&b, STR(""));
        wire_put_u32(&b, 0);
    } else {
        wire_put_u32(&b, third);
        wire_put_u32(&b, 200);
        wire_put_i64(&b, -5);
        wire_put_i64(&b, 0);
        wire_put_str(&b, STR("d"));
        wire_put_str(&b, text);
    }
    return b;
}

#define TEXT(literal)                                                          \
    {                                                                          \
        "" literal, sizeof(literal) - 1                                        \
    }

static void
answers_that_no_rule_allows_are_none(void **state)
{
    static const struct {
        uint32_t what, stage, third;
        struct str text; /* method, or the provider's id */
        bool is_good;
    } rows[] = {
        {BELFRY_ASK, 0, 16, TEXT("DELETE"), true},
        {BELFRY_ASK, 0, 17, TEXT("POST"), false},
        {BELFRY_ASK, 0, 1000000, TEXT("POST"), false},
        {BELFRY_ASK, 0, 0, TEXT("CONNECT"), false},
        {BELFRY_ASK, 0, 0, TEXT("post"), false},
        {BELFRY_ASK, 1000001, 0, TEXT("POST"), false},
        {BELFRY_DONE, 0, BELFRY_VERDICT_SENT, TEXT("m1"), true},
        {BELFRY_DONE, 0, 0, TEXT("m1"), false},
        {BELFRY_DONE, 0, BELFRY_VERDICT_CREDENTIALS + 1, TEXT("m1"), false},
        {BELFRY_DONE, 0, BELFRY_VERDICT_SENT, TEXT("\xff"), false},
        {BELFRY_DONE, 0, BELFRY_VERDICT_SENT, TEXT("m\0001"), false},
        {0, 0, 1, TEXT("m1"), false},
        {3, 0, 1, TEXT("m1"), false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf b =
            answer_of(rows[i].what, rows[i].stage, rows[i].third, rows[i].text);
        struct codec_stepped s;

        assert_int_equal(codec_get_stepped(buf_str(&b), &s), rows[i].is_good);
        if (rows[i].is_good && s.is_done)
            assert_int_equal(s.verdict.retry_after_ms, 0);
        for (size_t n = 0; n < b.n; n++)
            assert_false(codec_get_stepped(str_sub(buf_str(&b), 0, n), &s));
        buf_put_char(&b, 'x');
        assert_false(codec_get_stepped(buf_str(&b), &s));
        buf_fini(&b);
    }
}

static void
cut_questions_reach_no_plugin(void **state)
{
    struct fixture x;
    struct wire_frame f;
    struct str whole;
    struct buf out = {0};

    (void)state;
    begin(&x, RIG_CONFIG);
    assert_true(codec_put_step(&x.frames, &x.manifest, &x.f.call));
    f = only_frame(&x.frames);
    whole = f.payload;
    for (size_t n = 0; n < whole.n; n++) {
        f.payload = str_sub(whole, 0, n);
        assert_false(guest_answer(&x.guest, &f, &out));
    }
    f.payload = whole;
    f.kind = WIRE_HELLO;
    assert_false(guest_answer(&x.guest, &f, &out));
    buf_fini(&out);
    end(&x);
}

/* ---- what it says of itself ---- */

static void
its_table_is_that_of_a_driver(void **state)
{
    struct fixture x;
    const struct field *f;

    (void)state;
    begin(&x, RIG_CONFIG);
    assert_string_equal(x.manifest.name, "rig");
    assert_string_equal(x.manifest.version, "0.1");
    assert_false(x.manifest.has_target);
    assert_true(x.manifest.takes_receipts);
    assert_int_equal(x.manifest.n_infos, 2);
    assert_string_equal(x.manifest.infos[0].name, "rig");
    assert_string_equal(x.manifest.infos[0].address_field, "phone");
    assert_true(x.manifest.infos[0].needs_address);
    assert_string_equal(x.manifest.channels[1], "email");
    assert_null(x.manifest.channels[2]);
    f = &x.manifest.config[RIG_TOKEN];
    assert_int_equal(f->type, FIELD_STRING);
    assert_int_equal(f->flags, FIELD_SECRET);
    assert_int_equal(f->min, 4);
    assert_int_equal(f->max, 99);
    f = &x.manifest.config[RIG_FORM];
    assert_string_equal(f->values[0], "html");
    assert_string_equal(f->values[1], "text");
    assert_null(f->values[2]);
    assert_int_equal(x.manifest.config[RIG_N].type, FIELD_END);
    end(&x);
}

struct fault {
    struct belfry_setting setting;
    struct belfry_channel channel;
    const char *why; /* a part of it */
};

static const char *
fault_of(struct arena *a, const struct belfry_plugin *p)
{
    struct buf out = {0};
    struct manifest m;
    struct wire_frame f;
    struct wire_reader in;
    const char *why = "";

    guest_put_hello(p, &out);
    f = only_frame(&out);
    in = (struct wire_reader){.rest = f.payload};
    if (f.kind == WIRE_REFUSED)
        why = str_cstr(a, wire_get_str(&in, 1000));
    else if (manifest_read(a, f.payload, &m, &why) == ERR_OK)
        why = "";
    buf_fini(&out);
    return why;
}

static void
check_fault(const struct fault *row)
{
    const struct belfry_setting *settings[] = {&row->setting};
    const struct belfry_channel *channels[] = {&row->channel};
    struct belfry_plugin p = rig_plugin;
    struct arena *a = arena_new();
    const char *why;

    p.settings = settings;
    p.n_settings = 1;
    p.channels = channels;
    p.n_channels = 1;
    why = fault_of(a, &p);
    if (row->why[0] == '\0' ? why[0] != '\0' : !strstr(why, row->why))
        fail_msg("\"%s\" is not \"%s\"", why, row->why);
    arena_free(a);
}

#define GOOD_SETTING                                                           \
    .size = sizeof(struct belfry_setting), .name = BELFRY_STR("x"),            \
    .type = BELFRY_TYPE_STRING, .doc = BELFRY_STR("X.")
#define GOOD_CHANNEL                                                           \
    .size = sizeof(struct belfry_channel), .name = BELFRY_STR("y")

static void
tables_that_are_wrong_are_refused_by_name(void **state)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
    static const struct fault rows[] = {
        {{GOOD_SETTING}, {GOOD_CHANNEL}, ""},
        {{GOOD_SETTING, .name = BELFRY_STR("X")},
         {GOOD_CHANNEL},
         "setting  has a name"},
        {{GOOD_SETTING, .size = 8}, {GOOD_CHANNEL}, "size of one of its sett"},
        {{GOOD_SETTING, .type = 7}, {GOOD_CHANNEL}, "setting x has a type"},
        {{GOOD_SETTING, .type = 0}, {GOOD_CHANNEL}, "setting x has a type"},
        {{GOOD_SETTING, .flags = 4}, {GOOD_CHANNEL}, "setting x has flags"},
        {{GOOD_SETTING, .type = BELFRY_TYPE_INTEGER,
          .flags = BELFRY_SETTING_SECRET},
         {GOOD_CHANNEL},
         "setting x is secret and no string"},
        {{GOOD_SETTING, .min = 5, .max = 4}, {GOOD_CHANNEL}, "least above"},
        {{GOOD_SETTING, .max = 65537}, {GOOD_CHANNEL}, "bounds"},
        {{GOOD_SETTING, .doc = {NULL, 0}}, {GOOD_CHANNEL}, "no sentence"},
        {{GOOD_SETTING, .type = BELFRY_TYPE_CHOICE},
         {GOOD_CHANNEL},
         "a choice of nothing"},
        {{GOOD_SETTING, .name = BELFRY_STR("base_url")},
         {GOOD_CHANNEL},
         "base_url is no URL"},
        {{GOOD_SETTING, .type = BELFRY_TYPE_INTEGER, .max = 5,
          .otherwise = BELFRY_STR("6")},
         {GOOD_CHANNEL},
         "a default that it would refuse"},
        {{GOOD_SETTING, .type = BELFRY_TYPE_BOOLEAN,
          .otherwise = BELFRY_STR("yes")},
         {GOOD_CHANNEL},
         "a default that it would refuse"},
        {{GOOD_SETTING, .flags = BELFRY_SETTING_REQUIRED,
          .otherwise = BELFRY_STR("6")},
         {GOOD_CHANNEL},
         "required and has a default"},
        {{GOOD_SETTING},
         {GOOD_CHANNEL, .name = BELFRY_STR("in_app")},
         "channel in_app has a name"},
        {{GOOD_SETTING}, {GOOD_CHANNEL, .size = 0}, "size of one of its chan"},
        {{GOOD_SETTING}, {GOOD_CHANNEL, .flags = 4}, "channel y has flags"},
        {{GOOD_SETTING},
         {GOOD_CHANNEL, .address = BELFRY_STR("id")},
         "address that users do not have"},
        {{GOOD_SETTING},
         {GOOD_CHANNEL, .flags = BELFRY_CHANNEL_NEEDS_ADDRESS},
         "needs an address"},
    };
#pragma GCC diagnostic pop

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check_fault(&rows[i]);
}

static void
what_is_no_plugin_of_this_abi_is_refused(void **state)
{
    struct belfry_plugin p = rig_plugin;
    struct arena *a = arena_new();

    (void)state;
    assert_non_null(strstr(fault_of(a, NULL), "returned nothing"));
    p.abi = 2;
    p.step = NULL; /* nothing but the number is looked at */
    assert_non_null(strstr(fault_of(a, &p), "built for ABI 2"));
    p.abi = BELFRY_ABI_VERSION;
    assert_non_null(strstr(fault_of(a, &p), "no step"));
    p.step = rig_plugin.step;
    p.size = 16;
    assert_non_null(strstr(fault_of(a, &p), "its size is wrong"));
    p.size = sizeof(p);
    p.flags = 2;
    assert_non_null(strstr(fault_of(a, &p), "flags"));
    p.flags = 0;
    p.n_channels = 0;
    assert_non_null(strstr(fault_of(a, &p), "no channel"));
    p.n_channels = 9;
    assert_non_null(strstr(fault_of(a, &p), "more than 8 channels"));
    arena_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_arrives_whole_and_so_does_its_request),
        cmocka_unit_test(what_is_not_configured_is_the_default),
        cmocka_unit_test(an_answer_comes_to_a_verdict),
        cmocka_unit_test(lines_for_the_log_go_beside_the_answer),
        cmocka_unit_test(a_message_beyond_every_frame_is_not_sent),
        cmocka_unit_test(a_pointer_leads_where_it_says),
        cmocka_unit_test(a_webhook_comes_to_events),
        cmocka_unit_test(answers_that_no_rule_allows_are_none),
        cmocka_unit_test(cut_questions_reach_no_plugin),
        cmocka_unit_test(its_table_is_that_of_a_driver),
        cmocka_unit_test(tables_that_are_wrong_are_refused_by_name),
        cmocka_unit_test(what_is_no_plugin_of_this_abi_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
