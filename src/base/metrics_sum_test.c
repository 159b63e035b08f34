#include "base/metrics_sum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <stdio.h>

/* The sums under test hold no series of this process, but where they say. */

struct world {
    struct metrics_sum *sum;
    struct buf text;
};

static int
set_up(void **state)
{
    static struct world w;

    w = (struct world){.sum = metrics_sum_new()};
    *state = &w;
    return 0;
}

static int
tear_down(void **state)
{
    struct world *w = *state;

    metrics_sum_free(w->sum);
    buf_fini(&w->text);
    return 0;
}

static const char *
written(struct world *w)
{
    buf_reset(&w->text);
    buf_put_char(&w->text, '\n');
    metrics_sum_write(w->sum, &w->text);
    buf_put_char(&w->text, '\0');
    return w->text.p;
}

static bool
has_line(struct world *w, const char *line)
{
    char with_ends[512];

    snprintf(with_ends, sizeof(with_ends), "\n%s\n", line);
    return strstr(written(w), with_ends) != NULL;
}

static void
assert_has_line(struct world *w, const char *line)
{
    if (!has_line(w, line))
        fail_msg("no line \"%s\" in:%s", line, w->text.p);
}

static void
what_two_processes_counted_adds_up(void **state)
{
    struct world *w = *state;

    metrics_sum_add(w->sum,
                    STR("belfry_events_accepted_total{source=\"api\"} 40\n"
                        "belfry_http_connections 3\n"
                        "belfry_scheduler_lag_seconds 9 1 0 2\n"),
                    STR("1"), 0);
    metrics_sum_add(w->sum,
                    STR("belfry_events_accepted_total{source=\"api\"} 2\n"
                        "belfry_events_accepted_total{source=\"sql\"} 5\n"
                        "belfry_http_connections 4\n"
                        "belfry_scheduler_lag_seconds 1000 0 0 1 5\n"),
                    STR("2"), 0);
    assert_has_line(w, "belfry_events_accepted_total{source=\"api\"} 42");
    assert_has_line(w, "belfry_events_accepted_total{source=\"sql\"} 5");
    assert_has_line(w, "belfry_http_connections 7");
    assert_has_line(w, "belfry_scheduler_lag_seconds_bucket{le=\"0.001\"} 1");
    assert_has_line(w, "belfry_scheduler_lag_seconds_bucket{le=\"0.005\"} 4");
    assert_has_line(w, "belfry_scheduler_lag_seconds_bucket{le=\"+Inf\"} 9");
    assert_has_line(w, "belfry_scheduler_lag_seconds_sum 1.009");
    assert_has_line(w, "belfry_scheduler_lag_seconds_count 9");
}

static void
what_each_saw_in_the_same_database_is_told_once(void **state)
{
    struct world *w = *state;

    metrics_sum_add(w->sum,
                    STR("belfry_queue_depth{queue=\"d/p\",state=\"ready\"} 7\n"
                        "belfry_breaker_state{provider=\"p\"} 2\n"),
                    STR("1"), 4000);
    metrics_sum_add(w->sum,
                    STR("belfry_queue_depth{queue=\"d/p\",state=\"ready\"} 5\n"
                        "belfry_breaker_state{provider=\"p\"} 0\n"),
                    STR("2"), 1000);
    metrics_sum_add(w->sum,
                    STR("belfry_queue_depth{queue=\"d/p\",state=\"ready\"} 9\n"
                        "belfry_breaker_state{provider=\"p\"} 1\n"),
                    STR("3"), 3000);
    assert_has_line(w, "belfry_queue_depth{queue=\"d/p\",state=\"ready\"} 5");
    assert_has_line(w, "belfry_breaker_state{provider=\"p\"} 2");
}

static void
what_is_of_a_process_says_of_which(void **state)
{
    struct world *w = *state;

    metrics_sum_add(w->sum,
                    STR("belfry_build_info{version=\"1\"} 1\n"
                        "process_open_fds 40\n"),
                    STR("7"), 0);
    metrics_sum_add_own(w->sum, STR("3"));
    assert_has_line(w, "belfry_build_info{version=\"1\",node=\"7\"} 1");
    assert_has_line(w, "process_open_fds{node=\"7\"} 40");
    assert_non_null(strstr(written(w), "\nprocess_open_fds{node=\"3\"} "));
}

static void
what_the_past_counted_stays_and_nothing_else_of_it(void **state)
{
    struct world *w = *state;
    struct buf past = {0};

    metrics_sum_add_past(w->sum, STR("belfry_late_results_total 4\n"
                                     "belfry_http_connections 9\n"
                                     "belfry_build_info{version=\"1\"} 1\n"
                                     "belfry_scheduler_lag_seconds 9 1\n"
                                     "process_open_fds 40\n"));
    metrics_sum_add(w->sum, STR("belfry_late_results_total 1\n"), STR("1"), 0);
    assert_has_line(w, "belfry_late_results_total 5");
    assert_null(strstr(written(w), "connections"));
    assert_null(strstr(written(w), "process"));
    assert_null(strstr(written(w), "build_info"));
    metrics_sum_write_past(w->sum, &past);
    buf_put_char(&past, '\0');
    assert_string_equal(past.p, "belfry_scheduler_lag_seconds 9 1\n"
                                "belfry_late_results_total 5\n");
    buf_fini(&past);
}

