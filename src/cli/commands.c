/* commands.c - the one table behind dispatch, help and completion. */
#include "cli/words.h"

#define NEAR 2 /* edits that still make a suggestion */

const struct arg_option global_options[] = {
    {.name = "help",
     .letter = 'h',
     .type = ARG_FLAG,
     .help = "Show what the command does, with examples"},
    {.name = "json",
     .type = ARG_FLAG,
     .help = "Write JSON: one object, or one a line for lists"},
    {.name = "no-color", .type = ARG_FLAG, .help = "Write without colour"},
    {.name = "version", .type = ARG_FLAG, .help = "Show the version"},
    {.name = "url",
     .type = ARG_TEXT,
     .value = "URL",
     .help = "The server (BELFRY_URL; default http://127.0.0.1:7117)"},
    {.name = "key-file",
     .type = ARG_TEXT,
     .value = "FILE",
     .help = "File with the API key, - for stdin (else BELFRY_KEY)"},
    {.name = "key",
     .type = ARG_TEXT,
     .value = "KEY",
     .help = "The API key; others can see it there, so better not"},
    {.name = "workspace",
     .type = ARG_TEXT,
     .value = "NAME",
     .help = "Workspace to work in, for the bootstrap key"},
    {.type = ARG_END},
};

const struct arg_option serve_options[] = {
    {.name = "dev",
     .type = ARG_FLAG,
     .help = "Development: a sink catches every message; the key is saved "
             "for this command"},
    {.name = "listen",
     .type = ARG_TEXT,
     .value = "HOST:PORT",
     .help = "Address of the HTTP server (default 127.0.0.1:7117)"},
    {.name = "db",
     .type = ARG_TEXT,
     .value = "URL",
     .help = "Where everything is kept (default sqlite:belfry.db)"},
    {.name = "roles",
     .type = ARG_TEXT,
     .value = "LIST",
     .help = "What this process does: api,worker,scheduler"},
    {.name = "config",
     .type = ARG_TEXT,
     .value = "FILE",
     .help = "Settings (default /etc/belfry/belfry.conf)"},
    {.type = ARG_END},
};

static const char *const serve_examples[] = {
    "belfry serve --dev", "belfry serve --listen 0.0.0.0:7117",
    "belfry serve --db sqlite:/var/lib/belfry/belfry.db", NULL};
static const char *const send_examples[] = {
    "belfry send u_1 \"Hello\"",
    "belfry send u_1,u_2 --template welcome --data n:=3 --wait",
    "make 2>&1 | tail -20 | belfry send ops - --title \"Build\"",
    "belfry send < notification.json",
    "belfry send u_1 \"Hello\" --channel email,in_app --dry-run",
    "belfry send u_1 \"Your invoice\" --channel email --attach invoice.pdf",
    "belfry send u_1 --template sale --approver editor --approval-for 24h",
    NULL};
static const char *const tail_examples[] = {
    "belfry tail", "belfry tail --channel email --since 10m",
    "belfry tail --status dead --json | jq .reason", NULL};
static const char *const get_examples[] = {
    "belfry get ntf_01hzy3v7s4e9kvfk3w5q8t2m6x",
    "belfry get dlv_01hzy3v7s4e9kvfk3w5q8t2m6x", NULL};
static const char *const why_examples[] = {
    "belfry why ntf_01hzy3v7s4e9kvfk3w5q8t2m6x",
    "belfry why dlv_01hzy3v7s4e9kvfk3w5q8t2m6x --json",
    "belfry why --user u_1 --template welcome --channel email", NULL};
static const char *const ls_examples[] = {
    "belfry ls",
    "belfry ls --dead --channel email",
    "belfry ls --groups",
    "belfry ls --held",
    "belfry ls --user u_1 --limit 10 --json",
    NULL};
static const char *const retry_examples[] = {
    "belfry retry dlv_01hzy3v7s4e9kvfk3w5q8t2m6x",
    "belfry retry --dead --channel email --dry-run",
    "belfry retry --dead --provider hook --since 2h --yes", NULL};
static const char *const cancel_examples[] = {
    "belfry cancel ntf_01hzy3v7s4e9kvfk3w5q8t2m6x",
    "belfry cancel --cancel-key order-17", NULL};
static const char *const approve_examples[] = {
    "belfry approve ntf_01hzy3v7s4e9kvfk3w5q8t2m6x",
    "belfry approve ntf_01hzy3v7s4e9kvfk3w5q8t2m6x --by u_1 --note \"go\"",
    NULL};
