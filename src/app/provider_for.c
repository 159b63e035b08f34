#include "app/provider_for.h"

#include "app/endpoint_doc.h"

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

/* What was for one endpoint is for no other. */
const struct provider *
provider_to_retry(const struct workspace *w, const struct delivery *d)
{
    const struct endpoint_doc *e;

    if (!str_is(d->channel, EVENT_CHANNEL))
        return provider_for(w, d->channel, device_ref_kind(d->device), NULL);
    e = workspace_endpoint(w, d->provider);
    return e && e->lane.is_enabled ? &e->lane : NULL;
}
