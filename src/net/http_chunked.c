/* http_chunked.c - the chunked transfer coding, RFC 9112 section 7.1.
 *
 * Extensions and trailers are checked, counted and dropped: nothing here
 * means anything to us, and they must not be a way to hide bytes. */
#include "net/http_parser.h"

enum state {
    C_SIZE,
    C_EXTENSION,
    C_SIZE_LF,
    C_DATA,
    C_DATA_CR,
    C_DATA_LF,
    C_TRAILER, /* first byte of a trailer line or of the empty line */
    C_TRAILER_NAME,
    C_TRAILER_VALUE,
    C_TRAILER_LF,
    C_END_LF,
    C_DONE,
    C_REFUSED,
};

void
chunk_parser_init(struct chunk_parser *c)
{
    *c = (struct chunk_parser){.state = C_SIZE};
}

static enum http_progress
refuse(struct chunk_parser *c, const char *why)
{
    c->state = C_REFUSED;
    c->why = why;
    return HTTP_REFUSED;
}

static enum http_progress
enter(struct chunk_parser *c, enum state s)
{
    c->state = s;
    return HTTP_MORE;
}

static bool
is_text(char b)
{
    return b == '\t' || ((unsigned char)b >= 0x20 && b != 0x7f);
}

static bool
is_name(char b)
{
    return b && strchr("0123456789abcdefghijklmnopqrstuvwxyz"
                       "ABCDEFGHIJKLMNOPQRSTUVWXYZ!#$%&'*+-.^_`|~",
                       b);
}

static enum http_progress
step_size(struct chunk_parser *c, char b)
{
    const int digit = str_hex_digit(b);

    if (digit >= 0) {
        if (++c->n_digits > HTTP_CHUNK_DIGITS_MAX)
            return refuse(c, "A chunk size has more than 8 digits.");
        c->left = c->left << 4 | (uint32_t)digit;
        return HTTP_MORE;
    }
    if (c->n_digits == 0 || (b != '\r' && b != ';'))
        return refuse(c, "A chunk size is not hexadecimal.");
    c->n_digits = 0;
    return enter(c, b == ';' ? C_EXTENSION : C_SIZE_LF);
}

/* A byte that is dropped: of an extension or a trailer line. */
static enum http_progress
step_dropped(struct chunk_parser *c, char b)
{
    if (++c->extra > HTTP_CHUNK_EXTRA_MAX)
        return refuse(c, "Chunk extensions or trailers are over 8 KiB.");
    switch (c->state) {
    case C_EXTENSION:
        if (b == '\r')
            return enter(c, C_SIZE_LF);
        break;
    case C_TRAILER:
        if (b == '\r')
            return enter(c, C_END_LF);
        if (!is_name(b))
            return refuse(c, "A trailer name is not a token.");
        return enter(c, C_TRAILER_NAME);
    case C_TRAILER_NAME:
        if (b == ':')
            return enter(c, C_TRAILER_VALUE);
        if (!is_name(b))
            return refuse(c, "A trailer name is not a token.");
        return HTTP_MORE;
    default:
        if (b == '\r')
            return enter(c, C_TRAILER_LF);
        break;
    }
    if (!is_text(b))
        return refuse(c, "A chunk extension or trailer holds a control byte.");
    return HTTP_MORE;
}

static enum http_progress
step_line_feed(struct chunk_parser *c, char b)
{
    if (b != '\n')
        return refuse(c, "A carriage return stands alone.");
    switch (c->state) {
    case C_SIZE_LF:
        return enter(c, c->left ? C_DATA : C_TRAILER);
    case C_DATA_LF:
        return enter(c, C_SIZE);
    case C_TRAILER_LF:
        return enter(c, C_TRAILER);
    default:
        c->state = C_DONE;
        return HTTP_DONE;
    }
}

static enum http_progress
step(struct chunk_parser *c, char b)
{
    switch ((enum state)c->state) {
    case C_SIZE:
        return step_size(c, b);
    case C_EXTENSION:
    case C_TRAILER:
    case C_TRAILER_NAME:
    case C_TRAILER_VALUE:
        return step_dropped(c, b);
    case C_DATA_CR:
        if (b != '\r')
            return refuse(c, "A chunk is longer than its size.");
        return enter(c, C_DATA_LF);
    case C_SIZE_LF:
    case C_DATA_LF:
    case C_TRAILER_LF:
    case C_END_LF:
        return step_line_feed(c, b);
    case C_DONE:
        return HTTP_DONE;
    case C_DATA:
    case C_REFUSED:
        break;
    }
    return HTTP_REFUSED;
}

enum http_progress
chunk_parser_run(struct chunk_parser *c, struct str *in, struct str *ret_data)
{
    enum http_progress progress = HTTP_MORE;

    if (c->state == C_DONE)
        return HTTP_DONE;
    while (in->n && progress == HTTP_MORE) {
        if (c->state == C_DATA) {
            *ret_data = str_sub(*in, 0, c->left);
            *in = str_sub(*in, ret_data->n, in->n);
            c->left -= (uint32_t)ret_data->n;
            if (c->left == 0)
                c->state = C_DATA_CR;
            return HTTP_DATA;
        }
        progress = step(c, in->p[0]);
        if (progress != HTTP_REFUSED)
            *in = (struct str){in->p + 1, in->n - 1};
    }
    return progress;
}
