/* import.c - belfry user import: a file of users, in chunks, in bounded
 * memory. A row that is refused is named and does not stop the others; what
 * the import stopped at is the line to go on from. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/patience.h"
#include "cli/user.h"
#include "cli/user_rows.h"

#define CHUNK_ROWS 1000 /* as many as POST /v1/users/bulk takes */
#define CHUNK_BYTES (512 * 1024)
#define COMPLAINTS_MAX 20

struct import {
    struct cli *cli;
    FILE *file, *errors; /* errors NULL: none are written */
    struct str name;
    uint64_t size; /* of the file; 0: nobody knows */
    uint64_t from;
    struct user_rows *rows;
    struct progress progress;
    bool is_dry;
    /* the chunk */
    struct arena *arena;
    struct arena *row_arena; /* of the row that is being read */
    struct buf body;
    struct user_row at[CHUNK_ROWS]; /* line and id */
    size_t n;
    /* what came of it */
    uint64_t n_created, n_replaced, n_refused, n_skipped;
    uint64_t stopped_at; /* the line of the first that was not tried; 0: all
                          * were */
};

static uint64_t
count_rows(const struct import *x)
{
    return x->n_created + x->n_replaced + x->n_refused;
}

/* ---- what is refused ---- */

static void
write_error(struct import *x, const struct user_row *row, struct str reason)
{
    struct buf out = {0};
    struct json_writer w = json_writer(&out);

    json_begin_object(&w);
    json_int_field(&w, "line", (int64_t)row->line);
    if (row->id.n > 0)
        json_str_field(&w, "id", row->id);
    json_str_field(&w, "reason", reason);
    json_end_object(&w);
    buf_put_char(&out, '\n');
    fwrite(out.p, 1, out.n, x->errors);
    buf_fini(&out);
}

static void
refuse_row(struct import *x, const struct user_row *row, struct str reason)
{
    if (x->errors)
        write_error(x, row, reason);
    if (x->n_refused++ < COMPLAINTS_MAX) {
        progress_hide(&x->progress);
        cli_note(x->cli, TERM_NO, "line %" PRIu64 "%s%.*s: %.*s", row->line,
                 row->id.n > 0 ? ", " : "", STR_ARG(row->id), STR_ARG(reason));
    } else if (x->n_refused == COMPLAINTS_MAX + 1) {
        cli_note(x->cli, TERM_NO, "%s",
                 x->errors ? "more are refused; the errors file has them"
                           : "more are refused; --errors FILE writes them");
    }
}

/* "/users/7/email" is "email" to who wrote the file. */
static struct str
name_of(struct str pointer)
{
    struct str part;

    for (int i = 0; i < 3; i++)
        if (!str_split(&pointer, '/', &part))
            return STR_NONE;
    return pointer;
}

static struct str
reason_of(struct import *x, struct json problem)
{
    struct json errors = json_get(problem, "errors");
    struct buf out;

    buf_init(&out, x->arena);
    for (struct json e = json_first(errors); !json_is(e, JSON_ABSENT);
         e = json_next(errors, e)) {
        struct str name = name_of(json_str_of(x->arena, e, "pointer"));

        buf_printf(&out, "%s%.*s%s%.*s", out.n > 0 ? "; " : "", STR_ARG(name),
                   name.n > 0 ? " " : "",
                   STR_ARG(json_str_of(x->arena, e, "detail")));
    }
    return out.n > 0 ? buf_str(&out) : json_str_of(x->arena, problem, "detail");
}

/* ---- a chunk ---- */

static void
begin_chunk(struct import *x)
{
    arena_reset(x->arena);
    buf_reset(&x->body);
    buf_put_cstr(&x->body,
                 x->is_dry ? "{\"dry_run\":true,\"users\":[" : "{\"users\":[");
    x->n = 0;
}

static void
add_row(struct import *x, const struct user_row *row)
{
    if (x->n > 0)
        buf_put_char(&x->body, ',');
    buf_put_str(&x->body, row->json);
    x->at[x->n] = (struct user_row){.line = row->line};
    x->at[x->n++].id = str_dup(x->arena, row->id);
}

