/* bell.h - what one node tells the others with NOTIFY, written and read.
 *
 * A line a thing: a letter, then numbers, the user last. The first names who
 * speaks, as one hears oneself, too.
 *
 *   n INCARNATION             who says this
 *   c SEQ                     objects have changed
 *   w DUE_MS                  something waits until then
 *   k 1                       there is work to take
 *   t 1                       there is something to tell endpoints
 *   r TENANT LANE RANK ID     a lane's first row; the lane is signed
 *   i TENANT REV USER         something new in an inbox
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define PG_BELLS_MAX 7000 /* bytes of one NOTIFY, which takes 8000 */

/* What is to be told. All is gathered until it is taken: of what can be told in
 * one, only the first or the last is. */
struct pg_bells;

struct pg_bells *pg_bells_new(void);
void pg_bells_free(struct pg_bells *b); /* NULL is allowed */
bool pg_bells_are_empty(const struct pg_bells *b);

void pg_bells_greet(struct pg_bells *b); /* only says who */
bool pg_bells_has_greeting(const struct pg_bells *b);
void pg_bells_change(struct pg_bells *b, int64_t seq);
void pg_bells_wait(struct pg_bells *b, int64_t due_ms);
void pg_bells_work(struct pg_bells *b);
void pg_bells_told(struct pg_bells *b);
void pg_bells_ready(struct pg_bells *b, int64_t tenant, int64_t signed_lane,
                    int64_t rank, int64_t id);
/* Without effect while a megabyte of them waits: streams look by themselves. */
void pg_bells_inbox(struct pg_bells *b, int64_t tenant, struct str user,
                    int64_t rev);

/* Puts as much as one NOTIFY takes; the rest is for the next one. */
void pg_bells_take(struct pg_bells *b, int64_t incarnation, struct buf *out);

struct pg_bell {
    char kind;    /* '\0': a line that this release does not know */
    int64_t v[4]; /* the numbers in turn */
    struct str user;
};
struct pg_bell pg_bell_read(struct str line);
