#include "domain/digest_rule.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)

const char *const digest_modes[] = {"fixed", "sliding", "calendar", NULL};

static void
check(const struct digest_rule *d, struct str at, struct problem *p)
{
    if (d->max_window_ms < d->window_ms)
        problem_add(p, ERR_INVALID,
                    field_pointer(p->arena, at, STR("max_window")),
                    "must not be shorter than window");
    if (d->mode == DIGEST_CALENDAR && d->window_ms > DAY_MS &&
        d->window_ms % DAY_MS != 0)
        problem_add(p, ERR_INVALID, field_pointer(p->arena, at, STR("window")),
                    "must be whole days where a calendar goes by more than "
                    "one");
}

struct digest_rule
digest_rule_read(struct json doc, struct str at, struct problem *p)
{
    struct digest_rule d = {
        .is_leading = json_bool(json_get(doc, "leading"), false),
        .max_items = DIGEST_ITEMS_DEFAULT,
    };
    int64_t n;

    digest_mode_parse(json_str_of(p->arena, doc, "mode"), &d.mode);
    (void)str_to_duration_ms(json_str_of(p->arena, doc, "window"),
                             &d.window_ms);
    d.max_window_ms = d.window_ms * DIGEST_SLIDES;
    if (d.max_window_ms > DIGEST_WINDOW_MAX_MS)
        d.max_window_ms = DIGEST_WINDOW_MAX_MS;
    if (str_to_duration_ms(json_str_of(p->arena, doc, "max_window"), &n))
        d.max_window_ms = n;
    if (json_int(json_get(doc, "max_items"), &n))
        d.max_items = (int)n;
    check(&d, at, p);
    return d;
}
