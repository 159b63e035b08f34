/* novu_subscribers.h - a subscriber of Novu's is a user of ours: e-mail, phone,
 * locale and time zone are the same; names, avatar and data are attributes. */
#pragma once

#include "api/novu_merge.h"

extern const struct novu_merge_kind novu_subscribers;

/* What a request may say of one. */
#define NOVU_SUBSCRIBER_FIELDS                                                 \
    {.name = "firstName", .type = FIELD_STRING, .flags = FIELD_NULLABLE},      \
        {.name = "lastName", .type = FIELD_STRING, .flags = FIELD_NULLABLE},   \
        {.name = "email", .type = FIELD_STRING, .flags = FIELD_NULLABLE},      \
        {.name = "phone", .type = FIELD_STRING, .flags = FIELD_NULLABLE},      \
        {.name = "avatar", .type = FIELD_STRING, .flags = FIELD_NULLABLE},     \
        {.name = "locale", .type = FIELD_STRING, .flags = FIELD_NULLABLE},     \
        {.name = "timezone", .type = FIELD_STRING, .flags = FIELD_NULLABLE},   \
        {.name = "data", .type = FIELD_OBJECT, .flags = FIELD_NULLABLE},       \
    {                                                                          \
        .name = "channels", .type = FIELD_ANY, .flags = FIELD_UNSUPPORTED,     \
        .doc = "Credentials of chat and push providers."                       \
    }

/* Whether the user that comes of it could be stored. */
void novu_check_subscriber(struct arena *a, struct json given, struct str at,
                           struct problem *p);
/* Whether it says more than who it is. */
bool novu_says_more(struct arena *a, struct json given);

/* Of topics' subscribers: {"_id", "subscriberId", names, "email"}. */
void novu_put_person(struct json_writer *w, struct str user, struct json doc);
extern const struct field novu_person_fields[];
