/* vonage_messages.h - Vonage's Messages API: WhatsApp, and SMS of those who
 * have an application. Private to channel/, for vonage.c. Pure. */
#pragma once

#include "channel/http.h"

/* Whether messages of that channel go by it. */
bool vonage_messages_serves(struct json config, struct str channel);
/* For channel_driver.host, where SMS go by it. */
struct str vonage_messages_host(struct arena *a, struct json config);
void vonage_messages_check(struct json config, struct problem *p);
/* Both as of channel_step(); `from` as the API takes it. */
void vonage_messages_ask(struct channel_call *c, struct str from);
struct channel_verdict vonage_messages_judge(struct channel_call *c,
                                             const struct field *config);
/* Whether a webhook is one of its own, whoever signed it. */
bool vonage_messages_is_hook(const struct channel_receipt *r);
void vonage_messages_receipt(struct channel_receipt *r);
