/* config_value.c - from the text of a setting to its typed field, and what
 * must hold of one value or of several together. */
#include "base/config_table.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/log.h"

#define CONFIG_OFFSET_STR(name) offsetof(struct config, name)
#define CONFIG_OFFSET_INT(name) offsetof(struct config, name)
#define CONFIG_OFFSET_BOOL(name) offsetof(struct config, name)
#define CONFIG_OFFSET_DURATION(name) offsetof(struct config, name##_ms)
#define CONFIG_OFFSET_SIZE(name) offsetof(struct config, name)
#define CONFIG_OFFSET_LIST(name) offsetof(struct config, name)

const struct config_row config_rows[CONFIG_COUNT] = {
#define CONFIG(section, key, env, flag, type, otherwise, min, max, secret,     \
               help)                                                           \
    {#section,                                                                 \
     #key,                                                                     \
     env,                                                                      \
     flag,                                                                     \
     CONFIG_TYPE_##type,                                                       \
     otherwise,                                                                \
     min,                                                                      \
     max,                                                                      \
     secret,                                                                   \
     help,                                                                     \
     CONFIG_OFFSET_##type(section##_##key)},
#include "base/config.def"
#undef CONFIG
};

static void *
field_of(struct config *c, enum config_id id)
{
    return (char *)c + config_rows[id].at;
}

static const char *
parse_str(struct arena *a, const struct config_row *row, struct str text,
          struct str *ret)
{
    for (size_t i = 0; i < text.n; i++) {
        if ((unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f)
            return "holds a control character; leave it out";
    }
    if (!str_is_utf8(text))
        return "is not UTF-8; save it as UTF-8";
    if (text.n > 0 && (int64_t)text.n < row->min)
        return str_cstr(
            a, str_fmt(a, "is too short; use %" PRId64 " characters or more",
                       row->min));
    if ((int64_t)text.n > row->max)
        return str_cstr(
            a,
            str_fmt(a, "is too long; use %" PRId64 " bytes at most", row->max));
    *ret = str_dup(a, text);
    return NULL;
}

static const char *
parse_list(struct arena *a, const struct config_row *row, struct str text,
           struct config_list *ret)
{
    struct config_list list = {0};
    struct str rest = str_trim(text), item;
    size_t commas = 0;

