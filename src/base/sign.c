/* sign.c - see sign.h. */
#include "base/sign.h"

#include <limits.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"

#define RSA_BITS_MIN 1024
#define ES256_HALF 32 /* bytes of r, and of s */

/* ---- keys ---- */

/* Nobody is asked for a password: such a key is none. */
static int
no_password(char *p, int size, int is_writing, void *arg)
{
    (void)p;
    (void)size;
    (void)is_writing;
    (void)arg;
    return -1;
}

static EVP_PKEY *
read_pem(struct str pem, bool is_private)
{
    BIO *bio = pem.n > 0 && pem.n < INT_MAX ? BIO_new_mem_buf(pem.p, (int)pem.n)
                                            : NULL;
    EVP_PKEY *key = NULL;

    if (bio)
        key = is_private ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL)
                         : PEM_read_bio_PUBKEY(bio, NULL, no_password, NULL);
    BIO_free(bio);
    ERR_clear_error();
    return key;
}

static EVP_PKEY *
read_certificate(struct str pem)
{
    BIO *bio = pem.n < INT_MAX ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
    X509 *x = bio ? PEM_read_bio_X509(bio, NULL, no_password, NULL) : NULL;
    EVP_PKEY *key = x ? X509_get_pubkey(x) : NULL;

    X509_free(x);
    BIO_free(bio);
    ERR_clear_error();
    return key;
}

static EVP_PKEY *
read_public(struct str text)
{
    struct buf der = {0};
    const unsigned char *p;
    EVP_PKEY *key = NULL;

    text = str_trim(text);
    if (str_starts(text, STR("-----BEGIN CERTIFICATE")))
        return read_certificate(text);
    if (str_starts(text, STR("-----")))
        return read_pem(text, false);
    if (buf_get_base64(&der, text) && der.n > 0) {
        p = (const unsigned char *)der.p;
        key = d2i_PUBKEY(NULL, &p, (long)der.n);
    }
    buf_fini(&der);
    ERR_clear_error();
    return key;
}

static bool
is_p256(EVP_PKEY *key)
{
    char group[32] = "";

    return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
           EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) &&
           (strcmp(group, "prime256v1") == 0 || strcmp(group, "P-256") == 0);
}

static const char *
fault_of(EVP_PKEY *key, enum sign_algorithm alg)
{
    if (!key)
        return "is no private key in PEM without a password";
    switch (alg) {
    case SIGN_RS256:
    case SIGN_RS1:
        if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)
            return "is no RSA key";
        return EVP_PKEY_get_bits(key) < RSA_BITS_MIN
                   ? "is an RSA key of less than 1024 bits"
                   : NULL;
    case SIGN_ES256:
        return is_p256(key) ? NULL : "is no key on the curve P-256";
    case SIGN_ED25519:
        break;
    }
    return EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? NULL
                                                         : "is no Ed25519 key";
}

const char *
sign_key_fault(struct str pem, enum sign_algorithm alg)
{
    EVP_PKEY *key = read_pem(pem, true);
    const char *fault = fault_of(key, alg);

    EVP_PKEY_free(key);
    return fault;
}

const char *
sign_public_key_fault(struct str text, enum sign_algorithm alg)
{
    EVP_PKEY *key = read_public(text);
    const char *fault =
        key ? fault_of(key, alg) : "is no public key or certificate";

    EVP_PKEY_free(key);
    return fault;
}

/* ---- r and s ---- */

/* ASN.1 to the two halves; STR_NONE: it was none. */
static struct str
halves_of(struct arena *a, struct str der)
{
    const unsigned char *p = (const unsigned char *)der.p;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)der.n);
    unsigned char *raw = arena_alloc(a, 2 * ES256_HALF);
    bool fits =
        sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, ES256_HALF) > 0 &&
        BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + ES256_HALF, ES256_HALF) > 0;

    ECDSA_SIG_free(sig);
    return fits ? (struct str){(char *)raw, 2 * ES256_HALF} : STR_NONE;
}

