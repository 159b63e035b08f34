/* migrate.c - belfry migrate: the schema of the database itself. */
#include <unistd.h>

#include "base/config.h"
#include "cli/database.h"
#include "cli/words.h"
#include "cli/delivery.h"
#include "store/migration.h"
#include "store/postgres/inspect.h"

const struct arg_option migrate_options[] = {
    {.name = "to",
     .type = ARG_INT,
     .value = "N",
     .min = 0,
     .max = 1000000,
     .help = "down: the version to go back to (default: one back)"},
    {.name = "db",
     .type = ARG_TEXT,
     .value = "URL",
     .help = "The database (BELFRY_DATABASE_URL; default sqlite:belfry.db)"},
    {.name = "config",
     .type = ARG_TEXT,
     .value = "FILE",
     .help = "Settings (default /etc/belfry/belfry.conf)"},
    {.name = "sql", .type = ARG_FLAG, .help = "plan: show what would run, too"},
    {.name = "yes", .type = ARG_FLAG, .help = "down: do not ask"},
    {.type = ARG_END},
};

struct migration_job {
    struct cli *cli;
    struct database db;
    struct migrate m;
};

static struct str
how_to_go_on(const struct migration_job *j, enum err e)
{
    if (e == ERR_TIMEOUT)
        return STR("nothing is half-done: end that one, or try again when "
                   "less goes on");
    if (e == ERR_CONFLICT && j->db.is_sqlite)
        return STR("is a server running on it? stop it first; else: belfry "
                   "migrate verify");
    if (e == ERR_CONFLICT)
        return STR("belfry migrate status shows each version; use the program "
                   "that made them, or a backup");
    return STR("check --db and the permissions");
}

static int
complain(struct migration_job *j, enum err e)
{
    struct cli *c = j->cli;

    cli_complain(c, str_fmt(c->arena, "%s", j->m.why ? j->m.why : err_title(e)),
                 STR_NONE, how_to_go_on(j, e));
    return CLI_FAILED;
}

static const char *
state_name(enum migration_state s)
{
    static const char *const names[] = {
        [MIGRATION_PENDING] = "pending", [MIGRATION_APPLIED] = "applied",
        [MIGRATION_CHANGED] = "changed", [MIGRATION_NEWER] = "newer",
        [MIGRATION_UNKNOWN] = "unknown",
    };

    return names[s];
}

static enum term_style
state_style(enum migration_state s)
{
    if (s == MIGRATION_APPLIED)
        return TERM_GREEN;
    return s == MIGRATION_PENDING || s == MIGRATION_NEWER ? TERM_YELLOW
                                                          : TERM_RED;
}

/* What would run; NULL: it is not to be shown. */
static const char *
script_of(const struct migration_job *j, const struct migration_status *s)
{
    const struct migration_set *k = j->m.driver->known;

    if (s->state != MIGRATION_PENDING || !args_has(&j->cli->args, "sql"))
        return NULL;
    return k->all[s->number - 1].up;
}

static void
put_json(const struct migration_job *j, const struct migration_status *s,
         struct buf *out)
{
    struct json_writer w = json_writer(out);
    const char *sql = script_of(j, s);

    json_begin_object(&w);
    json_int_field(&w, "number", s->number);
    json_str_field(&w, "name", s->name);
    json_str_field(&w, "state", str_from(state_name(s->state)));
    json_time_field(&w, "applied_at", s->applied_ms);
    if (sql)
        json_str_field(&w, "sql", str_from(sql));
    json_end_object(&w);
    buf_put_char(out, '\n');
}

static int
show(struct migration_job *j, bool only_pending)
{
    static const char *const heads[] = {"N", "NAME", "STATE", "APPLIED", NULL};
    struct cli *c = j->cli;
    struct table *t = table_new(c->arena, &c->out, heads);
    struct buf out;
    size_t n = 0;

    buf_init(&out, c->arena);
    for (size_t i = 0; i < j->m.n_status; i++) {
        const struct migration_status *s = &j->m.status[i];

        if (only_pending && s->state != MIGRATION_PENDING)
            continue;
        n++;
        if (c->is_json) {
            put_json(j, s, &out);
            continue;
        }
        table_cell(t, TERM_PLAIN, str_fmt(c->arena, "%d", s->number));
        table_cell(t, TERM_PLAIN, s->name);
        table_cell(t, state_style(s->state), str_from(state_name(s->state)));
        table_cell(t, TERM_DIM, time_text(c->arena, s->applied_ms));
    }
    if (!c->is_json && (n > 0 || !only_pending))
        table_write(t, &out);
    for (size_t i = 0; !c->is_json && i < j->m.n_status; i++) {
        const char *sql = script_of(j, &j->m.status[i]);

        if (sql)
            buf_printf(&out, "\n-- %d\n%s", j->m.status[i].number, sql);
    }
    return cli_print(c, &out, CLI_OK);
}

static int
plan(struct migration_job *j)
{
    struct cli *c = j->cli;
    enum err e = migrate_status(&j->m);
    int n, code;

    if (e != ERR_OK)
        return complain(j, e);
    code = show(j, true);
    n = migrate_count_pending(&j->m);
    if (n == 0)
        cli_note(c, TERM_YES, "version %d, nothing to do",
                 migrate_version(&j->m));
    else if (j->db.is_sqlite)
        cli_note(c, TERM_DOT,
                 "%d to go; copy the file first, then run: belfry migrate up",
                 n);
    else
        cli_note(c, TERM_DOT,
                 "%d to go; take a backup first, then run: belfry migrate up "
                 "(servers may run meanwhile)",
                 n);
    return code;
}

