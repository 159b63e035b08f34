/* hmac.c - see hmac.h. HMAC is RFC 2104. */
#include "base/hmac.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

#include "base/arena.h"

static struct str
hmac(struct arena *a, const EVP_MD *md, struct str key, struct str text)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int n = 0;

    if (!HMAC(md, key.n > 0 ? key.p : "", (int)key.n,
              (const unsigned char *)text.p, text.n, digest, &n))
        abort(); /* no memory */
    return str_dup(a, (struct str){(const char *)digest, n});
}

struct str
hmac_sha256(struct arena *a, struct str key, struct str text)
{
    return hmac(a, EVP_sha256(), key, text);
}

struct str
hmac_sha512(struct arena *a, struct str key, struct str text)
{
    return hmac(a, EVP_sha512(), key, text);
}

struct str
hmac_sha1(struct arena *a, struct str key, struct str text)
{
    return hmac(a, EVP_sha1(), key, text);
}

struct str
hash_sha256(struct arena *a, struct str text)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int n = 0;

    if (!EVP_Digest(text.p, text.n, digest, &n, EVP_sha256(), NULL))
        abort(); /* no memory */
    return str_dup(a, (struct str){(const char *)digest, n});
}

bool
hmac_is_same(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || CRYPTO_memcmp(a.p, b.p, a.n) == 0);
}