static const char *const reject_examples[] = {
    "belfry reject ntf_01hzy3v7s4e9kvfk3w5q8t2m6x --note \"not this week\"",
    NULL};
static const char *const key_examples[] = {
    "belfry key create --scope send --name checkout",
    "belfry key create --scope read,write --expires-in 30d", "belfry key ls",
    "belfry key revoke 7tcdx1y20vqe54ah", NULL};
static const char *const user_examples[] = {
    "belfry user import people.csv --dry-run",
    "belfry user import people.ndjson --errors refused.ndjson",
    "belfry user get u_1",
    "belfry user ls --limit 10 --json",
    "belfry user devices u_1",
    "belfry user export u_1 > u_1.ndjson",
    NULL};
static const char *const plugin_examples[] = {
    "belfry plugin ls", "belfry plugin hash /usr/lib/belfry/plugins/chat.so",
    NULL};
static const char *const suppression_examples[] = {
    "belfry suppression ls --channel email --reason suppress.bounce",
    "belfry suppression add anna@example.org --note 'asked us by letter'",
    "belfry suppression rm anna@example.org --channel email", NULL};
static const char *const secret_examples[] = {
    "belfry secret show", "belfry secret rotate", "belfry secret rotate orders",
    NULL};
static const char *const provider_examples[] = {
    "belfry provider ls", "MAIL_PASSWORD=... belfry provider put mail.json",
    "belfry provider test mail --to ada@example.org", NULL};
static const char *const template_examples[] = {
    "belfry template pull welcome",
    "belfry template diff welcome.json && belfry template push welcome.json",
    "belfry template preview welcome --data name=Ada --locale de",
    "belfry template lint belfry/ --strict",
    "belfry template publish welcome",
    NULL};
static const char *const apply_examples[] = {
    "belfry apply belfry/ --dry-run",
    "MAIL_PASSWORD=... belfry apply belfry/ --yes --delete", NULL};
static const char *const export_examples[] = {
    "belfry export belfry/ && git -C belfry/ diff", NULL};
static const char *const test_examples[] = {
    "belfry test tests/scenario/*.scn",
    "belfry test welcome.scn --db sqlite --only \"quiet hours\"",
    "belfry test *.scn --json | jq 'select(.passed | not)'", NULL};
static const char *const token_examples[] = {"belfry token u_1",
                                             "belfry token u_1 --ttl 5m", NULL};
static const char *const migrate_examples[] = {
    "belfry migrate status",
    "belfry migrate plan",
    "belfry migrate up",
    "belfry migrate down --to 1 --db sqlite:belfry.db",
    "belfry migrate verify --db postgres://belfry@db.example.com/belfry",
    NULL};
static const char *const doctor_examples[] = {
    "belfry doctor", "belfry doctor --url https://belfry.example.com", NULL};
static const char *const completion_examples[] = {
    "source <(belfry completion bash)",
    "belfry completion zsh > \"${fpath[1]}/_belfry\"", NULL};
static const char *const version_examples[] = {"belfry version --json", NULL};
static const char *const help_examples[] = {"belfry help send", NULL};

