/* plan.h - who gets it on which channels, and why not. The one decision of
 * Belfry: values in, decisions out, no clock and no store. Sends, dry runs and
 * the explanations that people ask for all call it. */
#pragma once

#include "base/json.h"
#include "domain/besttime.h"
#include "domain/category.h"
#include "domain/device.h"
#include "domain/digest.h"
#include "domain/reason.h"
#include "domain/status.h"

struct plan_recipient {
    struct str user;         /* empty: inline without an id */
    int index;               /* in to.recipients; -1: not inline */
    struct json stored;      /* the user's document; absent: never stored */
    struct json given;       /* the inline recipient; absent: none */
    struct json preferences; /* absent: none set */
    struct json devices;     /* the document of them; absent: there are none */
    /* Of an experiment that the send is in; empty: none. */
    struct str experiment, variant;
    bool is_held_out; /* it gets nothing */
    bool is_counted;
    bool is_flag_off;          /* the same, by the flag of the send */
    const struct habit *habit; /* NULL: nothing was learned, or not asked for */
};

struct plan_channel {
    struct str name;
    bool is_in_app;
    int64_t lane;   /* of the first enabled provider; 0: none */
    bool is_shared; /* several are, and share it; for each kind, too: */
    bool is_device_shared[DEVICE_KINDS];
    bool has_target;              /* a provider has one of its own */
    bool targets_differ;          /* and another one has none */
    const char *address_field;    /* of a user; NULL: the channel has none */
    const char *address_fallback; /* NULL: none */
    /* Goes to devices of these kinds, in place of an address; 0: to none. */
    unsigned device_kinds;
    /* Of the first enabled provider for each kind; 0: none. */
    int64_t device_lanes[DEVICE_KINDS];
};

enum plan_verdict { PLAN_SEND, PLAN_SKIP, PLAN_HOLD };

struct zone;

/* What is asked about a decision, in this order. */
enum plan_stage {
#define STAGE(name, code, passes) PLAN_STAGE_##name,
#include "domain/stages.def"
#undef STAGE
    PLAN_STAGES
};

/* What came of one of these questions. */
struct plan_note {
    bool is_asked;
    enum plan_verdict verdict; /* SEND: it goes on */
    enum reason reason;        /* REASON_NONE: there is nothing to say */
    int64_t until_ms;          /* what holds it, or would, ends then; 0: none */
    /* What decided, of all that might have: "user/channels/email" of
     * preferences, an address, the key of a digest; empty: nothing did. */
    struct str by;
    int left;                /* of a budget, this one not counted */
    const struct zone *zone; /* of quiet hours; NULL: there are none */
};

struct plan_decision {
    const struct plan_recipient *recipient;
    const struct plan_channel *channel;
    enum plan_verdict verdict;
    enum reason reason; /* why not; REASON_NONE for SEND */
    int64_t due_ms;     /* HOLD: when it goes out */
    /* Each of them gets it, and it is one decision all the same: budgets and
     * windows count it once. Some may have no provider. Unless SKIP. */
    const struct device *devices;
    size_t n_devices;
    /* How a window collects it; what is above is for where it goes out at
     * once. NULL: none does. */
    const struct digest_rule *digest;
    int64_t closes_ms;       /* of a window that opened now */
    bool is_spare_fit;       /* the spare one, unused, could take it */
    struct plan_note *notes; /* PLAN_STAGES of them; NULL: nobody asked */
};

struct plan {
    struct arena *arena;
    const struct plan_recipient *recipients;
    size_t n_recipients;
    const struct plan_channel *channels;
    size_t n_channels;
    /* The last channel is the inbox, and there only to take what is kept from
     * the others. */
    bool has_spare;
    int64_t now_ms; /* or when it is due, and is_later */
    bool is_later;
    bool is_held;       /* somebody has to approve it, and then it is planned */
    bool is_expired;    /* its expires_at has passed */
    int64_t expires_ms; /* 0: never */
    /* Held for the best hour of each recipient within that time; 0: not. */
    int64_t best_within_ms;
    enum priority priority;
    struct str category;               /* empty: none */
    const struct category *configured; /* that one; NULL: it is not set up */
    const struct digest_rule *digest;  /* the sender's; NULL: there is none */
    bool is_flush;        /* it comes out of a window: none collects it again */
    struct json defaults; /* preferences of the workspace */
    /* The decisions note all that was asked, and more is: also what comes after
     * the first that is against it. */
    bool is_noted;
    /* Why this address is not written to any more; REASON_NONE: it may be. */
    enum reason (*suppressed)(void *arg, struct str channel,
                              struct str address);
    void *arg;
};

/* One decision for each recipient on each channel, recipient by recipient;
 * ret has room for n_recipients * n_channels. */
void plan_decide(const struct plan *p, struct plan_decision *ret);
/* A window holds it in any case: none that it opens lets it go. */
bool plan_only_waits(const struct plan_decision *d);
/* How many deliveries it comes to. */
size_t plan_n_deliveries(const struct plan_decision *d);
/* What the nth of these goes to; NULL: to no device. */
const struct device *plan_device(const struct plan_decision *d, size_t nth);
/* The spare channel, which nothing was rerouted to: it is as if not there. */
bool plan_is_unused(const struct plan_decision *d);

/* The address of a recipient on a channel: what the request gives, else what
 * is stored; the fallback field where the first is empty. */
struct str plan_address(struct arena *a, const struct plan_recipient *r,
                        const char *field, const char *fallback);
const char *plan_verdict_name(enum plan_verdict v); /* "send" */
const char *plan_stage_name(enum plan_stage s);     /* "quiet" */
/* A sentence on what it means that it went on. */
const char *plan_stage_passes(enum plan_stage s);
/* For who decides after the plan. */
void plan_note_down(const struct plan_decision *d, enum plan_stage stage,
                    struct plan_note note);