static bool
take_result(struct import *x, struct json result, const struct user_row *row)
{
    int64_t status = 0;

    if (!json_int(json_get(result, "status"), &status))
        return false;
    if (status == 201)
        x->n_created++;
    else if (status == 200)
        x->n_replaced++;
    else
        refuse_row(x, row, reason_of(x, json_get(result, "problem")));
    return true;
}

static bool
take_answer(struct import *x, const struct client_answer *a)
{
    struct json results = json_get(a->root, "results");
    size_t i = 0;

    for (struct json r = json_first(results); !json_is(r, JSON_ABSENT);
         r = json_next(results, r))
        if (i >= x->n || !take_result(x, r, &x->at[i++]))
            return false;
    return i == x->n;
}

/* To write a user twice is to write it once, so a chunk whose answer was lost
 * goes out again. A server that never answered is not waited for. */
static void
ask(struct import *x, struct client_answer *ret)
{
    const struct patience p = {
        .cli = x->cli,
        .progress = &x->progress,
        .repeats_lost = true,
        .waits_for_server = count_rows(x) > 0,
    };
    struct client_call call = {
        .method = "POST",
        .path = STR("/v1/users/bulk"),
        .body = buf_str(&x->body),
    };

    patient_call(&p, x->arena, &call, ret);
}

/* False: there is no going on; *ret is what to exit with. */
static bool
send_chunk(struct import *x, int *ret)
{
    struct client_answer a;

    if (x->n == 0)
        return true;
    buf_put_cstr(&x->body, "]}");
    ask(x, &a);
    if (a.outcome == CLIENT_ANSWERED && a.status == 200 && take_answer(x, &a)) {
        progress_show(&x->progress, user_rows_bytes(x->rows), x->size,
                      count_rows(x));
        begin_chunk(x);
        return true;
    }
    progress_hide(&x->progress);
    x->stopped_at = x->at[0].line;
    *ret = cli_refused(x->cli, &a);
    if (*ret == CLI_OK) /* interrupted */
        *ret = CLI_FAILED;
    return false;
}

static bool
is_full(const struct import *x, const struct user_row *row)
{
    return x->n == CHUNK_ROWS || x->body.n + row->json.n + 3 > CHUNK_BYTES;
}

static bool
take_row(struct import *x, const struct user_row *row, bool is_good, int *ret)
{
    if (row->line < x->from) {
        x->n_skipped++;
        return true;
    }
    if (!is_good) {
        refuse_row(x, row, row->why);
        return true;
    }
    if (is_full(x, row) && !send_chunk(x, ret))
        return false;
    add_row(x, row);
    return true;
}

static int
import_all(struct import *x)
{
    struct user_row row;
    enum csv_got got;
    int code = CLI_OK;

    begin_chunk(x);
    while ((got = user_rows_next(x->rows, x->row_arena, &row)) != CSV_END) {
        if (!take_row(x, &row, got == CSV_ROW, &code))
            return code;
        arena_reset(x->row_arena);
    }
    if (ferror(x->file)) {
        progress_hide(&x->progress);
        cli_complain(x->cli, STR("the file cannot be read to its end"),
                     STR_NONE, STR_NONE);
        x->stopped_at = x->n > 0 ? x->at[0].line : row.line;
        return CLI_FAILED;
    }
    send_chunk(x, &code);
    return code;
}

/* ---- the end ---- */

static void
write_summary(const struct import *x, struct buf *out)
{
    struct json_writer w = json_writer(out);

    json_begin_object(&w);
    json_int_field(&w, "rows", (int64_t)count_rows(x));
    json_int_field(&w, "created", (int64_t)x->n_created);
    json_int_field(&w, "replaced", (int64_t)x->n_replaced);
    json_int_field(&w, "refused", (int64_t)x->n_refused);
    json_int_field(&w, "skipped", (int64_t)x->n_skipped);
    json_bool_field(&w, "dry_run", x->is_dry);
    json_put_key(&w, "stopped_at");
    if (x->stopped_at > 0)
        json_put_int(&w, (int64_t)x->stopped_at);
    else
        json_put_null(&w);
    json_end_object(&w);
    buf_put_char(out, '\n');
}

