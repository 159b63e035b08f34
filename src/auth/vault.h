/* vault.h - the process's secret of 32 bytes, and what comes of it: secrets
 * sealed at rest (XChaCha20-Poly1305), the tag of public ids, the signature of
 * user tokens and cursors. Each purpose has a key of its own, derived with
 * BLAKE2b (crypto_kdf). Immutable; any thread. */
#pragma once

#include "base/err.h"
#include "base/id.h"

struct arena;
struct buf;
struct vault;

#define VAULT_SECRET_BYTES 32

/* From the file; if it is not there and `makes` says so, it is made with mode
 * 0600. ERR_IO or ERR_INVALID with a line in *ret_why. */
enum err vault_open(const char *path, bool makes, struct vault **ret,
                    const char **ret_why) MUST_CHECK;
struct vault *vault_from(const uint8_t secret[static VAULT_SECRET_BYTES]);
void vault_free(struct vault *v); /* wipes */

const uint8_t *vault_id_key(const struct vault *v); /* ID_KEY_BYTES */

/* Sealed text is base64url; `purpose` (tenant, kind, key, field) is bound to
 * it, so that a sealed secret opens only where it was put. */
struct str vault_seal(const struct vault *v, struct arena *a,
                      struct str purpose, struct str plain);
enum err vault_unseal(const struct vault *v, struct arena *a,
                      struct str purpose, struct str sealed,
                      struct str *ret_plain) MUST_CHECK;

/* HMAC-SHA256 under a key of that purpose. */
void vault_sign(const struct vault *v, const char *purpose, struct str text,
                uint8_t ret_mac[static 32]);
