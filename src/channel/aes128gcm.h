/* aes128gcm.h - a message to a browser, which nobody on its way can read (RFC
 * 8291 over RFC 8188). Private to channel/. Pure. */
#pragma once

#include "base/p256.h"

#define AES128GCM_SALT 16
#define AES128GCM_TEXT_MAX 3993 /* bytes, for a body of 4096 */

struct aes128gcm {
    struct str receiver; /* its public point */
    struct str auth;     /* its secret of 16 bytes */
    /* Of this message alone, random. */
    uint8_t secret[P256_SECRET];
    uint8_t salt[AES128GCM_SALT];
};
/* The body of the request, one record. STR_NONE: `receiver` is no point, or
 * `secret` no scalar. */
struct str aes128gcm_seal(struct arena *a, const struct aes128gcm *k,
                          struct str text);
