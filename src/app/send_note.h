/* send_note.h - what is noted with a notification when it is accepted: whom it
 * is to, for the trace, and the workflow that they go through. */
#pragma once

#include "app/send.h"

struct str send_note(struct arena *a, const struct send_item *item);
