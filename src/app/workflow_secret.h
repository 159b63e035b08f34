/* workflow_secret.h - headers of a workflow's calls that are credentials:
 * sealed on the way into the store, "***" on the way out, open for the call
 * alone. Which ones are is told by their names, as those who call an API
 * know them: Authorization, Cookie, X-Api-Key, X-Auth-Token … */
#pragma once

#include "app/workspace.h"
#include "auth/vault.h"
#include "base/field.h"

/* Of one workflow. */
struct workflow_secrets {
    struct arena *arena;
    const struct vault *vault;
    int64_t tenant;
    struct str key;
};

bool workflow_header_is_secret(struct str name);

/* The steps to store. "***" keeps what is stored for the same header of the
 * call with that id and name (`as`), if it is of the same host; else it is a
 * fault. */
struct str workflow_secrets_seal(const struct workflow_secrets *x,
                                 struct json steps, struct json before,
                                 struct problem *p);
/* The steps to show. */
struct str workflow_secrets_mask(struct arena *a, struct json steps);
/* As the call of that name sends it; false: it does not open with this key.
 * What is not sealed was stored before any was. */
bool workflow_secrets_open(const struct workflow_secrets *x, struct str as,
                           struct str header, struct str value,
                           struct str *ret);
