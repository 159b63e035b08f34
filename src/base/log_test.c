#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metrics.h"

#define TEXT(literal)                                                          \
    {                                                                          \
        literal, sizeof(literal) - 1                                           \
    }
#define TS "ts=2026-11-21T09:30:00.007Z "

static struct clock_virtual now;
static int ends[2]; /* each write is one message */
static char got[16384];

static int
open_log(void **state)
{
    (void)state;
    clock_virtual_init(&now, 1795253400007);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) != 0)
        return -1;
    log_redirect(ends[1], &now.base);
    log_setup(LOG_LEVEL_DEBUG, LOG_FORMAT_LOGFMT);
    return 0;
}

static int
close_log(void **state)
{
    (void)state;
    log_redirect(STDERR_FILENO, NULL);
    close(ends[0]);
    close(ends[1]);
    return 0;
}

/* The next write in full, or "" when there was none. */
static const char *
next_line(void)
{
    ssize_t n = recv(ends[0], got, sizeof(got) - 1, MSG_DONTWAIT);

    got[n > 0 ? n : 0] = '\0';
    return got;
}

static void
a_line_is_one_write_of_logfmt(void **state)
{
    (void)state;
    LOG_INFO("delivery.sent", log_cstr("id", "dlv_1"), log_int("attempt", 2),
             log_int("least", INT64_MIN));
    assert_string_equal(next_line(),
                        TS "level=info msg=delivery.sent id=dlv_1 attempt=2 "
                           "least=-9223372036854775808\n");
    assert_string_equal(next_line(), "");
    LOG_ERROR("no.fields");
    assert_string_equal(next_line(), TS "level=error msg=no.fields\n");
}

static void
a_line_is_one_write_of_json(void **state)
{
    (void)state;
    log_setup(LOG_LEVEL_DEBUG, LOG_FORMAT_JSON);
    LOG_WARN("a.b", log_cstr("id", "x y"), log_int("n", -2),
             log_cstr("none", NULL), log_cstr("empty", ""));
    assert_string_equal(
        next_line(), "{\"ts\":\"2026-11-21T09:30:00.007Z\",\"level\":\"warn\","
                     "\"msg\":\"a.b\",\"id\":\"x y\",\"n\":-2,\"none\":null,"
                     "\"empty\":\"\"}\n");
}

static void
logfmt_quotes_only_what_needs_it(void **state)
{
    (void)state;
    LOG_INFO("q", log_cstr("a", "x y"), log_cstr("b", "a=b"),
             log_cstr("c", "\"\\"), log_cstr("d", ""), log_cstr("e", NULL),
             log_cstr("f", "http://h/p?q"),
             log_cstr("g", "gr\xc3\xbc\xc3\x9f"));
    assert_string_equal(next_line(),
                        TS "level=info msg=q a=\"x y\" b=\"a=b\" "
                           "c=\"\\\"\\\\\" d=\"\" e=null f=http://h/p?q "
                           "g=\"gr\xc3\xbc\xc3\x9f\"\n");
}

