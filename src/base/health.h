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
const char *health_name(enum health h); /* "ok", "degraded", "down" */
