/* providers.h - what the routes of lanes share with those of providers: a
 * provider has one lane, of the same name. */
#pragma once

#include "api/call.h"

extern const struct field provider_fields[];
void provider_pause(struct call *c);
void provider_resume(struct call *c);
