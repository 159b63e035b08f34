#include "scenario/place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/memory/memory.h"
#include "store/postgres/postgres.h"
#include "store/postgres/stage.h"
#include "store/sqlite/sqlite.h"

#define SQLITE_URL "sqlite:"
#define KEPT ".kept" /* files as they were at a crash */
#define KEPT_WAL ".kept-wal"

static const char *
temporary_folder(void)
{
    const char *dir = getenv("TMPDIR");

    return dir && dir[0] ? dir : "/tmp";
}

/* ---- SQLite ---- */

static bool
make_folder(struct place *p, const char **ret_why)
{
    p->dir = str_cstr(p->arena, str_fmt(p->arena, "%s/belfry-test-XXXXXX",
                                        temporary_folder()));
    if (!mkdtemp(p->dir)) {
        *ret_why = strerror(errno);
        p->dir = NULL;
        return false;
    }
    p->path = str_cstr(p->arena, str_fmt(p->arena, "%s/db", p->dir));
    return true;
}

static bool
make_sqlite(struct place *p, const char **ret_why)
{
    struct str url = p->options.url;

    if (str_is(url, "sqlite") || str_is(url, SQLITE_URL))
        return make_folder(p, ret_why);
    p->path = str_cstr(p->arena, str_sub(url, sizeof(SQLITE_URL) - 1, url.n));
    if (access(p->path, F_OK) != 0)
        return true;
    *ret_why = "there is such a file already; scenarios want one of their own";
    p->path = NULL;
    return false;
}

static const char *
beside(struct place *p, const char *tail)
{
    return str_cstr(p->arena, str_fmt(p->arena, "%s%s", p->path, tail));
}

static void
remove_sqlite(struct place *p)
{
    static const char *const tails[] = {
        "", "-wal", "-shm", "-lock", KEPT, KEPT_WAL,
    };

    for (size_t i = 0; p->path && i < sizeof(tails) / sizeof(*tails); i++)
        unlink(beside(p, tails[i]));
    if (p->dir)
        rmdir(p->dir);
}

/* What is not there is an empty one. */
static bool
copy_file(const char *from, const char *to)
{
    FILE *in = fopen(from, "re"), *out = fopen(to, "we");
    char some[64 * 1024];
    size_t n = in ? sizeof(some) : 0;
    bool is_good = out != NULL;

    while (is_good && n == sizeof(some)) {
        n = fread(some, 1, sizeof(some), in);
        is_good = !ferror(in) && fwrite(some, 1, n, out) == n;
    }
    if (in)
        fclose(in);
    return (!out || fclose(out) == 0) && is_good;
}

/* Nothing is written meanwhile, and so the log is not begun anew: with it the
 * file is whole, whatever of it is being moved there. */
static bool
keep_sqlite(struct place *p)
{
    return copy_file(p->path, beside(p, KEPT)) &&
           copy_file(beside(p, "-wal"), beside(p, KEPT_WAL));
}

static bool
restore_sqlite(struct place *p)
{
    unlink(beside(p, "-shm"));
    return rename(beside(p, KEPT), p->path) == 0 &&
           rename(beside(p, KEPT_WAL), beside(p, "-wal")) == 0;
}

static bool
open_sqlite(struct place *p, const char **ret_why)
{
    struct sqlite_store_options o = {.path = p->path,
                                     .clock = p->options.clock};

    if (sqlite_store_open(&o, &p->store, ret_why) != ERR_OK)
        return false;
    p->max_id = sqlite_store_max_id(p->store);
    return true;
}

/* ---- PostgreSQL ---- */

static bool
open_postgres(struct place *p, const char **ret_why)
{
    struct postgres_store_options o = {
        .url = postgres_stage_url(p->stage),
        .clock = p->options.clock,
        .roles = "api,worker,scheduler",
        .may_own = true,
    };

    if (postgres_store_open(&o, &p->store, ret_why) != ERR_OK)
        return false;
    p->node = postgres_store_node(p->store);
    p->max_id = postgres_store_max_id(p->store);
    return true;
}

/* ---- all ---- */

bool
place_make(struct place *p, struct arena *a, const struct place_options *o,
           const char **ret_why)
{
    *p = (struct place){.options = *o, .arena = a};
    if (str_is(o->url, "memory"))
        return true;
    if (str_is(o->url, "sqlite") || str_starts(o->url, STR(SQLITE_URL))) {
        p->kind = PLACE_SQLITE;
        return make_sqlite(p, ret_why);
    }
    p->kind = PLACE_POSTGRES;
    return postgres_stage_make(str_cstr(a, o->url), o->clock->wall_ms(o->clock),
                               &p->stage, ret_why) == ERR_OK;
}

bool
place_open(struct place *p, const char **ret_why)
{
    const struct place_options *o = &p->options;

    if (p->kind == PLACE_SQLITE)
        return open_sqlite(p, ret_why);
    if (p->kind == PLACE_POSTGRES)
        return open_postgres(p, ret_why);
    p->store = memory_store_open(&(struct memory_store_options){
        .loop = o->loop, .clock = o->clock, .seed = o->seed});
    return true;
}

bool
place_outlives_close(const struct place *p)
{
    return p->kind != PLACE_MEMORY;
}

bool
place_keep(struct place *p, const char **ret_why)
{
    if (p->kind != PLACE_SQLITE || keep_sqlite(p))
        return true;
    *ret_why = strerror(errno);
    return false;
}

bool
place_restore(struct place *p, const char **ret_why)
{
    if (p->kind != PLACE_SQLITE || restore_sqlite(p))
        return true;
    *ret_why = strerror(errno);
    return false;
}

bool
place_set_time(struct place *p, int64_t wall_ms)
{
    return !p->stage || postgres_stage_set_time(p->stage, wall_ms);
}

void
place_remove(struct place *p)
{
    if (p->kind == PLACE_SQLITE)
        remove_sqlite(p);
    postgres_stage_remove(p->stage);
    p->stage = NULL;
}
