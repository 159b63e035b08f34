/* request_line.c - how a call went out, for its attempt's row: without query,
 * secrets, addresses and the long words of a path, which are tokens and ids. */
#include "base/buf.h"
#include "base/url.h"
#include "channel/driver.h"
#include "domain/call_line.h"

#define WORD_MAX 20 /* of a path; longer ones say nothing to a reader */
#define ADDRESS_MIN 4

static bool
holds(struct str all, struct str part)
{
    return all.p && part.p && memmem(all.p, all.n, part.p, part.n) != NULL;
}

static bool
is_address(const struct channel_call *c, struct str word)
{
    for (size_t i = 0; word.n >= ADDRESS_MIN && i < c->n_messages; i++) {
        struct str address = c->messages[i].address;

        if (address.n >= ADDRESS_MIN &&
            (holds(address, word) || holds(word, address)))
            return true;
    }
    return false;
}

/* An escape may spell anything: an address, for one. */
static bool
is_hidden(const struct channel_call *c, struct str word)
{
    return word.n > WORD_MAX || is_address(c, word) || str_find(word, '%') >= 0;
}

static struct str
open_path(const struct channel_call *c, struct str path)
{
    struct str word, rest = path;
    struct buf b;

    buf_init(&b, c->arena);
    for (bool is_first = true; str_split(&rest, '/', &word); is_first = false) {
        if (!is_first)
            buf_put_char(&b, '/');
        buf_put_str(&b, is_hidden(c, word) ? STR("***") : word);
    }
    return buf_str(&b);
}

/* Before the query, or what else follows. */
static struct str
path_of(struct str url)
{
    struct str rest = url_rest(url);
    size_t n = 0;

    while (n < rest.n && rest.p[n] != '?' && rest.p[n] != '#')
        n++;
    return str_sub(rest, 0, n);
}

/* Without a login, which an URL may not have anyway. */
static struct str
authority_of(struct str url)
{
    struct str rest = url_rest(url), host = url_host(url);
    const char *end = rest.n > 0 ? rest.p : url.p + url.n;

    if (host.n == 0)
        return host;
    return (struct str){host.p, (size_t)(end - host.p)};
}

static struct str
key_of(const struct channel_request *r)
{
    static const char *const names[] = {"idempotency-key", "webhook-id"};

    for (size_t i = 0; i < r->n_headers; i++)
        for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
            if (str_ieq(r->headers[i].name, str_from(names[k])))
                return r->headers[i].value;
    return STR_NONE;
}

struct str
channel_request_line(const struct channel_call *c, const struct field *config,
                     const struct channel_request *r)
{
    static const struct field none[] = {{.type = FIELD_END}};
    struct call_line l = {.size = (int64_t)r->body.n};

    if (!config)
        config = none;

    switch (r->kind) {
    case CHANNEL_REQUEST_HTTP:
        l.method = r->method;
        /* A plugin may have written anything there. */
        l.host = channel_detail(c, config, authority_of(r->url));
        l.path = open_path(c, channel_detail(c, config, path_of(r->url)));
        l.key = key_of(r);
        l.is_delivery = l.key.n > 0 && c->n_messages > 0 &&
                        str_eq(l.key, c->messages[0].delivery_id);
        l.key = channel_detail(c, config, l.key);
        break;
    case CHANNEL_REQUEST_SMTP:
        l.method = STR("SMTP");
        l.host = str_fmt(c->arena, "%.*s:%d", STR_ARG(r->host), r->port);
        break;
    case CHANNEL_REQUEST_FILE:
        l.method = STR("FILE");
        l.path = r->path;
        break;
    case CHANNEL_REQUEST_WAIT:
        break;
    }
    return l.method.n > 0 ? call_line_write(c->arena, &l) : STR_NONE;
}
