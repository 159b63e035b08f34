/* outlet.h - the world beyond the providers, for a scenario: it keeps what
 * would have gone out, and answers as it was told, or as one in good health
 * would. Nothing leaves the process. */
#pragma once

#include "base/env.h"
#include "dispatch/executor.h"
#include "scenario/script.h"

/* One message of one call. */
struct caught {
    int64_t at_ms;
    struct str user, channel, provider, to;
    struct str title, body, html;
    struct str unsubscribe_url; /* empty: none */
    bool is_taken;              /* the provider said yes */
    bool is_ticked;             /* an expectation named it */
};

struct outlet;

/* env is borrowed; what is kept lives in the arena. */
struct outlet *outlet_new(const struct env *env, struct arena *arena);
void outlet_free(struct outlet *o); /* NULL is allowed */
struct executor *outlet_executor(struct outlet *o);
/* The provider of that name answers so to its next calls; n == 0: as usual.
 * The replies are borrowed. is_always: the last one stays. */
void outlet_tell(struct outlet *o, struct str provider,
                 const struct reply *replies, size_t n, bool is_always);
/* In the order of the calls. */
size_t outlet_caught(struct outlet *o, struct caught **ret);
int64_t outlet_calls(const struct outlet *o, struct str provider);
