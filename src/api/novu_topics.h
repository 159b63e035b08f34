/* novu_topics.h - topics, which are the same on both sides. */
#pragma once

#include "api/novu_merge.h"

extern const struct field novu_topic_fields[]; /* of an answer */
/* The object, braces included. */
void novu_put_topic(struct call *c, struct json_writer *w,
                    const struct object *o);
