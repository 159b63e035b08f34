#include "cli/database.h"

#define SQLITE "sqlite:"

enum err
database_find(struct cli *c, struct database *ret, struct buf *messages)
{
    struct arena *a = c->arena;
    struct config_flag flag = {"--db", NULL};
    struct config_sources s = {.environ = c->environ, .flags = &flag};
    struct str url;

    *ret = (struct database){0};
    if (args_has(&c->args, "db")) {
        flag.value = str_cstr(a, args_text(&c->args, "db"));
        s.n_flags = 1;
    }
    if (args_has(&c->args, "config"))
        s.file = str_cstr(a, args_text(&c->args, "config"));
    if (config_load(a, &s, &ret->config, messages) != ERR_OK)
        return ERR_INVALID;
    url = ret->config->database_url;
    if (!str_starts(url, STR(SQLITE))) {
        buf_put_cstr(messages, "the database must be sqlite:PATH here\n");
        return ERR_NOT_SUPPORTED;
    }
    url = str_sub(url, sizeof(SQLITE) - 1, SIZE_MAX);
    ret->path = str_cstr(a, url);
    ret->key_file = ret->config->server_secret_key_file.n > 0
                        ? str_cstr(a, ret->config->server_secret_key_file)
                        : str_cstr(a, str_fmt(a, "%.*s.key", STR_ARG(url)));
    return ERR_OK;
}
