#include "base/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"

/* The registry is the process's own, so each test has metrics of its own. */

static struct buf text;

static int
forget_text(void **state)
{
    (void)state;
    buf_fini(&text);
    return 0;
}

static const char *
exposition(void)
{
    buf_reset(&text);
    metrics_write(&text);
    buf_put_char(&text, '\0');
    return text.p;
}

static void
assert_has_line(const char *line)
{
    char with_ends[512];

    snprintf(with_ends, sizeof(with_ends), "\n%s\n", line);
    if (!strstr(exposition(), with_ends))
        fail_msg("no line \"%s\" in:\n%s", line, text.p);
}

/* The number after `name `, or -1. */
static double
value_of(const char *name)
{
    char start[128];
    const char *at;

    snprintf(start, sizeof(start), "\n%s ", name);
    at = strstr(exposition(), start);
    return at ? strtod(at + strlen(start), NULL) : -1;
}

static void
the_same_labels_are_the_same_series(void **state)
{
    struct metric_series *a =
        metrics_series(METRIC_http_requests_total, "/a", "GET", "200");

    (void)state;
    assert_ptr_equal(
        a, metrics_series(METRIC_http_requests_total, "/a", "GET", "200"));
    assert_ptr_not_equal(
        a, metrics_series(METRIC_http_requests_total, "/a", "GET", "201"));
    assert_ptr_not_equal(metrics_series(METRIC_auth_failures_total, "x"),
                         metrics_series(METRIC_rate_limited_total, "x"));
    metric_add(a, 2);
    metric_add(a, 40);
    assert_has_line("# TYPE belfry_http_requests_total counter");
    assert_has_line("belfry_http_requests_total{route=\"/a\",method=\"GET\","
                    "code=\"200\"} 42");
    assert_has_line("belfry_http_requests_total{route=\"/a\",method=\"GET\","
                    "code=\"201\"} 0");
}

static void
a_gauge_goes_up_and_down(void **state)
{
    struct metric_series *s = metrics_series(METRIC_hub_connections, "sse");

    (void)state;
    metric_add(s, 5);
    metric_add(s, -7);
    assert_has_line("# TYPE belfry_hub_connections gauge");
    assert_has_line("belfry_hub_connections{transport=\"sse\"} -2");
    metric_set(s, INT64_C(9000000000));
    assert_has_line("belfry_hub_connections{transport=\"sse\"} 9000000000");
}

static void
milliseconds_are_shown_as_seconds(void **state)
{
    static const struct {
        int64_t ms;
        const char *line;
    } rows[] = {{0, "0"},         {1, "0.001"},   {50, "0.05"},
                {100, "0.1"},     {999, "0.999"}, {1000, "1"},
                {61010, "61.01"}, {-1500, "-1.5"}};
    struct metric_series *s =
        metrics_series(METRIC_queue_oldest_ready_age_seconds, "q");

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char line[128];

        metric_set(s, rows[i].ms);
        snprintf(line, sizeof(line),
                 "belfry_queue_oldest_ready_age_seconds{queue=\"q\"} %s",
                 rows[i].line);
        assert_has_line(line);
    }
}

static void
money_is_exact_to_the_billionth(void **state)
{
    struct metric_series *s =
        metrics_series(METRIC_delivery_cost_total, "sms", "p", "USD");

    (void)state;
    for (int i = 0; i < 3; i++)
        metric_add(s, 7500001); /* 0.007500001 */
    assert_has_line("belfry_delivery_cost_total{channel=\"sms\",provider=\"p\","
                    "currency=\"USD\"} 0.022500003");
    metric_add(s, INT64_C(1000000000000) - 22500003);
    assert_has_line("belfry_delivery_cost_total{channel=\"sms\",provider=\"p\","
                    "currency=\"USD\"} 1000");
}

