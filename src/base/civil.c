#include "base/civil.h"

#define DAY_S INT64_C(86400)

/* Years are counted from March, so that the leap day is the last of its year
 * and a month's start is a linear formula. */
int64_t
civil_days(int64_t year, int month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = floor_div(y, 400), yoe = y - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

    return era * 146097 + doe - 719468 + day - 1;
}

struct civil
civil_from_seconds(int64_t s)
{
    int64_t days = floor_div(s, DAY_S), rest = s - days * DAY_S;
    int64_t era = floor_div(days + 719468, 146097);
    int64_t doe = days + 719468 - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    struct civil c;

    c.day = (int)(doy - (153 * mp + 2) / 5 + 1);
    c.month = (int)(mp < 10 ? mp + 3 : mp - 9);
    c.year = (int)(era * 400 + yoe + (c.month <= 2));
    c.hour = (int)(rest / 3600);
    c.minute = (int)(rest / 60 % 60);
    c.second = (int)(rest % 60);
    /* 1970-01-01 was a Thursday. */
    c.weekday = (int)(days + 3 - floor_div(days + 3, 7) * 7);
    return c;
}

bool
civil_is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}
