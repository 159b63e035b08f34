/* provider_doc.h - a provider as a stored document: secrets sealed on the way
 * in, opened when a workspace is built, and "***" whenever it is shown. */
#pragma once

#include "app/workspace.h"
#include "auth/vault.h"

#define PROVIDER_CONCURRENCY_DEFAULT 8
#define PROVIDER_TIMEOUT_DEFAULT_MS 30000

/* The document to store for a valid request: every secret of `config` sealed;
 * one that says "***" keeps what `before` (absent: nothing) has. Paused it is
 * if it was. */
struct str provider_doc_seal(struct arena *a, const struct vault *v,
                             struct str purpose, struct json request,
                             struct json before);
/* Adds a fault for each secret that says "***" where `before` has none, or has
 * it for another target. */
void provider_doc_check(struct arena *a, struct json request,
                        struct json before, struct problem *p);
/* Adds a fault for each part of a cost that is none. */
void provider_doc_check_cost(struct arena *a, struct json cost,
                             struct problem *p);
/* What may be shown of a stored document. */
void provider_doc_show(struct arena *a, struct json stored,
                       struct json_writer *w);
/* A stored document as a provider, secrets open. ERR_INVALID: it names no
 * driver that is built, or a secret does not open with this key. */
enum err provider_doc_open(struct arena *a, const struct vault *v,
                           struct str purpose, struct json stored,
                           struct provider *ret) MUST_CHECK;
/* What seals are bound to. */
struct str provider_doc_purpose(struct arena *a, int64_t tenant,
                                struct str name);
