/* migrate.c - belfry migrate: the schema of the SQLite file itself. */
#include <unistd.h>

#include "base/config.h"
#include "cli/database.h"
#include "cli/delivery.h"
#include "store/sqlite/migrate.h"

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
    {.name = "yes", .type = ARG_FLAG, .help = "down: do not ask"},
    {.type = ARG_END},
};

static int
complain(struct cli *c, const struct sqlite_migrate *m, enum err e)
{
    cli_complain(c, str_fmt(c->arena, "%s", m->why ? m->why : err_title(e)),
                 STR_NONE,
                 e == ERR_CONFLICT ? STR("is a server running on it? stop it "
                                         "first; else: belfry migrate verify")
                                   : STR("check --db and the permissions"));
    return CLI_FAILED;
}

static const char *
state_name(enum migration_state s)
{
    static const char *const names[] = {
        [MIGRATION_PENDING] = "pending",
        [MIGRATION_APPLIED] = "applied",
        [MIGRATION_CHANGED] = "changed",
        [MIGRATION_UNKNOWN] = "unknown",
    };

    return names[s];
}

static enum term_style
state_style(enum migration_state s)
{
    if (s == MIGRATION_APPLIED)
        return TERM_GREEN;
    return s == MIGRATION_PENDING ? TERM_YELLOW : TERM_RED;
}

static void
put_json(const struct migration_status *s, struct buf *out)
{
    struct json_writer w = json_writer(out);

    json_begin_object(&w);
    json_int_field(&w, "number", s->number);
    json_str_field(&w, "name", s->name);
    json_str_field(&w, "state", str_from(state_name(s->state)));
    json_time_field(&w, "applied_at", s->applied_ms);
    json_end_object(&w);
    buf_put_char(out, '\n');
}

static int
show(struct cli *c, const struct sqlite_migrate *m, bool only_pending)
{
    static const char *const heads[] = {"N", "NAME", "STATE", "APPLIED", NULL};
    struct table *t = table_new(c->arena, &c->out, heads);
    struct buf out;
    size_t n = 0;

    buf_init(&out, c->arena);
    for (size_t i = 0; i < m->n_status; i++) {
        const struct migration_status *s = &m->status[i];

        if (only_pending && s->state != MIGRATION_PENDING)
            continue;
        n++;
        if (c->is_json) {
            put_json(s, &out);
            continue;
        }
        table_cell(t, TERM_PLAIN, str_fmt(c->arena, "%d", s->number));
        table_cell(t, TERM_PLAIN, s->name);
        table_cell(t, state_style(s->state), str_from(state_name(s->state)));
        table_cell(t, TERM_DIM, time_text(c->arena, s->applied_ms));
    }
    if (!c->is_json && (n > 0 || !only_pending))
        table_write(t, &out);
    return cli_print(c, &out, CLI_OK);
}

static size_t
count_pending(const struct sqlite_migrate *m)
{
    size_t n = 0;

    for (size_t i = 0; i < m->n_status; i++)
        n += m->status[i].state == MIGRATION_PENDING;
    return n;
}

/* The last one that is applied; 0: none. */
static int
version(const struct sqlite_migrate *m)
{
    int last = 0;

    for (size_t i = 0; i < m->n_status; i++)
        if (m->status[i].state != MIGRATION_PENDING &&
            m->status[i].number > last)
            last = m->status[i].number;
    return last;
}

static int
plan(struct cli *c, struct sqlite_migrate *m)
{
    enum err e = sqlite_migrate_status(m);
    int code;

    if (e != ERR_OK)
        return complain(c, m, e);
    code = show(c, m, true);
    if (count_pending(m) == 0)
        cli_note(c, TERM_YES, "version %d, nothing to do", version(m));
    else
        cli_note(c, TERM_DOT,
                 "%zu to go; copy the file first, then run: belfry migrate "
                 "up",
                 count_pending(m));
    return code;
}

static int
up(struct cli *c, struct sqlite_migrate *m)
{
    enum err e = sqlite_migrate_up(m);

    if (e != ERR_OK)
        return complain(c, m, e);
    cli_note(c, TERM_YES, "%s is at version %d", m->path, version(m));
    return c->is_json ? show(c, m, false) : CLI_OK;
}

static int
down(struct cli *c, struct sqlite_migrate *m)
{
    enum err e = sqlite_migrate_status(m);
    struct str question;
    int to, code;

    if (e != ERR_OK)
        return complain(c, m, e);
    to = (int)args_number(&c->args, "to", version(m) > 0 ? version(m) - 1 : 0);
    if (to >= version(m)) {
        cli_note(c, TERM_SKIP, "version %d; nothing to undo", version(m));
        return CLI_OK;
    }
    question = str_fmt(c->arena,
                       "Going back from version %d to %d loses what only the "
                       "newer one can hold. Go on?",
                       version(m), to);
    if (!cli_confirm(c, question.p, 1, &code))
        return code;
    e = sqlite_migrate_down(m, to);
    if (e != ERR_OK)
        return complain(c, m, e);
    cli_note(c, TERM_YES, "%s is at version %d", m->path, version(m));
    return c->is_json ? show(c, m, false) : CLI_OK;
}

static int
verify(struct cli *c, struct sqlite_migrate *m)
{
    enum err e = sqlite_migrate_verify(m);

    if (e == ERR_OK) {
        cli_note(c, TERM_YES, "%s is as this program made it", m->path);
        return c->is_json ? show(c, m, false) : CLI_OK;
    }
    cli_complain(c, str_fmt(c->arena, "%s", m->why ? m->why : err_title(e)),
                 STR_NONE,
                 STR("belfry migrate status shows each version; use the "
                     "program that made them, or a backup"));
    return CLI_FAILED;
}

int
run_migrate(struct cli *c)
{
    struct str word = args_rest(&c->args, 0);
    struct sqlite_migrate m = {.clock = clock_system(), .arena = c->arena};
    struct database db;
    struct buf messages;
    enum err e;

    buf_init(&messages, c->arena);
    if (database_find(c, &db, &messages) != ERR_OK)
        return cli_usage(c, "%.*s", STR_ARG(str_trim(buf_str(&messages))));
    m.path = db.path;
    if (args_has(&c->args, "to") && !str_is(word, "down"))
        return cli_usage(c, "--to goes with down");
    if (!str_is(word, "up") && access(db.path, F_OK) != 0) {
        cli_complain(c, str_fmt(c->arena, "there is no %s", db.path), STR_NONE,
                     STR("belfry serve and belfry migrate up make it; or name "
                         "another with --db"));
        return CLI_FAILED;
    }
    if (str_is(word, "plan"))
        return plan(c, &m);
    if (str_is(word, "up"))
        return up(c, &m);
    if (str_is(word, "down"))
        return down(c, &m);
    if (str_is(word, "verify"))
        return verify(c, &m);
    e = sqlite_migrate_status(&m);
    return e == ERR_OK ? show(c, &m, false) : complain(c, &m, e);
}
