/* phone.h - what the drivers that send to telephone numbers share. Private to
 * channel/. Pure. */
#pragma once

#include "channel/driver.h"

/* "+4915112345678" of what people write: blanks, dots, hyphens, slashes and
 * parentheses go. STR_NONE: it cannot be a number (E.164: a plus, then 7 to 15
 * digits of which the first is not 0). */
struct str phone_e164(struct arena *a, struct str s);

/* The addressee's number; refuses the message where it is none. */
bool phone_address(struct channel_call *c, struct str *ret);

/* What people answer to be left alone (STOP), or to be written to again
 * (START), and nothing else with it. */
bool phone_keyword(struct str text, enum channel_event_kind *ret);

/* The title and the body as one text. Refuses the message where there is
 * nothing to say, or more than `max` UTF-16 units, which is how phones count:
 * half a text would say something else. */
bool phone_text(struct channel_call *c, const char *who, size_t max,
                struct str *ret);
