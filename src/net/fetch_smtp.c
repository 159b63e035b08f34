/* fetch_smtp.c - a mail submission, and what the replies to it mean.
 *
 * A server has the message once it has read the final dot. Until libcurl has
 * taken the last byte of the message there can have been none, so a session
 * that breaks earlier surely delivered nothing; one that breaks later, nobody
 * knows.
 *
 * After a refusal libcurl says QUIT and blocks until the reply, for minutes if
 * none comes; so the connection, of no more use, is shut down before. */
#include "base/err.h"
#include "net/fetch_transfer.h"

#define REPLY_MAX 2048
#define REPLY_LINES_MAX 200 /* of a whole session */
#define RCPT_MAX 100
#define ADDRESS_MAX 254

static size_t
on_read(char *p, size_t size, size_t n, void *arg)
{
    struct fetch_transfer *t = arg;
    struct str left = str_sub(t->request->body, t->n_given, t->request->body.n);
    size_t give = left.n < size * n ? left.n : size * n;

    if (give > 0)
        memcpy(p, left.p, give);
    t->n_given += give;
    return give;
}

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
    (void)p;
    (void)arg;
    return size * n;
}

/* The server's last word on this mail is no. */
static bool
is_refused(const struct fetch_transfer *t)
{
    return t->n_begun > 0 && t->reply_code >= 400 && t->reply_code < 600 &&
           !t->is_reply_open && !t->is_unruly;
}

/* Of the replies before the envelope: what EHLO was told last counts, which is
 * the one under TLS. In capitals, as everybody has it: written otherwise,
 * libcurl would not see it, and say nothing of it in MAIL. */
static void
look_for_extensions(struct fetch_transfer *t, int code, struct str text)
{
    struct str keyword;

    if (t->n_begun > 0)
        return;
    if (code == 220)
        t->has_smtputf8 = false;
    else if (code == 250 && str_split(&text, ' ', &keyword) &&
             str_is(keyword, "SMTPUTF8"))
        t->has_smtputf8 = true;
}

bool
fetch_smtp_lacks(struct fetch_transfer *t)
{
    t->lacks_smtputf8 = t->request->kind == FETCH_SMTP &&
                        t->request->needs_smtputf8 && !t->has_smtputf8;
    if (t->lacks_smtputf8)
        fetch_mailer_cut(t->mailer);
    return t->lacks_smtputf8;
}

/* Each line of each reply: keep the text of the last one. */
static size_t
on_reply_line(char *p, size_t size, size_t n, void *arg)
{
    struct fetch_transfer *t = arg;
    struct str line = {p, size * n};
    uint64_t code = 0;

    if (!t)
        return size * n;
    if (++t->n_reply_lines > REPLY_LINES_MAX) {
        t->is_unruly = true;
        return 0;
    }
    while (line.n > 0 &&
           (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
        line.n--;
    if (line.n < 3 || !str_to_u64(str_sub(line, 0, 3), &code))
        return size * n;
    if (!t->is_reply_open)
        buf_reset(&t->body);
    else if (t->body.n > 0 && t->body.n < REPLY_MAX)
        buf_put_char(&t->body, ' ');
    t->is_reply_open = line.n > 3 && line.p[3] == '-';
    t->reply_code = (int)code;
    line = str_sub(line, 4, line.n);
    look_for_extensions(t, (int)code, line);
    if (t->body.n < REPLY_MAX)
        buf_put_str(&t->body, str_sub(line, 0, REPLY_MAX - t->body.n));
    if (is_refused(t))
        fetch_mailer_cut(t->mailer);
    return size * n;
}

static int
on_progress(void *arg, curl_off_t unused1, curl_off_t unused2,
            curl_off_t unused3, curl_off_t unused4)
{
    struct fetch_transfer *t = arg;

    (void)unused1;
    (void)unused2;
    (void)unused3;
    (void)unused4;
    return t && atomic_load(&t->is_cancelled);
}

void
fetch_smtp_prepare(CURL *e, bool is_plain)
{
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(e, CURLOPT_USE_SSL,
                     (long)(is_plain ? CURLUSESSL_NONE : CURLUSESSL_ALL));
    curl_easy_setopt(e, CURLOPT_SASL_IR, 1L);
    curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(e, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_reply_line);
    curl_easy_setopt(e, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, on_progress);
}

/* Without a sender libcurl says the custom command in place of a mail. The
 * handle is used again, for mails and for probes. */
static void
set_purpose(struct fetch_transfer *t)
{
    const bool is_probe = t->request->is_probe;

    curl_easy_setopt(t->easy, CURLOPT_UPLOAD, 0L);
    curl_easy_setopt(t->easy, CURLOPT_NOBODY, is_probe ? 1L : 0L);
    curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, is_probe ? "NOOP" : NULL);
    if (!is_probe) /* last: NOBODY decides on it, too */
        curl_easy_setopt(t->easy, CURLOPT_UPLOAD, 1L);
}

void
fetch_smtp_apply(struct fetch_transfer *t)
{
    CURL *e = t->easy;

    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->error);
    curl_easy_setopt(e, CURLOPT_READDATA, t);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(e, CURLOPT_XFERINFODATA, t);
    curl_easy_setopt(e, CURLOPT_PREREQDATA, t);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, t);
    curl_easy_setopt(e, CURLOPT_URL, t->url);
    curl_easy_setopt(e, CURLOPT_MAIL_FROM, t->mail_from);
    curl_easy_setopt(e, CURLOPT_MAIL_RCPT, t->rcpt_to);
    curl_easy_setopt(e, CURLOPT_USERNAME, t->username);
    curl_easy_setopt(e, CURLOPT_PASSWORD, t->password);
    curl_easy_setopt(e, CURLOPT_XOAUTH2_BEARER, t->oauth_token);
    /* Or it would try a login with an empty password first. */
    curl_easy_setopt(e, CURLOPT_LOGIN_OPTIONS,
                     t->oauth_token ? "AUTH=XOAUTH2" : NULL);
    /* What a session offered is not known any more when it is used again. */
    curl_easy_setopt(e, CURLOPT_FRESH_CONNECT,
                     (long)t->request->needs_smtputf8);
    curl_easy_setopt(e, CURLOPT_INFILESIZE_LARGE,
                     (curl_off_t)t->request->body.n);
    set_purpose(t);
}

