/* api_private.h - between the router and the calls; for api/ alone. */
#pragma once

#include "api/call.h"

/* Counts the call, logs it, forgets it; before its answer goes out. */
void api_call_ends(struct call *c, int status);
/* Whose inbox a call is about: the token's, or that of ?user=. False: refused
 * already. */
bool inbox_user(struct call *c, struct str *ret);
/* Takes from what an address may ask for without a valid key. False: it was
 * too much, and is refused already. */
bool api_is_address_within(struct call *c);
/* "https://.../errors#"; problem types are this and a code. */
const char *api_problem_base(const struct api *a, struct arena *arena);
size_t api_max_body(const struct api *a); /* of most routes */
