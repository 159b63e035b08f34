/* besttime.h - when somebody reads, and so when to reach them.
 *
 * A habit counts the hours in which a user read something, by the hour that
 * their clock showed, working days and weekends apart: who moves, or whose
 * clocks change, still reads at breakfast. An hour counts once, however much
 * was read in it. What was counted halves in weight every 30 days.
 *
 * Pure; sums are of whole numbers, so each machine picks the same time. */
#pragma once

#include "domain/quiet.h"
#include "domain/zone.h"

#define HABIT_ONE 65536 /* the weight of one hour of reading */
#define HABIT_HALF_LIFE_DAYS 30
#define HABIT_LEAST 5   /* hours of reading, for anything to follow */
#define HABIT_BYTES 194 /* of one that is stored */
#define BESTTIME_SPREAD_MS (15 * 60 * 1000)

enum habit_days { HABIT_WORKDAYS, HABIT_WEEKEND, HABIT_DAYS };

struct habit {
    int64_t hour;  /* the last one counted, since 1970; 0: none was */
    bool is_local; /* by the user's zone; else by UTC, as none was known */
    uint32_t weight[HABIT_DAYS][24];
};

int64_t habit_hour(int64_t at_ms);
/* False: that hour is counted, or an hour after it. `own` is the user's zone,
 * NULL where none is known; what was counted by UTC is moved to the first one
 * that is. */
bool habit_learn(struct habit *h, const struct zone *own, int64_t at_ms);
/* Weighed as of then, and by the clock of the zone. */
struct habit habit_at(const struct habit *h, const struct zone *own,
                      int64_t now_ms);
uint64_t habit_reads(const struct habit *h); /* in HABIT_ONE */
/* Of these in that hour of the day; HABIT_DAYS: on all. */
uint64_t habit_count(const struct habit *h, enum habit_days days, int hour);
/* The hour that stands out on such days; -1: none does. */
int habit_best_hour(const struct habit *h, enum habit_days days);

/* All but `hour`. */
void habit_pack(const struct habit *h, char ret[static HABIT_BYTES]);
/* False: these are not the bytes of one. */
bool habit_unpack(struct str bytes, struct habit *ret);

struct besttime_query {
    const struct habit *habit;       /* NULL: nothing is known */
    const struct zone *own;          /* NULL: none is known */
    const struct quiet_hours *quiet; /* NULL: none */
    int64_t from_ms, until_ms;
    /* Spreads those whose best hour is the same over its first minutes. */
    struct str user;
};

/* The best time from from_ms to until_ms, outside of the quiet hours; from_ms
 * where that is in the best hour. False: too little is known, or no hour within
 * that time stands out. */
bool besttime_pick(const struct besttime_query *q, int64_t *ret_ms);
