/* keeper.h - keeps one child of a plugin running, and asks it one question
 * after the other.
 *
 *   DOWN --back-off--> STARTING --hello--> IDLE <--answer/question--> BUSY
 *     ^                   |                  |                          |
 *     '--- no hello ------'---- it ends -----'--- it ends, or hangs ----'
 *
 * Whoever is in hand when the child ends is blamed. What nobody has answered so
 * far surely was not sent: that job ends. One that brings an answer of the
 * other side is asked again of the next child, until it was blamed too often.
 * The others wait, or end at once where the back-off is longer than they
 * should. Belongs to the thread of its loop. */
#pragma once

#include <stdatomic.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "plugin/blame.h"
#include "plugin/wire.h"

#define KEEPER_QUEUE_MAX 4096
#define KEEPER_QUEUE_BYTES ((size_t)64 * 1024 * 1024) /* of their questions */
#define KEEPER_START_MS 10000                         /* for the hello */
#define KEEPER_BACKOFF_MS 100 /* doubles with each end without an answer */
#define KEEPER_BACKOFF_MAX_MS 30000
#define KEEPER_PATIENCE_MS 1000 /* so long a job waits for the next start */
#define KEEPER_WHY_MAX 200

enum job_end {
    JOB_ANSWERED, /* reply */
    JOB_DOWN,     /* it was not asked: no child, or too many wait */
    JOB_CRASHED,  /* the child ended with it in hand */
    JOB_GIVEN_UP, /* that once too often */
};

struct job {
    struct list link;
    struct buf frame; /* the question */
    bool is_receipt;
    bool has_answer;       /* of the other side: it is worth another child */
    char key[ID_TEXT_MAX]; /* the delivery's id, for the blame; or empty */
    /* Nobody waits any more, which any thread may say: it need not be asked. */
    atomic_bool is_cancelled;
    enum job_end end;
    struct buf reply; /* the payload of the answer, which is one */
    struct buf said;  /* lines for the log, texts as of wire.h: not masked */
    char why[KEEPER_WHY_MAX];
    void (*on_end)(struct job *j); /* once, in a later turn or at the stop */
};

struct keeper_options {
    struct loop *loop;
    struct clock *clock;
    const char *name;        /* of the plugin */
    const char *health;      /* of its component: "plugin/example" */
    const char *program;     /* that the child is */
    const char *const *argv; /* ends with NULL */
    int file;                /* the shared object; -1: none */
    const char *hash;        /* it has to be; NULL: it is not looked at */
    int64_t timeout_ms;      /* for an answer */
};

enum keeper_state {
    KEEPER_DOWN,
    KEEPER_STARTING,
    KEEPER_IDLE,
    KEEPER_BUSY,
};

struct keeper {
    struct keeper_options options;
    enum keeper_state state;
    pid_t pid;
    int fd;
    struct loop_fd *watch;
    struct buf in, out;
    size_t out_at;
    struct list queue;
    size_t n_queued, n_queued_bytes;
    struct job *current;
    size_t n_lines;          /* that it logged with the current one in hand */
    struct loop_timer timer; /* of the state: back-off, or a deadline */
    struct task wake;        /* jobs came while nothing was to be done */
    bool is_woken;
    int64_t next_start_ms; /* DOWN: by the loop's time */
    int n_failures;        /* without an answer between them */
    uint32_t last_id;
    struct buf hello; /* of the first start: it does not change */
    bool was_refused; /* then hello has the reason */
    bool has_hello;
    char why[KEEPER_WHY_MAX]; /* it ended last */
    struct blame blame;
};

void keeper_init(struct keeper *k, const struct keeper_options *o);
void keeper_start(struct keeper *k); /* soon; the state tells */
void keeper_ask(struct keeper *k, struct job *j);
/* Ends the child, and each job as JOB_DOWN, at once. */
void keeper_fini(struct keeper *k);
