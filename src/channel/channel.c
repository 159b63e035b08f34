/* channel.c - the tables of channels and of built-in drivers. */
#include "channel/channel.h"

#include "channel/driver.h"

static const struct channel_info all_channels[] = {
    {.name = "in_app", .has_title = true, .is_built = true},
    {.name = "email",
     .address_field = "email",
     .has_title = true,
     .is_built = true},
    {.name = "sms", .address_field = "phone"},
    {.name = "whatsapp",
     .address_field = "whatsapp",
     .address_fallback = "phone"},
    {.name = "telegram", .address_field = "telegram"},
    {.name = "web_push", .has_title = true},
    {.name = "mobile_push", .has_title = true},
    {.name = "slack", .address_field = "slack"},
    {.name = "discord", .address_field = "discord"},
    {.name = "teams"},
    {.name = "webhook",
     .address_field = "webhook",
     .has_title = true,
     .is_built = true},
    {.name = "ntfy", .has_title = true},
    {.name = "gotify", .has_title = true},
    {.name = "pushover", .has_title = true},
    {.name = "pagerduty", .has_title = true},
    {.name = "log_file", .has_title = true, .is_built = true},
    {.name = NULL},
};

static const struct channel_driver *const all_drivers[] = {
    &channel_log_file, &channel_null, &channel_smtp, &channel_webhook, NULL,
};

const struct channel_info *
channels(void)
{
    return all_channels;
}

const struct channel_info *
channel_find(struct str name)
{
    for (const struct channel_info *c = all_channels; c->name; c++)
        if (str_is(name, c->name))
            return c;
    return NULL;
}

const struct channel_driver *const *
channel_drivers(void)
{
    return all_drivers;
}

const struct channel_driver *
channel_driver_find(struct str name)
{
    for (const struct channel_driver *const *d = all_drivers; *d; d++)
        if (str_is(name, (*d)->name))
            return *d;
    return NULL;
}
