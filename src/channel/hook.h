/* hook.h - what the receipt functions of drivers share: reading a webhook that
 * came in. Private to channel/. Pure. */
#pragma once

#include "channel/driver.h"

/* STR_NONE: it is not there, or several times, which proves nothing. */
struct str hook_header(const struct channel_receipt *r, const char *name);

/* A form or a query, decoded, in its order. */
struct hook_form {
    struct hook_pair {
        struct str name, value;
    } * pairs;
    size_t n;
};
#define HOOK_PAIRS_MAX 256
/* False: a percent sign without two digits, no UTF-8, NUL, or too many. */
bool hook_form(struct arena *a, struct str text, struct hook_form *ret);
/* The first of the name; STR_NONE: it is not there. */
struct str hook_form_get(const struct hook_form *f, const char *name);
/* By name, then by value. */
void hook_form_sort(struct hook_form *f);

/* The body, if that is JSON; else absent. */
struct json hook_json(const struct channel_receipt *r);
/* Adds one; beyond CHANNEL_EVENTS_MAX the webhook is malformed. */
void hook_add(struct channel_receipt *r, const struct channel_event *e);

/* Whether `hex`, of either case, is how `raw` is written; in constant time. */
bool hook_is_hex_of(struct arena *a, struct str hex, struct str raw);

/* Whether `seconds` since 1970 are now, give or take 300 s: what is signed with
 * its time is not taken again later. */
bool hook_is_recent(const struct channel_receipt *r, struct str seconds);

/* What a provider calls a kind of event; a row's end has no name. */
struct hook_kind {
    const char *name;
    enum channel_event_kind kind;
};
/* False: none of them, and so nothing that matters here. */
bool hook_find_kind(const struct hook_kind *row, struct str name,
                    enum channel_event_kind *ret);
/* Seconds since 1970, whole or not; 0: it is no such number. */
int64_t hook_seconds_ms(struct json v);
/* RFC 3339; 0: it is none. */
int64_t hook_time_ms(struct arena *a, struct json object, const char *name);