static void
a_histogram_is_cumulative_and_agrees_with_its_count(void **state)
{
    static const char want[] =
        "\n# TYPE belfry_commit_duration_seconds histogram\n"
        "belfry_commit_duration_seconds_bucket{op=\"x\",le=\"0.001\"} 3\n"
        "belfry_commit_duration_seconds_bucket{op=\"x\",le=\"0.002\"} 4\n"
        "belfry_commit_duration_seconds_bucket{op=\"x\",le=\"0.005\"} 4\n"
        "belfry_commit_duration_seconds_bucket{op=\"x\",le=\"0.01\"} 4\n"
        "belfry_commit_duration_seconds_bucket{op=\"x\",le=\"0.025\"} 4\n"
        "belfry_commit_duration_seconds_bucket{op=\"x\",le=\"0.05\"} 4\n"
        "belfry_commit_duration_seconds_bucket{op=\"x\",le=\"0.1\"} 4\n"
        "belfry_commit_duration_seconds_bucket{op=\"x\",le=\"0.25\"} 4\n"
        "belfry_commit_duration_seconds_bucket{op=\"x\",le=\"0.5\"} 4\n"
        "belfry_commit_duration_seconds_bucket{op=\"x\",le=\"1\"} 4\n"
        "belfry_commit_duration_seconds_bucket{op=\"x\",le=\"2.5\"} 5\n"
        "belfry_commit_duration_seconds_bucket{op=\"x\",le=\"5\"} 5\n"
        "belfry_commit_duration_seconds_bucket{op=\"x\",le=\"10\"} 5\n"
        "belfry_commit_duration_seconds_bucket{op=\"x\",le=\"30\"} 5\n"
        "belfry_commit_duration_seconds_bucket{op=\"x\",le=\"60\"} 6\n"
        "belfry_commit_duration_seconds_bucket{op=\"x\",le=\"+Inf\"} 7\n"
        "belfry_commit_duration_seconds_sum{op=\"x\"} 121.005\n"
        "belfry_commit_duration_seconds_count{op=\"x\"} 7\n";
    static const int64_t ms[] = {0, 1, -9, 2, 1001, 60000, 60001};
    struct metric_series *s =
        metrics_series(METRIC_commit_duration_seconds, "x");

    (void)state;
    for (size_t i = 0; i < 7; i++)
        metric_observe_ms(s, ms[i]);
    if (!strstr(exposition(), want))
        fail_msg("%s", text.p);
}

static void
what_has_no_labels_is_there_from_the_start(void **state)
{
    (void)state;
    assert_has_line("belfry_idempotent_replays_total 0");
    assert_has_line("belfry_scheduler_lag_seconds_bucket{le=\"+Inf\"} 0");
    assert_has_line("belfry_scheduler_lag_seconds_sum 0");
    metric_add(metrics_series(METRIC_idempotent_replays_total), 3);
    assert_has_line("belfry_idempotent_replays_total 3");
    /* What has labels is not there before its first series. */
    assert_null(strstr(exposition(), "belfry_breaker_state"));
}

static void
label_values_cannot_forge_a_line(void **state)
{
    char big[METRICS_VALUE_MAX + 10];

    (void)state;
    metrics_series(METRIC_events_accepted_total, "a\"} 1\nb\\");
    assert_has_line(
        "belfry_events_accepted_total{source=\"a\\\"} 1\\nb\\\\\"} 0");
    metrics_series(METRIC_events_accepted_total, "\xff");
    assert_has_line("belfry_events_accepted_total{source=\"invalid\"} 0");
    memset(big, 'x', sizeof(big));
    big[sizeof(big) - 1] = '\0';
    metrics_series(METRIC_events_accepted_total, big);
    assert_null(strstr(exposition(), big));
    big[METRICS_VALUE_MAX] = '\0';
    assert_non_null(strstr(exposition(), big));
    big[METRICS_VALUE_MAX - 1] = '\0';
    memcpy(big + METRICS_VALUE_MAX - 2, "\xc3\xbc\0", 3); /* 2nd byte over */
    metrics_series(METRIC_events_accepted_total, big);
    assert_non_null(strstr(exposition(), "x\xc3\xbc\"}"));
}

/* A family is one block: HELP, TYPE, then nothing but its own samples. */
static void
each_family_is_written_once_and_in_one_block(void **state)
{
    char seen[128][80], family[80] = "";
    struct str rest, line;
    size_t n = 0;

    (void)state;
    exposition();
    rest = (struct str){text.p, text.n - 1};
    assert_true(text.n > 2 && text.p[text.n - 2] == '\n');
    while (str_split(&rest, '\n', &line) && line.n > 0) {
        if (str_starts(line, STR("# HELP "))) {
            struct str name = str_sub(line, 7, line.n);

            name.n = (size_t)str_find(name, ' ');
            snprintf(family, sizeof(family), "%.*s", STR_ARG(name));
            for (size_t i = 0; i < n; i++)
                assert_string_not_equal(seen[i], family);
            assert_true(n < 128);
            memcpy(seen[n++], family, sizeof(family));
        } else if (str_starts(line, STR("# TYPE "))) {
            assert_true(str_starts(str_sub(line, 7, line.n), str_from(family)));
        } else {
            assert_true(str_starts(line, str_from(family)));
        }
    }
    assert_true(n >= METRIC_COUNT / 2);
}

static void
names_have_the_suffix_of_their_kind(void **state)
{
    const char *at = exposition();

    (void)state;
    while ((at = strstr(at, "\n# TYPE belfry_")) != NULL) {
        char name[80], kind[16], want[80];
        size_t n;

        at += 8;
        assert_int_equal(sscanf(at, "%79s %15s", name, kind), 2);
        n = strlen(name);
        snprintf(want, sizeof(want), "%s",
                 strcmp(kind, "counter") == 0     ? "_total"
                 : strcmp(kind, "histogram") == 0 ? "_seconds"
                                                  : "");
        assert_true(n > strlen(want));
        assert_string_equal(name + n - strlen(want), want);
    }
}

