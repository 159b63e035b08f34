/* users.h - what every way to write a user has to mind. */
#pragma once

#include "api/call.h"

/* A send reads the documents of a thousand users at once. */
#define USER_MAX (64 * 1024)

void user_check_size(struct json user, struct str at, struct problem *p);
/* Their roles as they are after this write, with the document. */
void user_fill_roles(struct call *c, struct json user,
                     struct store_object_write *w);
