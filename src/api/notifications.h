/* notifications.h - handlers of the resource that have files of their own. */
#pragma once

#include "api/call.h"

void notification_send(struct call *c);
void notification_batch(struct call *c);
void notification_trace(struct call *c);
