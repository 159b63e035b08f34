/* migrate.c - see migrate.h. Each script runs in a transaction of its own,
 * together with the row that remembers it. */
#include "store/sqlite/migrate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "store/sqlite/db.h"

enum err
sqlite_lock(const char *path, int *ret_fd, const char **ret_why)
{
    char name[4096];
    int n = snprintf(name, sizeof(name), "%s-lock", path);
    int fd;

    if (n < 0 || (size_t)n >= sizeof(name)) {
        *ret_why = "the path of the database is too long";
        return ERR_IO;
    }
    fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        *ret_why = db_why("cannot open %s: %s", name, strerror(errno));
        return ERR_IO;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        bool is_taken = errno == EWOULDBLOCK;

        *ret_why = is_taken
                       ? db_why("%s is in use by another process", path)
                       : db_why("cannot lock %s: %s", name, strerror(errno));
        close(fd);
        return is_taken ? ERR_CONFLICT : ERR_IO;
    }
    *ret_fd = fd;
    return ERR_OK;
}

static bool
has_table(struct db *c)
{
    bool is_there = false;
    sqlite3_stmt *s = NULL;

    if (sqlite3_prepare_v2(c->db,
                           "SELECT 1 FROM sqlite_schema WHERE type = 'table' "
                           "AND name = 'migration'",
                           -1, &s, NULL) == SQLITE_OK)
        is_there = sqlite3_step(s) == SQLITE_ROW;
    sqlite3_finalize(s);
    return is_there;
}

static enum migration_state
judge(int number, const char *sha256)
{
    if (number < 1 || number > sqlite_migrations_n)
        return MIGRATION_UNKNOWN;
    if (!sha256 || strcmp(sqlite_migrations[number - 1].sha256, sha256) != 0)
        return MIGRATION_CHANGED;
    return MIGRATION_APPLIED;
}

static void
list_known(struct sqlite_migrate *m, size_t room)
{
    m->status = ARENA_ARRAY(m->arena, struct migration_status,
                            (size_t)sqlite_migrations_n + room);
    m->n_status = (size_t)sqlite_migrations_n;
    for (int i = 0; i < sqlite_migrations_n; i++)
        m->status[i] = (struct migration_status){
            .number = sqlite_migrations[i].number,
            .name = str_from(sqlite_migrations[i].name),
            .state = MIGRATION_PENDING};
}

#define UNKNOWN_MAX 1000 /* newer migrations that are listed */

static enum err
read_status(struct db *c, struct sqlite_migrate *m)
{
    sqlite3_stmt *s = NULL;
    int rc;

    list_known(m, UNKNOWN_MAX);
    if (!has_table(c))
        return ERR_OK;
    rc = sqlite3_prepare_v2(c->db,
                            "SELECT number, name, sha256, applied_ms FROM "
                            "migration ORDER BY number",
                            -1, &s, NULL);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        struct migration_status *st;
        int number;

        rc = sqlite3_step(s);
        if (rc != SQLITE_ROW)
            break;
        number = sqlite3_column_int(s, 0);
        if (number >= 1 && number <= sqlite_migrations_n)
            st = &m->status[number - 1];
        else if (m->n_status < (size_t)sqlite_migrations_n + UNKNOWN_MAX)
            st = &m->status[m->n_status++];
        else
            continue;
        st->number = number;
        st->name = str_dup(m->arena,
                           str_from((const char *)sqlite3_column_text(s, 1)));
        st->state = judge(number, (const char *)sqlite3_column_text(s, 2));
        st->applied_ms = sqlite3_column_int64(s, 3);
    }
    sqlite3_finalize(s);
    if (rc == SQLITE_DONE)
        return ERR_OK;
    m->why = db_why("cannot read its migrations: %s", sqlite3_errmsg(c->db));
    return ERR_IO;
}

static enum err
remember(struct db *c, const struct migration *g, int64_t now_ms)
{
    sqlite3_stmt *s = NULL;
    int rc;

    sqlite3_prepare_v2(c->db,
                       "INSERT INTO migration (number, name, sha256, "
                       "applied_ms) VALUES (?, ?, ?, ?)",
                       -1, &s, NULL);
    sqlite3_bind_int(s, 1, g->number);
    sqlite3_bind_text(s, 2, g->name, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 3, g->sha256, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 4, now_ms);
    rc = sqlite3_step(s);
    sqlite3_finalize(s);
    return rc == SQLITE_DONE ? ERR_OK : ERR_IO;
}

static enum err
forget(struct db *c, int number)
{
    sqlite3_stmt *s = NULL;
    int rc;

    sqlite3_prepare_v2(c->db, "DELETE FROM migration WHERE number = ?", -1, &s,
                       NULL);
    sqlite3_bind_int(s, 1, number);
    rc = sqlite3_step(s);
    sqlite3_finalize(s);
    return rc == SQLITE_DONE ? ERR_OK : ERR_IO;
}

