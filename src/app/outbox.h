/* outbox.h - sends what applications left in the database, each by the same way
 * as a request over HTTP. One per process; belongs to its loop's thread, but
 * for outbox_ring(). */
#pragma once

#include "app/app.h"

struct outbox;

struct outbox *outbox_new(const struct app *app); /* read from the start on */
void outbox_start(struct outbox *o); /* once the configuration is there */
void outbox_ring(struct outbox *o);  /* there may be something; any thread */
/* Begins nothing more; `done` in a later turn, when what was begun is over. */
void outbox_drain(struct outbox *o, void (*done)(void *arg), void *arg);
void outbox_free(struct outbox *o); /* NULL is allowed */
