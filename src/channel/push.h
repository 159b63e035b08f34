/* push.h - what the drivers of pushes share. Private to channel/. Pure. */
#pragma once

#include "channel/driver.h"

/* Services keep a push for a phone that is off for four weeks at most, and
 * where nothing says less, so long. */
#define PUSH_TTL_MAX_MS (28 * 24 * 3600 * INT64_C(1000))
/* Until nobody wants it any more; 0 where that is now. */
int64_t push_ttl_ms(const struct channel_call *c);

/* Writes the message in at most `max` bytes: a cut body still helps, so what is
 * too long loses the end of it. False: it does not fit without a body, either,
 * and the call is refused. */
bool push_fit(struct channel_call *c, size_t max,
              void (*write)(struct channel_call *c,
                            const struct channel_message *m, struct buf *out),
              struct str *ret);
/* Members that apps find beside the words: ids, category, and what the sender
 * gave. As text where an app gets nothing but strings. */
void push_put_data(struct json_writer *w, const struct channel_message *m,
                   bool as_text);
