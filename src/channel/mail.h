/* mail.h - what the drivers of mail share: from a message to the parts of a
 * mail, with what the sender asked for in overrides.email. Private to channel/.
 * Pure. */
#pragma once

#include "channel/http.h"
#include "channel/mime.h"

/* A row of each mail driver's table; mail_check_from() belongs to it. */
#define MAIL_FROM_ROW                                                          \
    {                                                                          \
        .name = "from", .type = FIELD_EMAIL, .flags = FIELD_REQUIRED,          \
        .max = 512,                                                            \
        .doc = "The sender, as \"mail@example.com\" or \"Name "                \
               "<mail@example.com>\".",                                        \
    }
void mail_check_from(struct json config, struct problem *p);

extern const char *const mail_channels[]; /* "email" */

/* NULL, or why it is no mail (static). What is taken may still have faults
 * that mime_fault() finds. */
const char *mail_compose(const struct channel_call *c,
                         struct mime_message *ret);
/* What a webhook is to bring back of a mail with copies: an event is about the
 * delivery only if it is about this address. Empty: it has none. */
struct str mail_addressee(const struct mime_message *m);
bool mail_is_about(struct str addressee, struct str address);
/* With copies in the envelope nobody knows whose address an answer means. */
bool mail_has_copies(const struct channel_call *c);

/* ---- for APIs that take the parts ---- */

/* An address of its envelope needs a server with SMTPUTF8 (RFC 6531 3.4). */
bool mail_is_wide(const struct mime_message *m);
/* True: refused, as one of its addresses is not ASCII before the @. */
bool mail_refuse_wide(struct channel_call *c, const struct mime_message *m);
/* A mail without fault; false: refused, and the call is over. It has a text or
 * HTML (else the subject stands there, too: APIs take none without), and no
 * address twice. */
bool mail_take(struct channel_call *c, struct mime_message *ret);
/* "Name <a@example.com>", as people write it: the API encodes it. */
struct str mail_address(struct arena *a, const struct mime_address *address);
/* All of them, with commas between. */
struct str mail_addresses(struct arena *a, const struct mime_address *row,
                          size_t n);
/* As channel_judge_http(); 413 is of the size. */
struct channel_verdict mail_judge(struct channel_call *c,
                                  const struct field *config);
