/* connect.c - see connect.h. */
#include "store/postgres/connect.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "store/postgres/postgres.h"

const char *
pg_why(const char *fmt, ...)
{
    static _Thread_local char text[1000];
    va_list args;
    size_t n;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    for (n = strlen(text); n > 0 && text[n - 1] == '\n'; n--)
        text[n - 1] = '\0';
    return text;
}

static const char *
option(const PQconninfoOption *all, const char *keyword)
{
    for (const PQconninfoOption *o = all; o->keyword; o++)
        if (strcmp(o->keyword, keyword) == 0)
            return o->val;
    return NULL;
}

/* A password with a / in it is taken for a port, one with an @ in part for a
 * host; then what libpq says of these quotes it. */
static bool
is_as_meant(const PQconninfoOption *all)
{
    const char *port = option(all, "port"), *host = option(all, "host");

    return (!port || port[strspn(port, "0123456789,")] == '\0') &&
           (!host || !strchr(host, '@'));
}

/* NULL: it cannot be read. */
static PQconninfoOption *
parse(const char *url)
{
    char *message = NULL;
    PQconninfoOption *o = PQconninfoParse(url, &message);

    PQfreemem(message); /* quotes the URL */
    if (!o || is_as_meant(o))
        return o;
    PQconninfoFree(o);
    return NULL;
}

enum err
pg_connect(const char *url, const char *who, PGconn **ret, const char **ret_why)
{
    static const char *const keys[] = {
        "fallback_application_name", "connect_timeout",
        "tcp_user_timeout",          "dbname",
        "client_encoding",           NULL};
    const char *values[] = {who, "5", PG_SILENCE_MS, url, "UTF8", NULL};
    PQconninfoOption *o = parse(url);
    PGconn *c;

    *ret = NULL;
    if (!o) {
        *ret_why = "the database's URL cannot be read: it has to be "
                   "postgres://USER:PASSWORD@HOST:PORT/DATABASE, with special "
                   "characters percent-encoded (/ is %2F, @ is %40)";
        return ERR_INVALID;
    }
    PQconninfoFree(o);
    c = PQconnectdbParams(keys, values, 1);
    if (PQstatus(c) == CONNECTION_OK) {
        *ret = c;
        return ERR_OK;
    }
    *ret_why = pg_why("%s", PQerrorMessage(c));
    PQfinish(c);
    return ERR_IO;
}

static void
put_option(struct buf *out, const char *before, const char *value)
{
    if (value && value[0]) {
        buf_put_cstr(out, before);
        buf_put_cstr(out, value);
    }
}

struct str
postgres_url_shown(struct arena *a, struct str url)
{
    PQconninfoOption *o = parse(str_cstr(a, url));
    const char *user, *host;
    struct buf out;

    if (!o)
        return STR("postgres://?");
    buf_init(&out, a);
    user = option(o, "user");
    host = option(o, "host");
    buf_put_cstr(&out, "postgres://");
    put_option(&out, "", user);
    put_option(&out, user && user[0] ? "@" : "",
               host && host[0] ? host : option(o, "hostaddr"));
    put_option(&out, ":", option(o, "port"));
    put_option(&out, "/", option(o, "dbname"));
    PQconninfoFree(o);
    return buf_str(&out);
}
