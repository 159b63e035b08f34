/* mime.h - an e-mail message as bytes (RFC 5322, 2045, 2047, 8058).
 *
 * Values go in, lines come out: whatever could end a header line early is
 * refused, never stripped, so no value can add a header or a recipient. Lines
 * end in CRLF and stay under 998 bytes; dots are not stuffed. Pure. */
#pragma once

#include "base/buf.h"
#include "domain/attachment.h"

struct mime_address {
    struct str name; /* display name, may be empty */
    /* "a@example.com". The domain is ASCII: what is not is written as its
     * A-label (RFC 5890); before the @ it may be UTF-8 (RFC 6532). */
    struct str spec;
};

struct mime_header {
    struct str name, value;
};

#define MIME_NAME_MAX 256 /* bytes of a display name */
#define MIME_URL_MAX 900
#define MIME_HEADERS_MAX 20 /* of the sender's own */

struct mime_message {
    struct mime_address from, to;
    struct mime_address reply_to; /* empty spec: none */
    const struct mime_address *cc;
    size_t n_cc;
    struct str subject;
    struct str text, html;      /* html may be empty */
    struct str id;              /* Message-ID before the "@" */
    struct str language;        /* BCP 47 tag; empty: not told */
    struct str unsubscribe_url; /* empty: none */
    const struct mime_header *headers;
    size_t n_headers;
    const struct attachment *attachments; /* loaded */
    size_t n_attachments;
    int64_t date_ms;
};

/* "a@b", "Name <a@b>" or "\"Na, me\" <a@b>". False: no RFC 5321 or RFC 6531
 * mailbox with a plain local part. */
bool mime_parse_address(struct arena *a, struct str s,
                        struct mime_address *ret);
/* "a@m\u00fcnchen.example" with the domain's A-label; as it is, where that is
 * ASCII or none that has one. */
struct str mime_with_ascii_domain(struct arena *a, struct str spec);
/* It needs a server with SMTPUTF8. */
bool mime_is_wide(const struct mime_address *address);
bool mime_is_domain(struct str s);
/* Whether a sender may set that header: from a list, or X-. */
bool mime_header_is_free(struct str name);
/* NULL, or why a sender may not give that header that value (static). */
const char *mime_header_fault(struct str name, struct str value);

/* NULL, or what is wrong with it (static). */
const char *mime_fault(const struct mime_message *m);
struct str mime_message_id(struct arena *a, const struct mime_message *m);
/* What stands beside the addresses, subject, date and id, in that order: for
 * those who do not build the bytes, too. For a message without fault. */
#define MIME_EXTRA_MAX (MIME_HEADERS_MAX + 4)
size_t mime_extra_headers(struct arena *a, const struct mime_message *m,
                          struct mime_header row[static MIME_EXTRA_MAX]);

/* Appends the message. NULL, or what is wrong with it (static). */
const char *mime_build(struct arena *a, const struct mime_message *m,
                       struct buf *out);

/* The parts of it, for their tests. A value must have no control bytes. */
void mime_put_header(struct buf *out, const char *name, struct str value);
void mime_put_quoted_printable(struct buf *out, struct str crlf_text);
/* A parameter of a header that is being written, on lines of its own: as a
 * quoted string, or by RFC 2231 where that cannot hold it. */
void mime_put_parameter(struct buf *out, const char *name, struct str value);
