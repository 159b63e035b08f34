/* health.h - what each component last said of itself. Thread-safe. */
#pragma once

#include "base/json.h"

enum health { HEALTH_OK, HEALTH_DEGRADED, HEALTH_DOWN };

/* name: "store", "provider/default/mail". The same name replaces. */
void health_report(struct str name, enum health h, struct str detail,
                   int64_t now_ms);
void health_forget(struct str name);
/* The worst of all; components of other tenants are left out when `only` is
 * not empty ("provider/" + other workspace). Writes the array. */
enum health health_write(struct json_writer *w, struct str only);

/* What another process wrote with health_write(). */
struct health_part {
    struct str node; /* "3"; empty: as if this one had it */
    struct str components;
};
/* The same, of this process (own: its node) and others on one database. Of a
 * component that several have, the worst is told, with its node in the detail;
 * is_silent(arg, name, node) leaves one out that says nothing any more (NULL:
 * none does). */
struct health_parts {
    struct str own;
    const struct health_part *others;
    size_t n;
    bool (*is_silent)(void *arg, struct str name, struct str node);
    void *arg;
};
enum health health_write_all(struct json_writer *w, struct str only,
                             const struct health_parts *parts);
const char *health_name(enum health h); /* "ok", "degraded", "down" */
