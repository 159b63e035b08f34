#include "realtime/frame.h"

#include <assert.h>
#include <string.h>

static bool
is_one_line(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '\0')
            return false;
    return true;
}

static void
put_field(struct buf *out, const char *name, struct str value)
{
    buf_put_cstr(out, name);
    buf_put_cstr(out, ": ");
    buf_put_str(out, value);
    buf_put_char(out, '\n');
}

/* The bytes before the first CR, LF or CRLF, which is taken off, too. False
 * when there was none. */
static bool
take_line(struct str *rest, struct str *ret)
{
    for (size_t i = 0; i < rest->n; i++) {
        const char c = rest->p[i];

        if (c != '\r' && c != '\n')
            continue;
        *ret = str_sub(*rest, 0, i);
        if (c == '\r' && i + 1 < rest->n && rest->p[i + 1] == '\n')
            i++;
        *rest = str_sub(*rest, i + 1, rest->n);
        return true;
    }
    return false;
}

void
frame_put(struct buf *out, const char *event, struct str id, struct str data)
{
    struct str line;

    assert(is_one_line(str_from(event)) && is_one_line(id));
    put_field(out, "event", str_from(event));
    if (id.n > 0)
        put_field(out, "id", id);
    while (take_line(&data, &line))
        put_field(out, "data", line);
    put_field(out, "data", data);
    buf_put_char(out, '\n');
}

void
frame_put_retry(struct buf *out, int64_t ms)
{
    buf_printf(out, "retry: %lld\n", (long long)ms);
}

/* ---- frames with JSON ---- */

struct block {
    struct buf *out;
    struct buf json;
    struct json_writer w;
};

static void
block_begin(struct block *b, struct buf *out)
{
    *b = (struct block){.out = out};
    b->w = json_writer(&b->json);
    json_begin_object(&b->w);
}

static void
block_end(struct block *b, const char *event, const struct inbox_cursor *at)
{
    char text[INBOX_CURSOR_SIZE];

    json_end_object(&b->w);
    frame_put(b->out, event, at ? inbox_cursor_format(text, *at) : STR_NONE,
              buf_str(&b->json));
    buf_fini(&b->json);
}

static void
put_counts(struct json_writer *w, struct inbox_counts counts)
{
    json_put_key(w, "counts");
    inbox_counts_write(counts, w);
}

void
frame_put_hello(struct buf *out, const struct frame_hello *h)
{
    char text[INBOX_CURSOR_SIZE];
    const struct str cursor = inbox_cursor_format(text, h->at);
    struct block b;

    block_begin(&b, out);
    json_int_field(&b.w, "v", 1);
    json_str_field(&b.w, "epoch",
                   str_sub(cursor, 0, (size_t)str_find(cursor, '.')));
    json_int_field(&b.w, "rev", h->at.rev);
    json_int_field(&b.w, "hb", h->heartbeat_ms);
    json_int_field(&b.w, "max_age", h->max_age_ms);
    put_counts(&b.w, h->counts);
    json_bool_field(&b.w, "resumed", h->is_resumed);
    json_int_field(&b.w, "missed", h->n_missed);
    block_end(&b, "hello", &h->at);
}

/* Reading and archiving say when; whoever reads an item has seen it, so an
 * item without seen_at takes that time for it, too. */
static void
put_state(struct json_writer *w, enum inbox_change change, int64_t at_ms)
{
    const char *name = "archived_at";

    if (change == INBOX_SEEN)
        name = "seen_at";
    else if (change == INBOX_READ || change == INBOX_UNREAD)
        name = "read_at";
    if (change == INBOX_UNREAD || change == INBOX_UNARCHIVE)
        at_ms = 0;
    json_str_field(w, "change", str_from(inbox_change_name(change)));
    json_put_key(w, "state");
    json_begin_object(w);
    json_time_field(w, name, at_ms);
    json_end_object(w);
}

static void
put_ids(struct json_writer *w, const struct inbox_names *n,
        const struct inbox_event *e)
{
    json_put_key(w, "ids");
    json_begin_array(w);
    for (size_t i = 0; i < e->n_ids; i++) {
        char text[ID_TEXT_MAX];

        json_put_str(w, inbox_item_id(text, n, e->ids[i]));
    }
    json_end_array(w);
}

static void
put_filter(struct json_writer *w, const struct inbox_event *e)
{
    json_put_key(w, "filter");
    json_begin_object(w);
    json_bool_field(w, "all", true);
    json_int_field(w, "before_rev", e->before_rev);
    json_end_object(w);
}

void
frame_put_event(struct buf *out, struct arena *a, const struct inbox_names *n,
                int64_t epoch, const struct inbox_event *e)
{
    const struct inbox_cursor at = {epoch, e->rev};
    const char *name = NULL;
    struct block b;

    block_begin(&b, out);
    switch (e->kind) {
    case INBOX_EVENT_ITEM:
        name = "item.upsert";
        json_put_key(&b.w, "item");
        inbox_item_write(n, a, &e->item, &b.w);
        break;
    case INBOX_EVENT_STATE:
        name = "item.state";
        put_ids(&b.w, n, e);
        put_state(&b.w, e->change, e->at_ms);
        break;
    case INBOX_EVENT_ALL:
        name = "items.state";
        put_filter(&b.w, e);
        put_state(&b.w, e->change, e->at_ms);
        break;
    }
    assert(name);
    put_counts(&b.w, e->counts);
    block_end(&b, name, &at);
}

void
frame_put_reset(struct buf *out, const char *why, struct inbox_cursor at,
                struct inbox_counts counts)
{
    struct block b;

    block_begin(&b, out);
    json_str_field(&b.w, "why", str_from(why));
    put_counts(&b.w, counts);
    block_end(&b, "reset", &at);
}

void
frame_put_heartbeat(struct buf *out, int64_t rev, bool as_event)
{
    struct block b;

    if (!as_event) {
        buf_printf(out, ": hb %lld\n\n", (long long)rev);
        return;
    }
    block_begin(&b, out);
    json_int_field(&b.w, "rev", rev);
    block_end(&b, "hb", NULL);
}

static const struct {
    int code;
    const char *reason;
} byes[] = {
    [BYE_DRAIN] = {4001, "drain"},
    [BYE_MAX_AGE] = {4002, "max_age"},
    [BYE_EXPIRED] = {4005, "expired"},
};

void
frame_put_bye(struct buf *out, enum frame_bye why, int64_t after_ms)
{
    struct block b;

    frame_put_retry(out, after_ms); /* for readers that know nothing of bye */
    block_begin(&b, out);
    json_int_field(&b.w, "code", byes[why].code);
    json_str_field(&b.w, "reason", str_from(byes[why].reason));
    json_bool_field(&b.w, "reconnect", true);
    json_int_field(&b.w, "after_ms", after_ms);
    block_end(&b, "bye", NULL);
}
