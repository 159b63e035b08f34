/* user.c - belfry user: look at users, change them, import them. */
#include "cli/user.h"

#include "cli/input.h"
#include "cli/kind.h"
#include "cli/words.h"

static const char *const formats[] = {"csv", "ndjson", NULL};

const struct arg_option user_options[] = {
    {.name = "format",
     .type = ARG_TEXT,
     .value = "NAME",
     .choices = formats,
     .help = "import: csv or ndjson (default: by the name, or what it looks "
             "like)"},
    {.name = "dry-run",
     .type = ARG_FLAG,
     .help = "import: check and say what would be, store nothing"},
    {.name = "errors",
     .type = ARG_TEXT,
     .value = "FILE",
     .help = "import: write what is refused there, one JSON a line"},
    {.name = "from",
     .type = ARG_INT,
     .value = "LINE",
     .min = 1,
     .max = INT64_MAX / 2,
     .help = "import: go on from this line"},
    {.name = "limit",
     .type = ARG_INT,
     .value = "N",
     .min = 1,
     .max = INT64_MAX / 2,
     .help = "ls, devices: at most so many (default 100)"},
    {.type = ARG_END},
};

static int
run_get_user(struct cli *c)
{
    return kind_run_get(c, kind_of(KIND_USER), args_rest(&c->args, 1));
}

static int
run_ls_users(struct cli *c)
{
    static const struct kind_column columns[] = {
        {"ID", "id"},         {"EMAIL", "email"},       {"PHONE", "phone"},
        {"LOCALE", "locale"}, {"TIMEZONE", "timezone"}, {"ROLES", "roles"},
        {NULL, NULL}};

    return kind_run_ls(c, kind_of(KIND_USER), columns,
                       args_number(&c->args, "limit", 100));
}

static int
run_ls_devices(struct cli *c)
{
    static const struct kind_column columns[] = {{"NAME", "name"},
                                                 {"KIND", "kind"},
                                                 {"CREATED", "created_at"},
                                                 {"UPDATED", "updated_at"},
                                                 {NULL, NULL}};
    struct str path = kind_path(c->arena, kind_of(KIND_USER),
                                args_rest(&c->args, 1), "/devices");
    const struct kind devices = {
        .folder = str_cstr(c->arena, str_sub(path, sizeof("/v1/") - 1, path.n)),
    };

    return kind_run_ls(c, &devices, columns,
                       args_number(&c->args, "limit", 100));
}

static int
run_put_user(struct cli *c)
{
    struct json doc;
    int code;

    if (!input_object(c, args_rest(&c->args, 1), &doc, &code))
        return code;
    return kind_run_put(c, kind_of(KIND_USER), doc);
}

static int
run_delete_users(struct cli *c)
{
    return kind_run_delete(c, kind_of(KIND_USER));
}

static int
run_import(struct cli *c)
{
    return user_import(c, args_rest(&c->args, 1));
}

static int
run_export_user(struct cli *c)
{
    return user_export(c, args_rest(&c->args, 1));
}

const struct word user_words[] = {
    {"get", "ID", 1, 1, run_get_user},
    {"ls", "", 0, 0, run_ls_users},
    {"put", "FILE", 1, 1, run_put_user},
    {"delete", "ID...", 1, 1000, run_delete_users},
    {"devices", "ID", 1, 1, run_ls_devices},
    {"import", "FILE", 1, 1, run_import},
    {"export", "ID", 1, 1, run_export_user},
    {0},
};

int
run_user(struct cli *c)
{
    return words_run(c);
}
