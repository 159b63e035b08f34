/* http_body.c - gathering the body of a request.
 *
 * A body that fits behind its head in the connection's buffer stays there; a
 * larger one, and what comes out of chunks, is gathered apart, and memory
 * grows only with what really came. */
#include "net/http_conn.h"

static enum http_progress
refuse(struct http_work *w, enum err e, const char *why)
{
    w->refused = e;
    w->why = why;
    return HTTP_REFUSED;
}

static enum http_progress
refuse_size(struct http_work *w)
{
    return refuse(w, ERR_TOO_LARGE,
                  "The body is larger than this route takes; "
                  "BELFRY_HTTP_MAX_BODY, _MAX_SEND and _MAX_BATCH set that.");
}

enum http_progress
body_begin(struct http_work *w)
{
    const size_t n_head = w->parser.at;

    w->n_used = n_head;
    w->is_body_apart = false;
    buf_reset(&w->body);
    switch (w->parser.framing) {
    case HTTP_NO_BODY:
        w->request.body = STR_NONE;
        return HTTP_DONE;
    case HTTP_CHUNKED:
        chunk_parser_init(&w->chunks);
        w->is_body_apart = true;
        return HTTP_MORE;
    case HTTP_LENGTH:
        break;
    }
    if (w->parser.content_length > w->body_limit)
        return refuse_size(w);
    if (w->parser.content_length > IN_SIZE - n_head) {
        w->is_body_apart = true;
        buf_put(&w->body, w->in + n_head, w->n_in - n_head);
        w->n_in = n_head;
    }
    return HTTP_MORE;
}

static enum http_progress
progress_length(struct http_work *w)
{
    const size_t n = (size_t)w->parser.content_length;

    if (w->is_body_apart) {
        w->request.body = buf_str(&w->body);
        return w->body.n == n ? HTTP_DONE : HTTP_MORE;
    }
    if (w->n_in - w->parser.at < n)
        return HTTP_MORE;
    w->request.body = (struct str){w->in + w->parser.at, n};
    w->n_used = w->parser.at + n;
    return HTTP_DONE;
}

static enum http_progress
progress_chunks(struct http_work *w)
{
    const size_t n_head = w->parser.at;
    struct str in = {w->in + n_head, w->n_in - n_head}, data;
    enum http_progress progress;

    while ((progress = chunk_parser_run(&w->chunks, &in, &data)) == HTTP_DATA) {
        if (data.n > w->body_limit - w->body.n)
            return refuse_size(w);
        buf_put_str(&w->body, data);
    }
    if (progress == HTTP_REFUSED)
        return refuse(w, ERR_MALFORMED, w->chunks.why);
    if (progress == HTTP_MORE) {
        w->n_in = n_head; /* all of it was used */
    } else {
        w->n_used = w->n_in - in.n;
        w->request.body = buf_str(&w->body);
    }
    return progress;
}

enum http_progress
body_progress(struct http_work *w)
{
    if (w->parser.framing == HTTP_CHUNKED)
        return progress_chunks(w);
    return progress_length(w);
}

char *
body_room(struct http_work *w, size_t *ret_n)
{
    if (w->is_body_apart && w->parser.framing == HTTP_LENGTH) {
        const size_t left = (size_t)w->parser.content_length - w->body.n;

        if (w->body.cap == w->body.n)
            buf_reserve(&w->body, left < IN_SIZE ? left : IN_SIZE);
        *ret_n = w->body.cap - w->body.n;
        if (*ret_n > left)
            *ret_n = left;
        return w->body.p + w->body.n;
    }
    *ret_n = IN_SIZE - w->n_in;
    return w->in + w->n_in;
}

void
body_took(struct http_work *w, size_t n)
{
    if (w->is_body_apart && w->parser.framing == HTTP_LENGTH)
        w->body.n += n;
    else
        w->n_in += n;
}

bool
body_is_fast_enough(const struct http_work *w, int64_t elapsed_ms)
{
    const size_t n = w->is_body_apart ? w->body.n : w->n_in - w->parser.at;

    return (int64_t)n >= elapsed_ms * 1024 / 1000;
}

void
body_reset(struct http_work *w)
{
    if (w->body.cap > KEEP_SIZE)
        buf_fini(&w->body);
    buf_reset(&w->body);
}
