/* config.c - see config.h: from where settings are taken, and in what order.
 *
 * libinih reads the file, from memory and through a reader of ours that counts
 * the lines. Its switches are process-wide, so config_load() is for one thread
 * at a time. */
#include "base/config.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/config_table.h"

#define FILE_MAX_BYTES (1024 * 1024)
#define LINE_MAX_BYTES 8192

struct loading {
    struct arena *arena;
    struct config *config;
    struct buf *messages;
    struct str rest; /* of the file */
    int line;        /* that the reader gave out last */
    bool has_failed; /* a message says why */
};

/* Known, but not settings: read where they are needed. */
static const char *const other_variables[] = {"BELFRY_FAULT", "BELFRY_KEY",
                                              "BELFRY_URL"};

static const struct config_row *
nearest_row(struct loading *l, struct str section, struct str key)
{
    struct str name =
        str_fmt(l->arena, "%.*s.%.*s", STR_ARG(section), STR_ARG(key));
    const struct config_row *best = NULL;
    size_t least = SIZE_MAX;

    for (int i = 0; i < CONFIG_COUNT; i++) {
        const struct config_row *row = &config_rows[i];
        struct str known = str_fmt(l->arena, "%s.%s", row->section, row->key);
        size_t d = section.n > 0 ? str_distance(name, known)
                                 : str_distance(key, str_from(row->key));

        if (d < least) {
            least = d;
            best = row;
        }
    }
    return best;
}

static const char *
nearest_variable(struct str name)
{
    const char *best = NULL;
    size_t least = SIZE_MAX;

    for (int i = 0; i < CONFIG_COUNT; i++) {
        size_t d = str_distance(name, str_from(config_rows[i].env));

        if (d < least) {
            least = d;
            best = config_rows[i].env;
        }
    }
    return best;
}

/* One line of printable text, whatever the file or the variable held. */
static void __attribute__((format(printf, 2, 0)))
say(struct loading *l, const char *fmt, va_list args)
{
    char text[1024];

    vsnprintf(text, sizeof(text), fmt, args);
    for (char *c = text; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    }
    buf_put_cstr(l->messages, text);
    buf_put_char(l->messages, '\n');
}

static void __attribute__((format(printf, 2, 3)))
fail(struct loading *l, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    say(l, fmt, args);
    va_end(args);
    l->has_failed = true;
}

static void __attribute__((format(printf, 2, 3)))
warn(struct loading *l, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    say(l, fmt, args);
    va_end(args);
}

/* `where` is what a person edits; a secret's value is not shown. */
static void
set_value(struct loading *l, enum config_id id, struct str text,
          struct config_origin origin)
{
    const struct config_row *row = &config_rows[id];
    const char *why;
    struct str where;

    l->config->origins[id] = origin;
    why = config_parse_value(l->arena, id, text, l->config);
    if (!why)
        return;
    where = config_where(l->arena, l->config, id);
    if (row->is_secret)
        fail(l, "%.*s: %s.%s %s", STR_ARG(where), row->section, row->key, why);
    else
        fail(l, "%.*s: %s.%s \"%.*s\" %s", STR_ARG(where), row->section,
             row->key, STR_ARG(str_utf8_clip(text, 100)), why);
}

static void
load_defaults(struct loading *l)
{
    struct config_origin origin = {.from = CONFIG_FROM_DEFAULT};

    for (int i = 0; i < CONFIG_COUNT; i++) {
        set_value(l, (enum config_id)i, str_from(config_rows[i].otherwise),
                  origin);
        assert(!l->has_failed);
    }
}

static char *
read_line(char *text, int size, void *arg)
{
    struct loading *l = arg;
    struct str line;

    if (l->rest.n == 0 || l->has_failed)
        return NULL;
    if (!str_split(&l->rest, '\n', &line))
        return NULL;
    l->line++;
    if (line.n + 2 > (size_t)size) {
        fail(l, "%s:%d: the line is too long; use at most %d bytes",
             l->config->file, l->line, LINE_MAX_BYTES - 2);
        return NULL;
    }
    if (line.n > 0)
        memcpy(text, line.p, line.n);
    text[line.n] = '\n';
    text[line.n + 1] = '\0';
    return text;
}

static int
on_pair(void *arg, const char *section, const char *key, const char *value)
{
    struct loading *l = arg;
    struct config_origin origin = {CONFIG_FROM_FILE, l->line};
    const struct config_row *near;
    int i = 0;

    while (i < CONFIG_COUNT && (strcmp(config_rows[i].section, section) != 0 ||
                                strcmp(config_rows[i].key, key) != 0))
        i++;
    if (i == CONFIG_COUNT) {
        near = nearest_row(l, str_from(section), str_from(key));
        fail(l,
             "%s:%d: there is no setting %s in [%s]; did you mean %s in "
             "[%s]?",
             l->config->file, l->line, key, section, near->key, near->section);
        return 0;
    }
    if (l->config->origins[i].from == CONFIG_FROM_FILE) {
        fail(l,
             "%s:%d: %s in [%s] is set for the second time, first in line "
             "%d; keep one",
             l->config->file, l->line, key, section,
             l->config->origins[i].line);
        return 0;
    }
    set_value(l, (enum config_id)i, str_from(value), origin);
    return !l->has_failed;
}

