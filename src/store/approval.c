#include "store/approval.h"

#include "domain/reason.h"

static const struct {
    const char *name;
    enum reason reason;
} approvals[] = {
    [APPROVAL_APPROVED] = {"approved", REASON_NONE},
    [APPROVAL_REJECTED] = {"rejected", REASON_APPROVAL_REJECTED},
    [APPROVAL_EXPIRED] = {"expired", REASON_EXPIRED},
};

const char *
approval_name(enum approval a)
{
    return approvals[a].name;
}

struct store_step
approval_step(int64_t notification, int64_t at_ms, enum approval a,
              struct str by, struct str note)
{
    return (struct store_step){
        .id = notification,
        .notification = notification,
        .at_ms = at_ms,
        .user = by,
        .step = STR(APPROVAL_STEP),
        .verdict = str_from(approval_name(a)),
        .reason = reason_code(approvals[a].reason),
        .note = note,
    };
}

struct store_step
approval_step_of(const struct store_decide *d)
{
    return approval_step(d->notification, d->now_ms,
                         d->is_approved ? APPROVAL_APPROVED : APPROVAL_REJECTED,
                         d->by, d->note);
}

bool
approval_is_again(const struct store_decide *d)
{
    struct store_step now = approval_step_of(d);

    return str_eq(d->was.verdict, now.verdict) && str_eq(d->was.user, d->by);
}
