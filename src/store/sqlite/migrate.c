/* migrate.c - see migrate.h. Each script runs in a transaction of its own,
 * together with the row that remembers it. */
#include "store/sqlite/migrate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "store/migration.h"
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

/* A row comes. */
static bool
is_so(struct db *c, const char *sql)
{
    bool is_there = false;
    sqlite3_stmt *s = NULL;

    if (sqlite3_prepare_v2(c->db, sql, -1, &s, NULL) == SQLITE_OK)
        is_there = sqlite3_step(s) == SQLITE_ROW;
    sqlite3_finalize(s);
    return is_there;
}

static bool
has_table(struct db *c)
{
    return is_so(c, "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND "
                    "name = 'migration'");
}

/* The first programs remembered no more than which migration it was. */
static bool
has_works_with(struct db *c)
{
    return is_so(c, "SELECT 1 FROM pragma_table_info('migration') WHERE "
                    "name = 'works_with'");
}

static enum err
read_rows(struct migrate *m)
{
    struct db *c = m->conn;
    sqlite3_stmt *s = NULL;
    int rc;

    if (!has_table(c))
        return ERR_OK;
    rc = sqlite3_prepare_v2(
        c->db,
        has_works_with(c)
            ? "SELECT number, name, sha256, works_with, applied_ms FROM "
              "migration ORDER BY number"
            : "SELECT number, name, sha256, number, applied_ms FROM migration "
              "ORDER BY number",
        -1, &s, NULL);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        struct migrate_row row;

        rc = sqlite3_step(s);
        if (rc != SQLITE_ROW)
            break;
        row.number = sqlite3_column_int(s, 0);
        row.name = str_from((const char *)sqlite3_column_text(s, 1));
        row.sha256 = str_from((const char *)sqlite3_column_text(s, 2));
        row.works_with = sqlite3_column_int(s, 3);
        row.applied_ms = sqlite3_column_int64(s, 4);
        migrate_add(m, &row);
    }
    sqlite3_finalize(s);
    if (rc == SQLITE_DONE)
        return ERR_OK;
    m->why = db_why("cannot read its migrations: %s", sqlite3_errmsg(c->db));
    return ERR_IO;
}

static enum err
prepare(struct migrate *m)
{
    enum err e = db_exec(
        m->conn,
        "CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY, "
        "name TEXT NOT NULL, sha256 TEXT NOT NULL, applied_ms INTEGER NOT "
        "NULL, works_with INTEGER NOT NULL DEFAULT 1) STRICT",
        &m->why);

    if (e == ERR_OK && !has_works_with(m->conn))
        e = db_exec(m->conn,
                    "ALTER TABLE migration ADD COLUMN works_with INTEGER NOT "
                    "NULL DEFAULT 1",
                    &m->why);
    return e;
}

static enum err
remember(struct db *c, const struct migration *g, int64_t now_ms)
{
    sqlite3_stmt *s = NULL;
    int rc;

    sqlite3_prepare_v2(c->db,
                       "INSERT INTO migration (number, name, sha256, "
                       "works_with, applied_ms) VALUES (?, ?, ?, ?, ?)",
                       -1, &s, NULL);
    sqlite3_bind_int(s, 1, g->number);
    sqlite3_bind_text(s, 2, g->name, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 3, g->sha256, -1, SQLITE_STATIC);
    sqlite3_bind_int(s, 4, g->works_with);
    sqlite3_bind_int64(s, 5, now_ms);
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

static enum err
run_script(struct migrate *m, const struct migration *g, bool is_up)
{
    struct db *c = m->conn;
    enum err e = db_exec(c, "BEGIN IMMEDIATE", &m->why);

    if (e != ERR_OK)
        return e;
    e = db_exec(c, is_up ? g->up : g->down, &m->why);
    if (e == ERR_OK)
        e = is_up ? remember(c, g, m->clock->wall_ms(m->clock))
                  : forget(c, g->number);
    if (e == ERR_OK)
        e = db_exec(c, "COMMIT", &m->why);
    if (e == ERR_OK)
        return ERR_OK;
    m->why = db_why("migration %d (%s) failed: %s", g->number, g->name,
                    sqlite3_errmsg(c->db));
    sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
    return e;
}

struct file {
    struct db db;
    int lock; /* -1: none */
};

static enum err
open_file(struct migrate *m, bool writes)
{
    struct file *f = ARENA_NEW(m->arena, struct file);
    enum err e = ERR_OK;

    f->lock = -1;
    m->conn = f;
    if (!writes && access(m->place, F_OK) != 0) {
        m->why = db_why("there is no %s", m->place);
        return ERR_NOT_FOUND;
    }
    if (writes)
        e = sqlite_lock(m->place, &f->lock, &m->why);
    return e == ERR_OK ? db_open(&f->db, m->place, !writes, &m->why) : e;
}

static void
close_file(struct migrate *m)
{
    struct file *f = m->conn;

    db_close(&f->db);
    if (f->lock >= 0)
        close(f->lock);
    m->conn = NULL;
}

const struct migrate_driver sqlite_migrate_driver = {
    .known = &sqlite_migrations,
    .open = open_file,
    .read = read_rows,
    .prepare = prepare,
    .run = run_script,
    .close = close_file,
};

enum err
sqlite_migrate_conn(struct db *c, struct clock *clock, const char **ret_why)
{
    struct migrate m = {.driver = &sqlite_migrate_driver,
                        .clock = clock,
                        .arena = arena_new(),
                        .conn = c};
    enum err e = migrate_open_up(&m);

    if (e != ERR_OK)
        *ret_why = db_why("%s", str_cstr(m.arena, str_from(m.why)));
    arena_free(m.arena);
    return e;
}
