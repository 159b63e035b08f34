/* mailbox.c - see mailbox.h.
 *
 * The receiver is woken while the lock is held and only when the box was
 * empty: one wake-up for a burst, and a sender that lost the processor cannot
 * touch a receiver that has already read its last letter and gone. So wake()
 * must not call back into the mailbox. */
#include "base/mailbox.h"

#include <assert.h>
#include <errno.h>
#include <time.h>

void
mailbox_init(struct mailbox *m, void (*wake)(void *), void *arg)
{
    pthread_condattr_t attr;
    int failed;

    *m = (struct mailbox){.wake = wake, .arg = arg};
    m->last = &m->first;
    failed = pthread_mutex_init(&m->lock, NULL);
    assert(!failed);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    failed = pthread_cond_init(&m->filled, &attr);
    assert(!failed);
    pthread_condattr_destroy(&attr);
}

void
mailbox_fini(struct mailbox *m)
{
    pthread_cond_destroy(&m->filled);
    pthread_mutex_destroy(&m->lock);
}

static void
wake_receiver(struct mailbox *m)
{
    if (m->wake)
        m->wake(m->arg);
    else
        pthread_cond_signal(&m->filled);
}

void
mailbox_send(struct mailbox *m, struct mail *letter)
{
    bool was_empty;

    pthread_mutex_lock(&m->lock);
    was_empty = m->first == NULL;
    letter->next = NULL;
    *m->last = letter;
    m->last = &letter->next;
    if (was_empty)
        wake_receiver(m);
    pthread_mutex_unlock(&m->lock);
}

static struct mail *
take_locked(struct mailbox *m)
{
    struct mail *all = m->first;

    m->first = NULL;
    m->last = &m->first;
    return all;
}

bool
mailbox_is_empty(struct mailbox *m)
{
    bool is_empty;

    pthread_mutex_lock(&m->lock);
    is_empty = m->first == NULL;
    pthread_mutex_unlock(&m->lock);
    return is_empty;
}

struct mail *
mailbox_take(struct mailbox *m)
{
    struct mail *all;

    pthread_mutex_lock(&m->lock);
    all = take_locked(m);
    pthread_mutex_unlock(&m->lock);
    return all;
}

static struct timespec
deadline_in(int ms)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

struct mail *
mailbox_wait(struct mailbox *m, int timeout_ms)
{
    struct timespec deadline = {0};
    struct mail *all;
    int rc = 0;

    assert(!m->wake);
    if (timeout_ms >= 0)
        deadline = deadline_in(timeout_ms);
    pthread_mutex_lock(&m->lock);
    while (!m->first && !m->closed && rc != ETIMEDOUT) {
        if (timeout_ms < 0)
            rc = pthread_cond_wait(&m->filled, &m->lock);
        else
            rc = pthread_cond_timedwait(&m->filled, &m->lock, &deadline);
    }
    all = take_locked(m);
    pthread_mutex_unlock(&m->lock);
    return all;
}

void
mailbox_close(struct mailbox *m)
{
    pthread_mutex_lock(&m->lock);
    m->closed = true;
    wake_receiver(m);
    pthread_mutex_unlock(&m->lock);
}

bool
mailbox_is_closed(struct mailbox *m)
{
    bool is_closed;

    pthread_mutex_lock(&m->lock);
    is_closed = m->closed;
    pthread_mutex_unlock(&m->lock);
    return is_closed;
}
