/* endpoint_doc.h - who is told of Belfry's own events: an endpoint as a stored
 * document, with its secrets sealed, and as what calls it: a provider of the
 * channel EVENT_CHANNEL, which no send can name, with a lane of its own. */
#pragma once

#include "app/workspace.h"
#include "auth/vault.h"
#include "domain/event.h"
#include "store/object.h"

#define ENDPOINTS_MAX 100 /* of a workspace */

struct endpoint_doc {
    struct str key;
    struct provider lane; /* how it is called */
    event_set events;     /* that it wants to hear of */
    int64_t disable_after_ms;
    int64_t failing_since_ms; /* nothing got through since; 0: it does */
};

extern const struct field endpoint_doc_fields[];

/* Beyond the table, but for the egress check. */
void endpoint_doc_check(struct arena *a, struct json doc, struct problem *p);
/* The same of `events` alone. */
void endpoint_doc_check_events(struct json events, struct problem *p);
/* The same of `secret` alone, which is to be a new one. */
void endpoint_doc_check_secret(struct json doc, struct problem *p);
/* The document to store for a valid request. A secret that it does not give is
 * that of `before` (absent: nothing), or a new one. What was disabled and is
 * enabled now has failed nobody yet. */
struct str endpoint_doc_store(struct arena *a, const struct vault *v,
                              struct str purpose, struct json request,
                              struct json before, bool *ret_makes_secret);
/* With another secret; those it has sign, too, for a while yet: who does not
 * know what came of a rotation rotates once more. `given`: empty: a new one is
 * made. */
struct str endpoint_doc_rotate(struct arena *a, const struct vault *v,
                               struct str purpose, struct json before,
                               struct str given, int64_t now_ms);
/* Nothing gets through since then (0: it does). */
struct str endpoint_doc_failing(struct arena *a, struct json before,
                                int64_t since_ms);
struct str endpoint_doc_disable(struct arena *a, struct json before,
                                struct str reason, int64_t now_ms);
/* What may be shown of a stored document: the members, without its key. The
 * secret as "***", but for who just made it. */
void endpoint_doc_show(struct arena *a, const struct vault *v,
                       struct str purpose, struct json stored,
                       bool shows_secret, struct json_writer *w);
/* ERR_INVALID: its secret does not open with this key. The texts of the
 * document are borrowed. */
enum err endpoint_doc_read(struct arena *a, const struct vault *v,
                           const struct object *o, struct json stored,
                           struct endpoint_doc *ret) MUST_CHECK;
/* What seals are bound to. */
struct str endpoint_doc_purpose(struct arena *a, int64_t tenant,
                                struct str key);
