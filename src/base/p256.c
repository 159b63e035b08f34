/* p256.c - see p256.h. */
#include "base/p256.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>

/* What a calculation needs. */
struct curve {
    EC_GROUP *group;
    BN_CTX *ctx;
    EC_POINT *in, *out;
    BIGNUM *secret, *x;
};

static bool
begin(struct curve *c)
{
    *c = (struct curve){.group =
                            EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1)};
    if (!c->group)
        return false;
    c->ctx = BN_CTX_new();
    c->in = EC_POINT_new(c->group);
    c->out = EC_POINT_new(c->group);
    c->secret = BN_secure_new();
    c->x = BN_secure_new();
    return c->ctx && c->in && c->out && c->secret && c->x;
}

static void
end(struct curve *c)
{
    BN_clear_free(c->x);
    BN_clear_free(c->secret);
    EC_POINT_clear_free(c->out);
    EC_POINT_free(c->in);
    BN_CTX_free(c->ctx);
    EC_GROUP_free(c->group);
    ERR_clear_error();
}

/* OpenSSL refuses what is not on the curve. */
static bool
read_point(struct curve *c, struct str raw)
{
    return raw.n == P256_POINT && raw.p[0] == POINT_CONVERSION_UNCOMPRESSED &&
           EC_POINT_oct2point(c->group, c->in, (const unsigned char *)raw.p,
                              raw.n, c->ctx) == 1;
}

static bool
read_secret(struct curve *c, const uint8_t secret[static P256_SECRET])
{
    return BN_bin2bn(secret, P256_SECRET, c->secret) &&
           !BN_is_zero(c->secret) &&
           BN_cmp(c->secret, EC_GROUP_get0_order(c->group)) < 0;
}

bool
p256_is_point(struct str raw)
{
    struct curve c;
    bool is = begin(&c) && read_point(&c, raw);

    end(&c);
    return is;
}

bool
p256_public(const uint8_t secret[static P256_SECRET],
            uint8_t ret[static P256_POINT])
{
    struct curve c;
    bool is_done =
        begin(&c) && read_secret(&c, secret) &&
        EC_POINT_mul(c.group, c.out, c.secret, NULL, NULL, c.ctx) == 1 &&
        EC_POINT_point2oct(c.group, c.out, POINT_CONVERSION_UNCOMPRESSED, ret,
                           P256_POINT, c.ctx) == P256_POINT;

    end(&c);
    return is_done;
}

bool
p256_agree(const uint8_t secret[static P256_SECRET], struct str point,
           uint8_t ret[static P256_SECRET])
{
    struct curve c;
    bool is_done =
        begin(&c) && read_secret(&c, secret) && read_point(&c, point) &&
        EC_POINT_mul(c.group, c.out, NULL, c.in, c.secret, c.ctx) == 1 &&
        EC_POINT_get_affine_coordinates(c.group, c.out, c.x, NULL, c.ctx) ==
            1 &&
        BN_bn2binpad(c.x, ret, P256_SECRET) == P256_SECRET;

    end(&c);
    return is_done;
}
