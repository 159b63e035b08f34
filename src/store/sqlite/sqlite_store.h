/* sqlite_store.h - the driver itself, as its threads share it. What is not
 * marked is set before the threads start and constant from then on. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "store/sqlite/reader.h"
#include "store/sqlite/sqlite.h"
#include "store/sqlite/writer.h"

struct sqlite_store {
    struct store base;
    struct clock *clock;
    char *path;
    int lock_fd;
    size_t max_queued;
    int64_t checkpoint_bytes;
    int idle_ms;
    int64_t max_id;
    struct store_listener listener; /* before the first request */
    atomic_size_t n_queued;         /* submitted, not yet taken by a thread */
    atomic_bool is_stopped;
    struct mailbox write_box, read_box;
    pthread_t write_thread, read_thread;
    struct writer writer; /* of the writer thread */
    int wal_pages;        /* the same; after the last commit */
    struct reader reader; /* of the reader thread */
};

void *writer_run(void *store); /* the threads */
void *reader_run(void *store);
/* The requests that came together, those past their deadline answered and
 * left out. In w's arena or the one given. */
struct store_req **take_requests(struct sqlite_store *s, struct mail *first,
                                 struct arena *a, size_t *ret_n);
