/* verdict.c - see verdict.h. Pure, any thread. */
#include "domain/verdict.h"

#include <assert.h>

static const struct verdict_policy policies[VERDICT_COUNT] = {
#define VERDICT(id, text, to, why, says, retried, over)                        \
    [VERDICT_##id] = {.name = text,                                            \
                      .status = DELIVERY_##to,                                 \
                      .reason = REASON_##why,                                  \
                      .health = HEALTH_##says,                                 \
                      .is_retried = retried,                                   \
                      .fails_over = over},
    VERDICT_LIST(VERDICT)
#undef VERDICT
};

const struct verdict_policy *
verdict_policy(enum verdict v)
{
    assert(v < VERDICT_COUNT);
    return &policies[v];
}

const char *
verdict_name(enum verdict v)
{
    return verdict_policy(v)->name;
}

bool
verdict_parse(struct str s, enum verdict *ret)
{
    for (int i = 0; i < VERDICT_COUNT; i++) {
        if (str_is(s, policies[i].name)) {
            *ret = (enum verdict)i;
            return true;
        }
    }
    return false;
}
