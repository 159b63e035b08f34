/* driver.h - what the built-in drivers share. Private to channel/. */
#pragma once

#include "channel/channel.h"

extern const struct channel_driver channel_log_file;
extern const struct channel_driver channel_null;
extern const struct channel_driver channel_smtp;
extern const struct channel_driver channel_webhook;

#define CHANNEL_DETAIL_MAX 300

/* The call is over: the same verdict for each of its messages. */
void channel_conclude(struct channel_call *c, const struct channel_verdict *v);
/* Over before it began: the message cannot be put into the channel's form. */
void channel_refuse(struct channel_call *c, const char *why);
/* What an answer without an HTTP or SMTP status comes to, for every driver. */
struct channel_verdict channel_unanswered(struct channel_call *c,
                                          const struct field *config);

/* Text of the other side as a line for people: clipped, without control
 * characters, and without any secret of the configuration. */
struct str channel_detail(const struct channel_call *c,
                          const struct field *config, struct str text);
/* Retry-After of the answer, 1 s to 24 h; 0: it names none. */
int64_t channel_retry_after_ms(const struct channel_call *c);
struct str channel_answer_header(const struct channel_answer *a,
                                 const char *name);

/* The webhook body of one message. With at_ms it is a log line: with the key
 * "at", and on one line whatever the sender's data looks like. */
void channel_put_json(struct buf *out, const struct channel_message *m,
                      int64_t at_ms);

/* The value of webhook-signature; nothing is written without a secret. */
void webhook_put_signatures(const struct channel_call *c, struct str timestamp,
                            struct str body, struct buf *out);
