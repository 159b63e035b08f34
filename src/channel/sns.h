/* sns.h - what Amazon SNS posts: an envelope, its signature, and the question
 * whether a subscription is wanted. Private to channel/. Pure: the certificate
 * that signs is configuration, as nothing is fetched here. */
#pragma once

#include "channel/driver.h"

extern const struct field sns_certificate_forms[];

/* Rows of a driver's table, and what belongs to them. */
#define SNS_ROWS                                                               \
    {.name = "sns_topic_arn",                                                  \
     .type = FIELD_STRING,                                                     \
     .min = 1,                                                                 \
     .max = 512,                                                               \
     .doc = "The SNS topic whose messages are taken as receipts."},            \
    {                                                                          \
        .name = "sns_certificate", .type = FIELD_ONE_OF,                       \
        .of = sns_certificate_forms,                                           \
        .doc = "The certificate at SigningCertURL of that topic's messages, "  \
               "as PEM, or several while a new one comes.",                    \
    }
void sns_check(struct json config, struct problem *p);

/* Sets the outcome, and the call that confirms a subscription; the message of
 * a signed notification of the topic, or STR_NONE. *ret_id is the envelope's
 * own. */
struct str sns_open(struct channel_receipt *r, struct str *ret_id);
/* For its test. */
struct str sns_signed_text(struct arena *a, struct json envelope);
