/* standard.h - signatures of Standard Webhooks: secrets as configurations have
 * them, to sign a call or to check one that came in. */
#pragma once

#include "channel/channel.h"

#define STANDARD_SECRETS_MAX 8
#define STANDARD_SECRET_BYTES_MAX 128

/* How long a secret of ours that was replaced signs, too; and so many do. */
#define STANDARD_OVERLAP_MS (INT64_C(24) * 3600 * 1000)
#define STANDARD_OLD_MAX 4

/* For a row of FIELD_ONE_OF: "whsec_..." with blanks between several, or an
 * array of them. */
extern const struct field standard_secret_forms[];
/* Adds a fault for the member of that name, where it is there. */
void standard_check(struct json config, const char *name, struct problem *p);
/* The same for who signs: private keys ("whsk_...") will do, too. */
void standard_check_signer(struct json config, const char *name,
                           struct problem *p);

struct standard_secrets {
    struct str row[STANDARD_SECRETS_MAX]; /* raw, for v1: HMAC with SHA-256 */
    size_t n;
    struct str keys[STANDARD_SECRETS_MAX]; /* PEM, for v1a: Ed25519 */
    size_t n_keys;
};
/* False: one is none, or there are too many. */
bool standard_read(struct arena *a, struct json secrets,
                   struct standard_secrets *ret);

/* The value of webhook-signature; nothing is written without a secret. */
void standard_put_signatures(struct arena *a, const struct standard_secrets *s,
                             struct str id, struct str timestamp,
                             struct str body, struct buf *out);

/* Whether a webhook that came in has one of them in its headers prefix-id,
 * prefix-timestamp and prefix-signature, and is of now. */
bool standard_is_signed(const struct channel_receipt *r, const char *prefix,
                        struct json secrets);
