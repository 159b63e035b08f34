/* press.c - see press.h. */
#include "store/press.h"

static bool
ends(const struct store_press *p, const struct press *was)
{
    return was && was->state == PRESS_CALLING && was->n == p->press.n;
}

static bool
begins(const struct store_press *p, const struct press *was)
{
    if (!was)
        return true;
    if (was->state == PRESS_CALLING)
        return was->until_ms <= p->now_ms;
    /* Who asks once more with the same key is told the same. */
    return was->state == PRESS_FAILED &&
           (p->press.key == 0 || p->press.key != was->key);
}

bool
store_press_decide(struct store_press *p, const struct press *was)
{
    struct press is = p->press;
    bool takes = p->is_end ? ends(p, was) : begins(p, was);

    if (takes && p->is_end) {
        p->press = *was;
        p->press.state = is.state;
        p->press.status = is.status;
    } else if (takes) {
        p->press.n = was ? was->n + 1 : 1;
        p->press.id = was ? was->id : is.id;
    } else if (was) {
        p->press = *was;
    }
    return takes;
}

bool
store_press_is_told(const struct store_press *p)
{
    return p->is_ours && !p->is_end && p->told;
}