static void
no_value_forges_a_line_or_paints_a_terminal(void **state)
{
    static const struct {
        struct str in;
        const char *out;
    } rows[] = {
        {TEXT("a\nb\rc\td"), "a\\nb\\u000dc\\u0009d"},
        {TEXT("\0\x1b[31m\x7f"), "\\u0000\\u001b[31m\\u007f"},
        {TEXT("\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0"),
         "\\u0080\\u009b\\u009f\xc2\xa0"},
        {TEXT("\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xae\xe2\x81\xa9"),
         "\\u2028\\u2029\\u202e\\u2069"},
        {TEXT("\xe2\x80\xa7\xe2\x80\xaf\xf0\x9f\x94\x94"),
         "\xe2\x80\xa7\xe2\x80\xaf\xf0\x9f\x94\x94"},
        {TEXT("\xff|\x80|\xc3|\xc0\xaf|\xed\xa0\x80|\xf4\x90\x80\x80|\xe2\x82"),
         "\\ufffd|\\ufffd|\\ufffd|\\ufffd\\ufffd|\\ufffd\\ufffd\\ufffd|"
         "\\ufffd\\ufffd\\ufffd\\ufffd|\\ufffd\\ufffd"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char want[256];

        now.now_ms = 0;
        log_setup(LOG_LEVEL_DEBUG, LOG_FORMAT_LOGFMT);
        LOG_INFO("e", log_str("v", rows[i].in));
        snprintf(want, sizeof(want),
                 "ts=1970-01-01T00:00:00.000Z level=info msg=e v=\"%s\"\n",
                 rows[i].out);
        assert_string_equal(next_line(), want);
        log_setup(LOG_LEVEL_DEBUG, LOG_FORMAT_JSON);
        LOG_INFO("j", log_str("v", rows[i].in));
        snprintf(want, sizeof(want),
                 "{\"ts\":\"1970-01-01T00:00:00.000Z\",\"level\":\"info\","
                 "\"msg\":\"j\",\"v\":\"%s\"}\n",
                 rows[i].out);
        assert_string_equal(next_line(), want);
    }
}

static void
a_long_line_is_cut_at_8_kib_and_stays_whole(void **state)
{
    static char big[9000];

    (void)state;
    memset(big, '\n', sizeof(big)); /* each becomes two bytes */
    for (size_t n = 3900; n < 4200; n++) {
        size_t len, quotes = 0;

        now.now_ms += 1000;
        log_setup(LOG_LEVEL_DEBUG, LOG_FORMAT_JSON);
        LOG_INFO("long.json", log_str("v", (struct str){big, n}),
                 log_int("after", 7));
        len = strlen(next_line());
        assert_in_range(len, 1, 8192);
        for (size_t i = 0; i < len; i++)
            quotes += got[i] == '"';
        assert_int_equal(quotes % 2, 0);
        if (strstr(got, "\"after\":7}\n"))
            assert_null(strstr(got, "cut"));
        else
            assert_string_equal(got + len - 12, "\"cut\":true}\n");
        log_setup(LOG_LEVEL_DEBUG, LOG_FORMAT_LOGFMT);
        LOG_INFO("long.logfmt", log_str("v", (struct str){big, n}),
                 log_int("after", 7));
        len = strlen(next_line());
        assert_in_range(len, 1, 8192);
        if (strstr(got, "\" after=7\n"))
            assert_null(strstr(got, "cut=true"));
        else
            assert_string_equal(got + len - 10, " cut=true\n");
    }
    assert_non_null(strstr(got, "\\n\" cut=true\n")); /* it was cut at last */
}

static void
a_cut_falls_between_characters(void **state)
{
    static char big[9000];

    (void)state;
    for (size_t i = 0; i + 4 <= sizeof(big); i += 4)
        memcpy(big + i, "\xf0\x9f\x94\x94", 4);
    for (size_t pad = 0; pad < 4; pad++) {
        const char *end;

        LOG_INFO("pad", log_str("p", (struct str){"xxxx", pad}),
                 log_str("v", (struct str){big, sizeof(big)}));
        end = strstr(next_line(), "\" cut=true\n");
        assert_non_null(end);
        assert_memory_equal(end - 4, "\xf0\x9f\x94\x94", 4);
    }
}

static void
fields_without_room_are_left_out_whole(void **state)
{
    static char big[4000];

    (void)state;
    memset(big, 'x', sizeof(big));
    LOG_INFO("many", log_str("a", (struct str){big, 4000}),
             log_str("b", (struct str){big, 4000}),
             log_str("c", (struct str){big, 4000}), log_int("d", 1));
    assert_null(strstr(next_line(), " c="));
    assert_non_null(strstr(got, "x b=x"));
    assert_non_null(strstr(got, "x cut=true\n"));
    assert_null(strstr(got, "d="));
}

static void
levels_below_the_least_are_silent(void **state)
{
    (void)state;
    log_setup(LOG_LEVEL_WARN, LOG_FORMAT_LOGFMT);
    LOG_DEBUG("x");
    LOG_INFO("x");
    assert_string_equal(next_line(), "");
    LOG_WARN("x");
    assert_string_equal(next_line(), TS "level=warn msg=x\n");
    LOG_ERROR("x");
    assert_string_equal(next_line(), TS "level=error msg=x\n");
}

static void
more_than_ten_of_one_event_a_second_are_counted(void **state)
{
    struct buf metrics = {0};

    (void)state;
    for (int i = 0; i < 10; i++) {
        LOG_INFO("storm", log_int("i", i));
        assert_string_not_equal(next_line(), "");
    }
    for (int i = 0; i < 25; i++)
        LOG_INFO("storm", log_int("i", i));
    assert_string_equal(next_line(), "");
    metrics_write(&metrics);
    buf_put_char(&metrics, '\0');
    assert_non_null(
        strstr(metrics.p, "\nbelfry_log_lines_suppressed_total 25\n"));
    buf_fini(&metrics);
    LOG_INFO("calm");
    assert_string_not_equal(next_line(), "");
    now.now_ms += 999;
    LOG_INFO("storm");
    assert_string_equal(next_line(), "");
    now.now_ms += 1;
    LOG_INFO("storm", log_int("i", 1));
    assert_non_null(strstr(next_line(), "msg=storm suppressed=26 i=1\n"));
    LOG_INFO("storm", log_int("i", 2));
    assert_non_null(strstr(next_line(), "msg=storm i=2\n"));
}

static void
errno_survives_a_line(void **state)
{
    (void)state;
    close(ends[0]);
    ends[0] = -1;
    signal(SIGPIPE, SIG_IGN);
    errno = EBADF;
    LOG_INFO("to.nobody"); /* EPIPE, dropped */
    assert_int_equal(errno, EBADF);
}

static void
names_are_parsed(void **state)
{
    enum log_level level = LOG_LEVEL_DEBUG;
    enum log_format format = LOG_FORMAT_LOGFMT;

    (void)state;
    assert_true(log_level_parse(STR("error"), &level));
    assert_int_equal(level, LOG_LEVEL_ERROR);
    assert_true(log_format_parse(STR("json"), &format));
    assert_int_equal(format, LOG_FORMAT_JSON);
    assert_false(log_level_parse(STR("warning"), &level));
    assert_false(log_level_parse(STR_NONE, &level));
    assert_false(log_format_parse(STR("JSON"), &format));
    assert_int_equal(level, LOG_LEVEL_ERROR);
}

static void *
log_much(void *arg)
{
    (void)arg;
    for (int i = 0; i < 200; i++)
        LOG_INFO("from.threads", log_int("i", i));
    return NULL;
}

static void
lines_of_threads_do_not_mix_and_none_is_lost(void **state)
{
    pthread_t t[4];
    int lines = 0;

    (void)state;
    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, log_much, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    for (; *next_line(); lines++)
        assert_non_null(strstr(got, "msg=from.threads i="));
    assert_int_equal(lines, 10);
    now.now_ms += 1000;
    LOG_INFO("from.threads");
    assert_non_null(strstr(next_line(), "suppressed=790\n"));
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, open_log, close_log)
    const struct CMUnitTest tests[] = {
        T(a_line_is_one_write_of_logfmt),
        T(a_line_is_one_write_of_json),
        T(logfmt_quotes_only_what_needs_it),
        T(no_value_forges_a_line_or_paints_a_terminal),
        T(a_long_line_is_cut_at_8_kib_and_stays_whole),
        T(a_cut_falls_between_characters),
        T(fields_without_room_are_left_out_whole),
        T(levels_below_the_least_are_silent),
        T(more_than_ten_of_one_event_a_second_are_counted),
        T(errno_survives_a_line),
        T(names_are_parsed),
        T(lines_of_threads_do_not_mix_and_none_is_lost),
    };

    return cmocka_run_group_tests_name("base/log", tests, NULL, NULL);
}
