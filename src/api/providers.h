/* providers.h - what the routes of lanes share with those of providers: a
 * provider has one lane, of the same name. */
#pragma once

#include "api/call.h"
#include "app/tester.h"

extern const struct field provider_fields[];
void provider_pause(struct call *c);
void provider_resume(struct call *c);
/* Answers the call that is the test's arg. */
void provider_tested(struct provider_test *t);
extern const struct field provider_test_answer[];
