/* press_told.h - a provider told that a button of a message was pressed: the
 * same as in the inbox (press.h), by the item that came with the message, or by
 * the message's own words where there is none. Frees itself at the end. */
#pragma once

#include "app/app.h"
#include "app/outcall.h"

struct press_told {
    const struct app *app;
    int64_t tenant, delivery;
    struct str action; /* its id */
    struct str event;  /* the provider's of this press: told twice, done once */
    void (*start_call)(void *arg, struct outcall *o); /* as in press.h */
    void *start_call_arg;
    /* Once, in a later turn: it is in the books, or nothing of ours. An error:
     * it is to be told again. */
    void (*on_begun)(void *arg, enum err e);
    void *arg;
};

/* What it points to is copied. */
void press_told(const struct press_told *t);
