/* place.h - where a scenario's data is: a store of its own, made for it and
 * taken away after it. */
#pragma once

#include "base/clock.h"
#include "store/store.h"

enum place_kind { PLACE_MEMORY, PLACE_SQLITE, PLACE_POSTGRES };

struct place_options {
    struct str url; /* "memory", "sqlite", "sqlite:PATH" or "postgres://..." */
    struct loop *loop;
    struct clock *clock;
    uint64_t seed;
};

struct place {
    struct place_options options;
    enum place_kind kind;
    struct arena *arena;
    char *path; /* SQLITE: of the file */
    char *dir;  /* SQLITE: made for it; NULL: it is the caller's */
    struct postgres_stage *stage;
    struct store *store;
    int node;       /* for id_maker_new() */
    int64_t max_id; /* ids up to it were used before */
};

/* False: *ret_why says in a line what is wrong. */
bool place_make(struct place *p, struct arena *a, const struct place_options *o,
                const char **ret_why);
/* After place_make(), and after store_close() for a restart. */
bool place_open(struct place *p, const char **ret_why);
/* A crash: what is in the files is kept while nothing is written, and is there
 * again after store_close(), whatever that wrote. Of SQLite alone; elsewhere
 * they do nothing. */
bool place_keep(struct place *p, const char **ret_why);
bool place_restore(struct place *p, const char **ret_why);
bool place_outlives_close(const struct place *p);
/* The clock was moved: what keeps a time of its own is told. */
bool place_set_time(struct place *p, int64_t wall_ms);
void place_remove(struct place *p); /* its store is closed */
