/* mail_batch.h - several mails in one request, for APIs that take them: each
 * as it would be alone, each with the verdict that it would have alone. Private
 * to channel/. Pure. */
#pragma once

#include "channel/mail.h"

/* Answers are kept up to 64 KiB, and tell of each mail in some hundred bytes.
 */
#define MAIL_BATCH_MAX 100

/* A row of the driver's table; mail_batch() reads it. */
#define MAIL_BATCH_ROW(sentence)                                               \
    {                                                                          \
        .name = "batch", .type = FIELD_INT, .min = 1, .max = MAIL_BATCH_MAX,   \
        .doc = (sentence),                                                     \
    }
size_t mail_batch(struct json config); /* 1 where it is left out */

/* An API. judge() is given calls of one message, also of those that go with
 * others; `answer` is then that mail's part of the answer. */
struct mail_api {
    const struct field *config;
    const char *home;
    const char *path, *batch_path;
    void (*put)(struct json_writer *w, struct channel_call *c,
                const struct mime_message *m);
    /* Several, which join each other; NULL: each as if alone, in a list. */
    void (*put_all)(struct json_writer *w, struct channel_call *c,
                    const struct mime_message *all, size_t n);
    /* Adds the headers of a request for c->messages, of which `ids` are. */
    void (*add_headers)(struct channel_call *c, struct str ids);
    struct channel_verdict (*judge)(struct channel_call *one);
    /* The list in an answer to several, a part for each in their order. NULL:
     * an answer tells of all of them alike. */
    struct json (*parts)(struct json answer);
    /* The status that one would have had alone; 0: the part tells nothing. */
    int (*status)(struct json part);
};

/* The whole of such a driver's step. */
void mail_api_step(struct channel_call *c, const struct mail_api *api);
