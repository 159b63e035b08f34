/* channel.c - the tables of channels and of drivers: what is built in, then
 * what plugins bring at the start. */
#include "channel/channel.h"

#include "base/near.h"
#include "channel/driver.h"
#include "channel/mime.h"
#include "channel/phone.h"

/* "Ada <Ada@Example.ORG>" is ada@example.org. By RFC 5321 a local part may tell
 * capitals apart; nobody's does. A domain outside ASCII is its A-label, as
 * which mail goes to it. */
static struct str
canonical_mail(struct arena *a, struct str address)
{
    struct str spec = str_trim(address);
    size_t open = spec.n;
    struct buf b;

    while (open > 0 && spec.p[open - 1] != '<')
        open--;
    if (open > 0 && str_ends(spec, STR(">")))
        spec = str_sub(spec, open, spec.n - open - 1);
    spec = mime_with_ascii_domain(a, spec);
    buf_init(&b, a);
    for (size_t i = 0; i < spec.n; i++)
        buf_put_char(&b, spec.p[i] >= 'A' && spec.p[i] <= 'Z'
                             ? (char)(spec.p[i] + 'a' - 'A')
                             : spec.p[i]);
    return buf_str(&b);
}

static struct str
canonical_phone(struct arena *a, struct str address)
{
    struct str number = phone_e164(a, address);

    return number.n > 0 ? number : address;
}

#define CHANNELS_MAX 64
#define DRIVERS_MAX 64

static struct channel_info all_channels[CHANNELS_MAX + 1] = {
    {.name = "in_app", .has_title = true},
    {.name = "email",
     .address_field = "email",
     .needs_address = true,
     .has_title = true,
     .canonical = canonical_mail},
    {.name = "sms",
     .address_field = "phone",
     .needs_address = true,
     .canonical = canonical_phone},
    {.name = "whatsapp",
     .address_field = "whatsapp",
     .address_fallback = "phone",
     .needs_address = true,
     .canonical = canonical_phone},
    {.name = "telegram", .address_field = "telegram", .needs_address = true},
    {.name = "web_push", .needs_address = true, .has_title = true},
    {.name = "mobile_push", .needs_address = true, .has_title = true},
    {.name = "slack", .address_field = "slack"},
    {.name = "discord", .address_field = "discord"},
    {.name = "teams"},
    {.name = "webhook", .address_field = "webhook", .has_title = true},
    {.name = "ntfy", .has_title = true},
    {.name = "gotify", .has_title = true},
    {.name = "pushover", .has_title = true},
    {.name = "pagerduty", .has_title = true},
    {.name = "log_file", .has_title = true},
    {.name = NULL},
};

static const struct channel_driver *all_drivers[DRIVERS_MAX + 1] = {
    &channel_apns,
    &channel_discord,
    &channel_fcm,
    &channel_gotify,
    &channel_log_file,
    &channel_mailgun,
    &channel_ntfy,
    &channel_null,
    &channel_pagerduty,
    &channel_postmark,
    &channel_pushover,
    &channel_resend,
    &channel_sendgrid,
    &channel_ses,
    &channel_slack,
    &channel_smtp,
    &channel_teams,
    &channel_telegram,
    &channel_twilio,
    &channel_vonage,
    &channel_waha,
    &channel_web_push,
    &channel_webhook,
    &channel_whatsapp_cloud,
    NULL,
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

bool
channel_takes_attachments(struct str channel)
{
    for (const struct channel_driver *const *d = all_drivers; *d; d++)
        for (const char *const *c = (*d)->channels;
             (*d)->takes_attachments && c && *c; c++)
            if (str_is(channel, *c))
                return true;
    return false;
}

bool
channel_has_target(const struct channel_info *info,
                   const struct channel_driver *driver, struct json config)
{
    return !(info && info->needs_address) && driver->has_target(config);
}

static bool
is_one_line(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return false;
    return true;
}

/* A key with a line end, copied with it, goes into a header: each message would
 * be refused for what is wrong here. */
static void
check_lines(const struct channel_driver *d, struct json config,
            struct problem *p)
{
    for (const struct field *f = d->config; f && f->type != FIELD_END; f++) {
        struct str text = json_str_of(p->arena, config, f->name);

        if (f->type == FIELD_STRING && !is_one_line(text) &&
            !str_starts(str_trim(text), STR("-----BEGIN ")))
            problem_add(p, ERR_INVALID,
                        field_pointer(p->arena, STR(""), str_from(f->name)),
                        "must not have line ends or other control characters");
    }
}

void
channel_check(const struct channel_driver *d, struct json config,
              struct problem *p)
{
    size_t n = p->n_errors;

    check_lines(d, config, p);
    if (d->check && p->n_errors == n)
        d->check(config, p);
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

/* ---- "did you mean" ---- */

void
channel_refuse_name(struct str name, struct str pointer, struct problem *p)
{
    struct near n = near_to(name);

    for (const struct channel_info *c = all_channels;
         c->name && near_is_told(p); c++)
        near_weigh(&n, c->name);
    near_refuse(&n, "channel", pointer, p);
}

void
channel_driver_refuse_name(struct str name, struct str pointer,
                           struct problem *p)
{
    struct near n = near_to(name);

    for (const struct channel_driver *const *d = all_drivers;
         *d && near_is_told(p); d++)
        near_weigh(&n, (*d)->name);
    near_refuse(&n, "driver", pointer, p);
}

/* ---- plugins ---- */

static bool
is_same_text(const char *a, const char *b)
{
    return str_eq(str_from(a), str_from(b));
}

static bool
is_same_channel(const struct channel_info *a, const struct channel_info *b)
{
    return is_same_text(a->address_field, b->address_field) &&
           a->needs_address == b->needs_address && a->has_title == b->has_title;
}

static size_t
count_channels(void)
{
    size_t n = 0;

    while (all_channels[n].name)
        n++;
    return n;
}

/* An address is written in the ways of the channel that it is from. */
static void
take_canonical(struct channel_info *info)
{
    for (const struct channel_info *c = all_channels; c < info; c++)
        if (info->address_field && c->address_field && !info->canonical &&
            is_same_text(c->address_field, info->address_field))
            info->canonical = c->canonical;
}

/* What a plugin says of a channel that is built in is not looked at; of one
 * that plugins share they have to say the same. */
static const char *
add_channel(const struct channel_info *info)
{
    static size_t n_built_in;
    const struct channel_info *known = channel_find(str_from(info->name));
    size_t n = count_channels();

    if (n_built_in == 0)
        n_built_in = n;
    if (known && (size_t)(known - all_channels) < n_built_in)
        return NULL;
    if (known)
        return is_same_channel(known, info)
                   ? NULL
                   : "another plugin says something else of its channel";
    if (n == CHANNELS_MAX)
        return "there are too many channels";
    all_channels[n] = *info;
    take_canonical(&all_channels[n]);
    return NULL;
}

const char *
channel_register(const struct channel_driver *driver,
                 const struct channel_info *infos, size_t n)
{
    size_t n_drivers = 0;
    const char *why = NULL;

    while (all_drivers[n_drivers])
        n_drivers++;
    if (channel_driver_find(str_from(driver->name)))
        return "there is a driver of that name already";
    if (n_drivers == DRIVERS_MAX)
        return "there are too many drivers";
    for (size_t i = 0; i < n && !why; i++)
        why = add_channel(&infos[i]);
    if (!why)
        all_drivers[n_drivers] = driver;
    return why;
}
