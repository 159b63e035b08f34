/* app_test.h - a workspace made by hand, for the tests of what is pure here.
 * JSON is written with ' in place of ". */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/workspace.h"
#include "auth/vault.h"
#include "base/problem.h"

#define DESK_TENANT 7

struct desk {
    struct arena *arena;
    struct vault *vault;
    struct problem problem;
    struct workspace w;
    struct provider *providers[8];
};

int desk_setup(void **state); /* *state is the desk */
int desk_teardown(void **state);
#define DESK_TEST(f)                                                           \
    cmocka_unit_test_setup_teardown(f, desk_setup, desk_teardown)

struct str quoted(struct arena *a, const char *text); /* ' -> " */
struct json desk_json(struct desk *d, const char *text);
/* As one that is published, and as that version. */
void desk_template(struct desk *d, const char *key, int64_t version,
                   const char *doc);
void desk_provider(struct desk *d, const char *name, int64_t num,
                   const char *doc);

/* The pointers at fault in d->problem, separated by blanks; forgets them. */
const char *desk_faults(struct desk *d);
void assert_text(struct str s, const char *want); /* want as it is */
void assert_json(struct str s, const char *want); /* want with ' */
bool holds(struct str s, const char *part);
