/* http_parser.c - the head of a request: see http_parser.h.
 *
 * One state for each place in the grammar of RFC 9112 sections 3 and 5. A
 * step looks at one byte; a field is judged as soon as its line ends. */
#include "net/http_parser.h"

#include <assert.h>

#include "net/http_server.h"

enum state {
    S_START,
    S_START_LF, /* one empty line before the request is let through */
    S_METHOD,
    S_TARGET, /* its first byte */
    S_SCHEME, /* "http:" of the absolute form */
    S_SLASHES,
    S_AUTHORITY,
    S_PATH, /* and query */
    S_VERSION,
    S_LINE_LF,
    S_FIELD, /* first byte of a field line or of the empty line */
    S_NAME,
    S_BLANK, /* between colon and value */
    S_VALUE,
    S_VALUE_LF,
    S_END_LF,
    S_DONE,
    S_REFUSED,
};

/* RFC 9110 5.6.2 and 5.5, RFC 3986. A target may also hold the few printable
 * bytes that browsers leave as they are, but no '#'. */
enum { TOKEN = 1, TARGET = 2, VALUE = 4, HOST = 8 };

/* clang-format off */
static const uint8_t classes[128] = {
     0,  0,  0,  0,  0,  0,  0,  0,  0,  4,  0,  0,  0,  0,  0,  0,
     0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
     4, 15,  6,  5, 15, 15, 15, 15, 14, 14, 15, 15,  6, 15, 15,  6, /*  !"#$%&'()*+,-./ */
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 14, 14,  6, 14,  6,  6, /* 0123456789:;<=>? */
     6, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, /* @ABCDEFGHIJKLMNO */
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 14,  6, 14,  7, 15, /* PQRSTUVWXYZ[\]^_ */
     7, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, /* `abcdefghijklmno */
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  6,  7,  6, 15,  0, /* pqrstuvwxyz{|}~ */
};
/* clang-format on */

static bool
is_class(char c, unsigned class)
{
    const unsigned char u = (unsigned char)c;

    return u < 128 ? (classes[u] & class) != 0 : class == VALUE;
}

static bool
refuse(struct head_parser *p, enum err e, const char *why)
{
    p->state = S_REFUSED;
    p->err = e;
    p->why = why;
    return false;
}

static bool
malformed(struct head_parser *p, const char *why)
{
    return refuse(p, ERR_MALFORMED, why);
}

static bool
enter(struct head_parser *p, enum state s)
{
    p->state = s;
    p->n_in_state = 0;
    return true;
}

static struct str
slice(const char *head, struct head_span s)
{
    return (struct str){head + s.at, s.n};
}

static void
span_begin(const struct head_parser *p, struct head_span *s, size_t at)
{
    assert(at <= HTTP_HEAD_MAX && p->at <= HTTP_HEAD_MAX);
    *s = (struct head_span){(uint16_t)at, 0};
}

/* The span ends before the byte that is looked at. */
static void
span_end(const struct head_parser *p, struct head_span *s)
{
    s->n = (uint16_t)(p->at - s->at);
}

/* ---- the request line ---- */

static bool
step_start(struct head_parser *p, char c)
{
    if (c == '\r' && p->at == 0)
        return enter(p, S_START_LF);
    if (!is_class(c, TOKEN))
        return malformed(p, "A request must start with a method.");
    span_begin(p, &p->method, p->at);
    return enter(p, S_METHOD);
}

static bool
step_method(struct head_parser *p, const char *head, char c)
{
    span_end(p, &p->method);
    if (c == ' ') {
        if (str_is(slice(head, p->method), "CONNECT"))
            return refuse(p, ERR_METHOD, "This server is not a proxy.");
        span_begin(p, &p->target, p->at + 1);
        p->path = p->target;
        return enter(p, S_TARGET);
    }
    if (!is_class(c, TOKEN))
        return malformed(p, "The method is not a token.");
    if (p->method.n >= HTTP_METHOD_MAX)
        return malformed(p, "The method is too long.");
    return true;
}

static bool
step_target(struct head_parser *p, const char *head, char c)
{
    if (c == '/')
        return enter(p, S_PATH);
    if (c == '*' && str_is(slice(head, p->method), "OPTIONS"))
        return enter(p, S_PATH);
    if (c == 'h' || c == 'H')
        return enter(p, S_SCHEME);
    return malformed(p, "The request target must start with a slash.");
}