void
fetch_smtp_release(struct fetch_transfer *t)
{
    CURL *e = t->easy;

    /* Its sessions live on, and end with nobody to tell. */
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, NULL);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, NULL);
    curl_easy_setopt(e, CURLOPT_XFERINFODATA, NULL);
    curl_easy_setopt(e, CURLOPT_MAIL_RCPT, NULL);
    t->easy = NULL;
}

/* ---- the call ---- */

static bool
is_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') &&
            !(c >= 'a' && c <= 'z') && !(c && strchr("-._:", c)))
            return false;
    }
    return s.n > 0 && s.n <= 253;
}

/* Nothing that could end a command or its angle brackets early; outside ASCII
 * only where the mail is to be told as such. */
static bool
is_address(const struct fetch_request *r, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c <= ' ' || c == 0x7f || c == '<' || c == '>' ||
            (c > 0x7f && !r->needs_smtputf8))
            return false;
    }
    return s.n > 0 && s.n <= ADDRESS_MAX && str_is_utf8(s);
}

static bool
is_c_string(struct str s)
{
    return s.n == 0 || !memchr(s.p, 0, s.n);
}

static const char *
set_recipients(struct fetch_transfer *t)
{
    const struct fetch_request *r = t->request;
    struct curl_slist *row;

    if (r->n_rcpt_to == 0 || r->n_rcpt_to > RCPT_MAX)
        return "mail needs from 1 to 100 recipients";
    row = ARENA_ARRAY(r->arena, struct curl_slist, r->n_rcpt_to);
    for (size_t i = 0; i < r->n_rcpt_to; i++) {
        if (!is_address(r, r->rcpt_to[i]))
            return "a recipient is no address";
        row[i].data = str_cstr(
            r->arena, str_fmt(r->arena, "<%.*s>", STR_ARG(r->rcpt_to[i])));
        row[i].next = i + 1 < r->n_rcpt_to ? &row[i + 1] : NULL;
    }
    t->rcpt_to = row;
    return NULL;
}

static const char *
set_envelope(struct fetch_transfer *t)
{
    const struct fetch_request *r = t->request;
    const char *fault = set_recipients(t);

    if (fault)
        return fault;
    if (!is_address(r, r->mail_from))
        return "the sender is no address";
    t->mail_from =
        str_cstr(r->arena, str_fmt(r->arena, "<%.*s>", STR_ARG(r->mail_from)));
    return NULL;
}

/* The path of the URL is the name that libcurl says in EHLO. */
static const char *
set_url(struct fetch_transfer *t)
{
    const struct fetch_request *r = t->request;
    ptrdiff_t sign = str_find(r->mail_from, '@');
    struct str us = str_sub(r->mail_from, (size_t)(sign + 1), r->mail_from.n);
    bool is_v6 = str_find(r->host, ':') >= 0;
    struct str url;

    if (!is_name(r->host) || r->port < 1 || r->port > 65535)
        return "the mail server is no host and port";
    if (!is_name(us) || str_find(us, ':') >= 0)
        us = STR("localhost");
    url = str_fmt(r->arena, "%s://%s%.*s%s:%d/%.*s",
                  r->tls == FETCH_TLS_TLS ? "smtps" : "smtp", is_v6 ? "[" : "",
                  STR_ARG(r->host), is_v6 ? "]" : "", r->port, STR_ARG(us));
    t->url = str_cstr(r->arena, url);
    return NULL;
}

const char *
fetch_smtp_begin(struct fetch_transfer *t)
{
    const struct fetch_request *r = t->request;
    const char *fault = set_url(t);

    if (!fault && !r->is_probe)
        fault = set_envelope(t);
    if (fault)
        return fault;
    if (!is_c_string(r->username) || !is_c_string(r->password) ||
        !is_c_string(r->oauth_token))
        return "the login has a NUL in it";
    if (r->username.n > 0) {
        t->username = str_cstr(r->arena, r->username);
        t->password = str_cstr(r->arena, r->password);
        if (r->oauth_token.n > 0)
            t->oauth_token = str_cstr(r->arena, r->oauth_token);
    }
    return NULL;
}

/* ---- the answer ---- */

void
fetch_smtp_judge(struct fetch_transfer *t, CURLcode code,
                 struct fetch_answer *ret)
{
    ret->status = t->reply_code;
    ret->body = str_dup(t->request->arena, buf_str(&t->body));
    /* Before the envelope it is the server that does not work, not the
     * message that is refused. */
    if (code == CURLE_OK || is_refused(t))
        ret->outcome = FETCH_ANSWERED;
    else if (t->n_begun > 0 && t->n_given >= t->request->body.n)
        ret->outcome = FETCH_UNKNOWN;
    else
        ret->outcome = FETCH_NOT_SENT;
}
