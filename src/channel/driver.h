/* driver.h - what drivers share. Private to channel/ and plugin/. */
#pragma once

#include "channel/channel.h"
#include "domain/retry.h"

extern const struct channel_driver channel_apns;
extern const struct channel_driver channel_discord;
extern const struct channel_driver channel_fcm;
extern const struct channel_driver channel_gotify;
extern const struct channel_driver channel_log_file;
extern const struct channel_driver channel_mailgun;
extern const struct channel_driver channel_ntfy;
extern const struct channel_driver channel_null;
extern const struct channel_driver channel_pagerduty;
extern const struct channel_driver channel_pushover;
extern const struct channel_driver channel_slack;
extern const struct channel_driver channel_postmark;
extern const struct channel_driver channel_resend;
extern const struct channel_driver channel_sendgrid;
extern const struct channel_driver channel_ses;
extern const struct channel_driver channel_smtp;
extern const struct channel_driver channel_teams;
extern const struct channel_driver channel_telegram;
extern const struct channel_driver channel_twilio;
extern const struct channel_driver channel_vonage;
extern const struct channel_driver channel_waha;
extern const struct channel_driver channel_web_push;
extern const struct channel_driver channel_webhook;
extern const struct channel_driver channel_whatsapp_cloud;

#define CHANNEL_DETAIL_MAX 300

/* The call is over: the same verdict for each of its messages. */
void channel_conclude(struct channel_call *c, const struct channel_verdict *v);
/* Over before it began: the message cannot be put into the channel's form. */
void channel_refuse(struct channel_call *c, const char *why);
/* The whole of a driver that makes one request: ask() fills c->request or
 * concludes, judge() gives the verdict on an answer that came. */
void channel_step(struct channel_call *c, const struct field *config,
                  void (*ask)(struct channel_call *c),
                  struct channel_verdict (*judge)(struct channel_call *c));
/* What an answer without an HTTP or SMTP status comes to, for every driver. */
struct channel_verdict channel_unanswered(struct channel_call *c,
                                          const struct field *config);

/* Text of the other side as a line for people: clipped, without control
 * characters, and without any secret of the configuration. */
struct str channel_detail(const struct channel_call *c,
                          const struct field *config, struct str text);
/* Retry-After of the answer, in the bounds of domain/retry.h; 0: it names none,
 * or what is none. */
int64_t channel_retry_after_ms(const struct channel_call *c);
struct str channel_answer_header(const struct channel_answer *a,
                                 const char *name);

/* What the sender says of the first message for this provider, in
 * overrides.providers: an object by driver->overrides, or absent. */
struct json channel_override(const struct channel_call *c);

/* For drivers whose provider has no target of its own. */
bool channel_has_no_target(struct json config);

/* ---- words ---- */

bool channel_is_digits(struct str s); /* and of one at least */

/* Title, then the body on the next line, for channels without a title. */
struct str channel_text(struct arena *a, const struct channel_message *m);
/* At most `max` UTF-16 units, which is how phones and chats count; what is cut
 * ends with an ellipsis. */
struct str channel_clip(struct arena *a, struct str text, size_t max);
/* The same with `max` bytes. */
struct str channel_clip_bytes(struct arena *a, struct str text, size_t max);

struct channel_action {
    struct str id, label, url; /* url empty: pressed, it calls nothing here */
};
#define CHANNEL_ACTIONS_MAX 10
/* The message's actions as far as there is room. */
size_t channel_actions(struct arena *a, const struct channel_message *m,
                       struct channel_action row[static CHANNEL_ACTIONS_MAX]);

/* The webhook body of one message. With at_ms it is a log line: with the key
 * "at", and on one line whatever the sender's data looks like. */
void channel_put_json(struct buf *out, const struct channel_message *m,
                      int64_t at_ms);
