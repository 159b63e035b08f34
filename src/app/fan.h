/* fan.h - plans what goes to many users, a chunk at a time: what was
 * accepted is a row of work, which whoever runs this takes. Memory is bounded
 * by one chunk, however many users there are. A process that dies, or an answer
 * that is lost, costs a lease; nobody is missed, and nobody gets it twice
 * (store/work.h).
 *
 * One per process; belongs to its loop's thread, but for fan_ring(). */
#pragma once

#include "app/app.h"

#define FAN_CHUNK 1000 /* recipients, where they have few channels */

struct fan;

struct fan *fan_new(const struct app *app);
void fan_ring(struct fan *f); /* there may be something; any thread */
/* Begins nothing more, and frees its work for others; `done` in a later turn,
 * when the chunk is over. */
void fan_drain(struct fan *f, void (*done)(void *arg), void *arg);
void fan_free(struct fan *f); /* NULL is allowed */
