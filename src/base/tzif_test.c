#include "base/tzif.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/arena_test.h"
#include "base/buf.h"
#include "base/civil.h"
#include "base/icu.h"

static int64_t
utc_ms(int year, int month, int day, int hour, int minute)
{
    return ((civil_days(year, month, day) * 24 + hour) * 60 + minute) *
           INT64_C(60000);
}

#define FROM utc_ms(1970, 1, 1, 0, 0)
#define UNTIL utc_ms(2101, 1, 1, 0, 0)

static void
put_number(struct buf *b, int64_t v, int n)
{
    for (int i = n - 1; i >= 0; i--)
        buf_put_char(b, (char)((uint64_t)v >> (8 * i)));
}

static void
put_header(struct buf *b, int n_times, int n_types)
{
    buf_put_cstr(b, "TZif2");
    for (int i = 0; i < 15; i++)
        buf_put_char(b, '\0');
    put_number(b, 0, 4);
    put_number(b, 0, 4);
    put_number(b, 0, 4);
    put_number(b, n_times, 4);
    put_number(b, n_types, 4);
    put_number(b, 4, 4); /* bytes of names */
}

/* One time, before which it is an hour ahead of UTC, and after it none. */
static struct str
file(int64_t at_s, const char *tail)
{
    struct buf b;

    buf_init(&b, arena);
    put_header(&b, 0, 1);
    put_number(&b, 0, 6);
    buf_put_cstr(&b, "LMT");
    buf_put_char(&b, '\0');
    put_header(&b, 1, 2);
    put_number(&b, at_s, 8);
    buf_put_char(&b, 1);
    put_number(&b, 3600, 4);
    put_number(&b, 0, 2);
    put_number(&b, 0, 4);
    put_number(&b, 0, 2);
    buf_put_cstr(&b, "LMT");
    buf_put_char(&b, '\0');
    buf_put_char(&b, '\n');
    buf_put_cstr(&b, tail);
    buf_put_char(&b, '\n');
    return buf_str(&b);
}

static void
assert_change(const struct zone_changes *c, size_t i, int64_t at_ms,
              int hours_ahead)
{
    assert_true(i < c->n);
    assert_int_equal(c->row[i].at_ms, at_ms);
    assert_int_equal(c->row[i].offset_ms, hours_ahead * 3600000);
}

static void
the_line_at_the_end_tells_of_all_years_to_come(void **state)
{
    static const struct {
        const char *tail;
        int first, second; /* hours ahead after the changes of 2030 */
    } rows[] = {
        {"CET-1CEST,M3.5.0,M10.5.0/3", 2, 1},
        {"EST5EDT,M3.2.0,M11.1.0", -4, -5},
        {"<-04>4<-03>,M9.1.6/24,M4.1.6/24", -4, -3},
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", -1, -2},
        {"AAA0BBB,J60/0,J300/0", 1, 0},
        {"AAA0BBB,59/0,299/0", 1, 0},
    };
    const int64_t expected[][2] = {
        {utc_ms(2030, 3, 31, 1, 0), utc_ms(2030, 10, 27, 1, 0)},
        {utc_ms(2030, 3, 10, 7, 0), utc_ms(2030, 11, 3, 6, 0)},
        {utc_ms(2030, 4, 7, 3, 0), utc_ms(2030, 9, 8, 4, 0)},
        {utc_ms(2030, 3, 31, 1, 0), utc_ms(2030, 10, 27, 1, 0)},
        {utc_ms(2030, 3, 1, 0, 0), utc_ms(2030, 10, 26, 23, 0)},
        {utc_ms(2030, 3, 1, 0, 0), utc_ms(2030, 10, 26, 23, 0)},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct zone_changes c;

        assert_int_equal(tzif_read(file(0, rows[i].tail),
                                   utc_ms(2030, 1, 1, 0, 0),
                                   utc_ms(2031, 1, 1, 0, 0), &c),
                         ERR_OK);
        if (c.n != 3)
            fail_msg("%s: %zu rows", rows[i].tail, c.n);
        assert_change(&c, 0, utc_ms(2030, 1, 1, 0, 0), rows[i].second);
        assert_change(&c, 1, expected[i][0], rows[i].first);
        assert_change(&c, 2, expected[i][1], rows[i].second);
        free(c.row);
    }
}

