/* workflow_run.h - takes each instance of a workflow on from step to step, when
 * it is due or woken. A step is one commit: what it sends, and where the
 * instance is then; so it is sent once, whoever dies (store/workflow.h).
 *
 * One per process; belongs to its loop's thread, but for workflows_ring(). */
#pragma once

#include "app/app.h"

struct outcaller;
struct workflows;

/* The outcaller is borrowed; NULL: whatever is called for is not there. */
struct workflows *workflows_new(const struct app *app, struct outcaller *o);
void
workflows_ring(struct workflows *w); /* there may be something; any thread */
/* Begins nothing more; `done` in a later turn, when what was begun is over. */
void workflows_drain(struct workflows *w, void (*done)(void *arg), void *arg);
void workflows_free(struct workflows *w); /* NULL is allowed */
