/* api_private.h - between the router and the calls; for api/ alone. */
#pragma once

#include "api/call.h"

/* Counts the call, logs it, forgets it; before its answer goes out. */
void api_call_ends(struct call *c, int status);
/* Whose inbox a call is about: the token's, or that of ?user=. False: refused
 * already. */
bool inbox_user(struct call *c, struct str *ret);
/* "https://.../errors#"; problem types are this and a code. */
const char *api_problem_base(const struct api *a, struct arena *arena);