const struct command commands[] = {
    {.name = "serve",
     .usage = "[--dev] [--listen HOST:PORT] [--db URL]",
     .summary = "Start the server",
     .examples = serve_examples,
     .options = serve_options,
     .notes = "Settings come from the file, then from BELFRY_ variables, then "
              "from flags. SIGTERM drains and ends it, SIGHUP reads the "
              "settings again."},
    {.name = "send",
     .run = run_send,
     .usage = "[TO] [TEXT]",
     .summary = "Send a notification",
     .examples = send_examples,
     .options = send_options,
     .notes = "TO is a user id, or several with commas between them; TEXT - "
              "is read from stdin. Without TO, or with - in its place, stdin "
              "holds the notification as JSON (or several: an array, or one a "
              "line), and flags replace what is in it.",
     .max_args = 2,
     .needs_server = true},
    {.name = "tail",
     .run = run_tail,
     .summary = "Watch deliveries as they happen",
     .examples = tail_examples,
     .options = tail_options,
     .notes = "Each line is a delivery that is new or has changed. Ctrl-C "
              "ends it.",
     .needs_server = true},
    {.name = "get",
     .run = run_get,
     .usage = "ID",
     .summary = "Show a notification or a delivery, and what happened to it",
     .examples = get_examples,
     .options = get_options,
     .min_args = 1,
     .max_args = 1,
     .needs_server = true},
    {.name = "why",
     .run = run_why,
     .usage = "[ID]",
     .summary = "Explain why a delivery is where it is, or would be",
     .examples = why_examples,
     .options = why_options,
     .notes = "With --user it says whether that user would get a notification, "
              "one that was sent or one that the flags describe, and what "
              "decides so on each channel; nothing is sent.",
     .max_args = 1,
     .needs_server = true},
    {.name = "ls",
     .run = run_ls,
     .summary = "List notifications, deliveries or groups of dead letters",
     .examples = ls_examples,
     .options = ls_options,
     .notes = "Without filters: notifications, newest first. With one: "
              "deliveries. --held: notifications that belfry approve lets go "
              "out.",
     .needs_server = true},
    {.name = "retry",
     .run = run_retry,
     .usage = "[ID...]",
     .summary = "Queue failed and dead deliveries again",
     .examples = retry_examples,
     .options = retry_options,
     .notes = "An ID is a delivery's, or a notification's for all of its dead "
              "letters. --dead takes all that the filters leave, and asks "
              "before.",
     .max_args = 1000,
     .needs_server = true},
    {.name = "cancel",
     .run = run_cancel,
     .usage = "[ID...]",
     .summary = "Stop what has not gone out yet",
     .examples = cancel_examples,
     .options = cancel_options,
     .max_args = 1000,
     .needs_server = true},
    {.name = "approve",
     .run = run_approve,
     .usage = "ID...",
     .summary = "Let go out what waits for an approval",
     .examples = approve_examples,
     .options = approve_options,
     .min_args = 1,
     .max_args = 1000,
     .needs_server = true},
    {.name = "reject",
     .run = run_reject,
     .usage = "ID...",
     .summary = "Say that what waits for an approval does not go out",
     .examples = reject_examples,
     .options = approve_options,
     .min_args = 1,
     .max_args = 1000,
     .needs_server = true},
    {.name = "key",
     .run = run_key,
     .usage = "[ID...]",
     .summary = "Make, list and revoke API keys",
     .examples = key_examples,
     .options = key_options,
     .words = key_words,
     .notes = "create writes the key to stdout; nobody can show it again.",
     .min_args = 1,
     .max_args = 100,
     .needs_server = true},
    {.name = "token",
     .run = run_token,
     .usage = "USER",
     .summary = "Make a user's token for the inbox",
     .examples = token_examples,
     .options = token_options,
     .min_args = 1,
     .max_args = 1,
     .needs_server = true},
    {.name = "user",
     .run = run_user,
     .usage = "[ID...|FILE]",
     .summary = "Show and change users, import files of them, export one",
     .examples = user_examples,
     .options = user_options,
     .words = user_words,
     .notes = "import takes CSV (RFC 4180; the first line names the columns: "
              "id, email, phone, locale, timezone, roles with semicolons "
              "between them, attributes.NAME) or one JSON object a line; each "
              "row replaces the user with its id. FILE - is stdin. What is "
              "refused is named with its line, and does not stop the rest. "
              "export writes all that is kept about one user, one JSON object "
              "a line.",
     .min_args = 1,
     .max_args = 1001,
     .needs_server = true,
     .takes_files = true},
    {.name = "suppression",
     .run = run_suppression,
     .usage = "[ADDRESS...]",
     .summary = "Show and change which addresses are not written to",
     .examples = suppression_examples,
     .options = suppression_options,
     .words = suppression_words,
     .notes = "An address is an e-mail address, a telephone number or a URL, "
              "however its user writes it. What was put there because a person "
              "unsubscribed or a mail bounced is shown and removed the same "
              "way.",
     .min_args = 1,
     .max_args = 1001,
     .needs_server = true},
    {.name = "secret",
     .run = run_secret,
     .usage = "[ENDPOINT]",
     .summary = "Show and rotate what calls to your servers are signed with",
     .examples = secret_examples,
     .options = secret_options,
     .words = secret_words,
     .notes = "show writes the secret that calls of actions are signed with. "
              "rotate makes another one, or another one of an endpoint, and "
              "writes it to stdout; the old one signs, too, for 24 hours. What "
              "is an endpoint's nobody can show again.",
     .min_args = 1,
     .max_args = 2,
     .needs_server = true},
    {.name = "provider",
     .run = run_provider,
     .usage = "[NAME...|FILE]",
     .summary = "Show, change, test and pause who carries messages",
     .examples = provider_examples,
     .options = provider_options,
     .words = provider_words,
     .notes = "FILE holds the provider as GET shows it; in its config "
              "\"${NAME}\" stands for a variable of the environment, and "
              "\"***\" for the secret that the server has.",
     .min_args = 1,
     .max_args = 1001,
     .needs_server = true,
     .takes_files = true},
    {.name = "template",
     .run = run_template,
     .usage = "[KEY|FILE|DIR...]",
     .summary = "Show, write, try and publish templates",
     .examples = template_examples,
     .options = template_options,
     .words = template_words,
     .notes = "push makes a draft of each file, which changes nothing for "
              "recipients until it is published. pull writes templates as "
              "files: one KEY here, or all into DIR. diff tells of a file how "
              "it differs from the server's latest, of a KEY how its draft "
              "differs from what is live. lint warns of what is most likely "
              "not meant (docs/lints.md).",
     .min_args = 1,
     .max_args = 1001,
     .needs_server = true,
     .takes_files = true},
    {.name = "export",
     .run = run_export,
     .usage = "DIR",
     .summary = "Write what is configured on the server as files",
     .examples = export_examples,
     .options = export_options,
     .notes = "A file of JSON for each template, workflow, category, "
              "schedule, experiment, flag, topic, provider and endpoint; "
              "secrets are \"***\".",
     .min_args = 1,
     .max_args = 1,
     .needs_server = true,
     .takes_files = true},
    {.name = "apply",
     .run = run_apply,
     .usage = "DIR",
     .summary = "Make the server as the files of a folder say",
     .examples = apply_examples,
     .options = apply_options,
     .notes = "The plan is shown first. In a provider's config \"***\" keeps "
              "the secret that the server has, and \"${NAME}\" stands for a "
              "variable of the environment. docs/files.md tells more.",
     .min_args = 1,
     .max_args = 1,
     .needs_server = true,
     .takes_files = true},
    {.name = "test",
     .run = run_test,
     .usage = "FILE...",
     .summary = "Try templates, preferences and schedules without a server",
     .examples = test_examples,
     .options = test_options,
     .notes = "Each scenario of the files runs in a Belfry of its own, with a "
              "clock that jumps: a year takes a moment, and nothing leaves "
              "this machine. docs/scenarios.md has the language.",
     .min_args = 1,
     .max_args = 10000,
     .takes_files = true},
    {.name = "migrate",
     .run = run_migrate,
     .summary = "Show and change the version of the database's schema",
     .examples = migrate_examples,
     .options = migrate_options,
     .words = migrate_words,
     .notes = "Works on the database itself. On SQLite, up and down need the "
              "server to be stopped; on PostgreSQL servers may run meanwhile.",
     .min_args = 1,
     .max_args = 1},
    {.name = "plugin",
     .run = run_plugin,
     .usage = "[FILE]",
     .summary = "Show which plugins may be loaded, and their hashes",
     .examples = plugin_examples,
     .options = plugin_options,
     .words = plugin_words,
     .notes = "ls tells of each plugin that the settings allow, or that is in "
              "the folder, whether the server would load it, else what to do. "
              "hash writes the line that allows one. run is the process that "
              "the server starts for each.",
     .min_args = 1,
     .max_args = 2,
     .takes_files = true},
    {.name = "doctor",
     .run = run_doctor,
     .summary = "Look for what is wrong, and say how to mend it",
     .examples = doctor_examples,
     .options = doctor_options,
     .needs_server = true},
    {.name = "completion",
     .run = run_completion,
     .summary = "Write a completion script for the shell",
     .examples = completion_examples,
     .words = completion_words,
     .min_args = 1,
     .max_args = 1},
    {.name = "version",
     .run = run_version,
     .summary = "Show the version",
     .examples = version_examples},
    {.name = "help",
     .run = run_help,
     .usage = "[COMMAND]",
     .summary = "Show what a command does, with examples",
     .examples = help_examples,
     .max_args = 1},
    {0},
};

const struct command *
command_find(struct str name)
{
    for (const struct command *c = commands; c->name; c++)
        if (str_is(name, c->name))
            return c;
    return NULL;
}

const char *
command_suggest(struct str name)
{
    const char *best = NULL;
    size_t least = NEAR + 1;

    for (const struct command *c = commands; c->name; c++) {
        size_t d = str_distance(name, str_from(c->name));

        if (d < least && d < name.n) {
            least = d;
            best = c->name;
        }
    }
    return best;
}
