/* cadence.h - makes the runs of schedules: a little before each is due, it
 * sends what is due then, with its time as send_at and a dedup key that names
 * schedule and time. So a run is one notification, however many processes make
 * it, whatever dies, and the store's clock says when it goes out.
 *
 * It keeps nothing: what was run before a process started is told by the dedup
 * keys that are taken. docs/schedules.md has what becomes of missed runs.
 *
 * One per process with the role scheduler; belongs to its loop's thread, but
 * for cadence_ring(). */
#pragma once

#include "app/app.h"

#define CADENCE_LEAD_MS 2000 /* so long before it is due */
/* How far back it looks for runs that were missed. */
#define CADENCE_HORIZON_MS (INT64_C(7) * 24 * 3600 * 1000)

struct cadence;

struct cadence *cadence_new(const struct app *app);
/* The configuration is another one, or is there at all; any thread. */
void cadence_ring(struct cadence *c);
/* Begins nothing more; `done` in a later turn, when what was begun is over. */
void cadence_drain(struct cadence *c, void (*done)(void *arg), void *arg);
void cadence_free(struct cadence *c); /* NULL is allowed */