static void
a_report_says_what_was_counted_here(void **state)
{
    struct world *w = *state;
    struct buf report = {0};

    metric_add(metrics_series(METRIC_events_rejected_total, "a} 1 {\"\n"), 6);
    metric_observe_ms(metrics_series(METRIC_commit_duration_seconds, "x"),
                      70000);
    metrics_report(&report);
    metrics_sum_add(w->sum, buf_str(&report), STR("1"), 0);
    metrics_sum_add(w->sum, buf_str(&report), STR("2"), 0);
    buf_fini(&report);
    assert_has_line(
        w, "belfry_events_rejected_total{reason=\"a} 1 {\\\"\\n\"} 12");
    assert_has_line(w, "belfry_commit_duration_seconds_sum{op=\"x\"} 140");
    assert_has_line(
        w, "belfry_commit_duration_seconds_bucket{op=\"x\",le=\"60\"} 0");
    assert_has_line(w, "belfry_commit_duration_seconds_count{op=\"x\"} 2");
    assert_int_equal(metrics_total(METRIC_events_rejected_total), 6);
    assert_int_equal(
        metrics_sum_total(w->sum, METRIC_events_rejected_total, STR_NONE), 12);
}

static char two;

static bool
is_two(void *arg, enum metric m, struct str labels, struct str node)
{
    assert_ptr_equal(arg, &two);
    return m == METRIC_breaker_state && str_is(labels, "provider=\"p\"") &&
           str_is(node, "2");
}

static void
what_a_node_has_no_more_to_say_of_is_left_out(void **state)
{
    struct world *w = *state;

    metrics_sum_skip(w->sum, is_two, &two);
    metrics_sum_add(w->sum, STR("belfry_breaker_state{provider=\"p\"} 1\n"),
                    STR("1"), 0);
    metrics_sum_add(w->sum,
                    STR("belfry_breaker_state{provider=\"p\"} 2\n"
                        "belfry_breaker_state{provider=\"q\"} 2\n"),
                    STR("2"), 0);
    assert_has_line(w, "belfry_breaker_state{provider=\"p\"} 1");
    assert_has_line(w, "belfry_breaker_state{provider=\"q\"} 2");
}

static void
a_total_is_of_those_with_the_label(void **state)
{
    struct world *w = *state;

    metrics_sum_add(w->sum,
                    STR("belfry_deliveries_total{channel=\"c\",provider=\"p\","
                        "outcome=\"failed\"} 3\n"
                        "belfry_deliveries_total{channel=\"d\",provider=\"p\","
                        "outcome=\"failed\"} 4\n"
                        "belfry_deliveries_total{channel=\"c\",provider=\"p\","
                        "outcome=\"sent\"} 50\n"),
                    STR("1"), 0);
    assert_int_equal(
        metrics_sum_total(w->sum, METRIC_deliveries_total, STR_NONE), 57);
    assert_int_equal(metrics_sum_total(w->sum, METRIC_deliveries_total,
                                       STR("outcome=\"failed\"")),
                     7);
}

static void
what_is_not_understood_is_left_out(void **state)
{
    static const char *const lines[] = {"",
                                        " ",
                                        "}",
                                        "{} 1",
                                        "belfry_late_results_total",
                                        "belfry_late_results_total ",
                                        "belfry_late_results_total x",
                                        "belfry_late_results_total 1 2",
                                        "belfry_late_results_total} 1",
                                        "belfry_scheduler_lag_seconds 1 -2",
                                        "belfry_scheduler_lag_seconds 1 2 3 4 "
                                        "5 6 7 8 9 10 11 12 13 14 15 16 17 18",
                                        "belfry_unheard_of_total 1",
                                        "process_open_fds 1\"",
                                        "process_open_fds",
                                        "process_unheard_of 1"};
    struct world *w = *state;

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        metrics_sum_add(w->sum, str_from(lines[i]), STR("1"), 0);
    assert_string_equal(written(w), "\n");
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(what_two_processes_counted_adds_up),
        T(what_each_saw_in_the_same_database_is_told_once),
        T(what_is_of_a_process_says_of_which),
        T(what_the_past_counted_stays_and_nothing_else_of_it),
        T(a_report_says_what_was_counted_here),
        T(what_a_node_has_no_more_to_say_of_is_left_out),
        T(a_total_is_of_those_with_the_label),
        T(what_is_not_understood_is_left_out),
    };

    return cmocka_run_group_tests_name("base/metrics_sum", tests, NULL, NULL);
}
