/* link.h - what may become a link in somebody's inbox: it must not be able to
 * run there. Pure. */
#pragma once

#include "base/str.h"

/* http, https, mailto, tel or a path; javascript: and the like are not, nor is
 * what a browser would read in another way. */
bool link_is_safe(struct str url);
/* What a picture may be loaded from: http or https. */
bool link_is_picture(struct str url);
