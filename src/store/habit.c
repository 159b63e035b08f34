/* habit.c - see habit.h. Pure, but that a zone is read from its file once. */
#include "store/habit.h"

#include "base/json.h"

static const struct zone *
zone_of(struct arena *a, struct str user_body)
{
    struct json_doc doc;
    struct json_error why;

    if (json_parse(a, user_body, &doc, &why) != ERR_OK)
        return NULL;
    return zone_find(json_str_of(a, json_root(&doc), "timezone"));
}

bool
habit_add(struct arena *a, struct habit *h, struct str user_body, int64_t at_ms)
{
    return habit_learn(h, zone_of(a, user_body), at_ms);
}
