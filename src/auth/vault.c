#include "auth/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/rng.h"

/* Subkeys of crypto_kdf; the numbers are part of the stored format. */
enum purpose { PURPOSE_ID = 1, PURPOSE_SEAL = 2, PURPOSE_SIGN = 3 };
#define CONTEXT "belfry01"

struct vault {
    uint8_t id_key[ID_KEY_BYTES];
    uint8_t seal_key[crypto_aead_xchacha20poly1305_ietf_KEYBYTES];
    uint8_t sign_key[crypto_auth_hmacsha256_KEYBYTES];
};

struct vault *
vault_from(const uint8_t secret[static VAULT_SECRET_BYTES])
{
    struct vault *v;

    if (sodium_init() < 0)
        fatal("libsodium could not be initialised");
    v = sodium_malloc(sizeof(*v));
    if (!v)
        fatal("no locked memory for secrets: raise the memlock limit");
    crypto_kdf_derive_from_key(v->id_key, sizeof(v->id_key), PURPOSE_ID,
                               CONTEXT, secret);
    crypto_kdf_derive_from_key(v->seal_key, sizeof(v->seal_key), PURPOSE_SEAL,
                               CONTEXT, secret);
    crypto_kdf_derive_from_key(v->sign_key, sizeof(v->sign_key), PURPOSE_SIGN,
                               CONTEXT, secret);
    sodium_mprotect_readonly(v);
    return v;
}

void
vault_free(struct vault *v)
{
    sodium_free(v);
}

static bool
write_new_file(const char *path, const uint8_t *secret)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool is_ok;

    if (fd < 0)
        return false;
    is_ok = write(fd, secret, VAULT_SECRET_BYTES) == VAULT_SECRET_BYTES &&
            fsync(fd) == 0;
    if (close(fd) != 0)
        is_ok = false;
    if (!is_ok)
        unlink(path);
    return is_ok;
}

/* One byte more than wanted is asked for, so that a longer file shows. */
static ssize_t
read_file(const char *path, uint8_t *bytes, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return -1;
    n = read(fd, bytes, cap);
    close(fd);
    return n;
}

enum err
vault_open(const char *path, bool makes, struct vault **ret,
           const char **ret_why)
{
    uint8_t bytes[VAULT_SECRET_BYTES + 1];
    ssize_t n = read_file(path, bytes, sizeof(bytes));
    enum err e = ERR_OK;

    if (n < 0 && errno == ENOENT && makes) {
        rng_secret(bytes, VAULT_SECRET_BYTES);
        n = write_new_file(path, bytes) ? VAULT_SECRET_BYTES : -1;
    }
    if (n < 0) {
        *ret_why = strerror(errno);
        e = ERR_IO;
    } else if (n != VAULT_SECRET_BYTES) {
        *ret_why = "the secret key file must hold exactly 32 bytes";
        e = ERR_INVALID;
    } else {
        *ret = vault_from(bytes);
    }
    sodium_memzero(bytes, sizeof(bytes));
    return e;
}

const uint8_t *
vault_id_key(const struct vault *v)
{
    return v->id_key;
}

#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES crypto_aead_xchacha20poly1305_ietf_ABYTES

struct str
vault_seal(const struct vault *v, struct arena *a, struct str purpose,
           struct str plain)
{
    uint8_t *box = arena_alloc(a, NONCE_BYTES + plain.n + TAG_BYTES);
    unsigned long long n;
    struct buf out;

    rng_secret(box, NONCE_BYTES);
    crypto_aead_xchacha20poly1305_ietf_encrypt(
        box + NONCE_BYTES, &n, (const uint8_t *)plain.p, plain.n,
        (const uint8_t *)purpose.p, purpose.n, NULL, box, v->seal_key);
    buf_init(&out, a);
    buf_put_base64url(&out, (struct str){(char *)box, NONCE_BYTES + (size_t)n});
    return buf_str(&out);
}

enum err
vault_unseal(const struct vault *v, struct arena *a, struct str purpose,
             struct str sealed, struct str *ret_plain)
{
    struct buf box;
    uint8_t *plain;
    unsigned long long n;

    buf_init(&box, a);
    if (!buf_get_base64(&box, sealed) || box.n < NONCE_BYTES + TAG_BYTES)
        return ERR_INVALID;
    plain = arena_alloc(a, box.n);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            plain, &n, NULL, (const uint8_t *)box.p + NONCE_BYTES,
            box.n - NONCE_BYTES, (const uint8_t *)purpose.p, purpose.n,
            (const uint8_t *)box.p, v->seal_key) != 0)
        return ERR_INVALID;
    *ret_plain = (struct str){(char *)plain, (size_t)n};
    return ERR_OK;
}

void
vault_sign(const struct vault *v, const char *purpose, struct str text,
           uint8_t ret_mac[static 32])
{
    crypto_auth_hmacsha256_state s;

    crypto_auth_hmacsha256_init(&s, v->sign_key, sizeof(v->sign_key));
    /* The NUL ends the purpose: no two (purpose, text) run together. */
    crypto_auth_hmacsha256_update(&s, (const uint8_t *)purpose,
                                  strlen(purpose) + 1);
    crypto_auth_hmacsha256_update(&s, (const uint8_t *)text.p, text.n);
    crypto_auth_hmacsha256_final(&s, ret_mac);
}
