/* sqlite.h - the store in one file on this machine.
 *
 * One process owns the file (a lock on PATH-lock beside it). One thread
 * writes, checkpoints and owns the claims; it takes all requests that wait
 * into one transaction and one fsync. Another thread reads. */
#pragma once

#include "base/clock.h"
#include "store/store.h"

struct sqlite_store_options {
    const char *path; /* of the database; its folder exists */
    struct clock *clock;
    size_t max_queued;        /* requests that wait, else ERR_FULL; 0: 16384 */
    int64_t checkpoint_bytes; /* of write-ahead log; 0: 32 MiB */
    int64_t idle_ms;          /* then the log is emptied; 0: 5 s, < 0: never */
    int64_t max_pages;        /* of 8 KiB, for the file; 0: as the disk has */
};

/* Opens or creates, migrates, explains what a crash left in flight, and
 * starts the threads. ERR_CONFLICT: another process has it, or its schema is
 * newer than this program; ERR_IO. *ret_why is for a person, until the next
 * call in this thread. */
enum err sqlite_store_open(const struct sqlite_store_options *o,
                           struct store **ret, const char **ret_why) MUST_CHECK;
/* The largest id in use when it opened, for id_maker_raise(). */
int64_t sqlite_store_max_id(const struct store *s);
