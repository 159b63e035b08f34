#include "cli/input.h"

#include <errno.h>
#include <string.h>

bool
input_read(struct arena *a, FILE *file, struct str *ret)
{
    struct buf out;
    size_t n;

    buf_init(&out, a);
    do {
        buf_reserve(&out, 65536);
        n = fread(out.p + out.n, 1, 65536, file);
        out.n += n;
    } while (n > 0 && out.n <= INPUT_MAX);
    *ret = buf_str(&out);
    return !ferror(file) && out.n <= INPUT_MAX;
}

static size_t
line_at(struct str text, size_t at)
{
    size_t line = 1;

    for (size_t i = 0; i < at && i < text.n; i++)
        line += text.p[i] == '\n';
    return line;
}

bool
input_parse(struct arena *a, struct str text, struct json *ret,
            struct str *ret_why)
{
    struct json_doc *doc = ARENA_NEW(a, struct json_doc);
    struct json_error why;

    if (json_parse(a, text, doc, &why) != ERR_OK) {
        *ret_why = str_fmt(a, "line %zu: %s", line_at(text, why.at), why.why);
        return false;
    }
    *ret = json_root(doc);
    if (json_is(*ret, JSON_OBJECT))
        return true;
    *ret_why = STR("must be a JSON object");
    return false;
}

static bool
complain(struct cli *c, struct str name, struct str why, int *ret)
{
    cli_complain(c, str_fmt(c->arena, "cannot read %.*s", STR_ARG(name)), why,
                 STR_NONE);
    *ret = CLI_FAILED;
    return false;
}

bool
input_object(struct cli *c, struct str name, struct json *ret_doc, int *ret)
{
    FILE *f = str_is(name, "-") ? stdin : fopen(str_cstr(c->arena, name), "re");
    struct str text, why = STR("it must hold one JSON object, 8 MiB at most");
    bool is_read;

    if (!f)
        return complain(c, name, str_from(strerror(errno)), ret);
    is_read = input_read(c->arena, f, &text);
    if (f != stdin)
        fclose(f);
    if (is_read && input_parse(c->arena, text, ret_doc, &why))
        return true;
    return complain(c, name, why, ret);
}
