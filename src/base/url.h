/* url.h - addresses that are called, as far as they are understood here. */
#pragma once

#include "base/str.h"

#define URL_MAX 2048 /* bytes */

/* Empty: there is none. */
struct str url_host(struct str url);
/* What follows scheme, host and port. */
struct str url_rest(struct str url);
/* Why it is not one that may be called; NULL: it is. */
const char *url_fault(struct str url);
/* Of a header that says how a call goes over its connection: whoever makes the
 * call says it, and nobody else. */
bool url_owns_header(struct str name);
