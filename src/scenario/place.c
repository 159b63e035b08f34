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

static void
remove_sqlite(struct place *p)
{
    static const char *const tails[] = {"", "-wal", "-shm", "-lock"};

    for (size_t i = 0; p->path && i < sizeof(tails) / sizeof(*tails); i++)
        unlink(
            str_cstr(p->arena, str_fmt(p->arena, "%s%s", p->path, tails[i])));
    if (p->dir)
        rmdir(p->dir);
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
