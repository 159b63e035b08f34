#include "base/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"

#define KEY_32 "0123456789abcdef0123456789abcdef"

static struct arena *arena;
static struct config *config;
static struct buf messages;
static char path[] = "/tmp/belfry-config-XXXXXX";

static int
set_up(void **state)
{
    int fd;

    (void)state;
    arena = arena_new();
    config = NULL;
    memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
    fd = mkstemp(path);
    if (fd < 0)
        return -1;
    close(fd);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    unlink(path);
    buf_fini(&messages);
    arena_free(arena);
    return 0;
}

static void
write_file(const char *text, size_t n)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    fclose(f);
}

struct given {
    const char *file;
    const char *environ[8];
    struct config_flag flags[4];
};

static bool
load(const struct given *g)
{
    struct config_sources s = {
        .file = path, .environ = g->environ, .flags = g->flags};
    bool is_ok;

    while (g->flags[s.n_flags].name)
        s.n_flags++;
    if (g->file)
        write_file(g->file, strlen(g->file));
    buf_reset(&messages);
    is_ok = config_load(arena, &s, &config, &messages) == ERR_OK;
    buf_put_char(&messages, '\0');
    return is_ok;
}

/* The message without the file's path, which has a new name each time. */
static const char *
message(void)
{
    static char text[2048];
    const char *at = strstr(messages.p, path);

    if (!at)
        return messages.p;
    snprintf(text, sizeof(text), "%.*sFILE%s", (int)(at - messages.p),
             messages.p, at + strlen(path));
    return text;
}

static void
assert_str(struct str s, const char *want)
{
    assert_int_equal(s.n, strlen(want));
    assert_memory_equal(s.p ? s.p : "", want, s.n);
}

static void
the_defaults_are_those_of_the_contract(void **state)
{
    (void)state;
    assert_true(load(&(struct given){0}));
    assert_string_equal(messages.p, "");
    assert_str(config->server_listen, "127.0.0.1:7117");
    assert_str(config->database_url, "sqlite:belfry.db");
    assert_str(config->server_public_url, "http://127.0.0.1:7117");
    assert_str(config->server_bootstrap_key, "");
    assert_int_equal(config->server_roles.n, 3);
    assert_str(config->server_roles.items[0], "api");
    assert_str(config->server_roles.items[2], "scheduler");
    assert_false(config->server_dev);
    assert_int_equal(config->http_max_body, 1048576);
    assert_int_equal(config->http_max_batch, 8388608);
    assert_int_equal(config->http_rate_per_key, 0);
    assert_int_equal(config->realtime_max_connections, 20000);
    assert_int_equal(config->realtime_connect_rate, 500);
    assert_int_equal(config->realtime_per_user, 8);
    assert_int_equal(config->realtime_per_address, 32);
    assert_int_equal(config->http_idle_timeout_ms, 75000);
    assert_int_equal(config->egress_allow.n, 0);
}

static void
a_file_is_read_with_sections_and_comments(void **state)
{
    struct given g = {.file = "# first\n"
                              "[server]\r\n"
                              "listen = [::1]:80   # why\n"
                              "base_path=/a#b\n"
                              "\n"
                              "  [http]\n"
                              "  max_body =  2MiB\n"
                              "header_timeout = 1500ms\n"
                              "[egress]\n"
                              "allow = 10.0.0.0/8 ,127.0.0.1/32"};

    (void)state;
    assert_false(load(&g)); /* a # without a blank is part of the value */
    assert_string_equal(message(),
                        "FILE:4: server.base_path is no path; write one such "
                        "as /belfry, without a / at the end\n");
    g.environ[0] = (char[]){"BELFRY_BASE_PATH=/a"};
    assert_true(load(&g));
    assert_str(config->server_listen, "[::1]:80");
    assert_int_equal(config->http_max_body, 2097152);
    assert_int_equal(config->http_header_timeout_ms, 1500);
    assert_int_equal(config->egress_allow.n, 2);
    assert_str(config->egress_allow.items[0], "10.0.0.0/8");
    assert_str(config->egress_allow.items[1], "127.0.0.1/32");
}

