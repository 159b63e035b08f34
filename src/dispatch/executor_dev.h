/* executor_dev.h - keeps on this machine what would have gone out: messages go
 * to the sink, and the driver is answered as a provider in good health would.
 * Files and waits, which are of this machine, are carried out as well. */
#pragma once

#include "app/dev_sink.h"
#include "base/env.h"
#include "dispatch/executor.h"

/* `local` carries out files and waits; both are borrowed. */
struct executor *executor_dev_new(const struct env *env, struct dev_sink *sink,
                                  struct executor *local);
void executor_dev_free(struct executor *e); /* NULL is allowed */
