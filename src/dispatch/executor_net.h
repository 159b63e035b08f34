/* executor_net.h - carries out what drivers ask for: HTTP and SMTP by
 * net/fetch, lines at the end of files, waits. Belongs to the loop's thread. */
#pragma once

#include "base/env.h"
#include "dispatch/executor.h"

/* env->fetch may be NULL where drivers call no network: such requests end as
 * surely not sent. Free it when no execution is under way. */
struct executor *executor_net_new(const struct env *env);
void executor_net_free(struct executor *e); /* NULL is allowed */
