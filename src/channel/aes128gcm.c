/* aes128gcm.c - see aes128gcm.h. */
#include "channel/aes128gcm.h"

#include <openssl/evp.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/hmac.h"

#define RECORD 4096
#define KEY 16
#define NONCE 12
#define TAG 16
#define LAST 2 /* the delimiter of the last record */

/* HKDF of one block is one HMAC (RFC 5869): info, then the byte 1. */
static struct str
expand(struct arena *a, struct str key, struct str info, size_t n)
{
    struct buf b;

    buf_init(&b, a);
    buf_put_str(&b, info);
    buf_put_char(&b, 1);
    return str_sub(hmac_sha256(a, key, buf_str(&b)), 0, n);
}

static struct str
bytes(const uint8_t *p, size_t n)
{
    return (struct str){(const char *)p, n};
}

/* RFC 8291, section 3.4. */
static struct str
keying_material(struct arena *a, const struct aes128gcm *k, struct str shared,
                struct str sender)
{
    struct buf info;

    buf_init(&info, a);
    buf_put_str(&info, STR("WebPush: info\0"));
    buf_put_str(&info, k->receiver);
    buf_put_str(&info, sender);
    return expand(a, hmac_sha256(a, k->auth, shared), buf_str(&info), 32);
}

/* Appends the text, which ends with its delimiter, and the tag. */
static bool
encrypt(struct str key, struct str nonce, struct str text, struct buf *out)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    unsigned char *at;
    int n = 0, n_last = 0;
    bool is_done;

    buf_reserve(out, text.n + TAG);
    at = (unsigned char *)out->p + out->n;
    is_done =
        ctx &&
        EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL,
                           (const unsigned char *)key.p,
                           (const unsigned char *)nonce.p) == 1 &&
        EVP_EncryptUpdate(ctx, at, &n, (const unsigned char *)text.p,
                          (int)text.n) == 1 &&
        EVP_EncryptFinal_ex(ctx, at + n, &n_last) == 1 &&
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG, at + text.n) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (is_done)
        out->n += text.n + TAG;
    return is_done;
}

static void
put_header(const struct aes128gcm *k, struct str sender, struct buf *out)
{
    static const char size[4] = {0, 0, RECORD >> 8, RECORD & 0xff};

    buf_put(out, k->salt, AES128GCM_SALT);
    buf_put(out, size, sizeof(size));
    buf_put_char(out, P256_POINT);
    buf_put_str(out, sender);
}

struct str
aes128gcm_seal(struct arena *a, const struct aes128gcm *k, struct str text)
{
    uint8_t point[P256_POINT], shared[P256_SECRET];
    struct str sender = bytes(point, sizeof(point)), prk;
    struct buf plain, out;

    if (text.n > AES128GCM_TEXT_MAX || !p256_public(k->secret, point) ||
        !p256_agree(k->secret, k->receiver, shared))
        return STR_NONE;
    prk = hmac_sha256(
        a, bytes(k->salt, AES128GCM_SALT),
        keying_material(a, k, bytes(shared, sizeof(shared)), sender));
    buf_init(&plain, a);
    buf_put_str(&plain, text);
    buf_put_char(&plain, LAST);
    buf_init(&out, a);
    put_header(k, sender, &out);
    if (!encrypt(expand(a, prk, STR("Content-Encoding: aes128gcm\0"), KEY),
                 expand(a, prk, STR("Content-Encoding: nonce\0"), NONCE),
                 buf_str(&plain), &out))
        return STR_NONE;
    return buf_str(&out);
}
