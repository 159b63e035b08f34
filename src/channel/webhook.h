/* webhook.h - a call by Standard Webhooks, for the drivers that make one.
 * Private to channel/. */
#pragma once

#include "channel/driver.h"

struct webhook_call {
    struct str id, timestamp;
    struct str signatures; /* empty: none */
    struct str body;       /* JSON */
};
/* Fills c->request. */
void webhook_request(struct channel_call *c, struct str url,
                     const struct webhook_call *w);
struct channel_verdict webhook_judge(struct channel_call *c,
                                     const struct field *config);
