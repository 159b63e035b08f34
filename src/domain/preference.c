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

/* A place in a document: of the category if it has one, of the channel if it
 * has one. */
static struct str
place(const struct preference_query *q, const char *whose, bool in_category,
      bool in_channel)
{
    struct str category = STR_NONE, channel = STR_NONE;

    if (in_category)
        category = str_fmt(q->arena, "/categories/%.*s", STR_ARG(q->category));
    if (in_channel)
        channel = str_fmt(q->arena, "/channels/%.*s", STR_ARG(q->channel));
    return str_fmt(q->arena, "%s%.*s%.*s", whose, STR_ARG(category),
                   STR_ARG(channel));
}

/* False: the document does not say. */
static bool
is_decided(const struct preference_query *q, struct json doc, const char *whose,
           enum reason *ret, struct str *by)
{
    struct json category =
        q->category.n > 0
            ? json_get_str(json_get(doc, "categories"), q->category)
            : (struct json){0};
    const struct {
        struct json value;
        enum reason off;
        bool in_category, in_channel;
    } said[] = {
        {channel_of(q, category), REASON_PREF_CHANNEL_OFF, true, true},
        {json_get(category, "enabled"), REASON_PREF_CATEGORY_OFF, true, false},
        {channel_of(q, doc), REASON_PREF_CHANNEL_OFF, false, true},
    };

    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
        if (!is_set(said[i].value))
            continue;
        *ret = json_is(said[i].value, JSON_TRUE) ? REASON_NONE : said[i].off;
        if (by)
            *by = place(q, whose, said[i].in_category, said[i].in_channel);
        return true;
    }
    return false;
}

enum reason
preference_explain(const struct preference_query *q, struct str *by)
{
    enum reason why = REASON_NONE;

    if (q->is_critical || is_muted(q)) {
        if (by)
            *by = q->is_critical ? STR("category") : STR("user/muted_until");
        return q->is_critical ? REASON_NONE : REASON_PREF_MUTED;
    }
    if (!is_decided(q, q->user, "user", &why, by))
        (void)is_decided(q, q->defaults, "workspace", &why, by);
    return why;
}

enum reason
preference_decide(const struct preference_query *q)
{
    return preference_explain(q, NULL);
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
