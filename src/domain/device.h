/* device.h - what pushes go to: browsers and phones of a user, each under a
 * name of its own.
 *
 * All devices of a user are one document, an object whose members are their
 * names, so that one read brings them and a limit on them holds:
 *
 *   {"phone": {"kind": "fcm", "token": "...", "version": n,
 *              "created_ms": n, "updated_ms": n}}
 *
 * Pure. */
#pragma once

#include "base/json.h"

enum device_kind {
    DEVICE_NONE,
    DEVICE_WEB_PUSH,
    DEVICE_FCM,
    DEVICE_APNS,
    DEVICE_KINDS,
};
#define DEVICES_MAX 20 /* of a user */
#define DEVICE_BIT(kind) (1u << (kind))

struct device {
    struct str name;
    enum device_kind kind;
    struct str address; /* its token; a subscription, as JSON */
    int64_t version;    /* when it was last written; no two writes share one */
    int64_t created_ms, updated_ms;
    struct json stored;
};

const char *device_kind_name(enum device_kind k);
enum device_kind device_kind_find(struct str name); /* DEVICE_NONE: none */
/* Which a channel goes to, as DEVICE_BITs; 0: to none, but to addresses. */
unsigned device_kinds_of(struct str channel);

/* Those of a document, in its order; returns how many. */
size_t devices_read(struct arena *a, struct json doc,
                    struct device ret[static DEVICES_MAX]);
bool device_find(struct arena *a, struct json doc, struct str name,
                 struct device *ret);

/* The document with that device: in place of one of its name, or beside the
 * others; `body` is its kind and address. STR_NONE: there are too many. Fills
 * *ret. */
struct str devices_with(struct arena *a, struct json doc, struct str name,
                        struct json body, int64_t now_ms, struct device *ret);
struct str devices_without(struct arena *a, struct json doc, struct str name);

/* What a delivery keeps of the one it goes to: "fcm/phone". */
struct str device_ref(struct arena *a, const struct device *d);
struct str device_ref_name(struct str ref); /* borrowed; empty: to none */
enum device_kind device_ref_kind(struct str ref);
