/* device_forget.h - takes a device away that its provider says is gone, in its
 * own time: unless it was registered anew since, or is another one by now. What
 * fails is logged and comes up again with the next push to it. */
#pragma once

#include "base/env.h"
#include "domain/device.h"

struct device_gone {
    int64_t tenant;
    struct str user, name, address; /* copied */
    int64_t gone_ms;                /* by the provider's word; 0: now */
    int64_t now_ms;
};
void device_forget(const struct env *env, const struct device_gone *g);
/* Whether it is still the one that is gone. Pure. */
bool device_is_gone(const struct device *d, const struct device_gone *g);
