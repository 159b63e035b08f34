#include "cli/cli_private.h"

int
run_version(struct cli *c)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, c->arena);
    if (c->is_json) {
        w = json_writer(&out);
        json_begin_object(&w);
        json_str_field(&w, "version", STR(BELFRY_VERSION));
        json_str_field(&w, "compiler", STR(__VERSION__));
        json_end_object(&w);
        buf_put_char(&out, '\n');
    } else {
        buf_put_cstr(&out, "belfry " BELFRY_VERSION "\n");
    }
    return cli_print(c, &out, CLI_OK);
}