static bool
step_scheme(struct head_parser *p, const char *head, char c)
{
    struct str scheme;

    span_end(p, &p->target);
    scheme = slice(head, p->target);
    if (c == ':' &&
        (str_ieq(scheme, STR("http")) || str_ieq(scheme, STR("https"))))
        return enter(p, S_SLASHES);
    if (scheme.n >= sizeof "https" || !is_class(c, TOKEN))
        return malformed(p, "The request target must be a path or an http "
                            "URI.");
    return true;
}

static bool
step_slashes(struct head_parser *p, char c)
{
    if (c != '/')
        return malformed(p, "The request target is not a whole URI.");
    if (++p->n_in_state < 2)
        return true;
    span_begin(p, &p->authority, p->at + 1);
    return enter(p, S_AUTHORITY);
}

static bool
step_authority(struct head_parser *p, char c)
{
    span_end(p, &p->authority);
    if (is_class(c, HOST)) {
        if (p->authority.n >= HTTP_TARGET_MAX)
            return refuse(p, ERR_URI_TOO_LONG,
                          "The request target is over 8 KiB.");
        return true;
    }
    if (p->authority.n == 0)
        return malformed(p, "The request target has no host.");
    if (c != '/' && c != '?' && c != ' ')
        return malformed(p, "The host in the request target is not valid.");
    span_begin(p, &p->path, p->at);
    return enter(p, c == ' ' ? S_VERSION : S_PATH);
}

static bool
step_path(struct head_parser *p, const char *head, char c)
{
    span_end(p, &p->path);
    if (c == ' ') {
        if (head[p->target.at] == '*' && p->path.n != 1)
            return malformed(p, "The request target must be a path.");
        return enter(p, S_VERSION);
    }
    if (is_class(c, TARGET)) /* the run was cut at the limit */
        return refuse(p, ERR_URI_TOO_LONG, "The request target is over 8 KiB.");
    if (c == '\r' || c == '\n')
        return malformed(p, "The request line has no HTTP version.");
    return malformed(p, "The request target holds a byte that must be "
                        "percent-encoded.");
}

static bool
step_version(struct head_parser *p, char c)
{
    static const char want[] = "HTTP/1.";
    const unsigned at = p->n_in_state++;

    if (at < sizeof want - 1) {
        if (c != want[at])
            return malformed(p, "The request line must end in HTTP/1.1.");
        return true;
    }
    if (at == sizeof want - 1) {
        if (c != '0' && c != '1')
            return malformed(p, "Only HTTP/1.1 and HTTP/1.0 are spoken.");
        p->minor_version = c - '0';
        return true;
    }
    if (c != '\r')
        return malformed(p, "The request line must end in CR LF.");
    return enter(p, S_LINE_LF);
}

/* ---- the fields ---- */

static bool
note_host(struct head_parser *p, struct str value, struct head_span at)
{
    if (p->has_host)
        return malformed(p, "There is more than one Host field.");
    if (value.n == 0)
        return malformed(p, "The Host field is empty.");
    for (size_t i = 0; i < value.n; i++)
        if (!is_class(value.p[i], HOST))
            return malformed(p, "The Host field is not a host.");
    p->has_host = true;
    p->host = at;
    return true;
}

/* Legal, but servers are known that do not skip a tab here, and so would see
 * another end of this request. */
#define TABBED "There is a tab around a value that frames the body."

static bool
note_length(struct head_parser *p, struct str value)
{
    if (p->has_length)
        return malformed(p, "There is more than one Content-Length field.");
    if (p->is_tabbed)
        return malformed(p, TABBED);
    if (p->has_coding)
        return malformed(p, "Content-Length and Transfer-Encoding exclude "
                            "each other.");
    if (!str_to_u64(value, &p->content_length))
        return malformed(p, "The Content-Length is not a number.");
    p->has_length = true;
    p->framing = p->content_length ? HTTP_LENGTH : HTTP_NO_BODY;
    return true;
}

static bool
note_coding(struct head_parser *p, struct str value)
{
    if (p->has_coding)
        return malformed(p, "There is more than one Transfer-Encoding field.");
    if (p->is_tabbed)
        return malformed(p, TABBED);
    if (p->has_length)
        return malformed(p, "Content-Length and Transfer-Encoding exclude "
                            "each other.");
    if (value.n == 0)
        return malformed(p, "The Transfer-Encoding field is empty.");
    if (p->minor_version == 0)
        return malformed(p, "HTTP/1.0 has no Transfer-Encoding.");
    if (!str_ieq(value, STR("chunked")))
        return refuse(p, ERR_NOT_IMPLEMENTED,
                      "Only the transfer coding chunked is taken.");
    p->has_coding = true;
    p->framing = HTTP_CHUNKED;
    return true;
}

