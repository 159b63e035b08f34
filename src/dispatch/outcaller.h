/* outcaller.h - calls that are no deliveries (app/outcall.h), by the executor
 * that carries out deliveries: with the same checks of addresses, and in the
 * same way kept on this machine where those are. Belongs to its loop's thread.
 */
#pragma once

#include "app/outcall.h"
#include "dispatch/executor.h"

/* The executor is borrowed. Names are "fetch/" and the call's. */
struct outcaller *outcaller_new(struct executor *e);
void outcaller_free(struct outcaller *o); /* NULL is allowed */
