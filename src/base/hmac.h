/* hmac.h - keyed and plain hashes, over OpenSSL. What comes out is raw bytes in
 * the arena; buf_put_hex() and buf_put_base64() write them. */
#pragma once

#include "base/str.h"

struct str hmac_sha256(struct arena *a, struct str key, struct str text);
struct str hmac_sha512(struct arena *a, struct str key, struct str text);
struct str hmac_sha1(struct arena *a, struct str key, struct str text);
struct str hash_sha256(struct arena *a, struct str text);
/* In constant time for texts of one length; another length is another text. */
bool hmac_is_same(struct str a, struct str b);