/* One script, up (now_ms > 0) or down. */
static enum err
run_script(struct db *c, const struct migration *g, int64_t now_ms,
           const char **ret_why)
{
    enum err e = db_exec(c, "BEGIN IMMEDIATE", ret_why);

    if (e != ERR_OK)
        return e;
    e = db_exec(c, now_ms > 0 ? g->up : g->down, ret_why);
    if (e == ERR_OK)
        e = now_ms > 0 ? remember(c, g, now_ms) : forget(c, g->number);
    if (e == ERR_OK)
        e = db_exec(c, "COMMIT", ret_why);
    if (e == ERR_OK)
        return ERR_OK;
    *ret_why = db_why("migration %d (%s) failed: %s", g->number, g->name,
                      sqlite3_errmsg(c->db));
    sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
    return e;
}

static const struct migration_status *
first_bad(const struct sqlite_migrate *m)
{
    for (size_t i = 0; i < m->n_status; i++)
        if (m->status[i].state == MIGRATION_CHANGED ||
            m->status[i].state == MIGRATION_UNKNOWN)
            return &m->status[i];
    return NULL;
}

/* The applied ones must be the first ones of the known row. */
static enum err
check(struct sqlite_migrate *m)
{
    const struct migration_status *bad = first_bad(m);

    if (bad && bad->state == MIGRATION_UNKNOWN) {
        m->why =
            db_why("the database has schema %d, this program knows up "
                   "to %d: use the newer program",
                   (int)m->status[m->n_status - 1].number, sqlite_migrations_n);
        return ERR_CONFLICT;
    }
    if (bad) {
        m->why =
            db_why("migration %d was applied from another text", bad->number);
        return ERR_CONFLICT;
    }
    for (size_t i = 1; i < m->n_status; i++)
        if (m->status[i].state == MIGRATION_APPLIED &&
            m->status[i - 1].state != MIGRATION_APPLIED) {
            m->why = db_why("migration %d is applied and %d is not",
                            m->status[i].number, m->status[i - 1].number);
            return ERR_CONFLICT;
        }
    return ERR_OK;
}

static enum err
go_up(struct db *c, struct sqlite_migrate *m, int64_t now_ms)
{
    enum err e = read_status(c, m);

    if (e == ERR_OK)
        e = check(m);
    if (e == ERR_OK)
        e = db_exec(c,
                    "CREATE TABLE IF NOT EXISTS migration (number INTEGER "
                    "PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL, "
                    "applied_ms INTEGER NOT NULL) STRICT",
                    &m->why);
    for (int i = 0; e == ERR_OK && i < sqlite_migrations_n; i++)
        if (m->status[i].state == MIGRATION_PENDING)
            e = run_script(c, &sqlite_migrations[i], now_ms, &m->why);
    return e;
}

enum err
sqlite_migrate_conn(struct db *c, int64_t now_ms, const char **ret_why)
{
    struct sqlite_migrate m = {.arena = arena_new()};
    enum err e = go_up(c, &m, now_ms);

    if (e != ERR_OK)
        *ret_why = m.why;
    arena_free(m.arena);
    return e;
}

enum err
sqlite_migrate_status(struct sqlite_migrate *m)
{
    struct db c;
    enum err e;

    if (access(m->path, F_OK) != 0) {
        m->why = db_why("there is no %s", m->path);
        return ERR_NOT_FOUND;
    }
    e = db_open(&c, m->path, true, &m->why);
    if (e != ERR_OK)
        return e;
    e = read_status(&c, m);
    db_close(&c);
    return e;
}

enum err
sqlite_migrate_verify(struct sqlite_migrate *m)
{
    enum err e = sqlite_migrate_status(m);

    if (e == ERR_OK)
        e = check(m);
    for (size_t i = 0; e == ERR_OK && i < m->n_status; i++)
        if (m->status[i].state == MIGRATION_PENDING) {
            m->why = db_why("migration %d is not applied", m->status[i].number);
            e = ERR_CONFLICT;
        }
    return e;
}

/* Up to the last, or down until `to` is the last. */
static enum err
migrate(struct sqlite_migrate *m, bool is_up, int to)
{
    struct db c = {0};
    int fd;
    enum err e = sqlite_lock(m->path, &fd, &m->why);

    if (e != ERR_OK)
        return e;
    e = db_open(&c, m->path, false, &m->why);
    if (e == ERR_OK && is_up) {
        e = go_up(&c, m, m->clock->wall_ms(m->clock));
    } else if (e == ERR_OK) {
        e = read_status(&c, m);
        if (e == ERR_OK)
            e = check(m);
        for (int i = sqlite_migrations_n - 1; e == ERR_OK && i >= to; i--)
            if (m->status[i].state == MIGRATION_APPLIED)
                e = run_script(&c, &sqlite_migrations[i], 0, &m->why);
    }
    if (e == ERR_OK)
        e = read_status(&c, m);
    db_close(&c);
    close(fd);
    return e;
}

enum err
sqlite_migrate_up(struct sqlite_migrate *m)
{
    return migrate(m, true, 0);
}

enum err
sqlite_migrate_down(struct sqlite_migrate *m, int to)
{
    if (to < 0 || to > sqlite_migrations_n) {
        m->why = db_why("there is no migration %d", to);
        return ERR_INVALID;
    }
    return migrate(m, false, to);
}
