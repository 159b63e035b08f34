/* approve.h - a person's decision about what was sent with `approval`. */
#pragma once

#include "app/app.h"
#include "base/problem.h"
#include "store/approval.h"
#include "store/object.h"
#include "store/read.h"

/* Where the send names roles, `by` has to be a user who has one. Once it is
 * decided the same again is answered the same, and anything else is refused. */
struct approve {
    const struct app *app;
    struct arena *arena;
    int64_t tenant, notification;
    int64_t now_ms;
    bool is_approved;
    struct str by, note; /* may be empty */
    const struct audit *audit;
    /* As for store_decide; ERR_FORBIDDEN. */
    void (*on_done)(struct approve *a, enum err e);
    /* result */
    struct problem problem; /* why, where it is set */
    struct store_step decision;
    int64_t send_ms; /* it is planned then, once it is approved; 0: at once */
    /* private */
    struct store_notification_get get;
    struct json doc;
    struct store_object_get user;
    struct store_decide decide;
};

void approve_start(struct approve *a);