static int
say_summary(struct import *x, int code)
{
    struct cli *c = x->cli;
    struct buf out;

    progress_hide(&x->progress);
    if (x->stopped_at > 0)
        cli_note(c, TERM_WARN,
                 "stopped; what comes before line %" PRIu64
                 " is done, --from %" PRIu64 " goes on there",
                 x->stopped_at, x->stopped_at);
    if (c->is_json) {
        buf_init(&out, c->arena);
        write_summary(x, &out);
        if (cli_print(c, &out, CLI_OK) != CLI_OK)
            return CLI_FAILED;
    } else {
        cli_note(c, x->n_refused > 0 || code != CLI_OK ? TERM_NO : TERM_YES,
                 "%" PRIu64 " %screated, %" PRIu64 " replaced, %" PRIu64
                 " refused",
                 x->n_created, x->is_dry ? "would be " : "", x->n_replaced,
                 x->n_refused);
    }
    return code == CLI_OK && x->n_refused > 0 ? CLI_FAILED : code;
}

static int
cannot_open(struct cli *c, struct str name)
{
    cli_complain(c, str_fmt(c->arena, "cannot open %.*s", STR_ARG(name)),
                 str_from(strerror(errno)), STR_NONE);
    return CLI_FAILED;
}

static uint64_t
size_of(FILE *file)
{
    struct stat st;

    return fstat(fileno(file), &st) == 0 && S_ISREG(st.st_mode)
               ? (uint64_t)st.st_size
               : 0;
}

static enum user_format
format_of(const struct import *x)
{
    struct str said = args_text(&x->cli->args, "format");

    if (said.n == 0)
        return user_format_of(x->name, x->file);
    return str_is(said, "csv") ? USERS_CSV : USERS_NDJSON;
}

static bool
open_rows(struct import *x, int *ret)
{
    struct arena *a = x->cli->arena;
    struct str why = STR_NONE;

    x->file = str_is(x->name, "-") ? stdin : fopen(str_cstr(a, x->name), "re");
    if (!x->file) {
        *ret = cannot_open(x->cli, x->name);
        return false;
    }
    x->size = size_of(x->file);
    x->rows = user_rows_open(a, x->file, format_of(x), &why);
    if (x->rows)
        return true;
    cli_complain(x->cli, str_fmt(a, "cannot import %.*s", STR_ARG(x->name)),
                 why, STR_NONE);
    *ret = CLI_FAILED;
    return false;
}

static bool
is_same_file(FILE *file, const char *name)
{
    struct stat a, b;

    return fstat(fileno(file), &a) == 0 && stat(name, &b) == 0 &&
           a.st_dev == b.st_dev && a.st_ino == b.st_ino && S_ISREG(a.st_mode);
}

/* What an import writes that goes on comes behind what is there. */
static bool
open_errors(struct import *x, int *ret)
{
    struct str name = args_text(&x->cli->args, "errors");
    const char *path = str_cstr(x->cli->arena, name);

    if (name.n == 0)
        return true;
    if (is_same_file(x->file, path)) {
        *ret = cli_usage(x->cli, "--errors names the file that is imported");
        return false;
    }
    x->errors = fopen(path, x->from > 0 ? "ae" : "we");
    if (!x->errors)
        *ret = cannot_open(x->cli, name);
    return x->errors != NULL;
}

static int
close_files(struct import *x, int code)
{
    bool is_written = true;

    if (x->rows)
        user_rows_close(x->rows);
    if (x->file && x->file != stdin)
        fclose(x->file);
    if (x->errors) {
        is_written = !ferror(x->errors);
        is_written = fclose(x->errors) == 0 && is_written;
    }
    if (is_written)
        return code;
    cli_complain(x->cli, STR("the errors file could not be written"), STR_NONE,
                 STR_NONE);
    return CLI_FAILED;
}

int
user_import(struct cli *c, struct str name)
{
    struct import *x = xcalloc(1, sizeof(*x));
    int code = CLI_OK;

    x->cli = c;
    x->name = name;
    x->from = (uint64_t)args_number(&c->args, "from", 0);
    x->is_dry = args_has(&c->args, "dry-run");
    x->progress = (struct progress){.cli = c, .what = "users"};
    x->arena = arena_new();
    x->row_arena = arena_new();
    if (open_rows(x, &code) && open_errors(x, &code)) {
        client_stop_on_interrupt(c->client);
        code = say_summary(x, import_all(x));
    }
    code = close_files(x, code);
    buf_fini(&x->body);
    arena_free(x->row_arena);
    arena_free(x->arena);
    free(x);
    return code;
}
