/* json_write.c - the writer half of json.h: values in, text out.
 *
 * Invariant: bit `depth` of `comma` says that something stands before what
 * comes next on this level. A key clears it for its own value. */
#include "base/json.h"

#include <assert.h>

#include "base/clock.h"

struct json_writer
json_writer(struct buf *out)
{
    return (struct json_writer){.out = out};
}

static void
writer_separate(struct json_writer *w)
{
    uint64_t level = UINT64_C(1) << w->depth;

    if (w->comma & level)
        buf_put_char(w->out, ',');
    w->comma |= level;
}

static void
writer_open(struct json_writer *w, char c)
{
    writer_separate(w);
    buf_put_char(w->out, c);
    w->depth++;
    assert(w->depth < 64);
    w->comma &= ~(UINT64_C(1) << w->depth);
}

static void
writer_close(struct json_writer *w, char c)
{
    assert(w->depth > 0);
    w->depth--;
    buf_put_char(w->out, c);
}

void
json_begin_object(struct json_writer *w)
{
    writer_open(w, '{');
}

void
json_end_object(struct json_writer *w)
{
    writer_close(w, '}');
}

void
json_begin_array(struct json_writer *w)
{
    writer_open(w, '[');
}

void
json_end_array(struct json_writer *w)
{
    writer_close(w, ']');
}

void
json_put_key_str(struct json_writer *w, struct str key)
{
    writer_separate(w);
    buf_put_json_str(w->out, key);
    buf_put_char(w->out, ':');
    w->comma &= ~(UINT64_C(1) << w->depth);
}

void
json_put_key(struct json_writer *w, const char *key)
{
    json_put_key_str(w, str_from(key));
}

void
json_put_str(struct json_writer *w, struct str s)
{
    writer_separate(w);
    buf_put_json_str(w->out, s);
}

void
json_put_cstr(struct json_writer *w, const char *s)
{
    if (s)
        json_put_str(w, str_from(s));
    else
        json_put_null(w);
}

void
json_put_int(struct json_writer *w, int64_t v)
{
    writer_separate(w);
    buf_put_i64(w->out, v);
}

void
json_put_bool(struct json_writer *w, bool v)
{
    json_put_raw(w, v ? STR("true") : STR("false"));
}

void
json_put_null(struct json_writer *w)
{
    json_put_raw(w, STR("null"));
}

void
json_put_raw(struct json_writer *w, struct str value)
{
    writer_separate(w);
    /* An absent value still has to be some value. */
    buf_put_str(w->out, value.n > 0 ? value : STR("null"));
}

void
json_put_time(struct json_writer *w, int64_t wall_ms)
{
    char text[TIME_TEXT_SIZE];

    if (wall_ms == 0)
        json_put_null(w);
    else
        json_put_str(w, time_format(text, wall_ms));
}

void
json_put_duration(struct json_writer *w, int64_t ms)
{
    char text[TIME_TEXT_SIZE];

    json_put_str(w, duration_format(text, ms));
}

void
json_str_field(struct json_writer *w, const char *key, struct str s)
{
    json_put_key(w, key);
    json_put_str(w, s);
}

void
json_str_or_null_field(struct json_writer *w, const char *key, struct str s)
{
    json_put_key(w, key);
    if (s.n > 0)
        json_put_str(w, s);
    else
        json_put_null(w);
}

void
json_int_field(struct json_writer *w, const char *key, int64_t v)
{
    json_put_key(w, key);
    json_put_int(w, v);
}

void
json_bool_field(struct json_writer *w, const char *key, bool v)
{
    json_put_key(w, key);
    json_put_bool(w, v);
}

void
json_raw_field(struct json_writer *w, const char *key, struct str value)
{
    json_put_key(w, key);
    json_put_raw(w, value);
}

void
json_time_field(struct json_writer *w, const char *key, int64_t wall_ms)
{
    json_put_key(w, key);
    json_put_time(w, wall_ms);
}
