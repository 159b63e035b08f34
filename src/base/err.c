/* err.c - the table of errors, and the way out when there is no going on. */
#include "base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    int status;
    const char *code;
    const char *title;
    const char *help;
} errors[ERR_COUNT] = {
    [ERR_OK] = {200, "ok", "All is well", "Nothing is to be done."},
#define ERR(name, status, code, title, help)                                   \
    [ERR_##name] = {status, code, title, help},
#include "base/errors.def"
#undef ERR
};

static size_t
err_index(enum err e)
{
    assert((unsigned)e < ERR_COUNT);
    return (size_t)e;
}

int
err_http_status(enum err e)
{
    return errors[err_index(e)].status;
}

const char *
err_code(enum err e)
{
    return errors[err_index(e)].code;
}

const char *
err_title(enum err e)
{
    return errors[err_index(e)].title;
}

const char *
err_help(enum err e)
{
    return errors[err_index(e)].help;
}

_Noreturn void
fatal(const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    /* On the stack: without memory this must still say why. */
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    fprintf(stderr, "belfry: %s\n", text);
    exit(1);
}