static bool
note_connection(struct head_parser *p, struct str value)
{
    struct str word;

    while (str_split(&value, ',', &word)) {
        word = str_trim(word);
        if (str_ieq(word, STR("close")))
            p->says_close = true;
        else if (str_ieq(word, STR("keep-alive")))
            p->says_keep_alive = true;
    }
    return true;
}

static bool
note_field(struct head_parser *p, const char *head)
{
    const struct str name = slice(head, p->names[p->n_headers]);
    const struct str value = slice(head, p->values[p->n_headers]);

    switch (name.n) {
    case sizeof "Host" - 1:
        if (str_ieq(name, STR("Host")))
            return note_host(p, value, p->values[p->n_headers]);
        break;
    case sizeof "Expect" - 1:
        if (str_ieq(name, STR("Expect")) && str_ieq(value, STR("100-continue")))
            p->expects_continue = p->minor_version >= 1;
        break;
    case sizeof "Connection" - 1:
        if (str_ieq(name, STR("Connection")))
            return note_connection(p, value);
        break;
    case sizeof "Content-Length" - 1:
        if (str_ieq(name, STR("Content-Length")))
            return note_length(p, value);
        break;
    case sizeof "Transfer-Encoding" - 1:
        if (str_ieq(name, STR("Transfer-Encoding")))
            return note_coding(p, value);
        break;
    default:
        break;
    }
    return true;
}

static bool
step_field(struct head_parser *p, char c)
{
    if (c == '\r')
        return enter(p, S_END_LF);
    if (c == ' ' || c == '\t')
        return malformed(p, "A header line starts with a blank.");
    if (c == '\n')
        return malformed(p, "A line feed stands alone.");
    if (!is_class(c, TOKEN))
        return malformed(p, "A header name is not a token.");
    if (p->n_headers == HTTP_HEADERS_MAX)
        return refuse(p, ERR_HEADERS_TOO_LARGE,
                      "There are more than 64 headers.");
    span_begin(p, &p->names[p->n_headers], p->at);
    return enter(p, S_NAME);
}

