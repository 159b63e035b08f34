/* reason.c - see reason.h. Pure, any thread. */
#include "domain/reason.h"

#include <assert.h>

static const struct {
    struct str code;
    const char *sentence;
} reasons[REASON_COUNT] = {
    [REASON_NONE] = {{"", 0}, ""},
#define REASON(name, code, sentence)                                           \
    [REASON_##name] = {{code, sizeof(code) - 1}, sentence},
#include "base/reasons.def"
#undef REASON
};

struct str
reason_code(enum reason r)
{
    assert(r < REASON_COUNT);
    return reasons[r].code;
}

const char *
reason_sentence(enum reason r)
{
    assert(r < REASON_COUNT);
    return reasons[r].sentence;
}

bool
reason_is(struct str code, enum reason r)
{
    return str_eq(code, reason_code(r));
}

bool
reason_is_deferral(struct str code)
{
    return reason_is(code, REASON_QUIET_DEFERRED) ||
           reason_is(code, REASON_BEST_TIME);
}

enum reason
reason_find(struct str code)
{
    for (int r = 1; r < REASON_COUNT; r++) {
        if (str_eq(reasons[r].code, code))
            return (enum reason)r;
    }
    return REASON_NONE;
}
