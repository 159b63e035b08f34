/* workflow_preview.h - a dry run of a workflow: what its steps would do, as far
 * as that is known, and the plan of the first that sends. Pure. */
#pragma once

#include "app/send.h"

/* The steps go to item->steps, and the send becomes that of the first that
 * sends, if nothing is waited for before. False: item->problem says why not. */
bool workflow_preview(struct send *s, struct send_item *item);
