/* codec.h - the host's end of what is said to a child and by it: the questions
 * of a step and of a webhook, and the answers, which are taken for hostile.
 * guest.h is the other end. Pure. */
#pragma once

#include "plugin/manifest.h"
#include "plugin/wire.h"

#define CODEC_TAKES_RECEIPTS 0x80000000u /* among the plugin's flags */
#define CODEC_RANDOM 32                  /* bytes for a step */
#define CODEC_REPLY_MAX (64 * 1024)
#define CODEC_REPLY_TYPE_MAX 100

/* As a whole frame; false: it would be larger than any may be. */
bool codec_put_step(struct buf *out, const struct manifest *m,
                    const struct channel_call *c);
bool codec_put_receipt(struct buf *out, const struct manifest *m,
                       struct str provider, const struct channel_receipt *r);

/* Into the call, as a driver's step() would leave it: texts are borrowed from
 * the payload. False: that is no answer, and the call is untouched. */
struct codec_stepped {
    bool is_done;
    bool is_preparing; /* the request sends nothing */
    int stage;
    struct channel_memo memo;
    struct channel_request request;
    struct channel_verdict verdict;
};
bool codec_get_stepped(struct str payload, struct codec_stepped *ret);
/* Outcome, events and reply; the events are in r->arena. */
bool codec_get_received(struct str payload, struct channel_receipt *r);
