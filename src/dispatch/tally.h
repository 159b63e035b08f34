/* tally.h - how many calls of a delivery each provider had.
 *
 * A delivery carries one count over all providers. While it stays with the
 * first, that says it all and the tally is empty; when it is handed over, the
 * account of the one it leaves is closed and written down: "12:3,15:1" by
 * lane. What `attempts` has beyond the sum belongs to the present lane, calls
 * that a crash interrupted included. Lane 0 holds what no longer counts. "!" in
 * front: one call may have sent it, so no other provider takes over. Pure. */
#pragma once

#include "base/str.h"

#define TALLY_LANES_MAX 32 /* further ones are counted with the last */

struct tally {
    struct {
        int64_t lane;
        int calls;
    } rows[TALLY_LANES_MAX];
    size_t n;
    bool is_pinned;
};

/* Opens all accounts: of a delivery with `attempts` calls in all that is in
 * `lane` now. A damaged text counts as empty. */
void tally_open(struct tally *t, struct str text, int attempts, int64_t lane);
bool tally_is_pinned(struct str text); /* without opening it */
int tally_calls(const struct tally *t, int64_t lane);
void tally_add(struct tally *t, int64_t lane, int calls);
struct str tally_text(struct arena *a, const struct tally *t);
