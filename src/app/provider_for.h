/* provider_for.h - which providers of a channel bring something to a device. */
#pragma once

#include "app/workspace.h"

/* As workspace_next(), of those that serve devices of that kind; NONE: of all.
 */
const struct provider *provider_for(const struct workspace *w,
                                    struct str channel, enum device_kind kind,
                                    const struct provider *after);
/* To whom one goes that a person wants tried again: NULL: there is none. */
const struct provider *provider_to_retry(const struct workspace *w,
                                         const struct delivery *d);
