/* p256.h - key agreement on the curve P-256 (RFC 5903), over OpenSSL. A point
 * is 65 bytes: 4, then x and y. Pure. */
#pragma once

#include "base/str.h"

#define P256_SECRET 32
#define P256_POINT 65

/* A point of that form on the curve. */
bool p256_is_point(struct str raw);
/* False: the secret is no scalar of the curve; another 32 random bytes are, but
 * for one case in 2^32. */
bool p256_public(const uint8_t secret[static P256_SECRET],
                 uint8_t ret[static P256_POINT]);
/* The x of the shared point. False: as above, or `point` is none. */
bool p256_agree(const uint8_t secret[static P256_SECRET], struct str point,
                uint8_t ret[static P256_SECRET]);
