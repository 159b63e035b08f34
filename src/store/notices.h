/* notices.h - what a transaction will tell once it is committed. */
#pragma once

#include "store/store.h"

struct notices { /* zeroed: nothing to tell */
    struct store_notice *all;
    size_t n, cap;
    int64_t next_due_ms; /* earliest new one in the waiting room; 0: none */
};

void notices_fini(struct notices *n);
/* signed_lane: negative for critical ones. */
void notices_ready(struct notices *n, int64_t tenant, int64_t signed_lane);
void notices_wait(struct notices *n, int64_t due_ms);
/* user and event are borrowed until they are told. */
void notices_inbox(struct notices *n, int64_t tenant, struct str user,
                   int64_t epoch, const struct inbox_event *event);
/* Another process changed it, up to that rev. */
void notices_inbox_bell(struct notices *n, int64_t tenant, struct str user,
                        int64_t epoch, int64_t rev);
void notices_change(struct notices *n, int64_t tenant, enum object_kind kind,
                    int64_t seq);
void notices_outbox(struct notices *n);
void notices_work(struct notices *n);
void notices_tell_endpoints(struct notices *n); /* said once */
/* Tells all of it, and is empty then. */
void notices_tell(struct notices *n, const struct store_listener *l);
void notices_drop(struct notices *n);
