/* limiter.h - how often somebody may do something: a rate for each name, with
 * a burst of one second's worth.
 *
 * GCRA (the generic cell rate algorithm of ATM Forum TM 4.0): one number a
 * name. Thread-safe. At most LIMITER_NAMES_MAX names are held; when so many
 * are busy at once, new ones are refused. */
#pragma once

#include "base/str.h"

#define LIMITER_NAMES_MAX 65536

struct limiter;

struct limiter *limiter_new(int64_t per_second); /* >= 1 */
void limiter_free(struct limiter *l);            /* NULL is allowed */
/* False: too often; *ret_wait_ms is when it may be tried again, >= 1. */
bool limiter_take(struct limiter *l, struct str name, int64_t now_mono_ms,
                  int64_t *ret_wait_ms);