static void
parse_file(struct loading *l, struct str text)
{
    static char comment[] = "#";
    int bad_line;

    ini_allow_multiline = false;
    ini_allow_inline_comments = true;
    ini_inline_comment_prefixes = comment;
    ini_start_comment_prefixes = comment;
    ini_stop_on_first_error = true;
    ini_allow_no_value = false;
    ini_use_stack = false;
    ini_allow_realloc = false;
    ini_initial_alloc = LINE_MAX_BYTES;
    ini_max_line = LINE_MAX_BYTES;
    l->rest = text;
    bad_line = ini_parse_stream(read_line, l, on_pair, l);
    if (bad_line != 0 && !l->has_failed)
        fail(l,
             "%s:%d: this is neither [section] nor key = value; comments "
             "begin with #",
             l->config->file, l->line);
}

/* False: nothing to parse, either as there is no default file or as a message
 * says what is wrong. */
static bool
read_file(struct loading *l, const char *path, bool must_exist, struct buf *ret)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = 0;

    if (fd < 0 && errno == ENOENT && !must_exist)
        return false;
    if (fd < 0) {
        fail(l, "%s: %s; mend the path or the permissions", path,
             strerror(errno));
        return false;
    }
    do {
        buf_reserve(ret, 65536);
        n = read(fd, ret->p + ret->n, 65536);
        if (n > 0)
            ret->n += (size_t)n;
    } while ((n > 0 && ret->n <= FILE_MAX_BYTES) || (n < 0 && errno == EINTR));
    if (n < 0)
        fail(l, "%s: %s", path, strerror(errno));
    else if (ret->n > FILE_MAX_BYTES)
        fail(l, "%s: larger than 1 MiB; this is no settings file", path);
    else if (ret->n > 0 && memchr(ret->p, '\0', ret->n))
        fail(l, "%s: holds a NUL byte; this is no settings file", path);
    close(fd);
    return !l->has_failed;
}

static void
load_file(struct loading *l, const char *asked_for)
{
    const char *path = asked_for ? asked_for : CONFIG_FILE;
    struct buf text;

    buf_init(&text, l->arena);
    if (!read_file(l, path, asked_for != NULL, &text))
        return;
    l->config->file = str_cstr(l->arena, str_from(path));
    parse_file(l, buf_str(&text));
}

static bool
is_other_variable(struct str name)
{
    size_t n = sizeof(other_variables) / sizeof(other_variables[0]), i = 0;

    while (i < n && !str_is(name, other_variables[i]))
        i++;
    return i < n;
}

static void
load_variable(struct loading *l, struct str entry)
{
    struct config_origin origin = {.from = CONFIG_FROM_ENV};
    struct str name;
    int i = 0;

    if (!str_starts(entry, STR("BELFRY_")) || !str_split(&entry, '=', &name) ||
        !entry.p)
        return;
    while (i < CONFIG_COUNT && !str_is(name, config_rows[i].env))
        i++;
    if (i < CONFIG_COUNT && entry.n > 0)
        set_value(l, (enum config_id)i, entry, origin);
    if (i == CONFIG_COUNT && !is_other_variable(name))
        warn(l,
             "warning: there is no variable %.*s, it changes nothing; did "
             "you mean %s?",
             STR_ARG(str_utf8_clip(name, 100)), nearest_variable(name));
}

static void
load_environ(struct loading *l, const char *const *environ_or_null)
{
    for (const char *const *e = environ_or_null; e && *e && !l->has_failed; e++)
        load_variable(l, str_from(*e));
}

static void
load_flag(struct loading *l, const struct config_flag *flag)
{
    struct config_origin origin = {.from = CONFIG_FROM_FLAG};
    const char *value = flag->value;
    int i = 0;

    while (i < CONFIG_COUNT && (!config_rows[i].flag ||
                                strcmp(config_rows[i].flag, flag->name) != 0))
        i++;
    if (i == CONFIG_COUNT) {
        fail(l, "%s: there is no such flag; see belfry serve --help",
             flag->name);
        return;
    }
    if (!value && config_rows[i].type == CONFIG_TYPE_BOOL)
        value = "true";
    if (!value) {
        fail(l, "%s: the value is missing; write %s VALUE", flag->name,
             flag->name);
        return;
    }
    set_value(l, (enum config_id)i, str_from(value), origin);
}

enum err
config_load(struct arena *a, const struct config_sources *sources,
            struct config **ret, struct buf *messages)
{
    struct config *c = ARENA_NEW(a, struct config);
    struct loading l = {.arena = a, .config = c, .messages = messages};
    struct str wrong = STR_NONE;

    load_defaults(&l);
    load_file(&l, sources->file);
    if (!l.has_failed)
        load_environ(&l, sources->environ);
    for (size_t i = 0; i < sources->n_flags && !l.has_failed; i++)
        load_flag(&l, &sources->flags[i]);
    if (!l.has_failed)
        wrong = config_check(a, c);
    if (wrong.n > 0)
        fail(&l, "%.*s", STR_ARG(wrong));
    if (l.has_failed)
        return ERR_INVALID;
    if (c->server_public_url.n == 0)
        c->server_public_url = str_fmt(
            a, "%s://%.*s%.*s", c->tls_cert_file.n > 0 ? "https" : "http",
            STR_ARG(c->server_listen), STR_ARG(c->server_base_path));
    *ret = c;
    return ERR_OK;
}

struct str
config_where(struct arena *a, const struct config *c, enum config_id id)
{
    switch (c->origins[id].from) {
    case CONFIG_FROM_FILE:
        return str_fmt(a, "%s:%d", c->file, c->origins[id].line);
    case CONFIG_FROM_ENV:
        return str_from(config_rows[id].env);
    case CONFIG_FROM_FLAG:
        return str_from(config_rows[id].flag);
    case CONFIG_FROM_DEFAULT:
        return STR("default");
    }
    assert(false);
    return STR_NONE;
}