static int
up(struct migration_job *j)
{
    enum err e = migrate_up(&j->m);

    if (e != ERR_OK)
        return complain(j, e);
    cli_note(j->cli, TERM_YES, "%s is at version %d", j->db.name,
             migrate_version(&j->m));
    return j->cli->is_json ? show(j, false) : CLI_OK;
}

/* Nodes that run a program which may need what is about to go. */
static void
warn_of_nodes(struct migration_job *j)
{
    struct cli *c = j->cli;
    struct postgres_inspect p = {
        .url = j->db.place, .clock = j->m.clock, .arena = c->arena};

    if (j->db.is_sqlite || postgres_inspect(&p) != ERR_OK)
        return;
    for (size_t i = 0; i < p.n_nodes; i++)
        cli_note(c, TERM_WARN,
                 "a server of version %.*s lives on %.*s (pid %lld)%s",
                 STR_ARG(p.nodes[i].version), STR_ARG(p.nodes[i].host),
                 (long long)p.nodes[i].pid,
                 i + 1 < p.n_nodes ? ""
                                   : "; stop those that need what goes: they "
                                     "fail without it, and bring it back when "
                                     "they start again");
}

static int
down(struct migration_job *j)
{
    struct cli *c = j->cli;
    enum err e = migrate_status(&j->m);
    int version = migrate_version(&j->m), to, code;
    struct str question;

    if (e != ERR_OK)
        return complain(j, e);
    to = (int)args_number(&c->args, "to", version > 0 ? version - 1 : 0);
    if (to >= version) {
        cli_note(c, TERM_SKIP, "version %d; nothing to undo", version);
        return CLI_OK;
    }
    warn_of_nodes(j);
    question = str_fmt(c->arena,
                       "Going back from version %d to %d loses what only the "
                       "newer one can hold. Go on?",
                       version, to);
    if (!cli_confirm(c, question.p, 1, &code))
        return code;
    e = migrate_down(&j->m, to);
    if (e != ERR_OK)
        return complain(j, e);
    cli_note(c, TERM_YES, "%s is at version %d", j->db.name,
             migrate_version(&j->m));
    return c->is_json ? show(j, false) : CLI_OK;
}

static int
verify(struct migration_job *j)
{
    struct cli *c = j->cli;
    enum err e = migrate_verify(&j->m);
    int known = j->m.driver->known->n;

    if (e == ERR_OK && migrate_version(&j->m) > known)
        cli_note(c, TERM_YES,
                 "%s is as a newer program made it (version %d); this one, of "
                 "version %d, goes on with that",
                 j->db.name, migrate_version(&j->m), known);
    else if (e == ERR_OK)
        cli_note(c, TERM_YES, "%s is as this program made it", j->db.name);
    if (e == ERR_OK)
        return c->is_json ? show(j, false) : CLI_OK;
    cli_complain(c, str_fmt(c->arena, "%s", j->m.why ? j->m.why : err_title(e)),
                 STR_NONE,
                 STR("belfry migrate status shows each version; one that is "
                     "not applied is by belfry migrate up; for another, use "
                     "the program that made it, or a backup"));
    return CLI_FAILED;
}

static int
status(struct migration_job *j)
{
    enum err e = migrate_status(&j->m);

    return e == ERR_OK ? show(j, false) : complain(j, e);
}

/* Where a file of SQLite has to be there already. */
static bool
is_missing(struct migration_job *j)
{
    struct cli *c = j->cli;

    if (!j->db.is_sqlite || access(j->db.place, F_OK) == 0)
        return false;
    cli_complain(c, str_fmt(c->arena, "there is no %s", j->db.place), STR_NONE,
                 STR("belfry serve and belfry migrate up make it; or name "
                     "another with --db"));
    return true;
}

static int
run_job(struct cli *c, int (*run)(struct migration_job *j))
{
    struct migration_job j = {.cli = c};
    struct buf messages;

    buf_init(&messages, c->arena);
    if (database_find(c, &j.db, &messages) != ERR_OK)
        return cli_usage(c, "%.*s", STR_ARG(str_trim(buf_str(&messages))));
    j.m = (struct migrate){.driver = j.db.is_sqlite ? &sqlite_migrate_driver
                                                    : &postgres_migrate_driver,
                           .place = j.db.place,
                           .clock = clock_system(),
                           .arena = c->arena};
    if (args_has(&c->args, "to") && run != down)
        return cli_usage(c, "--to goes with down");
    if (args_has(&c->args, "sql") && run != plan)
        return cli_usage(c, "--sql goes with plan");
    return run != up && is_missing(&j) ? CLI_FAILED : run(&j);
}

static int
run_status(struct cli *c)
{
    return run_job(c, status);
}

static int
run_plan(struct cli *c)
{
    return run_job(c, plan);
}

static int
run_up(struct cli *c)
{
    return run_job(c, up);
}

static int
run_down(struct cli *c)
{
    return run_job(c, down);
}

static int
run_verify(struct cli *c)
{
    return run_job(c, verify);
}

const struct word migrate_words[] = {
    {"status", "", 0, 0, run_status}, {"plan", "", 0, 0, run_plan},
    {"up", "", 0, 0, run_up},         {"down", "", 0, 0, run_down},
    {"verify", "", 0, 0, run_verify}, {0},
};

int
run_migrate(struct cli *c)
{
    return words_run(c);
}
