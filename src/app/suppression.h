/* suppression.h - addresses that are not written to any more, by channel: the
 * addressee unsubscribed, or a provider says that the address is gone. */
#pragma once

#include "base/env.h"
#include "domain/plan.h"
#include "store/object.h"

struct vault;

#define SUPPRESSION_KEYS 2

/* The key of a document of kind SUPPRESSION: injective, as a channel's name
 * has no colon. However an address is written, it has one key. */
struct str suppression_key(struct arena *a, struct str channel,
                           struct str address);
/* Where to look for one: under that, and as it is written, which is how older
 * programs kept it. How many these are: the first is that key. */
size_t suppression_keys(struct arena *a, struct str channel, struct str address,
                        struct str ret[static SUPPRESSION_KEYS]);
void suppression_split(struct str key, struct str *ret_channel,
                       struct str *ret_address);
/* Why, of a stored document. */
enum reason suppression_reason(struct arena *a, struct json stored);

/* Remembers, in its own time; what fails is logged and comes up again with the
 * next message to that address. Texts are copied. */
struct suppression {
    int64_t tenant;
    struct str channel, address;
    enum reason reason;
    struct str note; /* of who put it there; empty: none */
    int64_t now_ms;
    int64_t num;     /* for the document, if it is new */
    event_set tells; /* that endpoints of the tenant listen to */
};
/* The document to put; for who waits until it is kept. */
struct store_object_write suppression_write(struct arena *a,
                                            const struct suppression *s);
void suppression_add(const struct env *env, const struct suppression *s);
/* What endpoints are told if d is done, whose keys are there; NULL: nothing. */
const struct store_told *suppression_gone(struct arena *a, event_set tells,
                                          const struct store_object_delete *d);

/* Takes one away again, if it is there for that reason, also where an older
 * program kept it. The request is the caller's until on_done, which runs in a
 * later turn. */
struct suppression_lift {
    const struct env *env;
    struct arena *arena;
    int64_t tenant, now_ms;
    struct str channel, address;
    enum reason reason;
    event_set tells; /* that endpoints of the tenant listen to */
    void (*on_done)(struct suppression_lift *l, enum err e);
    /* private */
    struct str keys[SUPPRESSION_KEYS];
    size_t at;
    struct store_object_get get;
    struct store_object_delete del;
};
void suppression_lift(struct suppression_lift *l);

/* Why an address may be on the list; ends with NULL. */
extern const char *const suppression_reasons[];

/* What a one-click unsubscribe link (RFC 8058) carries, signed: it works
 * without a login and for this address alone. */
struct str unsubscribe_token(const struct vault *v, struct arena *a,
                             const struct suppression *s);
bool unsubscribe_read(const struct vault *v, struct arena *a, struct str token,
                      struct suppression *ret);
