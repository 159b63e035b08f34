/* schedule.c - see schedule.h. Pure, any thread. */
#include "domain/schedule.h"

#define HOUR_MS INT64_C(3600000)

const char *const schedule_misfires[] = {
    [MISFIRE_ONCE] = "once",
    [MISFIRE_ALL] = "all",
    [MISFIRE_SKIP] = "skip",
    NULL,
};

const struct field schedule_fields[] = {SCHEDULE_FIELDS, {.type = FIELD_END}};

/* ---- reading ---- */

static const struct zone *
read_zone(struct json doc, struct str at, struct problem *p)
{
    struct str name = json_str_of(p->arena, doc, "timezone");
    const struct zone *z = name.p ? zone_find(name) : zone_utc();

    if (!z)
        problem_add(p, ERR_INVALID,
                    field_pointer(p->arena, at, STR("timezone")),
                    "there is no such time zone: use an IANA name, such as "
                    "Europe/Berlin");
    return z;
}

static int64_t
midnight_before(const struct zone *z, int64_t ms)
{
    struct civil c = zone_civil(z, ms);

    c.hour = c.minute = c.second = 0;
    return zone_instant(z, c);
}

static void
read_text(struct json doc, struct str at, int64_t start_ms, struct problem *p,
          struct schedule *s)
{
    const char *name = s->is_cron ? "cron" : "rrule", *why;
    struct str text = json_str_of(p->arena, doc, name);
    size_t byte;
    enum err e = s->is_cron
                     ? cron_parse(text, &s->cron, &why, &byte)
                     : recurrence_parse(text, s->zone,
                                        midnight_before(s->zone, start_ms),
                                        &s->rule, &why, &byte);

    if (e != ERR_OK)
        problem_add(p, e, field_pointer(p->arena, at, str_from(name)),
                    "at character %zu: %s", byte + 1, why);
}

enum err
schedule_read(struct json doc, struct str at, int64_t start_ms,
              struct problem *p, struct schedule *ret)
{
    struct schedule s = {0};
    struct str misfire = json_str_of(p->arena, doc, "misfire");
    bool has_rule = !json_is(json_get(doc, "rrule"), JSON_ABSENT);
    size_t n_before = p->n_errors + p->n_more;

    s.is_cron = !json_is(json_get(doc, "cron"), JSON_ABSENT);
    if (s.is_cron == has_rule)
        problem_add(p, ERR_INVALID, at,
                    "must have exactly one of cron and rrule");
    for (int i = 0; schedule_misfires[i]; i++)
        if (str_is(misfire, schedule_misfires[i]))
            s.misfire = (enum schedule_misfire)i;
    s.zone = read_zone(doc, at, p);
    if (s.zone && s.is_cron != has_rule)
        read_text(doc, at, start_ms, p, &s);
    if (p->n_errors + p->n_more > n_before)
        return p->err;
    *ret = s;
    return ERR_OK;
}

/* ---- asking ---- */

int64_t
schedule_next(const struct schedule *s, int64_t after_ms)
{
    return s->is_cron ? cron_next(&s->cron, s->zone, after_ms)
                      : recurrence_next(&s->rule, s->zone, after_ms);
}

size_t
schedule_upcoming(const struct schedule *s, int64_t after_ms, size_t n,
                  int64_t *ret_ms)
{
    int64_t due = after_ms;
    size_t i;

    for (i = 0; i < n && (due = schedule_next(s, due)) != INT64_MAX; i++)
        ret_ms[i] = due;
    return i;
}

/* The last one after last_ms and up to now_ms; INT64_MAX: none. Looks back
 * further and further, so that a year of minutes is no year of work. */
static int64_t
last_due(const struct schedule *s, int64_t last_ms, int64_t now_ms)
{
    int64_t due, found = INT64_MAX;

    for (int64_t back = HOUR_MS; found == INT64_MAX; back *= 24) {
        int64_t from = now_ms - last_ms > back ? now_ms - back : last_ms;

        for (due = from; (due = schedule_next(s, due)) <= now_ms;)
            found = due;
        if (from == last_ms)
            break;
    }
    return found;
}

static bool
is_made(const struct schedule_missed *m, int64_t due_ms)
{
    return m->n > 0 && due_ms >= m->due_ms[0] && due_ms <= m->due_ms[m->n - 1];
}

void
schedule_missed(const struct schedule *s, int64_t last_ms, int64_t now_ms,
                int64_t late_ms, struct schedule_missed *ret)
{
    int64_t from = last_ms, due;

    *ret = (struct schedule_missed){0};
    if (s->misfire == MISFIRE_ONCE) {
        due = last_due(s, last_ms, now_ms);
        if (due != INT64_MAX)
            ret->due_ms[ret->n++] = due;
    } else {
        if (s->misfire == MISFIRE_SKIP && now_ms - late_ms - 1 > from)
            from = now_ms - late_ms - 1;
        for (due = from; ret->n < SCHEDULE_MISSED_MAX &&
                         (due = schedule_next(s, due)) <= now_ms;)
            ret->due_ms[ret->n++] = due;
    }
    for (due = last_ms; (due = schedule_next(s, due)) <= now_ms;) {
        if (is_made(ret, due))
            continue;
        if (ret->n_left_out == SCHEDULE_COUNTED_MAX) {
            ret->is_more = true;
            break;
        }
        ret->n_left_out++;
    }
}
