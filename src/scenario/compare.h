/* compare.h - JSON held against JSON. */
#pragma once

#include "base/arena.h"
#include "base/json.h"

/* RFC 6901; absent: there is nothing. */
struct json json_pointer(struct arena *a, struct json root, struct str pointer);
/* Whether `is` holds all of `want`: an object may have more members, an array
 * has as many elements. False: *ret_why says where they differ. */
bool json_holds(struct arena *a, struct json is, struct json want,
                struct str *ret_why);
