/* doctor_database.c - what belfry doctor finds where everything is kept. */
#include <sys/stat.h>
#include <unistd.h>

#include "cli/delivery.h"
#include "cli/doctor_private.h"
#include "store/migration.h"
#include "store/postgres/inspect.h"

#define SECRET_BYTES 32
#define OLD_MS 60000 /* of a transaction; ours take milliseconds */
#define DRIFT_MAX_MS 2000

/* ---- the schema ---- */

static void
check_schema(struct doctor *d, const struct database *db, const char *name,
             struct str before)
{
    struct arena *a = d->cli->arena;
    struct migrate m = {.driver = db->is_sqlite ? &sqlite_migrate_driver
                                                : &postgres_migrate_driver,
                        .place = db->place,
                        .clock = clock_system(),
                        .arena = a};
    enum err e = migrate_verify(&m);
    int version = migrate_version(&m), known = m.driver->known->n;

    if (e == ERR_OK && version > known)
        doctor_report(d, TERM_YES, name,
                      str_fmt(a,
                              "%.*sschema %d; this program is of %d and goes "
                              "on with it",
                              STR_ARG(before), version, known),
                      STR_NONE);
    else if (e == ERR_OK)
        doctor_report(d, TERM_YES, name,
                      str_fmt(a, "%.*sschema %d", STR_ARG(before), version),
                      STR_NONE);
    else
        doctor_report(
            d, TERM_NO, name,
            str_fmt(a, "%.*s%s", STR_ARG(before), m.why ? m.why : err_title(e)),
            STR("belfry migrate status, then belfry migrate up"));
}

/* ---- SQLite ---- */

static void
check_sqlite(struct doctor *d, const struct database *db)
{
    struct arena *a = d->cli->arena;

    if (access(db->place, F_OK) != 0)
        doctor_report(d, TERM_SKIP, "database",
                      str_fmt(a, "%s is not there yet", db->place),
                      STR("belfry serve makes it; or name another with --db"));
    else
        check_schema(d, db, "database", str_fmt(a, "%s, ", db->place));
}

/* ---- PostgreSQL ---- */

static void
check_settings(struct doctor *d, const struct database *db,
               const struct postgres_inspect *p)
{
    struct arena *a = d->cli->arena;
    struct str text = str_fmt(a, "%s, PostgreSQL %.*s, %.*s", db->name,
                              STR_ARG(p->version_text), STR_ARG(p->encoding));
    struct str kept =
        str_fmt(a, "fsync %.*s, full_page_writes %.*s, synchronous_commit %.*s",
                STR_ARG(p->fsync), STR_ARG(p->full_page_writes),
                STR_ARG(p->synchronous_commit));

    if (p->version < POSTGRES_VERSION_LEAST)
        doctor_report(d, TERM_NO, "database", text,
                      STR("PostgreSQL 15 or newer is needed"));
    else if (!str_is(p->encoding, "UTF8"))
        doctor_report(d, TERM_NO, "database", text,
                      STR("make one with CREATE DATABASE ... ENCODING 'UTF8' "
                          "TEMPLATE template0"));
    else
        doctor_report(d, TERM_YES, "database", text, STR_NONE);
    if (str_is(p->fsync, "off") || str_is(p->full_page_writes, "off"))
        doctor_report(d, TERM_NO, "durability", kept,
                      STR("set fsync and full_page_writes to on: what is "
                          "accepted may be lost"));
    else if (str_is(p->synchronous_commit, "off"))
        doctor_report(d, TERM_WARN, "durability", kept,
                      STR("set synchronous_commit to on; belfry overrides it "
                          "for what must not be lost"));
    else
        doctor_report(d, TERM_YES, "durability", kept, STR_NONE);
}

static bool
is_counted(const struct postgres_inspect *p, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (str_eq(p->nodes[k].version, p->nodes[i].version))
            return true;
    return false;
}

static void
check_nodes(struct doctor *d, const struct postgres_inspect *p)
{
    struct buf text;
    int n_versions = 0;

    buf_init(&text, d->cli->arena);
    buf_printf(&text, "%zu live", p->n_nodes);
    for (size_t i = 0; i < p->n_nodes; i++) {
        int n = 0;

        if (is_counted(p, i))
            continue;
        for (size_t k = i; k < p->n_nodes; k++)
            n += str_eq(p->nodes[k].version, p->nodes[i].version);
        buf_printf(&text, "%s%d of %.*s", n_versions++ == 0 ? ": " : ", ", n,
                   STR_ARG(p->nodes[i].version));
    }
    doctor_report(d,
                  p->n_nodes == 0  ? TERM_SKIP
                  : n_versions > 1 ? TERM_WARN
                                   : TERM_YES,
                  "nodes", buf_str(&text),
                  p->n_nodes == 0 ? STR("belfry serve starts one")
                  : n_versions > 1
                      ? STR("end the upgrade: bring all of them to "
                            "one version")
                      : STR_NONE);
    for (size_t i = 0; i < p->n_nodes; i++)
        if (p->nodes[i].silent_ms > OLD_MS)
            doctor_report(
                d, TERM_WARN, "nodes",
                str_fmt(
                    d->cli->arena, "%.*s (pid %lld) is silent for %.*s",
                    STR_ARG(p->nodes[i].host), (long long)p->nodes[i].pid,
                    STR_ARG(span_text(d->cli->arena, p->nodes[i].silent_ms))),
                STR("look at its log; another node takes over what it had"));
}

