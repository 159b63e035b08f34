/* digest.h - ends the windows of digests: when one is due, what it collected
 * goes out as one notification, or as itself where it is alone. What is due is
 * a row of work, which whoever runs this takes; several windows at a time. A
 * process that dies, or an answer that is lost, costs a lease; nothing is lost,
 * and nothing goes out twice (store/digest.h).
 *
 * One per process; belongs to its loop's thread, but for digests_ring(). */
#pragma once

#include "app/app.h"

struct digests;

struct digests *digests_new(const struct app *app);
void digests_ring(struct digests *d); /* there may be something; any thread */
/* Begins nothing more; `done` in a later turn, when what was begun is over. */
void digests_drain(struct digests *d, void (*done)(void *arg), void *arg);
void digests_free(struct digests *d); /* NULL is allowed */
