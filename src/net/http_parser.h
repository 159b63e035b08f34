/* http_parser.h - the head of an HTTP/1.1 request and the chunked coding
 * (RFC 9112), strict, without any input or output of their own.
 *
 * Both are resumable: they remember how far they looked, so that a client who
 * sends one byte at a time costs one look a byte, and they refuse at the byte
 * that is wrong, not at the end. Whatever two servers might read differently
 * is refused: a proxy in front of us may be the other one. */
#pragma once

#include "base/err.h"

struct http_header;

enum {
    HTTP_METHOD_MAX = 32,
    HTTP_TARGET_MAX = 8 * 1024,
    HTTP_HEADERS_MAX = 64,
    HTTP_HEAD_MAX = 16 * 1024,
    HTTP_CHUNK_DIGITS_MAX = 8,
    HTTP_CHUNK_EXTRA_MAX = 8 * 1024, /* extensions and trailers of a body */
};

enum http_progress {
    HTTP_MORE,    /* all bytes are used, more are needed */
    HTTP_DATA,    /* chunked only: some of the body came out */
    HTTP_DONE,    /* complete; bytes may be left over */
    HTTP_REFUSED, /* see err and why; nothing after it can be trusted */
};

enum http_framing { HTTP_NO_BODY, HTTP_LENGTH, HTTP_CHUNKED };

/* Bytes of the head, which may move between calls. */
struct head_span {
    uint16_t at, n;
};

struct head_parser {
    size_t at; /* bytes looked at; the head's length once done */
    unsigned state, n_in_state;
    struct head_span method, target, authority, path, host;
    struct head_span names[HTTP_HEADERS_MAX], values[HTTP_HEADERS_MAX];
    unsigned n_headers;
    int minor_version; /* HTTP/1.x */
    bool is_tabbed;    /* a tab stands before or behind this value */
    bool has_host, has_length, has_coding, says_close, says_keep_alive;

    enum http_framing framing;
    uint64_t content_length;
    bool expects_continue;

    enum err err; /* once refused */
    const char *why;
};

void head_parser_init(struct head_parser *p);
/* `head` is the request from its first byte, n bytes of it so far. */
enum http_progress head_parser_run(struct head_parser *p, const char *head,
                                   size_t n);
bool head_parser_keeps_alive(const struct head_parser *p);

/* The parts of a complete head, as slices of it. */
struct http_head {
    struct str method;
    struct str path;  /* of either form; "*" means the server itself */
    struct str query; /* after '?', or STR_NONE */
};
/* `headers` has room for p->n_headers. */
void head_parser_get(const struct head_parser *p, const char *head,
                     struct http_head *ret, struct http_header *headers);

struct chunk_parser {
    unsigned state, n_digits;
    uint32_t left;   /* bytes of this chunk still to come */
    uint32_t extra;  /* bytes of extensions and trailers so far */
    const char *why; /* once refused; always ERR_MALFORMED */
};

void chunk_parser_init(struct chunk_parser *c);
/* Takes bytes off *in. HTTP_DATA: *ret_data is a part of the body, a slice of
 * what was taken; call again with the rest. */
enum http_progress chunk_parser_run(struct chunk_parser *c, struct str *in,
                                    struct str *ret_data);
