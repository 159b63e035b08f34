/* dev_sink.h - what would have gone out, kept in memory for people's own tests
 * (`serve --dev`). The newest DEV_SINK_MAX messages, within DEV_SINK_BYTES_MAX
 * in all; older ones are dropped. Thread-safe: dispatch adds, the API reads. */
#pragma once

#include "base/arena.h"
#include "base/str.h"

#define DEV_SINK_MAX 1000
#define DEV_SINK_BYTES_MAX (64 * 1024 * 1024)

struct dev_message {
    int64_t seq; /* 1, 2, ...; given by the sink */
    int64_t tenant;
    int64_t at_ms;
    struct str channel, provider, driver;
    struct str user, to, from;
    struct str title, body, html; /* as rendered */
    /* the request as it would have been sent, secrets masked */
    struct str method, url; /* SMTP: "SMTP", host:port; FILE: "FILE", path */
    struct str headers;     /* "name: value" lines */
    struct str raw;         /* body, or the whole mail */
    struct str delivery_id, notification_id; /* public */
};

struct dev_sink;

struct dev_sink *dev_sink_new(void);
void dev_sink_free(struct dev_sink *s); /* NULL is allowed */
void dev_sink_add(struct dev_sink *s, const struct dev_message *m); /* copied */
/* The tenant's newest first, those with a seq below `before` (0: all), at most
 * `limit`, copied into the arena. */
size_t dev_sink_list(struct dev_sink *s, struct arena *a, int64_t tenant,
                     int64_t before, size_t limit, struct dev_message **ret);
void dev_sink_clear(struct dev_sink *s, int64_t tenant);