static void
check_transactions(struct doctor *d, const struct postgres_inspect *p)
{
    struct arena *a = d->cli->arena;
    const struct postgres_transaction *t = &p->oldest;
    bool is_old = t->age_ms > OLD_MS;

    if (t->pid == 0) {
        doctor_report(d, TERM_YES, "oldest", STR("no transaction is open"),
                      STR_NONE);
        return;
    }
    doctor_report(
        d, is_old ? TERM_WARN : TERM_YES, "oldest",
        str_fmt(a, "a transaction of %.*s: pid %lld, %.*s, %.*s",
                STR_ARG(span_text(a, t->age_ms)), (long long)t->pid,
                STR_ARG(t->application.n > 0 ? t->application
                                             : STR("without a name")),
                STR_ARG(t->state)),
        is_old ? str_fmt(a,
                         "it keeps VACUUM from the queue and migrations from "
                         "their locks; end it: SELECT "
                         "pg_terminate_backend(%lld)",
                         (long long)t->pid)
               : STR_NONE);
}

static void
check_clock(struct doctor *d, const struct postgres_inspect *p)
{
    struct arena *a = d->cli->arena;
    int64_t off_ms = p->ahead_ms < 0 ? -p->ahead_ms : p->ahead_ms;
    struct str text = str_fmt(a, "the database's clock is %.*s %s",
                              STR_ARG(span_text(a, off_ms)),
                              p->ahead_ms < 0 ? "behind" : "ahead");

    if (off_ms > DRIFT_MAX_MS)
        doctor_report(d, TERM_WARN, "db clock", text,
                      STR("let NTP set the clocks of both machines"));
    else
        doctor_report(d, TERM_YES, "db clock", text, STR_NONE);
}

static void
check_postgres(struct doctor *d, const struct database *db)
{
    struct postgres_inspect p = {
        .url = db->place, .clock = clock_system(), .arena = d->cli->arena};
    enum err e = postgres_inspect(&p);

    if (e != ERR_OK) {
        doctor_report(d, TERM_NO, "database",
                      str_fmt(d->cli->arena, "%s: %s", db->name,
                              p.why ? p.why : err_title(e)),
                      STR("is the server up, is the URL right, does "
                          "pg_hba.conf let it in?"));
        return;
    }
    check_settings(d, db, &p);
    check_schema(d, db, "schema", STR_NONE);
    check_nodes(d, &p);
    check_transactions(d, &p);
    check_clock(d, &p);
}

void
doctor_check_database(struct doctor *d, const struct database *db)
{
    if (db->is_sqlite)
        check_sqlite(d, db);
    else
        check_postgres(d, db);
}

/* ---- the secret ---- */

static void
report_no_secret(struct doctor *d, const struct database *db)
{
    bool is_new = db->is_sqlite && access(db->place, F_OK) != 0;

    doctor_report(d, is_new ? TERM_SKIP : TERM_NO, "secret",
                  str_fmt(d->cli->arena, "%s is not there%s", db->key_file,
                          is_new ? " yet" : "; stored secrets cannot be read"),
                  is_new ? STR("belfry serve makes it")
                         : STR("put the file back, or name it with "
                               "BELFRY_SECRET_KEY_FILE"));
}

void
doctor_check_secret(struct doctor *d, const struct database *db)
{
    struct arena *a = d->cli->arena;
    struct stat st;

    if (!db->key_file)
        doctor_report(d, TERM_NO, "secret", STR("no file is named"),
                      STR("on PostgreSQL, set BELFRY_SECRET_KEY_FILE to the "
                          "file that all servers share"));
    else if (stat(db->key_file, &st) != 0)
        report_no_secret(d, db);
    else if (st.st_size != SECRET_BYTES)
        doctor_report(d, TERM_NO, "secret",
                      str_fmt(a, "%s has %lld bytes, not %d", db->key_file,
                              (long long)st.st_size, SECRET_BYTES),
                      STR("put the right file back"));
    else if (st.st_mode & (S_IRWXG | S_IRWXO))
        doctor_report(d, TERM_NO, "secret",
                      str_fmt(a, "%s can be used by others (mode %03o)",
                              db->key_file, (unsigned)(st.st_mode & 0777)),
                      str_fmt(a, "chmod 600 %s", db->key_file));
    else
        doctor_report(d, TERM_YES, "secret", str_fmt(a, "%s", db->key_file),
                      STR_NONE);
}