static bool
step_name(struct head_parser *p, char c)
{
    if (c == ' ' || c == '\t')
        return malformed(p, "There is a blank in or behind a header name.");
    if (c != ':')
        return malformed(p, "A header name is not a token.");
    span_end(p, &p->names[p->n_headers]);
    p->is_tabbed = false;
    return enter(p, S_BLANK);
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool
step_value(struct head_parser *p, const char *head, char c)
{
    struct head_span *v = &p->values[p->n_headers];

    if (c == '\n')
        return malformed(p, "A line feed stands alone.");
    if (c != '\r')
        return malformed(p, "A header value holds a control byte.");
    span_end(p, v);
    while (v->n && is_blank(head[v->at + v->n - 1])) {
        p->is_tabbed |= head[v->at + v->n - 1] == '\t';
        v->n--;
    }
    return enter(p, S_VALUE_LF);
}

static bool
step_blank(struct head_parser *p, const char *head, char c)
{
    p->is_tabbed |= c == '\t';
    if (is_blank(c))
        return true;
    span_begin(p, &p->values[p->n_headers], p->at);
    enter(p, S_VALUE);
    return is_class(c, VALUE) || step_value(p, head, c);
}

static bool
step_value_lf(struct head_parser *p, const char *head, char c)
{
    if (c != '\n')
        return malformed(p, "A carriage return stands alone.");
    if (!note_field(p, head))
        return false;
    p->n_headers++;
    return enter(p, S_FIELD);
}

static bool
step_end(struct head_parser *p, const char *head, char c)
{
    if (c != '\n')
        return malformed(p, "A carriage return stands alone.");
    if (!p->has_host && p->minor_version >= 1)
        return malformed(p, "There is no Host field.");
    if (p->authority.n && p->has_host &&
        !str_ieq(slice(head, p->authority), slice(head, p->host)))
        return malformed(p, "The Host field is not the request target's.");
    return enter(p, S_DONE);
}

/* ---- the machine ---- */

static bool
step(struct head_parser *p, const char *head, char c)
{
    switch ((enum state)p->state) {
    case S_START:
        return step_start(p, c);
    case S_METHOD:
        return step_method(p, head, c);
    case S_TARGET:
        return step_target(p, head, c);
    case S_SCHEME:
        return step_scheme(p, head, c);
    case S_SLASHES:
        return step_slashes(p, c);
    case S_AUTHORITY:
        return step_authority(p, c);
    case S_PATH:
        return step_path(p, head, c);
    case S_VERSION:
        return step_version(p, c);
    case S_START_LF:
    case S_LINE_LF:
        if (c != '\n')
            return malformed(p, "A carriage return stands alone.");
        return enter(p, p->state == S_LINE_LF ? S_FIELD : S_START);
    case S_FIELD:
        return step_field(p, c);
    case S_NAME:
        return step_name(p, c);
    case S_BLANK:
        return step_blank(p, head, c);
    case S_VALUE:
        return step_value(p, head, c);
    case S_VALUE_LF:
        return step_value_lf(p, head, c);
    case S_END_LF:
        return step_end(p, head, c);
    case S_DONE:
    case S_REFUSED:
        break;
    }
    return false;
}

/* Over the bytes that leave the state as it is: most of them. */
static void
skip_plain(struct head_parser *p, const char *head, size_t n)
{
    unsigned class = 0;
    size_t at = p->at, end = n;

    switch (p->state) {
    case S_PATH:
        class = TARGET;
        if (end > (size_t)p->target.at + HTTP_TARGET_MAX)
            end = (size_t)p->target.at + HTTP_TARGET_MAX;
        break;
    case S_NAME:
        class = TOKEN;
        break;
    case S_VALUE:
        class = VALUE;
        break;
    default:
        return;
    }
    while (at < end && is_class(head[at], class))
        at++;
    p->at = at;
}

void
head_parser_init(struct head_parser *p)
{
    /* The spans of fields are written before they are read: left alone. */
    p->at = 0;
    p->state = S_START;
    p->n_in_state = p->n_headers = 0;
    p->method = p->target = p->authority = p->path = p->host =
        (struct head_span){0};
    p->minor_version = 0;
    p->has_host = p->has_length = p->has_coding = false;
    p->says_close = p->says_keep_alive = p->expects_continue = false;
    p->framing = HTTP_NO_BODY;
    p->content_length = 0;
    p->err = ERR_OK;
    p->why = NULL;
}

enum http_progress
head_parser_run(struct head_parser *p, const char *head, size_t n)
{
    const size_t end = n < HTTP_HEAD_MAX ? n : HTTP_HEAD_MAX;

    if (p->state == S_DONE)
        return HTTP_DONE;
    while (p->state != S_REFUSED && p->at < end) {
        skip_plain(p, head, end);
        if (p->at == end)
            break;
        if (!step(p, head, head[p->at]))
            return HTTP_REFUSED;
        p->at++;
        if (p->state == S_DONE)
            return HTTP_DONE;
    }
    if (p->at >= HTTP_HEAD_MAX)
        refuse(p, ERR_HEADERS_TOO_LARGE, "The headers are over 16 KiB.");
    return p->state == S_REFUSED ? HTTP_REFUSED : HTTP_MORE;
}

bool
head_parser_keeps_alive(const struct head_parser *p)
{
    if (p->says_close)
        return false;
    return p->minor_version >= 1 || p->says_keep_alive;
}

void
head_parser_get(const struct head_parser *p, const char *head,
                struct http_head *ret, struct http_header *headers)
{
    struct str path = slice(head, p->path);
    const ptrdiff_t mark = str_find(path, '?');

    assert(p->state == S_DONE);
    *ret = (struct http_head){.method = slice(head, p->method)};
    if (mark >= 0) {
        ret->query = (struct str){path.p + mark + 1, path.n - (size_t)mark - 1};
        path.n = (size_t)mark;
    }
    if (path.n == 0) /* absolute form without a path, RFC 9112 3.2.4 */
        path = mark < 0 && str_is(ret->method, "OPTIONS") ? STR("*") : STR("/");
    ret->path = path;
    for (unsigned i = 0; i < p->n_headers; i++)
        headers[i] = (struct http_header){slice(head, p->names[i]),
                                          slice(head, p->values[i])};
}
