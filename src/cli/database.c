#include "cli/database.h"

#include "store/postgres/postgres.h"

#define SQLITE "sqlite:"

enum err
database_find(struct cli *c, struct database *ret, struct buf *messages)
{
    struct arena *a = c->arena;
    struct config_flag flag = {"--db", NULL};
    struct config_sources s = {.environ = c->environ, .flags = &flag};
    struct str url, key_file;

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
    key_file = ret->config->server_secret_key_file;
    ret->is_sqlite = str_starts(url, STR(SQLITE));
    if (ret->is_sqlite) {
        url = str_sub(url, sizeof(SQLITE) - 1, SIZE_MAX);
        if (key_file.n == 0)
            key_file = str_fmt(a, "%.*s.key", STR_ARG(url));
    }
    ret->place = str_cstr(a, url);
    ret->name =
        ret->is_sqlite ? ret->place : str_cstr(a, postgres_url_shown(a, url));
    ret->key_file = key_file.n > 0 ? str_cstr(a, key_file) : NULL;
    return ERR_OK;
}
