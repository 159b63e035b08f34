/* fuzz_schedule.c - any expression of cron and any rule in any of some zones:
 * no crash, a fault within the text, and what is due comes in order and is
 * found again from wherever one looks.
 *
 * Input: one byte for the zone and the kind, two for the time, the text. */
#include "domain/schedule.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition))                                                      \
            abort();                                                           \
    } while (0)

static const char *const zones[] = {
    "UTC",          "Europe/Berlin",       "America/New_York",
    "Pacific/Apia", "Australia/Lord_Howe", "America/Havana",
    "Asia/Tehran",  "Antarctica/Troll",
};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct schedule s = {0};
    const char *why = NULL;
    struct str text;
    size_t at = 0;
    int64_t now, due[4];
    size_t n;
    enum err e;

    if (size < 3 || size > SCHEDULE_TEXT_MAX)
        return 0;
    text = (struct str){(const char *)data + 3, size - 3};
    s.zone = zone_find(str_from(zones[data[0] % 8]));
    s.is_cron = data[0] & 8;
    now = (data[1] * 256 + data[2]) * INT64_C(6) * 3600 * 1000;
    if (!s.zone)
        return 0;
    e = s.is_cron ? cron_parse(text, &s.cron, &why, &at)
                  : recurrence_parse(text, s.zone, now, &s.rule, &why, &at);
    if (e != ERR_OK) {
        CHECK(at <= SCHEDULE_TEXT_MAX && why);
        return 0;
    }
    n = schedule_upcoming(&s, now - 1, 4, due);
    for (size_t i = 0; i < n; i++) {
        CHECK(due[i] > (i ? due[i - 1] : now - 1));
        CHECK(schedule_next(&s, due[i] - 1) == due[i]);
    }
    return 0;
}
