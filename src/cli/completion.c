/* completion.c - completion scripts, written from the table of commands. */
#include "cli/words.h"

static void
put_options(const struct arg_option *o, struct buf *out)
{
    for (; o && o->type != ARG_END; o++)
        buf_printf(out, " --%s", o->name);
}

static void
put_words(const struct command *x, struct buf *out)
{
    for (const struct word *w = x->words; w && w->name; w++)
        buf_printf(out, " %s", w->name);
    if (x->run == run_help)
        for (const struct command *y = commands; y->name; y++)
            buf_printf(out, " %s", y->name);
}

static void
put_names(struct buf *out)
{
    for (const struct command *x = commands; x->name; x++)
        buf_printf(out, "%s%s", x == commands ? "" : " ", x->name);
}

/* Values of options that have a fixed set of them. */
static void
put_bash_choices(const struct command *x, struct buf *out)
{
    for (const struct arg_option *o = x->options; o && o->type != ARG_END;
         o++) {
        if (!o->choices)
            continue;
        buf_printf(out, "    %s:--%s) words=\"", x->name, o->name);
        for (const char *const *v = o->choices; *v; v++)
            buf_printf(out, "%s%s", v == o->choices ? "" : " ", *v);
        buf_put_cstr(out, "\" ;;\n");
    }
}

static void
write_bash(struct buf *out)
{
    buf_put_cstr(out, "# bash completion for belfry\n"
                      "_belfry() {\n"
                      "    local cur=${COMP_WORDS[COMP_CWORD]}\n"
                      "    local prev=${COMP_WORDS[COMP_CWORD-1]}\n"
                      "    local command=${COMP_WORDS[1]} words= files=\n"
                      "    if [ \"$COMP_CWORD\" -le 1 ]; then\n"
                      "        words=\"");
    put_names(out);
    buf_put_cstr(out, "\"\n"
                      "    else case $command:$prev in\n"
                      "    *:--key-file|*:--config|*:--errors)\n"
                      "        COMPREPLY=($(compgen -f -- \"$cur\"))\n"
                      "        return ;;\n");
    for (const struct command *x = commands; x->name; x++)
        put_bash_choices(x, out);
    for (const struct command *x = commands; x->name; x++) {
        buf_printf(out, "    %s:*) words=\"", x->name);
        put_words(x, out);
        put_options(x->options, out);
        if (x->run)
            put_options(global_options, out);
        buf_put_cstr(out, "\"");
        if (x->takes_files)
            buf_put_cstr(out, " files=-f");
        buf_put_cstr(out, " ;;\n");
    }
    buf_put_cstr(out, "    esac; fi\n"
                      "    COMPREPLY=($(compgen $files -W \"$words\" -- "
                      "\"$cur\"))\n"
                      "}\n"
                      "complete -F _belfry belfry\n");
}

/* For a zsh specification in single quotes. */
static void
put_zsh_text(const char *text, struct buf *out)
{
    for (; *text; text++) {
        if (*text == '\'')
            buf_put_cstr(out, "'\\''");
        else if (*text == '[' || *text == ']' || *text == ':')
            buf_printf(out, "\\%c", *text);
        else
            buf_put_char(out, *text);
    }
}

static void
put_zsh_options(const struct arg_option *o, struct buf *out)
{
    for (; o && o->type != ARG_END; o++) {
        buf_printf(out, " \\\n            '%s--%s%s[",
                   o->is_repeatable ? "*" : "", o->name,
                   o->type == ARG_FLAG ? "" : "=");
        put_zsh_text(o->help, out);
        buf_put_char(out, ']');
        if (o->type != ARG_FLAG) {
            buf_put_char(out, ':');
            put_zsh_text(o->value, out);
            buf_put_char(out, ':');
        }
        for (const char *const *v = o->choices; v && *v; v++)
            buf_printf(out, "%s%s", v == o->choices ? "(" : " ", *v);
        if (o->choices)
            buf_put_char(out, ')');
        buf_put_char(out, '\'');
    }
}

static void
put_zsh_files(const struct command *x, struct buf *out)
{
    if (x->words) {
        buf_put_cstr(out, " \\\n            '1:word:(");
        put_words(x, out);
        buf_put_cstr(out, ")'");
    }
    buf_put_cstr(out, " \\\n            '*:file:_files' ;;\n");
}

static void
write_zsh(struct buf *out)
{
    buf_put_cstr(out, "#compdef belfry\n"
                      "_belfry() {\n"
                      "    local -a names\n"
                      "    names=(\n");
    for (const struct command *x = commands; x->name; x++) {
        buf_printf(out, "        '%s:", x->name);
        put_zsh_text(x->summary, out);
        buf_put_cstr(out, "'\n");
    }
    buf_put_cstr(out, "    )\n"
                      "    if (( CURRENT == 2 )); then\n"
                      "        _describe command names\n"
                      "        return\n"
                      "    fi\n"
                      "    local command=$words[2]\n"
                      "    shift words\n"
                      "    (( CURRENT-- ))\n"
                      "    case $command in\n");
    for (const struct command *x = commands; x->name; x++) {
        buf_printf(out, "    %s)\n        _arguments", x->name);
        put_zsh_options(x->options, out);
        if (x->run)
            put_zsh_options(global_options, out);
        if (x->takes_files) {
            put_zsh_files(x, out);
            continue;
        }
        buf_put_cstr(out, " \\\n            '*::argument:(");
        put_words(x, out);
        buf_put_cstr(out, ")' ;;\n");
    }
    buf_put_cstr(out, "    esac\n"
                      "}\n"
                      "compdef _belfry belfry\n");
}

static int
print_script(struct cli *c, void (*write)(struct buf *out))
{
    struct buf out;

    buf_init(&out, c->arena);
    write(&out);
    return cli_print(c, &out, CLI_OK);
}

static int
print_bash(struct cli *c)
{
    return print_script(c, write_bash);
}

static int
print_zsh(struct cli *c)
{
    return print_script(c, write_zsh);
}

const struct word completion_words[] = {
    {"bash", "", 0, 0, print_bash},
    {"zsh", "", 0, 0, print_zsh},
    {0},
};

int
run_completion(struct cli *c)
{
    return words_run(c);
}