static void
the_process_tells_of_itself(void **state)
{
    double fds = value_of("process_open_fds");
    double start = value_of("process_start_time_seconds");
    double cpu = value_of("process_cpu_seconds_total");
    int fd = open("/dev/null", O_RDONLY);

    (void)state;
    assert_true(fds >= 3);
    assert_true(value_of("process_open_fds") == fds + 1);
    close(fd);
    assert_true(value_of("process_max_fds") > fds);
    assert_true(value_of("process_resident_memory_bytes") > 100000);
    assert_true(value_of("process_virtual_memory_bytes") > 1000000);
    assert_true(start > (double)time(NULL) - 600 &&
                start < (double)time(NULL) + 5);
    assert_true(cpu >= 0 && cpu < 600);
}

#define ADDS 20000

static void *
add_often(void *arg)
{
    (void)arg;
    for (int i = 0; i < ADDS; i++) {
        char name[16];

        snprintf(name, sizeof(name), "loop-%d", i % 7);
        metric_observe_ms(metrics_series(METRIC_event_loop_lag_seconds, name),
                          1);
        metric_add(metrics_series(METRIC_late_results_total), 1);
    }
    return NULL;
}

static void
threads_lose_no_count(void **state)
{
    pthread_t t[4];
    double sum = 0;

    (void)state;
    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, add_often, NULL);
    for (int i = 0; i < 20; i++)
        exposition();
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    assert_true(value_of("belfry_late_results_total") == 4 * ADDS);
    for (int i = 0; i < 7; i++) {
        char name[80];

        snprintf(name, sizeof(name),
                 "belfry_event_loop_lag_seconds_count{loop=\"loop-%d\"}", i);
        sum += value_of(name);
    }
    assert_true(sum == 4 * ADDS);
}

/* Last: what is full stays full. */
static void
series_above_the_cap_are_counted_together(void **state)
{
    static const enum metric metrics[] = {
        METRIC_ssrf_blocked_total,        METRIC_queue_wait_seconds,
        METRIC_db_errors_total,           METRIC_hub_resume_total,
        METRIC_duplicates_possible_total, METRIC_breaker_state};
    struct metric_series *s;

    (void)state;
    for (int i = 0; i < METRICS_SERIES_MAX_PER_METRIC + 3; i++) {
        char name[16];

        snprintf(name, sizeof(name), "v%d", i);
        s = metrics_series(METRIC_ssrf_blocked_total, name);
        metric_add(s, 1);
    }
    assert_has_line("belfry_ssrf_blocked_total{reason=\"v499\"} 1");
    assert_has_line("belfry_ssrf_blocked_total{reason=\"other\"} 3");
    assert_has_line("belfry_metrics_series_refused_total 3");
    assert_ptr_equal(s, metrics_series(METRIC_ssrf_blocked_total, "other"));
    for (size_t m = 0; m < 6; m++) {
        for (int i = 0; i < METRICS_SERIES_MAX_PER_METRIC; i++) {
            char name[16];

            snprintf(name, sizeof(name), "v%d", i);
            metrics_series_of(metrics[m], (const char *const[]){name, NULL});
        }
    }
    /* 6 * 500 do not fit: the last ones are all under "other". */
    s = metrics_series(METRIC_breaker_state, "v0");
    assert_ptr_equal(s, metrics_series(METRIC_breaker_state, "v1"));
    metric_set(s, 2);
    assert_has_line("belfry_breaker_state{provider=\"other\"} 2");
    assert_true(value_of("belfry_metrics_series_refused_total") > 1000);
    /* What was known before is still found. */
    assert_has_line("belfry_ssrf_blocked_total{reason=\"v0\"} 1");
}

int
main(void)
{
#define T(f) cmocka_unit_test_teardown(f, forget_text)
    const struct CMUnitTest tests[] = {
        T(the_same_labels_are_the_same_series),
        T(a_gauge_goes_up_and_down),
        T(milliseconds_are_shown_as_seconds),
        T(money_is_exact_to_the_billionth),
        T(a_histogram_is_cumulative_and_agrees_with_its_count),
        T(what_has_no_labels_is_there_from_the_start),
        T(label_values_cannot_forge_a_line),
        T(each_family_is_written_once_and_in_one_block),
        T(names_have_the_suffix_of_their_kind),
        T(the_process_tells_of_itself),
        T(threads_lose_no_count),
        T(series_above_the_cap_are_counted_together),
    };

    return cmocka_run_group_tests_name("base/metrics", tests, NULL, NULL);
}
