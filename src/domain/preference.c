#include "domain/preference.h"

#include "base/clock.h"

static bool
is_muted(const struct preference_query *q)
{
    int64_t until_ms;

    return time_parse(json_str_of(q->arena, q->user, "muted_until"),
                      &until_ms) &&
           until_ms > q->now_ms;
}

static struct json
channel_of(const struct preference_query *q, struct json of)
{
    return json_get_str(json_get(of, "channels"), q->channel);
}

static bool
is_set(struct json v)
{
    return json_is(v, JSON_TRUE) || json_is(v, JSON_FALSE);
}

/* False: the document does not say. */
static bool
is_decided(const struct preference_query *q, struct json doc, enum reason *ret)
{
    struct json category =
        q->category.n > 0
            ? json_get_str(json_get(doc, "categories"), q->category)
            : (struct json){0};
    const struct {
        struct json value;
        enum reason off;
    } said[] = {
        {channel_of(q, category), REASON_PREF_CHANNEL_OFF},
        {json_get(category, "enabled"), REASON_PREF_CATEGORY_OFF},
        {channel_of(q, doc), REASON_PREF_CHANNEL_OFF},
    };

    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
        if (is_set(said[i].value)) {
            *ret =
                json_is(said[i].value, JSON_TRUE) ? REASON_NONE : said[i].off;
            return true;
        }
    }
    return false;
}

enum reason
preference_decide(const struct preference_query *q)
{
    enum reason why = REASON_NONE;

    if (q->is_critical)
        return REASON_NONE;
    if (is_muted(q))
        return REASON_PREF_MUTED;
    if (!is_decided(q, q->user, &why))
        (void)is_decided(q, q->defaults, &why);
    return why;
}

int64_t
preference_window_ms(const struct preference_query *q)
{
    struct json windows = json_get(q->user, "digest");
    int64_t ms;

    if (q->category.n == 0 ||
        !str_to_duration_ms(
            json_str(q->arena, json_get_str(windows, q->category)), &ms))
        return 0;
    return ms;
}
