/* cli_private.h - what the commands share. One thread, one command, one
 * arena; data goes to stdout, messages to stderr. */
#pragma once

#include "base/clock.h"
#include "base/json.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/term.h"

struct cli {
    struct arena *arena;
    const char *const *environ;
    const struct command *command;
    struct args args;
    struct term out, err;
    struct client *client; /* NULL until cli_connect() */
    bool is_json;
};

struct word;
struct command {
    const char *name;
    int (*run)(struct cli *c);
    const char *usage;   /* what comes after the name, and the word */
    const char *summary; /* a sentence without its stop */
    const char *const *examples;
    const struct arg_option *options; /* NULL: none of its own */
    const struct word *words; /* for its first argument; NULL: anything */
    const char *notes;        /* paragraphs, or NULL */
    int min_args, max_args;
    bool needs_server;
    bool takes_files; /* its arguments are names of files */
};

extern const struct command commands[]; /* ends with name NULL */
extern const struct arg_option global_options[];
const struct command *command_find(struct str name);
/* The closest name, or NULL when none is close. */
const char *command_suggest(struct str name);

int run_apply(struct cli *c);
int run_approve(struct cli *c);
int run_cancel(struct cli *c);
int run_completion(struct cli *c);
int run_doctor(struct cli *c);
int run_export(struct cli *c);
int run_get(struct cli *c);
int run_help(struct cli *c);
int run_key(struct cli *c);
int run_ls(struct cli *c);
int run_migrate(struct cli *c);
int run_plugin(struct cli *c);
int run_provider(struct cli *c);
int run_reject(struct cli *c);
int run_retry(struct cli *c);
int run_send(struct cli *c);
int run_secret(struct cli *c);
int run_suppression(struct cli *c);
int run_tail(struct cli *c);
int run_template(struct cli *c);
int run_test(struct cli *c);
int run_token(struct cli *c);
int run_user(struct cli *c);
int run_version(struct cli *c);
int run_why(struct cli *c);

extern const struct arg_option apply_options[];
extern const struct arg_option approve_options[]; /* and of reject */
extern const struct arg_option cancel_options[];
extern const struct arg_option export_options[];
extern const struct arg_option get_options[];
extern const struct arg_option key_options[];
extern const struct arg_option ls_options[];
extern const struct arg_option migrate_options[];
extern const struct arg_option plugin_options[];
extern const struct arg_option provider_options[];
extern const struct arg_option retry_options[];
extern const struct arg_option send_options[];
extern const struct arg_option secret_options[];
extern const struct arg_option suppression_options[];
extern const struct arg_option tail_options[];
extern const struct arg_option template_options[];
extern const struct arg_option test_options[];
extern const struct arg_option token_options[];
extern const struct arg_option user_options[];
extern const struct arg_option why_options[];
extern const struct arg_option doctor_options[];
extern const struct arg_option serve_options[];

void help_overview(struct cli *c, struct buf *out);
void help_command(struct cli *c, const struct command *command,
                  struct buf *out);

/* ---- talking to people ---- */

/* A line on stderr; `mark` in front of it. */
void cli_note(struct cli *c, enum term_symbol mark, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* What, why and how to go on, one line each; empty ones are left out. */
void cli_complain(struct cli *c, struct str what, struct str why,
                  struct str how);
int cli_usage(struct cli *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Data. What to exit with, `good` when it was written. */
int cli_print(struct cli *c, const struct buf *out, int good);
/* A document on a line of its own. */
void cli_put_json(struct json v, struct buf *out);
/* The same of what was made; without --json only that member's text. */
void cli_put_made(struct cli *c, struct json v, const char *name,
                  struct buf *out);
/* On a terminal a person is asked; elsewhere only --yes will do. False: *ret
 * is what to exit with. */
bool cli_confirm(struct cli *c, const char *deed, size_t n, int *ret);

/* ---- talking to the server ---- */

/* False: *ret is what to exit with. */
bool cli_connect(struct cli *c, int *ret);
/* Calls; anything but a 2xx with JSON is complained of: *ret as above. */
bool cli_ask(struct cli *c, const struct client_call *call,
             struct client_answer *ret_answer, int *ret);
bool cli_get(struct cli *c, struct str path, struct client_answer *ret_answer,
             int *ret);
/* Of a problem: the first field at fault says more than the count of them. */
struct str cli_why_refused(struct arena *a, struct json root);
/* The complaint about an answer; what to exit with. */
int cli_refused(struct cli *c, const struct client_answer *a);

#define DELIVERIES "/v1/deliveries"
#define NOTIFICATIONS "/v1/notifications"

/* "/v1/x?a=b": value is percent-encoded, an empty one is left out. */
void query_put(struct buf *path, const char *name, struct str value);
/* "/v1/users/" + segment + rest. */
struct str path_of(struct arena *a, const char *before, struct str segment,
                   const char *after);
/* A time or a duration back from now (`is_past`) or ahead of it, as RFC 3339.
 */
bool time_of(struct arena *a, struct str text, bool is_past, struct str *ret);
