/* deed.h - what people do to deliveries and digests: retry, cancel, discard,
 * flush; and what they tell of users. */
#pragma once

#include "app/app.h"
#include "store/audit.h"
#include "store/cycle.h"
#include "store/digest.h"
#include "store/read.h"
#include "store/tell.h"
#include "store/workflow.h"

/* A retry starts over at the channel's first provider, so the delivery is
 * read first. on_done as a verb's: ERR_NOT_FOUND, ERR_CONFLICT with act.status,
 * or ERR_UNAVAILABLE: the channel has no enabled provider. */
struct deed {
    const struct app *app;
    struct arena *arena;
    const struct workspace *workspace; /* the caller's reference */
    enum store_act_kind kind;
    int64_t delivery;
    int64_t now_ms;
    const struct audit *audit; /* who says so */
    void (*on_done)(struct deed *d, enum err e);
    void *arg;
    /* result: act.status. Private beside that. */
    struct store_act act;
    struct store_delivery_get get;
};

void deed_start(struct deed *d);
/* In the books, that somebody was shown something. */
void deed_note(const struct app *app, struct store_audit_add *a);
void deed_tell_again(const struct app *app, struct store_tell_again *t);
void deed_flush_digest(const struct app *app, struct store_digest_flush *f);
void deed_add_event(const struct app *app, struct store_event_add *e);