/* The other way; OPENSSL_free() frees *ret. */
static size_t
asn1_of(struct str raw, unsigned char **ret)
{
    const unsigned char *p = (const unsigned char *)raw.p;
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = NULL, *s = NULL;
    int n = 0;

    *ret = NULL;
    if (raw.n == 2 * ES256_HALF) {
        r = BN_bin2bn(p, ES256_HALF, NULL);
        s = BN_bin2bn(p + ES256_HALF, ES256_HALF, NULL);
    }
    if (sig && r && s && ECDSA_SIG_set0(sig, r, s)) {
        n = i2d_ECDSA_SIG(sig, ret);
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(sig);
    return n > 0 ? (size_t)n : 0;
}

/* ---- signing ---- */

static const EVP_MD *
hash_of(enum sign_algorithm alg)
{
    if (alg == SIGN_RS1)
        return EVP_sha1();
    return alg == SIGN_ED25519 ? NULL : EVP_sha256();
}

static struct str
sign_with(struct arena *a, EVP_PKEY *key, enum sign_algorithm alg,
          struct str text)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const unsigned char *p = (const unsigned char *)text.p;
    unsigned char *raw = NULL;
    size_t n = 0;
    bool is_done = ctx &&
                   EVP_DigestSignInit(ctx, NULL, hash_of(alg), NULL, key) > 0 &&
                   EVP_DigestSign(ctx, NULL, &n, p, text.n) > 0;

    if (is_done) {
        raw = arena_alloc(a, n);
        is_done = EVP_DigestSign(ctx, raw, &n, p, text.n) > 0;
    }
    EVP_MD_CTX_free(ctx);
    return is_done ? (struct str){(char *)raw, n} : STR_NONE;
}

struct str
sign(struct arena *a, enum sign_algorithm alg, struct str pem, struct str text)
{
    EVP_PKEY *key = read_pem(pem, true);
    struct str s = STR_NONE;

    if (!fault_of(key, alg))
        s = sign_with(a, key, alg, text);
    EVP_PKEY_free(key);
    return s.n > 0 && alg == SIGN_ES256 ? halves_of(a, s) : s;
}

static bool
is_by(enum sign_algorithm alg, struct str public_key, struct str text,
      struct str signature)
{
    EVP_PKEY *key = read_public(public_key);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool is_good =
        ctx && !fault_of(key, alg) &&
        EVP_DigestVerifyInit(ctx, NULL, hash_of(alg), NULL, key) > 0 &&
        EVP_DigestVerify(ctx, (const unsigned char *)signature.p, signature.n,
                         (const unsigned char *)text.p, text.n) == 1;

    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return is_good;
}

bool
sign_is_by(enum sign_algorithm alg, struct str public_key, struct str text,
           struct str signature)
{
    unsigned char *der;
    size_t n;
    bool is_good;

    if (alg != SIGN_ES256)
        return is_by(alg, public_key, text, signature);
    n = asn1_of(signature, &der);
    is_good =
        n > 0 && is_by(alg, public_key, text, (struct str){(char *)der, n});
    OPENSSL_free(der);
    return is_good;
}

bool
sign_is_by_der(struct str public_key, struct str text, struct str signature)
{
    return is_by(SIGN_ES256, public_key, text, signature);
}

/* ---- tokens ---- */

struct str
sign_jwt(struct arena *a, enum sign_algorithm alg, struct str pem,
         struct str header, struct str claims)
{
    struct str signature;
    struct buf b;

    buf_init(&b, a);
    buf_put_base64url(&b, header);
    buf_put_char(&b, '.');
    buf_put_base64url(&b, claims);
    signature = sign(a, alg, pem, buf_str(&b));
    if (signature.n == 0)
        return STR_NONE;
    buf_put_char(&b, '.');
    buf_put_base64url(&b, signature);
    return buf_str(&b);
}
