/* http.h - what the drivers of HTTP APIs share: how a call is put together, and
 * what its answer comes to where the provider's own table says nothing.
 * Private to channel/. Pure. */
#pragma once

#include "channel/driver.h"

/* A row of each HTTP driver's table; channel_check_base_url() belongs to it. */
#define CHANNEL_BASE_URL_ROW                                                   \
    {                                                                          \
        .name = "base_url", .type = FIELD_URL, .max = 2048,                    \
        .doc = "Takes the place of the provider's scheme, host and port: for " \
               "a proxy, a private cloud or a test.",                          \
    }
void channel_check_base_url(struct json config, struct problem *p);
/* One letter, digit, - or _ at least, and nothing else. */
bool channel_is_word(struct str s);

/* `path`, which begins with a slash, below base_url or else below `otherwise`,
 * "https://api.example.com". */
struct str channel_url(struct arena *a, struct json config,
                       const char *otherwise, struct str path);
/* For channel_driver.host. */
struct str channel_url_host(struct arena *a, struct json config,
                            const char *otherwise);
bool channel_is_link(struct str url); /* whole: no path of the sender's site */
/* Markdown's [words](url) shows the words alone, so that nobody sees where it
 * leads; with the backslash before the bracket it shows as it is written. */
struct str channel_unmask_links(struct arena *a, struct str text);

/* ---- incoming webhooks: one URL is address and secret ---- */

#define CHANNEL_WEBHOOK_URL_ROW(sentence)                                      \
    {                                                                          \
        .name = "webhook_url", .type = FIELD_STRING, .flags = FIELD_SECRET,    \
        .min = 1, .max = 2048, .doc = (sentence),                              \
    }
void channel_check_webhook_url(struct json config, struct problem *p);
/* The URL as it is given, but below base_url where there is one. */
struct str channel_moved_url(struct arena *a, struct json config,
                             struct str url);
/* For channel_driver.host. */
struct str channel_webhook_host(struct arena *a, struct json config);
/* The user's own, else the provider's, moved; STR_NONE: it is none that may be
 * called, and the call was refused. */
struct str channel_webhook_url(struct channel_call *c);
/* What the target's end means: a user's address is gone; the provider's own
 * target is a fault of its configuration. */
enum verdict channel_gone(const struct channel_call *c);
/* As channel_judge_http(), where the URL may be a user's own: what that says of
 * credentials says nothing of the provider's. */
struct channel_verdict channel_judge_webhook(struct channel_call *c,
                                             const struct field *config);

/* ---- the call ---- */

#define CHANNEL_JSON "application/json"
#define CHANNEL_FORM "application/x-www-form-urlencoded"

/* Makes c->request a POST; headers are added after it. */
void channel_post(struct channel_call *c, struct str url, const char *type,
                  struct str body);
/* Where the value has what no header may have, the call is refused when it is
 * made. At most as many as there is room for in a request. */
void channel_add_header(struct channel_call *c, const char *name,
                        struct str value);
void channel_add_bearer(struct channel_call *c, struct str token);
void channel_add_basic(struct channel_call *c, struct str user,
                       struct str password); /* RFC 7617 */
/* For probes. A GET; headers are added after it. */
void channel_get(struct channel_call *c, struct str url);
/* No more than a connection. */
void channel_connect(struct channel_call *c, struct str url);
/* For channel_driver.probe_judge, where what is asked for is the account's own:
 * none is there for one that is not known. */
void channel_probe_account(struct channel_call *c, struct channel_verdict *v);
/* A pair of a form, after an ampersand where it is not the first. */
void channel_put_form(struct buf *out, const char *name, struct str value);

/* ---- the answer ---- */

/* Its body, if that is JSON; else absent. */
struct json channel_answer_json(const struct channel_call *c);
bool channel_answer_is_ok(const struct channel_call *c); /* 2xx */
/* By the status alone: 2xx sent; 408, 425, 5xx retry; 429, and 503 with a
 * Retry-After, rate; 401, 402, 403, 407 credentials; 410 gone; the rest,
 * redirections too, rejected. With a detail. A 2xx whose body is not what the
 * provider sends was taken all the same: sent, without an id of theirs. */
struct channel_verdict channel_judge_http(struct channel_call *c,
                                          const struct field *config);
/* Marks the verdict of a call to `url`, which is the user's own, as one of
 * others, unless that is below base_url, or on one of the provider's hosts
 * `homes` or below one (ends with NULL or an empty one). */
void channel_judge_others(struct channel_call *c, struct str url,
                          const char *const *homes);
/* `seconds` from now in the bounds of a Retry-After, upwards to a full ms. */
int64_t channel_wait_ms(double seconds);
/* The same of a number in an answer; 0: it is none. */
int64_t channel_json_wait_ms(struct arena *a, struct json seconds);
/* When quotas of a day begin anew, by UTC. */
int64_t channel_until_midnight_ms(int64_t now_ms);
