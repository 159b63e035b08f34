/* api_rig.h - the API behind a real server on loopback, over SQLite in a
 * folder of its own, on one loop; and requests to it. Tests only. JSON is
 * written with ' in place of ". */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/api.h"
#include "auth/key.h"
#include "auth/token.h"
#include "base/clock.h"
#include "base/rng.h"

#define ROOT "a-root-key-of-more-than-32-characters"

struct house {
    char dir[64];
    struct arena *arena;
    struct vault *vault;
    struct config *config;
    struct clock_virtual clock; /* of who asks; the store has the real one */
    struct rng rng;
    struct env env;
    struct app app;
    struct hubs *hubs;
    struct egress_policy *egress;
    struct api *api;
    struct http_server *http;
    bool is_draining;
};

int house_setup(void **state); /* with the workspace "default" */
int house_teardown(void **state);
#define HOUSE_TEST(f)                                                          \
    cmocka_unit_test_setup_teardown(f, house_setup, house_teardown)

struct answer {
    int status;
    struct str head; /* with the status line */
    struct str body;
    struct json json; /* absent: it is none */
};

/* One request on a connection of its own. key NULL: none; headers: lines that
 * end with CR LF, or NULL; body NULL: none. In h->arena. */
struct asked {
    const char *method, *path, *key, *headers, *body;
    struct str raw; /* in place of body, as it is */
};
struct answer ask(struct house *h, const struct asked *q);
#define ASK(h, ...) ask(h, &(struct asked){__VA_ARGS__})
/* What it must come to. */
struct answer must(struct house *h, int status, const char *method,
                   const char *path, const char *body);         /* as root */
struct str header_of(const struct answer *a, const char *name); /* or none */
struct str text_of(struct house *h, const struct answer *a, const char *key);
/* The pointers at fault, separated by blanks. */
const char *faults_of(struct house *h, const struct answer *a);

/* A key made by the API. scopes: "'send','read'"; workspace NULL: default. */
const char *make_key(struct house *h, const char *workspace,
                     const char *scopes);
const char *make_token(struct house *h, const char *user, int64_t ttl_ms);
/* Whether any file of the database holds these bytes. */
bool files_hold(struct house *h, struct str bytes);

void assert_text(struct str s, const char *want);
bool holds(struct str s, const char *part);
