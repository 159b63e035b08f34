#include "cli/words.h"

#define NAME_WIDTH 12
#define OPTION_WIDTH 24

static void
put_heading(struct cli *c, struct buf *out, const char *text)
{
    buf_put_char(out, '\n');
    term_put(&c->out, out, TERM_BOLD, str_from(text), 0);
    buf_put_char(out, '\n');
}

static void
put_examples(struct cli *c, const char *const *examples, struct buf *out)
{
    put_heading(c, out, "Examples");
    for (; *examples; examples++) {
        buf_put_cstr(out, "  ");
        term_put(&c->out, out, TERM_CYAN, str_from(*examples), 0);
        buf_put_char(out, '\n');
    }
}

static void
put_options(struct cli *c, const struct arg_option *o, struct buf *out)
{
    for (; o->type != ARG_END; o++) {
        struct str name =
            str_fmt(c->arena, "--%s%s%s", o->name, o->value ? " " : "",
                    o->value ? o->value : "");

        buf_put_cstr(out, "  ");
        term_put(&c->out, out, TERM_PLAIN, name, OPTION_WIDTH);
        buf_printf(out, " %s%s\n", o->help,
                   o->is_repeatable ? "; repeatable" : "");
    }
}

/* At most 78 columns, broken at blanks. */
static void
put_paragraph(const char *text, struct buf *out)
{
    struct str rest = str_from(text), word;
    size_t column = 0;

    while (str_split(&rest, ' ', &word)) {
        if (column > 0 && column + 1 + word.n > 78) {
            buf_put_char(out, '\n');
            column = 0;
        }
        if (column > 0)
            buf_put_char(out, ' ');
        column += (column > 0) + word.n;
        buf_put_str(out, word);
    }
    buf_put_char(out, '\n');
}

void
help_command(struct cli *c, const struct command *command, struct buf *out)
{
    buf_printf(out, "%s.\n\nusage: belfry %s%.*s%s\n", command->summary,
               command->name, STR_ARG(words_usage(c->arena, command)),
               command->options ? " [options]" : "");
    if (command->notes) {
        buf_put_char(out, '\n');
        put_paragraph(command->notes, out);
    }
    put_examples(c, command->examples, out);
    if (command->options) {
        put_heading(c, out, "Options");
        put_options(c, command->options, out);
    }
    if (command->run) {
        put_heading(c, out, "Everywhere");
        put_options(c, global_options, out);
    }
}

void
help_overview(struct cli *c, struct buf *out)
{
    static const char *const examples[] = {"belfry serve --dev",
                                           "belfry send u_1 \"Hello\" --wait",
                                           "belfry help send", NULL};

    buf_put_cstr(out, "belfry - notifications, from one program.\n\n"
                      "usage: belfry COMMAND [arguments] [options]\n");
    put_heading(c, out, "Commands");
    for (const struct command *x = commands; x->name; x++) {
        buf_put_cstr(out, "  ");
        term_put(&c->out, out, TERM_BOLD, str_from(x->name), NAME_WIDTH);
        buf_printf(out, " %s\n", x->summary);
    }
    put_examples(c, examples, out);
    put_heading(c, out, "Environment");
    buf_put_cstr(
        out, "  BELFRY_URL, BELFRY_KEY   the server and the API key\n"
             "  NO_COLOR                 no colour, if it is set\n\n"
             "exit codes: 0 ok, 1 failed, 2 usage, 4 not authorised, 5 server "
             "unreachable\n");
}

int
run_help(struct cli *c)
{
    struct str name = args_rest(&c->args, 0);
    const struct command *command = command_find(name);
    struct buf out;

    buf_init(&out, c->arena);
    if (c->args.n_rest == 0)
        help_overview(c, &out);
    else if (command)
        help_command(c, command, &out);
    else
        return cli_usage(c, "there is no command %.*s; belfry help lists them",
                         STR_ARG(name));
    return cli_print(c, &out, CLI_OK);
}
