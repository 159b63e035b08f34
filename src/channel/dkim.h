/* dkim.h - DKIM signatures of mails (RFC 6376, 8463): relaxed/relaxed, over the
 * headers that a reader sees, each named once more than it is there, so that
 * none can be added. Pure. */
#pragma once

#include "base/str.h"

struct dkim_key {
    struct str domain, selector;
    struct str private_key; /* PEM: RSA of 1024 bits or more, or Ed25519 */
};

/* Why it cannot sign, as the end of a sentence; NULL: it can. */
const char *dkim_key_fault(struct str private_key);
/* The header for before the message, with its line end; STR_NONE where
 * dkim_key_fault() has a word. */
struct str dkim_sign(struct arena *a, const struct dkim_key *key,
                     struct str message, int64_t wall_ms);

/* The parts of it, for their tests. */
struct str dkim_relaxed_body(struct arena *a, struct str body);
/* What is hashed: the headers named in `names` ("from:to"), then `own`, the
 * signature's header with an empty b=. */
struct str dkim_signed_text(struct arena *a, struct str headers,
                            struct str names, struct str own);
struct str dkim_signature_of(struct arena *a, const struct dkim_key *key,
                             struct str signed_text); /* in base64 */
