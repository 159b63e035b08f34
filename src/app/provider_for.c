#include "app/provider_for.h"

const struct provider *
provider_for(const struct workspace *w, struct str channel,
             enum device_kind kind, const struct provider *after)
{
    const struct provider *p = after;

    while ((p = workspace_next(w, channel, p)) != NULL)
        if (channel_driver_serves(p->driver, kind))
            return p;
    return NULL;
}
