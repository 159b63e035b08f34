/* key.h - API keys: "bf_" + 16 characters that name the key + "_" + 43 of
 * secret. The store has a SHA-256 of the secret (256 random bits need no slow
 * hash); the text is shown once, when the key is made. */
#pragma once

#include "base/json.h"

enum auth_scope {
    AUTH_SEND = 1,
    AUTH_READ = 2,
    AUTH_WRITE = 4,
    AUTH_ADMIN = 8, /* implies the others */
    AUTH_METRICS = 16,
};
#define AUTH_KEY_ID_LEN 16
#define AUTH_KEY_TEXT_MAX 80

#define AUTH_KEY_NAME_MAX 64 /* bytes that are shown with what it did */

struct auth_key {
    char id[AUTH_KEY_ID_LEN + 1];
    uint8_t hash[32];
    int64_t tenant;
    unsigned scopes;
    int64_t expires_ms;               /* 0: never */
    char name[AUTH_KEY_NAME_MAX + 1]; /* as read; may be cut */
};

const char *auth_scope_name(enum auth_scope s); /* "send" */
bool auth_scope_parse(struct str s, enum auth_scope *ret);

/* A new key: fills *ret (tenant, scopes and expiry are the caller's) and its
 * text, which nobody can tell again. */
struct str auth_key_make(char text[static AUTH_KEY_TEXT_MAX],
                         struct auth_key *ret);
/* The parts of a key's text; false if it is not shaped like one. */
bool auth_key_split(struct str text, struct str *ret_id,
                    struct str *ret_secret);
/* Constant time. */
bool auth_key_matches(const struct auth_key *k, struct str secret);
bool auth_key_is_same(struct str a, struct str b); /* constant time, any text */

/* Stored form: {"id","hash","scopes":[],"name","expires_at","created_at"} */
void auth_key_write(const struct auth_key *k, struct str name,
                    int64_t created_ms, struct json_writer *w);
bool auth_key_read(struct arena *a, struct json doc, struct auth_key *ret);
