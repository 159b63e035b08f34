/* verdict.h - what one attempt came to, and what follows from it by default.
 *
 * A driver gives a verdict on every message; recovery gives INTERRUPTED. The
 * table is the whole default policy: dispatch turns a verdict that is retried
 * into dead (attempts.exhausted, age.exhausted) when the policy is used up,
 * and a category may say what an UNKNOWN becomes ("hold", "resend"). */
#pragma once

#include "base/str.h"
#include "domain/reason.h"
#include "domain/status.h"

/* What a verdict says of the provider, for its breaker. */
enum verdict_health {
    HEALTH_NOTHING, /* neither good nor bad */
    HEALTH_GOOD,    /* it works, whatever it thought of this message */
    HEALTH_BAD,     /* one failure more */
    HEALTH_BROKEN,  /* no call can succeed: open at once */
};

/* VERDICT(name, text, status, reason, health, is_retried, fails_over)
 *
 * The text stands in traces and in stored attempts: never renamed.
 * fails_over: surely not sent, so another provider may try at once. */
#define VERDICT_LIST(VERDICT)                                                  \
    VERDICT(DELIVERED, "delivered", DELIVERED, DELIVERED, GOOD, false, false)  \
    VERDICT(SENT, "sent", SENT, ACCEPTED, GOOD, false, false)                  \
    VERDICT(RETRY, "retry", RETRYING, PROVIDER_UNAVAILABLE, BAD, true, true)   \
    VERDICT(RATE, "rate", RETRYING, PROVIDER_THROTTLED, NOTHING, true, false)  \
    VERDICT(UNKNOWN, "unknown", RETRYING, PROVIDER_TIMEOUT, BAD, true, false)  \
    VERDICT(GONE, "gone", FAILED, CONTACT_GONE, GOOD, false, false)            \
    VERDICT(REJECTED, "rejected", FAILED, PROVIDER_REJECTED, GOOD, false,      \
            false)                                                             \
    VERDICT(CREDENTIALS, "credentials", RETRYING, CREDENTIALS, BROKEN, true,   \
            true)                                                              \
    VERDICT(INTERRUPTED, "interrupted", RETRYING, INTERRUPTED, NOTHING, true,  \
            false)

enum verdict {
#define VERDICT(name, ...) VERDICT_##name,
    VERDICT_LIST(VERDICT)
#undef VERDICT
        VERDICT_COUNT
};

struct verdict_policy {
    const char *name;
    enum delivery_status status;
    enum reason reason; /* where the driver names none that is closer */
    enum verdict_health health;
    bool is_retried;
    bool fails_over;
};

const struct verdict_policy *verdict_policy(enum verdict v);
const char *verdict_name(enum verdict v); /* "delivered"; static */
bool verdict_parse(struct str s, enum verdict *ret);
