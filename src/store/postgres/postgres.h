/* postgres.h - the store on a PostgreSQL server (15 or newer) that any number
 * of processes share.
 *
 * The processes know of each other by the database alone. Each takes a slot of
 * the node table and keeps its heart beating; a lane of the queue has one
 * owner among them (README.md of src/queue has the protocol). One thread has
 * all connections. */
#pragma once

#include "base/arena.h"
#include "base/clock.h"
#include "store/store.h"

struct postgres_store_options {
    const char *url; /* postgres://... or postgresql://..., as libpq reads it */
    struct clock *clock;
    const char *roles; /* of this process, for others to see */
    bool may_own;      /* lanes: it has the role worker */
    bool keeps_house;  /* in the database: it has the role scheduler */
    bool is_dev;       /* catches what would go out: among its like only */
    int64_t lease_ms;  /* after so much silence others take over; 0: 15 s */
    size_t max_queued; /* requests that wait, else ERR_FULL; 0: 16384 */
};

/* Connects, migrates, checks that the server keeps what it says that it has
 * kept, takes a slot, starts the thread. ERR_CONFLICT: the schema is newer
 * than this program can go on with, or somebody is there who would catch our
 * messages, or we theirs; ERR_INVALID: the server is unsafe or too
 * old; ERR_IO. *ret_why is for a person, until the next call in this thread. */
enum err postgres_store_open(const struct postgres_store_options *o,
                             struct store **ret,
                             const char **ret_why) MUST_CHECK;
/* For people: without a password or other options. */
struct str postgres_url_shown(struct arena *a, struct str url);
/* The slot, for id_maker_new(); ids up to this were used in it before. */
int postgres_store_node(const struct store *s);
int64_t postgres_store_max_id(const struct store *s);
