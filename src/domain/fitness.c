#include "domain/fitness.h"

#include <math.h>

static double
left_of(const struct fitness *f, int64_t now_ms)
{
    int64_t age_ms = now_ms - f->at_ms;

    return age_ms <= 0 ? 1 : exp2(-(double)age_ms / FITNESS_HALF_MS);
}

static void
keep(struct fitness *f, double share)
{
    f->good *= share;
    f->bad *= share;
    f->spent_ms *= share;
}

static void
make_room(struct fitness *f, int64_t now_ms)
{
    keep(f, left_of(f, now_ms));
    if (f->good + f->bad > FITNESS_CALLS - 1)
        keep(f, (FITNESS_CALLS - 1) / (f->good + f->bad));
    if (now_ms > f->at_ms)
        f->at_ms = now_ms;
}

void
fitness_note(struct fitness *f, enum fitness_call what, int64_t duration_ms,
             int64_t now_ms)
{
    if (what == FITNESS_NOTHING)
        return;
    make_room(f, now_ms);
    if (what == FITNESS_BAD) {
        f->bad++;
        return;
    }
    f->good++;
    f->spent_ms += (double)(duration_ms < 0 ? 0 : duration_ms);
}

int64_t
fitness_success(const struct fitness *f, int64_t now_ms)
{
    double left = left_of(f, now_ms);
    double good = f->good * left + FITNESS_DOUBT;
    double rate = good / (good + f->bad * left);

    return llround(rate * rate * (double)FITNESS_WHOLE);
}

int
fitness_percent(const struct fitness *f, int64_t now_ms)
{
    double all = f->good + f->bad;

    if (all * left_of(f, now_ms) < 0.5)
        return -1;
    return (int)(100 * f->good / all);
}

int64_t
fitness_latency_ms(const struct fitness *f, int64_t now_ms)
{
    if (f->good * left_of(f, now_ms) < FITNESS_SAMPLES)
        return -1;
    return llround(f->spent_ms / f->good);
}

int64_t
fitness_of(const struct fitness *f, int64_t fastest_ms, int64_t now_ms)
{
    int64_t worth = fitness_success(f, now_ms);
    int64_t own_ms = fitness_latency_ms(f, now_ms);
    int64_t allowed_ms = 2 * fastest_ms + FITNESS_SLACK_MS;

    if (own_ms >= 0 && fastest_ms >= 0 && own_ms > allowed_ms)
        worth = (int64_t)((double)worth * (double)allowed_ms / (double)own_ms);
    return worth < FITNESS_LEAST ? FITNESS_LEAST : worth;
}
