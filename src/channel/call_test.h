/* call_test.h - a driver's call without a world, for the tests here. */
#pragma once

#include "base/arena.h"
#include "channel/channel.h"

struct call_fixture {
    struct arena *arena;
    struct json_doc doc;
    struct channel_message message;
    struct channel_answer answer;
    struct channel_verdict verdict;
    struct channel_call call;
};

/* A webhook that came in. */
struct hook_fixture {
    struct call_fixture f;
    struct channel_header headers[4];
    struct channel_receipt r;
};

#define CALL_NOW_MS INT64_C(1790242200000) /* 2026-09-24T09:30:00Z */

/* RFC 8463, A.1, as JSON has it. */
#define CALL_RSA_KEY                                                           \
    "-----BEGIN RSA PRIVATE KEY-----\\n"                                       \
    "MIICXQIBAAKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQi\\n"      \
    "Y/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqM\\n"      \
    "KrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB\\n"      \
    "AoGAH0cxOhFZDgzXWhDhnAJDw5s4roOXN4OhjiXa8W7Y3rhX3FJqmJSPuC8N9vQm\\n"      \
    "6SVbaLAE4SG5mLMueHlh4KXffEpuLEiNp9Ss3O4YfLiQpbRqE7Tm5SxKjvvQoZZe\\n"      \
    "zHorimOaChRL2it47iuWxzxSiRMv4c+j70GiWdxXnxe4UoECQQDzJB/0U58W7RZy\\n"      \
    "6enGVj2kWF732CoWFZWzi1FicudrBFoy63QwcowpoCazKtvZGMNlPWnC7x/6o8Gc\\n"      \
    "uSe0ga2xAkEA8C7PipPm1/1fTRQvj1o/dDmZp243044ZNyxjg+/OPN0oWCbXIGxy\\n"      \
    "WvmZbXriOWoSALJTjExEgraHEgnXssuk7QJBALl5ICsYMu6hMxO73gnfNayNgPxd\\n"      \
    "WFV6Z7ULnKyV7HSVYF0hgYOHjeYe9gaMtiJYoo0zGN+L3AAtNP9huqkWlzECQE1a\\n"      \
    "licIeVlo1e+qJ6Mgqr0Q7Aa7falZ448ccbSFYEPD6oFxiOl9Y9se9iYHZKKfIcst\\n"      \
    "o7DUw1/hz2Ck4N5JrgUCQQCyKveNvjzkkd8HjYs0SwM0fPjK16//5qDZ2UiDGnOe\\n"      \
    "uEzxBDAr518Z8VFbR41in3W4Y3yCDgQlLlcETrS+zYcL\\n"                          \
    "-----END RSA PRIVATE KEY-----\\n"

/* A call of one message with all its fields set. */
void call_begin(struct call_fixture *f, const char *config);
/* The same of a mail; with all that one can have. */
void call_begin_mail(struct call_fixture *f, const char *config);
void call_begin_full_mail(struct call_fixture *f, const char *config);
void call_end(struct call_fixture *f);
/* Asks; the request is in f->call.request unless f->call.is_done. */
void call_ask(struct call_fixture *f, const struct channel_driver *d);
/* Answers with what is in f->answer and gives the verdict. */
struct channel_verdict *call_answer(struct call_fixture *f,
                                    const struct channel_driver *d);
/* What the table and check() say of a configuration: the pointers at fault,
 * separated by blanks. */
const char *call_faults(struct call_fixture *f, const struct channel_driver *d);
struct str call_request_header(const struct call_fixture *f, const char *name);
/* A POST of the body to the URL, without headers. */
void hook_begin(struct hook_fixture *h, const char *config, const char *url,
                struct str body);
void hook_end(struct hook_fixture *h);
void hook_put_header(struct hook_fixture *h, const char *name,
                     struct str value);
void hook_take(struct hook_fixture *h, const struct channel_driver *d);

/* A configuration, and what call_faults() says of it. */
struct call_config {
    const char *config, *faults;
};
void assert_configs(const struct channel_driver *d,
                    const struct call_config *rows, size_t n);
/* An answer of CALL_NOW_MS by its Date, and what it comes to; more of an answer
 * or message by hand. */
struct call_row {
    int status;
    const char *body;
    enum verdict verdict;
    int64_t retry_after_ms;
    const char *address; /* of the user; NULL: none, or that of a mail */
    const char *header, *value;
    const char *id; /* of the provider; NULL: any */
};
void assert_rows(const struct channel_driver *d, const char *config,
                 const struct call_row *rows, size_t n);
/* The same of a mail; one too large is told to be so. */
void assert_mail_rows(const struct channel_driver *d, const char *config,
                      const struct call_row *rows, size_t n);

/* Fails unless it took the one event, or none where it should be none:
 * "kind|id|delivery|message|address|detail|url|at". */
void hook_check_told(const struct hook_fixture *h, const char *want);
void assert_text(struct str s, const char *want);
void assert_holds(struct str s, const char *part);
void assert_lacks(struct str s, const char *part);
