/* endpoint_state.h - writes into an endpoint's document how it fares: that
 * nothing gets through, that something does again, or that it is disabled.
 * Nobody waits for it; what another writer did meanwhile wins. */
#pragma once

#include "app/endpoint_doc.h"
#include "base/env.h"
#include "store/audit.h"

struct endpoint_news {
    int64_t tenant;
    struct str key;
    int64_t version; /* that it is about: of another one it says nothing */
    int64_t now_ms;
    int64_t failing_since_ms; /* 0: it works */
    enum reason disabled;     /* it is disabled, for that; NONE: it is not */
    event_set tells;          /* that others listen to */
    int64_t audit_id;         /* for the books, where it is disabled */
};

void endpoint_note(const struct env *env, const struct endpoint_news *n);
