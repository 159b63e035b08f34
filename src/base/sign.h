/* sign.h - signatures with private keys, over OpenSSL, and the JSON Web Tokens
 * made of them (RFC 7515, 7518, 8037).
 *
 * A private key is PEM: PKCS#8, or PKCS#1 and SEC 1 of the older tools. A
 * public one is PEM (SubjectPublicKeyInfo, or a certificate that has it, which
 * is trusted as it is), or SubjectPublicKeyInfo in base64 DER. */
#pragma once

#include "base/str.h"

enum sign_algorithm {
    SIGN_RS256,   /* RSASSA-PKCS1-v1_5 with SHA-256, 1024 bits or more */
    SIGN_ES256,   /* ECDSA on P-256 with SHA-256; r and s, 64 bytes */
    SIGN_ED25519, /* RFC 8032 */
    SIGN_RS1,     /* as RS256 with SHA-1: for what others sign so, still */
};

/* Why it is no key for that, as the end of a sentence; NULL: it is one. */
const char *sign_key_fault(struct str pem, enum sign_algorithm alg);
const char *sign_public_key_fault(struct str key, enum sign_algorithm alg);
/* Raw bytes in the arena; STR_NONE where sign_key_fault() has a word. */
struct str sign(struct arena *a, enum sign_algorithm alg, struct str pem,
                struct str text);
bool sign_is_by(enum sign_algorithm alg, struct str public_key, struct str text,
                struct str signature);
/* ECDSA signatures as others send them: an ASN.1 sequence of r and s. */
bool sign_is_by_der(struct str public_key, struct str text,
                    struct str signature);

/* header.claims.signature in base64url; both are JSON. STR_NONE as above. */
struct str sign_jwt(struct arena *a, enum sign_algorithm alg, struct str pem,
                    struct str header, struct str claims);
