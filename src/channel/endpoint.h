/* endpoint.h - Belfry's own events to who asked to hear of them, by Standard
 * Webhooks. The message's body is the event as JSON, its delivery_id that of
 * the event. Its configuration is made by app/endpoint_doc.h; it is no driver
 * that a provider could have. */
#pragma once

#include "channel/channel.h"

extern const struct channel_driver channel_endpoint;
