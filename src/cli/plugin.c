/* plugin.c - belfry plugin: what may be loaded, and what would be refused. It
 * looks at files and settings, and asks no server. */
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/config.h"
#include "cli/words.h"
#include "plugin/child.h"
#include "plugin/file.h"
#include "plugin/manifest.h"

const struct arg_option plugin_options[] = {
    {.name = "config",
     .type = ARG_TEXT,
     .value = "FILE",
     .help = "Settings (default /etc/belfry/belfry.conf)"},
    {.type = ARG_END},
};

/* ---- hash ---- */

/* "chat" of "/path/chat.so"; empty: no plugin can be called that. */
static struct str
name_of(struct str path)
{
    size_t from = path.n;

    while (from > 0 && path.p[from - 1] != '/')
        from--;
    path = str_sub(path, from, path.n);
    if (!str_ends(path, STR(".so")))
        return STR_NONE;
    path.n -= 3;
    return manifest_is_name(path) ? path : STR_NONE;
}

static int
run_hash(struct cli *c)
{
    struct str path = args_rest(&c->args, 1), name = name_of(path);
    char hash[PLUGIN_HASH_SIZE];
    struct buf out;
    bool is_read;
    int fd;

    if (name.n == 0)
        return cli_usage(c,
                         "%.*s is not called NAME.so: NAME is of a-z, 0-9 and "
                         "_, begins with a letter and is that of the plugin",
                         STR_ARG(path));
    fd = open(str_cstr(c->arena, path), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    is_read = fd >= 0 && plugin_file_hash(fd, hash);
    if (fd >= 0)
        close(fd);
    if (!is_read) {
        cli_complain(c, str_fmt(c->arena, "%.*s", STR_ARG(path)),
                     STR("cannot be read"), STR_NONE);
        return CLI_FAILED;
    }
    buf_init(&out, c->arena);
    buf_printf(&out, "%.*s=sha256:%s\n", STR_ARG(name), hash);
    return cli_print(c, &out, CLI_OK);
}

/* ---- ls ---- */

struct listing {
    struct cli *cli;
    struct config *config;
    struct table *table;
    struct buf json;
    bool has_fault;
};

static void
put_row(struct listing *l, struct str name, const char *state, struct str what)
{
    struct cli *c = l->cli;
    bool is_good = strcmp(state, "ok") == 0;
    struct json_writer w;

    l->has_fault |= strcmp(state, "refused") == 0;
    w = json_writer(&l->json);
    json_begin_object(&w);
    json_str_field(&w, "name", name);
    json_str_field(&w, "state", str_from(state));
    json_str_or_null_field(&w, "detail", what);
    json_end_object(&w);
    buf_put_char(&l->json, '\n');
    table_cell(l->table, TERM_PLAIN, str_dup(c->arena, name));
    table_cell(l->table, is_good ? TERM_GREEN : TERM_RED, str_from(state));
    table_cell(l->table, TERM_PLAIN, what);
}

static void
put_allowed(struct listing *l)
{
    const struct config_list *allow = &l->config->plugins_allow;
    struct arena *a = l->cli->arena;

    for (size_t i = 0; i < allow->n; i++) {
        struct plugin_allowed one;
        const char *why = NULL;
        int fd = plugin_allowed_open(a, l->config->plugins_folder,
                                     allow->items[i], &one, &why);

        put_row(l, one.name.n > 0 ? one.name : allow->items[i],
                fd < 0 ? "refused" : "ok",
                fd < 0 ? str_from(why)
                       : str_fmt(a, "sha256:%.*s", STR_ARG(one.hash)));
        if (fd >= 0)
            close(fd);
    }
}

static bool
is_allowed(const struct listing *l, struct str name)
{
    const struct config_list *allow = &l->config->plugins_allow;
    struct plugin_allowed one;

    for (size_t i = 0; i < allow->n; i++)
        if (plugin_allowed_parse(l->cli->arena, allow->items[i], &one) &&
            str_eq(one.name, name))
            return true;
    return false;
}

/* How to have it loaded, or why that cannot be. */
static struct str
advice(const struct listing *l, struct str name)
{
    struct arena *a = l->cli->arena;
    struct str path = str_fmt(
        a, "%.*s/%.*s.so", STR_ARG(l->config->plugins_folder), STR_ARG(name));
    char hash[PLUGIN_HASH_SIZE];
    const char *why = "";
    int fd = plugin_file_open(a, str_cstr(a, path), &why);
    bool is_read = fd >= 0 && plugin_file_hash(fd, hash);

    if (fd < 0)
        return str_from(why);
    close(fd);
    return is_read ? str_fmt(a,
                             "to load it, put %.*s=sha256:%s into "
                             "plugins.allow",
                             STR_ARG(name), hash)
                   : STR("it cannot be read");
}

static void
put_others(struct listing *l)
{
    DIR *d = opendir(str_cstr(l->cli->arena, l->config->plugins_folder));
    struct dirent *e;

    while (d && (e = readdir(d)) != NULL) {
        struct str name = name_of(str_from(e->d_name));

        if (name.n > 0 && !is_allowed(l, name))
            put_row(l, name, "not allowed", advice(l, name));
    }
    if (d)
        closedir(d);
}

static int
run_ls_plugins(struct cli *c)
{
    static const char *const heads[] = {"NAME", "STATE", "DETAIL", NULL};
    struct config_sources s = {.environ = c->environ};
    struct listing l = {.cli = c, .table = table_new(c->arena, &c->out, heads)};
    struct buf messages, out;

    if (args_has(&c->args, "config"))
        s.file = str_cstr(c->arena, args_text(&c->args, "config"));
    buf_init(&messages, c->arena);
    buf_init(&l.json, c->arena);
    if (config_load(c->arena, &s, &l.config, &messages) != ERR_OK)
        return cli_usage(c, "%.*s", STR_ARG(str_trim(buf_str(&messages))));
    put_allowed(&l);
    put_others(&l);
    if (c->is_json)
        return cli_print(c, &l.json, l.has_fault ? CLI_FAILED : CLI_OK);
    buf_init(&out, c->arena);
    table_write(l.table, &out);
    return cli_print(c, &out, l.has_fault ? CLI_FAILED : CLI_OK);
}

/* ---- run ---- */

/* Sealed off, it cannot look around for what is left at the end. */
static int
run_child(struct cli *c)
{
    if (fcntl(CHILD_SOCKET, F_GETFD) < 0)
        return cli_usage(c, "run is for the server, which starts it with what "
                            "it needs");
    _exit(child_main());
}

const struct word plugin_words[] = {
    {"ls", "", 0, 0, run_ls_plugins},
    {"hash", "FILE", 1, 1, run_hash},
    {"run", "NAME", 1, 1, run_child},
    {0},
};

int
run_plugin(struct cli *c)
{
    return words_run(c);
}
