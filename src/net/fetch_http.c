/* fetch_http.c - what an HTTP call says, and what its answer means. */
#include <assert.h>

#include "base/err.h"
#include "base/url.h"
#include "net/fetch_transfer.h"

#define HEAD_MAX (64 * 1024)
#define HEADERS_MAX 128
#define HEADERS_OUT_MAX 64
#define DROPPED_MAX (1024 * 1024) /* then the connection is closed */
#define CALLED_URL_MAX 8192       /* with what a driver adds */
#define HEADER_VALUE_MAX (16 * 1024)

/* ---- the call ---- */

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
    struct fetch_transfer *t = arg;
    struct fetch_request *r = t->request;
    size_t room = FETCH_ANSWER_MAX - t->body.n;
    size_t kept = size * n < room ? size * n : room;

    if (r->on_body)
        return r->on_body(r, (struct str){p, size * n}) ? size * n : 0;
    buf_put(&t->body, p, kept);
    t->n_dropped += size * n - kept;
    if (t->n_dropped > DROPPED_MAX) {
        t->is_overlong = true;
        return 0;
    }
    return size * n;
}

static size_t
on_head_line(char *p, size_t size, size_t n, void *arg)
{
    struct fetch_transfer *t = arg;
    struct str line = {p, size * n};

    if (str_starts(line, STR("HTTP/"))) {
        buf_reset(&t->head); /* what stood there was a 1xx */
        t->is_head_done = false;
    } else if (t->is_head_done) {
        return line.n; /* a trailer */
    }
    if (line.n <= 2)
        t->is_head_done = true;
    if (t->head.n + line.n > HEAD_MAX) {
        t->is_unruly = true;
        return 0;
    }
    buf_put_str(&t->head, line);
    return line.n;
}

void
fetch_http_prepare(struct fetch_transfer *t)
{
    CURL *e = t->easy;

    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(e, CURLOPT_HTTP09_ALLOWED, 0L);
    curl_easy_setopt(e, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    curl_easy_setopt(e, CURLOPT_USERAGENT, "Belfry/" BELFRY_VERSION);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_head_line);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
}

static bool
is_token(struct str s)
{
    if (s.n == 0 || s.n > 128)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') &&
            !(c >= 'a' && c <= 'z') && !(c && strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return true;
}

static struct curl_slist *
add_line(struct arena *a, struct curl_slist *after, struct str line)
{
    struct curl_slist *node = ARENA_NEW(a, struct curl_slist);

    node->data = str_cstr(a, line);
    if (after)
        after->next = node;
    return node;
}

/* In the caller's arena, not by curl_slist_append(): it lives as long. */
static const char *
set_headers(struct fetch_transfer *t)
{
    const struct fetch_request *r = t->request;
    struct curl_slist *first, *last;
    bool has_type = false;

    if (r->n_headers > HEADERS_OUT_MAX)
        return "there are too many headers";
    /* No 100-continue: it costs a round trip and many do not answer it. */
    first = last = add_line(r->arena, NULL, STR("Expect:"));
    for (size_t i = 0; i < r->n_headers; i++) {
        struct str name = r->headers[i].name, value = r->headers[i].value;

        if (!is_token(name) || !fetch_is_plain(value, HEADER_VALUE_MAX))
            return "a header is not fit to be sent";
        if (url_owns_header(name))
            return "a header is not the sender's to say";
        has_type = has_type || str_ieq(name, STR("Content-Type"));
        last =
            add_line(r->arena, last,
                     value.n > 0 ? str_fmt(r->arena, "%.*s: %.*s",
                                           STR_ARG(name), STR_ARG(value))
                                 : str_fmt(r->arena, "%.*s;", STR_ARG(name)));
    }
    if (!has_type)
        add_line(r->arena, last, STR("Content-Type:"));
    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, first);
    return NULL;
}

