/* fuzz_plugin.c - any bytes from a plugin's child, and to it: no crash, nothing
 * read past the end, and what is taken for an answer holds what the ABI says.
 */
#include "base/arena.h"
#include "plugin/codec.h"
#include "plugin/guest.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition))                                                      \
            abort();                                                           \
    } while (0)

static uint32_t
step(struct belfry_step *s)
{
    s->request->method = s->message->title;
    s->request->url = s->message->body;
    s->request->body = s->config[0].text;
    if (s->answer && s->answer->n_headers > 0)
        s->verdict->detail = s->answer->headers[0].value;
    s->verdict->verdict = s->stage;
    return s->answer ? BELFRY_DONE : BELFRY_ASK;
}

static uint32_t
receipt(struct belfry_receipt *r)
{
    r->reply = r->body;
    r->reply_type = r->method;
    return BELFRY_RECEIPT_TAKEN;
}

static const struct belfry_setting setting = {
    .size = sizeof(setting),
    .name = BELFRY_STR("token"),
    .type = BELFRY_TYPE_STRING,
    .doc = BELFRY_STR("A token."),
};
static const struct belfry_setting *const settings[] = {&setting};
static const struct belfry_plugin plugin = {
    .size = sizeof(plugin),
    .abi = BELFRY_ABI_VERSION,
    .settings = settings,
    .n_settings = 1,
    .step = step,
    .receipt = receipt,
};

/* ---- to the host ---- */

static void
check_hello(struct arena *a, struct str payload)
{
    const char *why = NULL;
    struct manifest m;

    if (manifest_read(a, payload, &m, &why) != ERR_OK) {
        CHECK(why && why[0]);
        return;
    }
    CHECK(manifest_is_name(str_from(m.name)));
    CHECK(m.n_infos > 0 && m.channels[m.n_infos] == NULL);
    CHECK(m.config[m.n_settings].type == FIELD_END);
    for (size_t i = 0; i < m.n_settings; i++)
        CHECK(field_find(m.config, str_from(m.config[i].name)) == &m.config[i]);
}

static void
check_stepped(struct str payload)
{
    struct codec_stepped s;

    if (!codec_get_stepped(payload, &s))
        return;
    CHECK(s.stage >= 0 && s.memo.text.n <= CHANNEL_MEMO_MAX);
    if (s.is_done)
        CHECK(s.verdict.verdict != VERDICT_INTERRUPTED &&
              s.verdict.retry_after_ms >= 0 &&
              str_is_text(s.verdict.provider_message_id));
    else
        CHECK(s.request.method.n > 0 && s.request.n_headers <= 16);
}

static void
check_received(struct arena *a, struct str payload)
{
    struct channel_receipt r = {.arena = a};

    if (!codec_get_received(payload, &r))
        return;
    CHECK(r.n_events <= CHANNEL_EVENTS_MAX);
    CHECK(r.n_events == 0 || r.outcome == CHANNEL_RECEIPT_TAKEN);
    for (size_t i = 0; i < r.n_events; i++)
        CHECK((int)r.events[i].kind >= 0 &&
              (int)r.events[i].kind < (int)RECEIPT_KINDS &&
              str_is_text(r.events[i].detail));
}

/* ---- to the child ---- */

static void
check_guest(const struct wire_frame *f)
{
    struct buf out = {0}, log = {0};
    struct wire_frame answer;
    struct guest g;
    size_t n;

    guest_init(&g, &plugin, &log);
    if (guest_answer(&g, f, &out)) {
        CHECK(wire_take(buf_str(&out), &answer, &n) == WIRE_WHOLE);
        CHECK(n == out.n && answer.id == f->id);
    }
    guest_fini(&g);
    buf_fini(&out);
    buf_fini(&log);
}

static void
check_frame(struct arena *a, const struct wire_frame *f)
{
    check_hello(a, f->payload);
    check_stepped(f->payload);
    check_received(a, f->payload);
    check_guest(f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {(const char *)data, size};
    struct arena *a = arena_new();
    struct wire_frame f;
    size_t n;

    while (wire_take(rest, &f, &n) == WIRE_WHOLE) {
        CHECK(n >= WIRE_HEAD && n <= rest.n);
        check_frame(a, &f);
        rest = str_sub(rest, n, rest.n);
    }
    arena_free(a);
    return 0;
}
