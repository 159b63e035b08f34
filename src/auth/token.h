/* token.h - user tokens: a JWT (RFC 7519, HS256) with the claims sub (user),
 * ws (workspace) and exp; good for the inbox of that user and nothing else.
 * The algorithm is fixed: the header's word is not taken for it. */
#pragma once

#include "auth/vault.h"
#include "base/arena.h"

#define TOKEN_TTL_MAX_MS (INT64_C(24) * 3600 * 1000)
#define TOKEN_TTL_DEFAULT_MS (INT64_C(3600) * 1000)

struct token_claims {
    struct str user;      /* sub */
    struct str workspace; /* ws: its key */
    int64_t expires_ms;   /* exp; whole seconds on the wire */
};

struct str token_make(const struct vault *v, struct arena *a,
                      const struct token_claims *c);
/* False: not a token, not signed by us, or expired at now_ms. */
bool token_read(const struct vault *v, struct arena *a, struct str text,
                int64_t now_ms, struct token_claims *ret);