static void
set_method(struct fetch_transfer *t)
{
    const struct fetch_request *r = t->request;
    bool is_post = str_is(r->method, "POST");
    bool is_head = str_is(r->method, "HEAD");
    bool is_get = str_is(r->method, "GET");

    /* Undoes what the handle's last call has set. */
    curl_easy_setopt(t->easy, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, NULL);
    if (is_head) {
        curl_easy_setopt(t->easy, CURLOPT_NOBODY, 1L);
        return;
    }
    if (is_post || r->body.n > 0) {
        curl_easy_setopt(t->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)r->body.n);
        curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS,
                         r->body.n > 0 ? r->body.p : "");
    }
    if (!is_post && !(is_get && r->body.n == 0))
        curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST,
                         str_cstr(r->arena, r->method));
}

/* libcurl would guess one. */
static bool
has_scheme(struct str url)
{
    return str_ieq(str_sub(url, 0, 7), STR("http://")) ||
           str_ieq(str_sub(url, 0, 8), STR("https://"));
}

const char *
fetch_http_begin(struct fetch_transfer *t)
{
    const struct fetch_request *r = t->request;
    const char *fault;

    if (!has_scheme(r->url) || !fetch_is_plain(r->url, CALLED_URL_MAX) ||
        !is_token(r->method))
        return "the URL or the method is not fit for a call";
    fault = set_headers(t);
    if (fault)
        return fault;
    set_method(t);
    curl_easy_setopt(t->easy, CURLOPT_CONNECT_ONLY, r->is_probe ? 1L : 0L);
    if (curl_easy_setopt(t->easy, CURLOPT_URL, str_cstr(r->arena, r->url)) !=
        CURLE_OK)
        return "the URL cannot be read";
    return NULL;
}

/* ---- the answer ---- */

static void
take_headers(struct fetch_transfer *t, struct fetch_answer *ret)
{
    struct arena *a = t->request->arena;
    struct fetch_header *row = ARENA_ARRAY(a, struct fetch_header, HEADERS_MAX);
    struct str rest = str_dup(a, buf_str(&t->head)), line;
    size_t n = 0;

    while (n < HEADERS_MAX && str_split(&rest, '\n', &line)) {
        ptrdiff_t colon = str_find(line, ':');

        if (line.n > 0 && line.p[line.n - 1] == '\r')
            line.n--;
        if (colon <= 0 || str_starts(line, STR("HTTP/")))
            continue;
        row[n].name = str_sub(line, 0, (size_t)colon);
        row[n].value = str_trim(str_sub(line, (size_t)colon + 1, line.n));
        n++;
    }
    ret->headers = row;
    ret->n_headers = n;
}

enum fetch_outcome
fetch_http_outcome_now(struct fetch_transfer *t)
{
    long n_written = 0;

    /* Nothing reached the kernel: nothing was sent. A byte of it did: the
     * rest may have, and the other side may have acted. */
    curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &n_written);
    return t->n_begun > 0 && n_written > 0 ? FETCH_UNKNOWN : FETCH_NOT_SENT;
}

void
fetch_http_judge(struct fetch_transfer *t, CURLcode code,
                 struct fetch_answer *ret)
{
    long status = 0;

    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    ret->status = (int)status;
    /* An endless body: its status was whole long ago. */
    if ((code == CURLE_OK && (t->is_head_done || t->request->is_probe)) ||
        (code == CURLE_WRITE_ERROR && t->is_overlong))
        ret->outcome = FETCH_ANSWERED;
    else if (t->n_begun > 0 && code == CURLE_ABORTED_BY_CALLBACK)
        ret->outcome = FETCH_UNKNOWN; /* the repetition that we stopped */
    else
        ret->outcome = fetch_http_outcome_now(t);
    if (ret->outcome == FETCH_ANSWERED || ret->status != 0) {
        take_headers(t, ret);
        ret->body = str_dup(t->request->arena, buf_str(&t->body));
    }
}
