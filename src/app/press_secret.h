/* press_secret.h - what calls of actions are signed with: a secret of each
 * workspace, made of the process's own and of how often it was rotated, which
 * is all that is stored. Those before it sign, too, for a while. */
#pragma once

#include "auth/vault.h"
#include "base/json.h"
#include "channel/standard.h"

#define PRESS_SECRET_KEY "actions" /* of its document */

struct press_secret {
    int64_t n; /* rotations so far */
    /* How long those before it sign, the last one first; 0: not any more. */
    int64_t until_ms[STANDARD_OLD_MAX];
};

/* absent: it was never rotated. */
struct press_secret press_secret_read(struct json stored);
/* The next one, and its document. */
struct press_secret press_secret_rotate(const struct press_secret *before,
                                        int64_t now_ms);
struct str press_secret_store(struct arena *a, const struct press_secret *s);

/* "whsec_...", for who checks calls. */
struct str press_secret_text(const struct vault *v, struct arena *a,
                             int64_t tenant, const struct press_secret *s);
/* All that sign now. */
struct standard_secrets press_secret_all(const struct vault *v, struct arena *a,
                                         int64_t tenant,
                                         const struct press_secret *s,
                                         int64_t now_ms);
