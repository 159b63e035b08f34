/* mailbox.h - the one way threads talk: many senders, one receiver.
 *
 * A letter is embedded in what is sent and belongs to the receiver from
 * mailbox_send() on. Order is kept per sender. */
#pragma once

#include <pthread.h>
#include <stdbool.h>

struct mail {
    struct mail *next; /* private while posted */
};

struct mailbox {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct mail *first, **last;
    void (*wake)(void *arg); /* NULL: the receiver blocks in mailbox_wait */
    void *arg;
    bool closed;
};

void mailbox_init(struct mailbox *m, void (*wake)(void *), void *arg);
void mailbox_fini(struct mailbox *m);
void mailbox_send(struct mailbox *m, struct mail *letter); /* any thread */
/* All that has come, first sent first, or NULL. */
struct mail *mailbox_take(struct mailbox *m);
/* The same, but waits; NULL only after mailbox_close(). A timeout < 0 waits
 * for ever; when it passes, NULL too (ask mailbox_is_closed). */
struct mail *mailbox_wait(struct mailbox *m, int timeout_ms);
bool mailbox_is_empty(struct mailbox *m); /* any thread */
void mailbox_close(struct mailbox *m);    /* any thread; wakes the receiver */
bool mailbox_is_closed(struct mailbox *m);