    for (size_t i = 0; i < rest.n; i++)
        commas += rest.p[i] == ',';
    if ((int64_t)commas + (rest.n > 0) > row->max)
        return str_cstr(
            a, str_fmt(a, "has too many items; %" PRId64 " are allowed",
                       row->max));
    list.items = ARENA_ARRAY(a, struct str, commas + 1);
    while (rest.n > 0 && str_split(&rest, ',', &item)) {
        item = str_trim(item);
        if (item.n == 0)
            return "has an empty item; write a, b, c";
        list.items[list.n++] = str_dup(a, item);
    }
    if (list.n != commas + (list.n > 0))
        return "has an empty item; write a, b, c";
    if ((int64_t)list.n < row->min)
        return "is empty; name at least one";
    *ret = list;
    return NULL;
}

static bool
parse_bool(struct str s, bool *ret)
{
    *ret = str_ieq(s, STR("true")) || str_ieq(s, STR("yes")) ||
           str_ieq(s, STR("on")) || str_is(s, "1");
    return *ret || str_ieq(s, STR("false")) || str_ieq(s, STR("no")) ||
           str_ieq(s, STR("off")) || str_is(s, "0");
}

static bool
parse_size(struct str s, int64_t *ret)
{
    static const struct {
        const char *name;
        int shift;
    } units[] = {{"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"B", 0}, {"", 0}};
    int64_t n;
    size_t i = 0;

    while (!str_ends(s, str_from(units[i].name)))
        i++;
    s = str_trim(str_sub(s, 0, s.n - strlen(units[i].name)));
    if (!str_to_i64(s, &n) || n < 0 || n > INT64_MAX >> units[i].shift)
        return false;
    *ret = n << units[i].shift;
    return true;
}

struct str
config_format_number(char text[static TIME_TEXT_SIZE], enum config_type type,
                     int64_t v)
{
    static const char *const units[] = {"", "KiB", "MiB", "GiB"};
    int unit = 0, n;

    if (type == CONFIG_TYPE_DURATION)
        return duration_format(text, v);
    while (type == CONFIG_TYPE_SIZE && unit < 3 && v != 0 && v % 1024 == 0) {
        v /= 1024;
        unit++;
    }
    n = snprintf(text, TIME_TEXT_SIZE, "%" PRId64 "%s", v, units[unit]);
    assert(n > 0 && n < TIME_TEXT_SIZE);
    return (struct str){text, (size_t)n};
}

static const char *
parse_number(struct arena *a, const struct config_row *row, struct str text,
             int64_t *ret)
{
    char least[TIME_TEXT_SIZE], most[TIME_TEXT_SIZE];
    int64_t v;

    if (row->type == CONFIG_TYPE_INT && !str_to_i64(text, &v))
        return "is no whole number; write digits only";
    if (row->type == CONFIG_TYPE_SIZE && !parse_size(text, &v))
        return "is no size; write bytes, or a number with KiB, MiB or GiB";
    if (row->type == CONFIG_TYPE_DURATION && !str_to_duration_ms(text, &v))
        return "is no duration; write a number with ms, s, m, h or d";
    if (v != 0 && (v < row->min || v > row->max))
        return str_cstr(
            a,
            str_fmt(a, "is out of range; use %.*s to %.*s%s",
                    STR_ARG(config_format_number(least, row->type, row->min)),
                    STR_ARG(config_format_number(most, row->type, row->max)),
                    row->min > 0 ? ", or 0 for none" : ""));
    *ret = v;
    return NULL;
}

const char *
config_parse_value(struct arena *a, enum config_id id, struct str text,
                   struct config *c)
{
    const struct config_row *row = &config_rows[id];
    void *field = field_of(c, id);

    switch (row->type) {
    case CONFIG_TYPE_STR:
        return parse_str(a, row, text, field);
    case CONFIG_TYPE_LIST:
        return parse_list(a, row, text, field);
    case CONFIG_TYPE_BOOL:
        return parse_bool(text, field) ? NULL
                                       : "is neither true nor false; write one";
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_DURATION:
    case CONFIG_TYPE_SIZE:
        return parse_number(a, row, text, field);
    }
    assert(false);
    return NULL;
}

static const char *
check_listen(struct str s)
{
    struct str port;
    uint64_t n;
    size_t colon = s.n;

    while (colon > 0 && s.p[colon - 1] != ':')
        colon--;
    port = str_sub(s, colon, s.n);
    if (colon < 2 || !str_to_u64(port, &n) || n > 65535)
        return "is no HOST:PORT; write one such as 127.0.0.1:7117";
    if (str_find(str_sub(s, 0, colon - 1), ':') >= 0 &&
        (s.p[0] != '[' || s.p[colon - 2] != ']'))
        return "is no HOST:PORT; put the IPv6 address in brackets";
    return NULL;
}

static const char *
nearest_role(struct str name)
{
    static const char *const roles[] = {"api", "worker", "scheduler", "all"};
    size_t best = 0, least = SIZE_MAX;

    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        size_t distance = str_distance(name, str_from(roles[i]));

        if (distance < least) {
            least = distance;
            best = i;
        }
    }
    return roles[best];
}

static const char *
check_roles(struct arena *a, const struct config_list *roles)
{
    for (size_t i = 0; i < roles->n; i++) {
        struct str name = roles->items[i];
        const char *near = nearest_role(name);

        if (!str_is(name, near))
            return str_cstr(
                a,
                str_fmt(a, "names an unknown role \"%.*s\"; did you mean %s?",
                        STR_ARG(name), near));
    }
    return NULL;
}

static bool
is_path_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || (c != '\0' && strchr("-._~/", c));
}

static const char *
check_base_path(struct str s)
{
    char before = 'x';

    for (size_t i = 0; i < s.n; i++) {
        bool is_good =
            i == 0 ? s.p[i] == '/'
                   : is_path_char(s.p[i]) && (s.p[i] != '/' || before != '/');

        if (!is_good || (s.p[i] == '/' && i + 1 == s.n))
            return "is no path; write one such as /belfry, without a / at "
                   "the end";
        before = s.p[i];
    }
    return NULL;
}

static const char *
check_public_url(struct str s)
{
    bool has_host = (str_starts(s, STR("http://")) && s.n > 7) ||
                    (str_starts(s, STR("https://")) && s.n > 8);

    if (s.n > 0 && (!has_host || str_find(s, ' ') >= 0))
        return "is no URL; write one such as https://belfry.example";
    return NULL;
}

static const char *
check_database(struct str s)
{
    if (str_starts(s, STR("sqlite:")) && s.n > 7)
        return NULL;
    if ((str_starts(s, STR("postgres://")) && s.n > 11) ||
        (str_starts(s, STR("postgresql://")) && s.n > 13))
        return NULL;
    return "is no database; use sqlite:PATH or postgres://USER@HOST/NAME";
}

static const char *
check_tls(const struct config *c)
{
    return c->tls_cert_file.n > 0 && c->tls_key_file.n == 0
               ? "needs its key; set key_file in [tls], or BELFRY_TLS_KEY_FILE"
               : NULL;
}

static const char *
check_tls_key(const struct config *c)
{
    return c->tls_key_file.n > 0 && c->tls_cert_file.n == 0
               ? "needs its certificate; set cert_file in [tls], or "
                 "BELFRY_TLS_CERT_FILE"
               : NULL;
}

struct str
config_check(struct arena *a, const struct config *c)
{
    enum log_format format;
    enum log_level level;
    const struct {
        enum config_id id;
        const char *why;
    } checks[] = {
        {CONFIG_server_listen, check_listen(c->server_listen)},
        {CONFIG_server_roles, check_roles(a, &c->server_roles)},
        {CONFIG_server_base_path, check_base_path(c->server_base_path)},
        {CONFIG_server_public_url, check_public_url(c->server_public_url)},
        {CONFIG_database_url, check_database(c->database_url)},
        {CONFIG_tls_cert_file, check_tls(c)},
        {CONFIG_tls_key_file, check_tls_key(c)},
        {CONFIG_log_format, log_format_parse(c->log_format, &format)
                                ? NULL
                                : "is no format; use logfmt or json"},
        {CONFIG_log_level, log_level_parse(c->log_level, &level)
                               ? NULL
                               : "is no level; use debug, info, warn or error"},
    };

    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        const struct config_row *row = &config_rows[checks[i].id];

        if (checks[i].why)
            return str_fmt(a, "%.*s: %s.%s %s",
                           STR_ARG(config_where(a, c, checks[i].id)),
                           row->section, row->key, checks[i].why);
    }
    return STR_NONE;
}
