/* fuzz_scenario.c - any file of scenarios: no crash, and a fault within it. */
#include "scenario/script.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition))                                                      \
            abort();                                                           \
    } while (0)

static int
lines_of(struct str text)
{
    int n = 1;

    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] == '\n';
    return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct arena *a = arena_new();
    struct script_error why;
    struct script s;

    if (script_parse(a, STR("x"), text, &s, &why) == ERR_OK) {
        CHECK(s.n_scenarios > 0);
        for (size_t i = 0; i < s.n_scenarios; i++)
            CHECK(s.scenarios[i].n_steps > 0);
    } else {
        CHECK(why.why.n > 0 && str_is_utf8(why.why));
        CHECK(why.line >= 1 && why.line <= lines_of(text));
    }
    arena_free(a);
    return 0;
}
