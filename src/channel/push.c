/* push.c - see push.h. */
#include "channel/push.h"

#include "base/arena.h"

int64_t
push_ttl_ms(const struct channel_call *c)
{
    int64_t left_ms = c->messages[0].expires_ms - c->now_ms;

    if (c->messages[0].expires_ms == 0 || left_ms > PUSH_TTL_MAX_MS)
        return PUSH_TTL_MAX_MS;
    return left_ms > 0 ? left_ms : 0;
}

static struct str
written(struct channel_call *c, const struct channel_message *m,
        void (*write)(struct channel_call *c, const struct channel_message *m,
                      struct buf *out))
{
    struct buf out;

    buf_init(&out, c->arena);
    write(c, m, &out);
    return buf_str(&out);
}

static void
refuse(struct channel_call *c, size_t max)
{
    struct channel_verdict v = {
        .verdict = VERDICT_REJECTED,
        .reason = reason_code(REASON_SIZE_TOO_LARGE),
        .detail = str_fmt(c->arena,
                          "title, data and actions are more than the %zu bytes "
                          "of a push",
                          max),
    };

    channel_conclude(c, &v);
}

bool
push_fit(struct channel_call *c, size_t max,
         void (*write)(struct channel_call *c, const struct channel_message *m,
                       struct buf *out),
         struct str *ret)
{
    struct channel_message m = c->messages[0];
    struct str whole = written(c, &m, write);
    struct str body = m.body;
    size_t room;

    *ret = whole;
    if (whole.n <= max)
        return true;
    m.body = STR_NONE;
    whole = written(c, &m, write);
    if (whole.n > max || body.n == 0) {
        refuse(c, max);
        return false;
    }
    /* A character is a byte or more, and more where it is escaped. */
    for (room = max - whole.n; room > 0; room = room * 3 / 4) {
        m.body = channel_clip(c->arena, body, room);
        *ret = written(c, &m, write);
        if (ret->n <= max)
            return true;
    }
    *ret = whole;
    return true;
}

static void
put(struct json_writer *w, const char *key, struct str json, bool as_text)
{
    if (json.n == 0)
        return;
    if (as_text)
        json_str_field(w, key, json);
    else
        json_raw_field(w, key, json);
}

void
push_put_data(struct json_writer *w, const struct channel_message *m,
              bool as_text)
{
    json_str_field(w, "notification_id", m->notification_id);
    json_str_field(w, "delivery_id", m->delivery_id);
    if (m->category.n > 0)
        json_str_field(w, "category", m->category);
    put(w, "data", m->data, as_text);
    put(w, "actions", m->actions, as_text);
}
