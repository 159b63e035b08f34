/* taker.h - takes rows of work of one kind, several at a time, each into a slot
 * of who works on them. A process that dies, or an answer that is lost, costs a
 * lease.
 *
 *   take rows -> wait for the configuration of then -> fill() and begin() each,
 *   at the same time; what failed begins again later, its row in hand
 *
 * Belongs to its loop's thread, but for taker_ring(). */
#pragma once

#include "app/app.h"
#include "store/work.h"

struct taker;

struct taker_slot { /* embedded */
    struct taker *taker;
    struct arena *arena;         /* empty at begin() */
    struct store_work_hold hold; /* may be renewed while it is worked on */
    int64_t ahead_ms; /* the clock of a shared database, of ours, about */
    /* private */
    enum { TAKER_FREE, TAKER_BUSY, TAKER_FAILED } state;
    size_t bytes; /* that came with its row */
    struct store_work_release release;
};
struct taker_options {
    const struct app *app;
    enum store_work_kind kind;
    struct taker_slot *const *slots; /* the owner's, zeroed at first */
    size_t n_slots;
    size_t max_bytes; /* as of store_work_take, of all slots; 0: no end */
    /* Of a row that is gone after it; s->hold is set. */
    void (*fill)(struct taker_slot *s, const struct store_work_row *row);
    /* Ends, in this turn or a later one, with one of those below. */
    void (*begin)(struct taker_slot *s);
};

struct taker *taker_new(const struct taker_options *o);
void taker_ring(struct taker *t); /* there may be something; any thread */
void taker_done(struct taker_slot *s);
void taker_fail(struct taker_slot *s, enum err e); /* once more, later */
/* The row is not as it was: it is given back, if we still have it. */
void taker_lose(struct taker_slot *s);
/* Begins nothing more; `done` in a later turn, when what was begun is over. */
void taker_drain(struct taker *t, void (*done)(void *arg), void *arg);
void taker_free(struct taker *t); /* NULL is allowed */
