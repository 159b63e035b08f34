/* channel.h - what a driver is: pure steps from a rendered message to a
 * request, and from the answer to a verdict. A driver opens no socket, sleeps
 * never, keeps no state and cannot know that it is retried; dispatch executes
 * what it asks for and owns all policy. */
#pragma once

#include "base/field.h"
#include "channel/call.h"
#include "channel/receipt.h"
#include "channel/remote.h"
#include "domain/device.h"

struct channel_driver {
    const char *name;            /* "smtp" */
    const char *const *channels; /* it serves; ends with NULL; NULL: any */
    const struct field *config;  /* table; secrets flagged */
    /* What a sender may say in overrides.providers.NAME of a provider of
     * this driver. NULL: nothing. */
    const struct field *overrides;
    enum device_kind device; /* that it calls; NONE: of any kind, or none */
    size_t batch_max;        /* 1 unless it can take more at once */
    /* How many a provider of that configuration takes; NULL: batch_max. */
    size_t (*batch)(struct json config);
    /* Whether it can go with the first one of a call. NULL: any can. */
    bool (*joins)(const struct channel_message *first,
                  const struct channel_message *m);
    bool calls_world;       /* false: null, which needs no intent */
    bool takes_attachments; /* of messages; else they are left out */
    /* The provider's own target when a user has no address: false means that
     * a user without one is suppressed with contact.missing. */
    bool (*has_target)(struct json config);
    /* Beyond the table; adds to *p with pointers into the config. May be
     * NULL. */
    void (*check)(struct json config, struct problem *p);
    /* Host that it will call, for the egress check at PUT; STR_NONE: none.
     * NULL: it calls no host whatever its configuration. */
    struct str (*host)(struct arena *a, struct json config);
    void (*step)(struct channel_call *call);
    /* Asks how the provider is, cheaply and without side effects: fills the
     * request of a call of no message. Where the provider has no such thing, a
     * request that is_probe. NULL: a connection to host(). */
    void (*probe)(struct channel_call *call);
    /* What an answer means beyond its status. NULL: nothing. */
    void (*probe_judge)(struct channel_call *call, struct channel_verdict *v);
    /* Whom it asks, for the driver's page. NULL: channel_probe_doc() says it.
     */
    const char *probe_doc;
    /* Checks the signature over the raw bytes and reads the events. NULL: the
     * provider has no webhooks. */
    void (*receipt)(struct channel_receipt *r);
    /* Of a plugin: step and receipt are NULL, as both are there. */
    const struct channel_remote *remote;
};

static inline bool
channel_driver_takes_receipts(const struct channel_driver *d)
{
    return d->receipt || (d->remote && d->remote->takes_receipts);
}

/* A step of a probe, pure as those of the driver: the first one asks, the next
 * concludes with the one verdict; DELIVERED and SENT are well. One that is done
 * at once has nothing to ask. */
void channel_probe(const struct channel_driver *d, struct channel_call *c);
const char *channel_probe_doc(const struct channel_driver *d);

/* How that request of the call went out, for people: domain/call_line.h. Empty:
 * it asked nobody. */
struct str channel_request_line(const struct channel_call *c,
                                const struct field *config,
                                const struct channel_request *r);

/* Whether it can bring something to a device of that kind; NONE: to none. */
static inline bool
channel_driver_serves(const struct channel_driver *d, enum device_kind kind)
{
    return kind == DEVICE_NONE || d->device == DEVICE_NONE || d->device == kind;
}

/* What its table does not say of a configuration that is right by it: texts
 * of several lines are keys in PEM, and what else check() knows. Adds to *p,
 * with pointers into the configuration. */
void channel_check(const struct channel_driver *d, struct json config,
                   struct problem *p);

const struct channel_driver *channel_driver_find(struct str name);
const struct channel_driver *const *channel_drivers(void); /* ends with NULL */
/* There is none of that name. */
void channel_driver_refuse_name(struct str name, struct str pointer,
                                struct problem *p);

/* Channels. */
struct channel_info {
    const char *name;             /* "email" */
    const char *address_field;    /* of the user: "email"; NULL: has none */
    const char *address_fallback; /* "phone" for whatsapp, or NULL */
    bool needs_address; /* of each user: no target of the provider's will do */
    bool has_title;     /* false: title, then the body on the next line */
    /* Of all ways to write an address, one; for who compares them. NULL: they
     * are compared as they are. */
    struct str (*canonical)(struct arena *a, struct str address);
};
const struct channel_info *channel_find(struct str name);
/* Whether a driver of that channel takes any. */
bool channel_takes_attachments(struct str channel);
/* Whether a user without an address can be reached; info may be NULL. */
bool channel_has_target(const struct channel_info *info,
                        const struct channel_driver *driver,
                        struct json config);
const struct channel_info *channels(void); /* ends with name NULL */
void channel_refuse_name(struct str name, struct str pointer,
                         struct problem *p);

/* A plugin's driver, and the channels of its that are new; all of it outlives
 * the process's threads, of which there is none yet but the one that calls.
 * NULL; or why not, a static text. */
const char *channel_register(const struct channel_driver *driver,
                             const struct channel_info *infos, size_t n);