static void
later_sources_win_and_are_named(void **state)
{
    struct given g = {
        .file = "[server]\nlisten = a:1\n[log]\nlevel = warn\nformat = json\n",
        .environ = {"PATH=/bin", "BELFRY_LISTEN=b:2", "BELFRY_LOG_LEVEL=error",
                    "BELFRY_LOG_FORMAT="},
        .flags = {{"--listen", "c:3"}, {"--dev", NULL}},
    };

    (void)state;
    assert_true(load(&g));
    assert_string_equal(messages.p, "");
    assert_str(config->server_listen, "c:3");
    assert_str(config->log_level, "error");
    assert_str(config->log_format, "json"); /* an empty variable is unset */
    assert_true(config->server_dev);
    assert_str(config_where(arena, config, CONFIG_server_listen), "--listen");
    assert_str(config_where(arena, config, CONFIG_log_level),
               "BELFRY_LOG_LEVEL");
    assert_str(config_where(arena, config, CONFIG_log_format),
               str_cstr(arena, str_fmt(arena, "%s:5", path)));
    assert_str(config_where(arena, config, CONFIG_database_url), "default");
}

static void
errors_say_what_and_where_and_how_to_mend_it(void **state)
{
    static const struct {
        const char *file, *message;
    } rows[] = {
        {"[http]\n\nmax_boddy = 1\n",
         "FILE:3: there is no setting max_boddy in [http]; did you mean "
         "max_body in [http]?\n"},
        {"[htpt]\nmax_body = 1\n",
         "FILE:2: there is no setting max_body in [htpt]; did you mean "
         "max_body in [http]?\n"},
        {"lisen = x:1\n", "FILE:1: there is no setting lisen in []; did you "
                          "mean listen in [server]?\n"},
        {"[server]\nLISTEN = x:1\n",
         "FILE:2: there is no setting LISTEN in [server]; did you mean "
         "listen in [server]?\n"},
        {"[http]\nmax_body = 1 MB\n",
         "FILE:2: http.max_body \"1 MB\" is no size; write bytes, or a number "
         "with KiB, MiB or GiB\n"},
        {"[http]\nmax_body = 1023\n",
         "FILE:2: http.max_body \"1023\" is out of range; use 1KiB to 1GiB, "
         "or 0 for none\n"},
        {"[http]\nmax_body = 9223372036854775807GiB\n",
         "FILE:2: http.max_body \"9223372036854775807GiB\" is no size; write "
         "bytes, or a number with KiB, MiB or GiB\n"},
        {"[http]\nthreads = 65\n", "FILE:2: http.threads \"65\" is out of "
                                   "range; use 0 to 64\n"},
        {"[http]\nthreads = -1\n", "FILE:2: http.threads \"-1\" is out of "
                                   "range; use 0 to 64\n"},
        {"[http]\nthreads = two\n", "FILE:2: http.threads \"two\" is no whole "
                                    "number; write digits only\n"},
        {"[http]\nthreads =\n", "FILE:2: http.threads \"\" is no whole "
                                "number; write digits only\n"},
        {"[http]\nidle_timeout = 10\n",
         "FILE:2: http.idle_timeout \"10\" is no duration; write a number "
         "with ms, s, m, h or d\n"},
        {"[http]\nidle_timeout = 2d\n",
         "FILE:2: http.idle_timeout \"2d\" is out of range; use 100ms to 1d, "
         "or 0 for none\n"},
        {"[server]\ndev = maybe\n", "FILE:2: server.dev \"maybe\" is neither "
                                    "true nor false; write one\n"},
        {"[egress]\nallow = a,,b\n", "FILE:2: egress.allow \"a,,b\" has an "
                                     "empty item; write a, b, c\n"},
        {"[egress]\nallow = a,\n", "FILE:2: egress.allow \"a,\" has an empty "
                                   "item; write a, b, c\n"},
        {"[server]\nroles =\n", "FILE:2: server.roles \"\" is empty; name at "
                                "least one\n"},
        {"[server]\nroles = api,wroker\n",
         "FILE:2: server.roles names an unknown role \"wroker\"; did you mean "
         "worker?\n"},
        {"[server]\nbootstrap_key = short-secret\n",
         "FILE:2: server.bootstrap_key is too short; use 32 characters or "
         "more\n"},
        {"[log]\nlevel = info\nformat = json\nlevel = warn\n",
         "FILE:4: level in [log] is set for the second time, first in line 2; "
         "keep one\n"},
        {"[log]\nlevel = loud\n", "FILE:2: log.level is no level; use debug, "
                                  "info, warn or error\n"},
        {"[log]\nformat = xml\n", "FILE:2: log.format is no format; use "
                                  "logfmt or json\n"},
        {"[log]\n\nnonsense\n", "FILE:3: this is neither [section] nor key = "
                                "value; comments begin with #\n"},
        {"[log\nlevel = info\n", "FILE:1: this is neither [section] nor key "
                                 "= value; comments begin with #\n"},
        {"[database]\nurl = belfry.db\n",
         "FILE:2: database.url is no database; use sqlite:PATH or "
         "postgres://USER@HOST/NAME\n"},
        {"[tls]\ncert_file = a.pem\n",
         "FILE:2: tls.cert_file needs its key; set key_file in [tls], or "
         "BELFRY_TLS_KEY_FILE\n"},
        {"[tls]\nkey_file = a.pem\n",
         "FILE:2: tls.key_file needs its certificate; set cert_file in [tls], "
         "or BELFRY_TLS_CERT_FILE\n"},
        {"[server]\npublic_url = example.org\n",
         "FILE:2: server.public_url is no URL; write one such as "
         "https://belfry.example\n"},
        {"[server]\nlisten = ::1:80\n",
         "FILE:2: server.listen is no HOST:PORT; put the IPv6 address in "
         "brackets\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct given g = {.file = rows[i].file};

        assert_false(load(&g));
        assert_string_equal(message(), rows[i].message);
    }
}

static void
listen_is_a_host_and_a_port(void **state)
{
    static const char *const good[] = {"a:0", "0.0.0.0:65535", "[::]:7117"};
    static const char *const bad[] = {
        "a:65536", "7117", ":7117", "a:", "a:b", "a:-1", "a:80x"};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct given g = {.flags = {{"--listen", good[i]}}};

        assert_true(load(&g));
        assert_str(config->server_listen, good[i]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct given g = {.flags = {{"--listen", bad[i]}}};

        assert_false(load(&g));
        assert_memory_equal(messages.p, "--listen: server.listen ", 24);
    }
}

static void
an_unknown_variable_is_a_warning_that_names_the_nearest(void **state)
{
    struct given g = {.environ = {"BELFRY_LISTN=x", "BELFRY_FAULT=a.b",
                                  "BELFRY_HTTP_MAX_BODY=2KiB", "BELFRY_NO_EQ"}};

    (void)state;
    assert_true(load(&g));
    assert_string_equal(messages.p,
                        "warning: there is no variable BELFRY_LISTN, it "
                        "changes nothing; did you mean BELFRY_LISTEN?\n");
    assert_int_equal(config->http_max_body, 2048);
}

static void
a_wrong_variable_or_flag_is_an_error(void **state)
{
    struct given g = {.environ = {"BELFRY_HTTP_THREADS=x"}};
    struct given flag = {.flags = {{"--db", NULL}}};
    struct given unknown = {.flags = {{"--lissen", "x"}}};
    struct given control = {.environ = {"BELFRY_DATABASE_URL=sqlite:a\nb"}};

    (void)state;
    assert_false(load(&g));
    assert_string_equal(messages.p,
                        "BELFRY_HTTP_THREADS: http.threads \"x\" is no whole "
                        "number; write digits only\n");
    assert_false(load(&flag));
    assert_string_equal(messages.p,
                        "--db: the value is missing; write --db VALUE\n");
    assert_false(load(&unknown));
    assert_string_equal(
        messages.p,
        "--lissen: there is no such flag; see belfry serve --help\n");
    assert_false(load(&control));
    assert_string_equal(messages.p,
                        "BELFRY_DATABASE_URL: database.url holds a control "
                        "character; leave it out\n");
}

static void
a_file_that_is_no_settings_file_is_refused(void **state)
{
    static char big[1100000];
    struct given g = {0};

    (void)state;
    write_file("[log]\nlevel = info\0\n", 20);
    assert_false(load(&g));
    assert_string_equal(message(),
                        "FILE: holds a NUL byte; this is no settings file\n");
    memset(big, '\n', sizeof(big));
    write_file(big, sizeof(big));
    assert_false(load(&g));
    assert_string_equal(message(),
                        "FILE: larger than 1 MiB; this is no settings file\n");
    memset(big, 'x', 9000);
    memcpy(big, "[egress]\nallow = ", 17);
    write_file(big, 9000);
    assert_false(load(&g));
    assert_string_equal(
        message(), "FILE:2: the line is too long; use at most 8190 bytes\n");
    big[9 + 8190] = '\n'; /* just not too long: read as one line */
    write_file(big, 9 + 8191);
    assert_true(load(&g));
    assert_int_equal(config->egress_allow.items[0].n, 8190 - 8);
    unlink(path);
    assert_false(load(&g));
    assert_string_equal(message(), "FILE: No such file or directory; mend the "
                                   "path or the permissions\n");
}

static void
without_a_file_the_defaults_do(void **state)
{
    struct config_sources s = {0};

    (void)state;
    if (access(CONFIG_FILE, F_OK) == 0)
        skip();
    assert_int_equal(config_load(arena, &s, &config, &messages), ERR_OK);
    assert_null(config->file);
}

static void
tls_makes_the_public_url_https(void **state)
{
    struct given g = {.file = "[tls]\ncert_file = a\nkey_file = b\n"};

    (void)state;
    assert_true(load(&g));
    assert_str(config->server_public_url, "https://127.0.0.1:7117");
}

static void
the_base_path_is_part_of_the_public_url(void **state)
{
    struct given g = {.file = "[server]\nbase_path = /belfry\n"};

    (void)state;
    assert_true(load(&g));
    assert_str(config->server_public_url, "http://127.0.0.1:7117/belfry");
}

static void
what_is_in_force_is_shown_without_secrets_and_can_be_read_again(void **state)
{
    struct given g = {.environ = {"BELFRY_BOOTSTRAP_KEY=" KEY_32,
                                  "BELFRY_HTTP_MAX_BODY=1536KiB"},
                      .flags = {{"--roles", "api, worker"}}};
    struct buf text = {0};

    (void)state;
    assert_true(load(&g));
    assert_str(config->server_bootstrap_key, KEY_32);
    config_write_effective(config, &text);
    buf_put_char(&text, '\0');
    assert_null(strstr(text.p, KEY_32));
    assert_non_null(
        strstr(text.p, "\n# bootstrap_key = *** # BELFRY_BOOTSTRAP_KEY\n"));
    assert_non_null(
        strstr(text.p, "\nmax_body = 1536KiB # BELFRY_HTTP_MAX_BODY\n"));
    assert_non_null(strstr(text.p, "\nroles = api, worker # --roles\n"));
    assert_non_null(strstr(text.p, "\nnotifications = 90d # default\n"));
    assert_non_null(strstr(text.p, "\nrate_per_key = 0 # default\n"));
    g = (struct given){.file = text.p,
                       .environ = {"BELFRY_BOOTSTRAP_KEY=" KEY_32}};
    assert_true(load(&g));
    assert_int_equal(config->http_max_body, 1536 * 1024);
    assert_int_equal(config->server_roles.n, 2);
    assert_str(config->tls_cert_file, "");
    buf_fini(&text);
}

static void
the_document_has_a_row_for_each_setting(void **state)
{
    struct buf text = {0};
    int rows = 0;

    (void)state;
    config_write_doc(&text);
    buf_put_char(&text, '\0');
    assert_non_null(strstr(text.p, "### [server]\n"));
    assert_non_null(
        strstr(text.p, "\n| `listen` | `BELFRY_LISTEN`, `--listen` | text | "
                       "`127.0.0.1:7117` | "));
    assert_non_null(strstr(text.p, "| `bootstrap_key` | `BELFRY_BOOTSTRAP_KEY` "
                                   "| text, secret |  | "));
    for (const char *at = text.p; (at = strstr(at, "\n| `")) != NULL; at++)
        rows++;
    assert_int_equal(rows, CONFIG_COUNT);
    buf_fini(&text);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(the_defaults_are_those_of_the_contract),
        T(a_file_is_read_with_sections_and_comments),
        T(later_sources_win_and_are_named),
        T(errors_say_what_and_where_and_how_to_mend_it),
        T(listen_is_a_host_and_a_port),
        T(an_unknown_variable_is_a_warning_that_names_the_nearest),
        T(a_wrong_variable_or_flag_is_an_error),
        T(a_file_that_is_no_settings_file_is_refused),
        T(without_a_file_the_defaults_do),
        T(tls_makes_the_public_url_https),
        T(the_base_path_is_part_of_the_public_url),
        T(what_is_in_force_is_shown_without_secrets_and_can_be_read_again),
        T(the_document_has_a_row_for_each_setting),
    };

    return cmocka_run_group_tests_name("base/config", tests, NULL, NULL);
}
