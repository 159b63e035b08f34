/* store_sqlite.c - the contract on SQLite, and what only a file can show. */
#include "store/sqlite/sqlite.h"

#include "store_rig.h"

static struct store *
open_sqlite(const char *path, struct clock *clock)
{
    struct sqlite_store_options o = {.path = path, .clock = clock};
    struct store *s = NULL;
    const char *why = "";

    if (sqlite_store_open(&o, &s, &why) != ERR_OK)
        fail_msg("%s", why);
    return s;
}

const struct kind the_kind = {"sqlite", true, open_sqlite};

int
main(void)
{
    return run_contract("store/sqlite", NULL, 0);
}