static void
times_of_the_file_go_before_the_line(void **state)
{
    struct zone_changes c;

    (void)state;
    assert_int_equal(tzif_read(file(utc_ms(2000, 1, 1, 0, 0) / 1000, "UTC0"),
                               FROM, UNTIL, &c),
                     ERR_OK);
    assert_int_equal(c.n, 2);
    assert_change(&c, 0, FROM, 1);
    assert_change(&c, 1, utc_ms(2000, 1, 1, 0, 0), 0);
    free(c.row);
    assert_int_equal(tzif_read(file(0, ""), FROM, UNTIL, &c), ERR_OK);
    assert_int_equal(c.n, 1);
    assert_change(&c, 0, FROM, 0);
    free(c.row);
}

static void
what_is_no_such_file_is_refused(void **state)
{
    static const char *const tails[] = {
        "C",
        "CET",
        "CET-1CEST",
        "CET-25",
        "CET-1CEST,M",
        "CET-1CEST,M3.",
        "CET-1CEST,M3.5.0",
        "CET-1CEST,M13.5.0,M10.5.0",
        "CET-1CEST,M3.6.0,M10.5.0",
        "CET-1CEST,M3.5.7,M10.5.0",
        "CET-1CEST,M3.5.0/168,M10.5.0",
        "CET-1CEST,M3.5.0,M10.5.0x",
        "<CET-1",
        "CET-1:60",
    };
    struct str whole = file(0, "CET-1CEST,M3.5.0,M10.5.0/3"), broken;
    struct zone_changes c;

    (void)state;
    for (size_t n = 0; n < whole.n; n++)
        assert_int_equal(tzif_read(str_sub(whole, 0, n), FROM, UNTIL, &c),
                         ERR_INVALID);
    for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++)
        if (tzif_read(file(0, tails[i]), FROM, UNTIL, &c) != ERR_INVALID)
            fail_msg("\"%s\"", tails[i]);
    broken = (struct str){arena_copy(arena, whole.p, whole.n), whole.n};
    memset((char *)(uintptr_t)broken.p + 32, 0x7f, 4); /* very many times */
    assert_int_equal(tzif_read(broken, FROM, UNTIL, &c), ERR_INVALID);
}

/* Two readers of two forms of the same rules; ICU's may be of an older year,
 * so these zones are ones that have long been left alone. */
static void
it_is_of_one_mind_with_icu(void **state)
{
    static const char *const names[] = {
        "Europe/Berlin",    "America/New_York", "America/Sao_Paulo",
        "Asia/Kolkata",     "Asia/Tokyo",       "Australia/Lord_Howe",
        "Australia/Sydney", "Pacific/Chatham",  "Pacific/Apia",
        "Africa/Cairo_no",  "Etc/GMT+5",        "Europe/Dublin",
    };
    size_t n_compared = 0;

    (void)state;
    if (icu_fault() || access(TZIF_FOLDER "/Europe/Berlin", R_OK) != 0)
        skip();
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct zone_changes a, b;
        enum err e = tzif_zone_changes(str_from(names[i]), FROM, UNTIL, &a);

        assert_int_equal(e,
                         icu_zone_changes(str_from(names[i]), FROM, UNTIL, &b));
        if (e != ERR_OK)
            continue;
        if (a.n != b.n)
            fail_msg("%s: %zu and %zu", names[i], a.n, b.n);
        for (size_t k = 0; k < a.n; k++) {
            assert_int_equal(a.row[k].at_ms, b.row[k].at_ms);
            assert_int_equal(a.row[k].offset_ms, b.row[k].offset_ms);
        }
        free(a.row);
        free(b.row);
        n_compared++;
    }
    assert_int_equal(n_compared, sizeof(names) / sizeof(names[0]) - 1);
}

static void
a_name_leads_to_no_other_file(void **state)
{
    static const char *const names[] = {
        "",          "../../../etc/passwd", "/etc/passwd", "Europe/../../x",
        "tzdata.zi", "right/Europe/Berlin", "zone.tab",    "Europe",
        "Factory",   "europe/berlin",
    };
    struct zone_changes c;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(tzif_zone_changes(str_from(names[i]), FROM, UNTIL, &c),
                         ERR_NOT_FOUND);
    assert_int_equal(tzif_zone_changes((struct str){"Europe/Berlin\0x", 15},
                                       FROM, UNTIL, &c),
                     ERR_NOT_FOUND);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_line_at_the_end_tells_of_all_years_to_come),
        T(times_of_the_file_go_before_the_line),
        T(what_is_no_such_file_is_refused),
        T(it_is_of_one_mind_with_icu),
        T(a_name_leads_to_no_other_file),
    };

    return cmocka_run_group_tests_name("base/tzif", tests, NULL, NULL);
}
