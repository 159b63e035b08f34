#include "net/peer_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/arena.h"

#define BIG_BODY (8 * 1024 * 1024)

/* What the server says; NULL: the usual. "close" and "hang" are done, not
 * said. */
struct script {
    const char *greeting, *ehlo, *auth, *mail, *rcpt, *data, *dot;
    const char *rcpt2; /* to the second recipient */
    const char *noop;
};

/* False: the connection ends here. */
static bool
say(struct peer_conn *c, const char *line, const char *usual)
{
    if (line && strcmp(line, "close") == 0)
        return false;
    if (line && strcmp(line, "hang") == 0) {
        peer_wait_for_close(c);
        return false;
    }
    return peer_write(c, line ? line : usual);
}

static bool
take_message(struct peer_conn *c, const struct script *s)
{
    char line[4096];

    if (!say(c, s->data, "354 go ahead\r\n"))
        return false;
    if (s->data && strncmp(s->data, "354", 3) != 0)
        return true;
    do {
        if (!peer_read_line(c, line, sizeof(line)))
            return false;
    } while (strcmp(line, ".\r\n") != 0);
    c->peer->n_requests++;
    return say(c, s->dot, "250 2.0.0 Ok: queued as 7BX\r\n");
}

static bool
answer_line(struct peer_conn *c, const char *line, const struct script *s,
            int *n_rcpt)
{
    static const char usual_ehlo[] = "250-peer\r\n250-SIZE 9999999\r\n"
                                     "250 AUTH PLAIN LOGIN\r\n";

    if (strncmp(line, "EHLO", 4) == 0)
        return say(c, s->ehlo, usual_ehlo);
    if (strncmp(line, "HELO", 4) == 0)
        return say(c, NULL, "250 peer\r\n");
    if (strncmp(line, "AUTH", 4) == 0)
        return say(c, s->auth, "235 2.7.0 ok\r\n");
    if (strcmp(line, "\r\n") == 0) /* to the words of a refused token */
        return say(c, NULL, "535 5.7.8 bad token\r\n");
    if (strncmp(line, "NOOP", 4) == 0)
        return say(c, s->noop, "250 2.0.0 still here\r\n");
    if (strncmp(line, "STARTTLS", 8) == 0)
        return say(c, NULL, "220 go\r\nthis is no TLS\r\n");
    if (strncmp(line, "MAIL", 4) == 0)
        return say(c, s->mail, "250 2.1.0 ok\r\n");
    if (strncmp(line, "RCPT", 4) == 0)
        return say(c, ++*n_rcpt == 2 ? s->rcpt2 : s->rcpt, "250 2.1.5 ok\r\n");
    if (strncmp(line, "DATA", 4) == 0) {
        *n_rcpt = 0;
        return take_message(c, s);
    }
    /* QUIT, above all: who waits for an answer waits for ever. */
    peer_wait_for_close(c);
    return false;
}

static void
serve_smtp(struct peer_conn *c)
{
    const struct script *s = c->peer->arg;
    char line[4096];
    int n_rcpt = 0;

    if (!say(c, s->greeting, "220 peer ESMTP\r\n"))
        return;
    while (peer_read_line(c, line, sizeof(line)) &&
           answer_line(c, line, s, &n_rcpt))
        ;
}

static void
mail_init(struct call *k, int port)
{
    static const struct str rcpt[] = {{"tim@example.net", 15},
                                      {"ann@example.net", 15}};

    call_init(k);
    k->r.kind = FETCH_SMTP;
    k->r.host = STR("127.0.0.1");
    k->r.port = port;
    k->r.tls = FETCH_TLS_NONE;
    k->r.mail_from = STR("shop@example.com");
    k->r.rcpt_to = rcpt;
    k->r.n_rcpt_to = 1;
    k->r.body = STR("Subject: x\r\n\r\nhello\r\n.dot\r\n.\r\nQUIT\r\n");
}

/* A server with that script, and a mail to it. */
static void
start(struct call *k, struct caller *c, struct peer *p, struct script *s)
{
    peer_start(p, serve_smtp);
    p->arg = s;
    caller_start(c, LOOPBACK);
    mail_init(k, p->port);
}

static void
assert_seen(struct str all, const char *part)
{
    if (!memmem(all.p ? all.p : "", all.n, part, strlen(part)))
        fail_msg("|%.*s| lacks |%s|", STR_ARG(all), part);
}

static void
a_mail_is_handed_over_line_by_line(void **state)
{
    struct script s = {0};
    struct caller c;
    struct peer p;
    struct call k;

    (void)state;
    start(&k, &c, &p, &s);
    k.r.n_rcpt_to = 2;
    k.r.username = STR("tim");
    k.r.password = STR("tanstaaftanstaaf");
    call_run(&c, &k);
    assert_int_equal(k.answer.outcome, FETCH_ANSWERED);
    assert_int_equal(k.answer.status, 250);
    assert_text(k.answer.body, "2.0.0 Ok: queued as 7BX");
    assert_text(peer_seen(&p, k.r.arena),
                "EHLO example.com\r\n"
                "AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n"
                "MAIL FROM:<shop@example.com> SIZE=36\r\n"
                "RCPT TO:<tim@example.net>\r\n"
                "RCPT TO:<ann@example.net>\r\n"
                "DATA\r\n"
                "Subject: x\r\n\r\nhello\r\n..dot\r\n..\r\nQUIT\r\n.\r\n");
    call_stop(&k, &c, &p);
}

/* The same login with a token, where passwords are taken, too. */
static void
a_token_is_a_login(void **state)
{
    static const char refusal[] =
        "334 eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIG1hYyIsInNjb3BlIjoi"
        "aHR0cHM6Ly9tYWlsLmdvb2dsZS5jb20vIn0K\r\n";
    struct script s = {
        .ehlo = "250-peer\r\n250 AUTH CRAM-MD5 PLAIN LOGIN XOAUTH2\r\n"};
    struct caller c;
    struct peer p;
    struct call k;

    (void)state;
    start(&k, &c, &p, &s);
    k.r.username = STR("username");
    k.r.oauth_token = STR("password");
    call_run(&c, &k);
    assert_int_equal(k.answer.outcome, FETCH_ANSWERED);
    assert_seen(peer_seen(&p, k.r.arena),
                "AUTH XOAUTH2 "
                "dXNlcj11c2VybmFtZQFhdXRoPUJlYXJlciBwYXNzd29yZAEB\r\n");
    call_stop(&k, &c, &p);
    s.auth = refusal;
    start(&k, &c, &p, &s);
    k.r.username = STR("username");
    k.r.oauth_token = STR("old");
    call_run(&c, &k);
    assert_int_equal(k.answer.outcome, FETCH_NOT_SENT);
    assert_int_equal(k.answer.cause, FETCH_CAUSE_LOGIN);
    /* The next one on this thread has a password again. */
    s.auth = NULL;
    k.r.oauth_token = STR_NONE;
    k.r.password = STR("p");
    s.ehlo = NULL;
    call_run(&c, &k);
    assert_int_equal(k.answer.outcome, FETCH_ANSWERED);
    assert_seen(peer_seen(&p, k.r.arena), "AUTH PLAIN ");
    call_stop(&k, &c, &p);
}

/* Also after a mail that needed nothing, on the session which that one left. */
static void
an_address_outside_ascii_goes_where_the_server_takes_it(void **state)
{
    static const struct str wide = {"j\xc3\xbcrgen@example.net", 19};
    struct script s = {
        .ehlo = "250-peer\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE\r\n"};
    struct caller c;
    struct peer p;
    struct call k;

    (void)state;
    start(&k, &c, &p, &s);
    call_run(&c, &k);
    assert_int_equal(k.answer.outcome, FETCH_ANSWERED);
    k.r.rcpt_to = &wide;
    k.r.needs_smtputf8 = true;
    call_run(&c, &k);
    assert_int_equal(k.answer.outcome, FETCH_ANSWERED);
    assert_int_equal(k.answer.status, 250);
    assert_seen(peer_seen(&p, k.r.arena),
                "MAIL FROM:<shop@example.com> SIZE=36 SMTPUTF8\r\n"
                "RCPT TO:<j\xc3\xbcrgen@example.net>\r\n");
    call_stop(&k, &c, &p);
}

static void
a_server_that_does_not_take_it_is_told_nothing(void **state)
{
    static const struct str wide = {"j\xc3\xbcrgen@example.net", 19};
    static const char *const offers[] = {
        NULL, "250-peer SMTPUTF8\r\n250 SMTPUTF88\r\n",
        "250-peer\r\n250 smtputf8\r\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
        struct script s = {.ehlo = offers[i]};
        struct caller c;
        struct peer p;
        struct call k;

        start(&k, &c, &p, &s);
        k.r.rcpt_to = &wide;
        k.r.needs_smtputf8 = true;
        call_run(&c, &k);
        assert_int_equal(k.answer.outcome, FETCH_NOT_SENT);
        assert_int_equal(k.answer.cause, FETCH_CAUSE_SMTPUTF8);
        assert_seen(k.answer.detail, "SMTPUTF8");
        assert_text(peer_seen(&p, k.r.arena), "EHLO example.com\r\n");
        call_stop(&k, &c, &p);
    }
}

static void
a_session_takes_many_mails(void **state)
{
    struct script s = {0};
    struct caller c;
    struct peer p;

    (void)state;
    peer_start(&p, serve_smtp);
    p.arg = &s;
    caller_start(&c, LOOPBACK);
    for (int i = 0; i < 5; i++) {
        struct call k;

        mail_init(&k, p.port);
        call_run(&c, &k);
        assert_int_equal(k.answer.outcome, FETCH_ANSWERED);
        assert_int_equal(k.answer.status, 250);
        call_fini(&k);
    }
    assert_int_equal(p.n_requests, 5);
    assert_int_equal(p.n_connections, 1);
    caller_stop(&c);
    peer_stop(&p);
}

static void
what_each_reply_leaves_known(void **state)
{
    static const struct {
        struct script script;
        enum fetch_outcome outcome;
        enum fetch_cause cause;
        int status;
        const char *text;
    } rows[] = {
        {{.mail = "451 4.3.0 later\r\n"},
         FETCH_ANSWERED,
         0,
         451,
         "4.3.0 later"},
        {{.rcpt = "550-5.1.1 no such\r\n550 5.1.1 user\r\n"},
         FETCH_ANSWERED,
         0,
         550,
         "5.1.1 no such 5.1.1 user"},
        {{.rcpt2 = "550 5.1.1 not her\r\n"},
         FETCH_ANSWERED,
         0,
         550,
         "5.1.1 not her"},
        {{.data = "452 4.3.1 full\r\n"}, FETCH_ANSWERED, 0, 452, "4.3.1 full"},
        {{.dot = "554 5.7.1 spam\r\n"}, FETCH_ANSWERED, 0, 554, "5.7.1 spam"},
        {{.dot = "421 4.3.2 bye\r\n"}, FETCH_ANSWERED, 0, 421, "4.3.2 bye"},
        {{.greeting = "421 4.7.0 Too many connections\r\n"},
         FETCH_NOT_SENT,
         FETCH_CAUSE_BROKEN,
         421,
         "4.7.0 Too many connections"},
        {{.greeting = "554 no\r\n"},
         FETCH_NOT_SENT,
         FETCH_CAUSE_BROKEN,
         554,
         "no"},
        {{.greeting = "close"}, FETCH_NOT_SENT, FETCH_CAUSE_BROKEN, 0, ""},
        {{.greeting = "hang"}, FETCH_NOT_SENT, FETCH_CAUSE_TIMEOUT, 0, ""},
        {{.auth = "535 5.7.8 bad credentials\r\n"},
         FETCH_NOT_SENT,
         FETCH_CAUSE_LOGIN,
         535,
         "5.7.8 bad credentials"},
        {{.mail = "close"}, FETCH_NOT_SENT, FETCH_CAUSE_BROKEN, 0, NULL},
        {{.rcpt = "close"}, FETCH_NOT_SENT, FETCH_CAUSE_BROKEN, 250, NULL},
        {{.data = "close"}, FETCH_NOT_SENT, FETCH_CAUSE_BROKEN, 250, NULL},
        {{.data = "hang"}, FETCH_NOT_SENT, FETCH_CAUSE_TIMEOUT, 250, NULL},
        {{.dot = "close"}, FETCH_UNKNOWN, FETCH_CAUSE_BROKEN, 354, NULL},
        {{.dot = "hang"}, FETCH_UNKNOWN, FETCH_CAUSE_TIMEOUT, 354, NULL},
        {{.dot = "999 what\r\n"},
         FETCH_UNKNOWN,
         FETCH_CAUSE_BROKEN,
         999,
         "what"},
        {{.dot = "250"}, FETCH_UNKNOWN, FETCH_CAUSE_TIMEOUT, 354, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct script s = rows[i].script;
        struct caller c;
        struct peer p;
        struct call k;

        start(&k, &c, &p, &s);
        k.r.n_rcpt_to = s.rcpt2 ? 2 : 1;
        if (s.auth) {
            k.r.username = STR("u");
            k.r.password = STR("p");
        }
        if (rows[i].cause == FETCH_CAUSE_TIMEOUT)
            k.r.timeout_ms = 300;
        call_run(&c, &k);
        if (k.answer.outcome != rows[i].outcome ||
            k.answer.cause != rows[i].cause ||
            (rows[i].text && k.answer.status != rows[i].status))
            fail_msg("row %zu: outcome %d cause %d status %d: %.*s", i,
                     k.answer.outcome, k.answer.cause, k.answer.status,
                     STR_ARG(k.answer.detail));
        if (rows[i].text)
            assert_text(k.answer.body, rows[i].text);
        call_stop(&k, &c, &p);
    }
}

/* Closes after a few lines of the message, long before its end. */
static void
serve_half_a_message(struct peer_conn *c)
{
    char line[4096];

    peer_write(c, "220 peer ESMTP\r\n");
    while (peer_read_line(c, line, sizeof(line))) {
        if (strncmp(line, "DATA", 4) == 0) {
            peer_write(c, "354 go\r\n");
            for (int i = 0; i < 10; i++)
                peer_read_line(c, line, sizeof(line));
            peer_reset(c);
            return;
        }
        peer_write(c, "250 ok\r\n");
    }
}

static void
a_message_cut_off_before_its_end_is_not_sent(void **state)
{
    struct caller c;
    struct peer p;
    struct call k;
    struct buf body = {0};

    (void)state;
    while (body.n < BIG_BODY)
        buf_put_cstr(&body, "0123456789012345678901234567890123456789\r\n");
    peer_start(&p, serve_half_a_message);
    caller_start(&c, LOOPBACK);
    mail_init(&k, p.port);
    k.r.body = buf_str(&body);
    call_run(&c, &k);
    assert_int_equal(k.answer.outcome, FETCH_NOT_SENT);
    assert_int_equal(k.answer.cause, FETCH_CAUSE_BROKEN);
    call_stop(&k, &c, &p);
    buf_fini(&body);
}

static void
tls_that_is_asked_for_is_never_done_without(void **state)
{
    struct script s = {0};
    struct caller c;
    struct peer p;
    struct call k;

    (void)state;
    start(&k, &c, &p, &s);
    k.r.username = STR("shop");
    k.r.password = STR("hunter22");
    call_run(&c, &k); /* in the clear; its session is kept */
    assert_int_equal(k.answer.outcome, FETCH_ANSWERED);
    k.r.tls = FETCH_TLS_STARTTLS; /* not offered */
    call_run(&c, &k);
    assert_int_equal(k.answer.outcome, FETCH_NOT_SENT);
    assert_int_equal(k.answer.cause, FETCH_CAUSE_TLS);
    /* Offered, and then words in the clear where TLS has to begin. */
    s.ehlo = "250-peer\r\n250 STARTTLS\r\n";
    call_run(&c, &k);
    assert_int_equal(k.answer.outcome, FETCH_NOT_SENT);
    assert_int_equal(k.answer.cause, FETCH_CAUSE_BROKEN);
    k.r.tls = FETCH_TLS_TLS;
    k.r.timeout_ms = 500;
    call_run(&c, &k);
    assert_int_equal(k.answer.outcome, FETCH_NOT_SENT);
    assert_int_equal(p.n_requests, 1);
    call_stop(&k, &c, &p);
}

static void
mail_goes_through_tls_that_is_trusted(void **state)
{
    char file[] = "/tmp/belfry-smtps-XXXXXX";
    struct script s = {0};
    int fd = mkstemp(file);
    struct caller c;
    struct peer p;
    struct call k;

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    peer_start(&p, serve_smtp);
    p.arg = &s;
    peer_use_tls(&p, file);
    for (int trusted = 0; trusted < 2; trusted++) {
        if (trusted)
            setenv("SSL_CERT_FILE", file, 1);
        caller_start(&c, LOOPBACK);
        mail_init(&k, p.port);
        k.r.tls = FETCH_TLS_TLS;
        call_run(&c, &k);
        assert_int_equal(k.answer.outcome,
                         trusted ? FETCH_ANSWERED : FETCH_NOT_SENT);
        assert_int_equal(k.answer.cause,
                         trusted ? FETCH_CAUSE_NONE : FETCH_CAUSE_TLS);
        call_fini(&k);
        caller_stop(&c);
    }
    unsetenv("SSL_CERT_FILE");
    unlink(file);
    assert_int_equal(p.n_requests, 1);
    peer_stop(&p);
}

static void
no_value_can_add_a_command(void **state)
{
    static const struct str evil[] = {
        {"a@b.c>\r\nRSET", 13}, {"a@b.c\n", 6}, {"a b@c.d", 7},
        {"<a@b.c>", 7},         {"a@b.c\0", 6}, {"", 0},
        {"\xc3\xbc@b.c", 6},
    };
    static const struct str hosts[] = {
        {"127.0.0.1/x", 11},   {"127.0.0.1\r\n", 11},
        {"a@127.0.0.1", 11},   {"", 0},
        {"127.0.0.1:25/", 13}, {"[::1]", 5}};
    struct script s = {0};
    struct caller c;
    struct peer p;
    struct call k;

    (void)state;
    peer_start(&p, serve_smtp);
    p.arg = &s;
    caller_start(&c, LOOPBACK);
    for (size_t i = 0; i < sizeof(evil) / sizeof(evil[0]); i++) {
        mail_init(&k, p.port);
        k.r.mail_from = evil[i];
        call_run(&c, &k);
        assert_int_equal(k.answer.cause, FETCH_CAUSE_URL);
        k.r.mail_from = STR("shop@example.com");
        k.r.rcpt_to = &evil[i];
        call_run(&c, &k);
        assert_int_equal(k.answer.outcome, FETCH_NOT_SENT);
        assert_int_equal(k.answer.cause, FETCH_CAUSE_URL);
        call_fini(&k);
    }
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        mail_init(&k, p.port);
        k.r.host = hosts[i];
        call_run(&c, &k);
        assert_int_equal(k.answer.cause, FETCH_CAUSE_URL);
        call_fini(&k);
    }
    caller_stop(&c);
    assert_int_equal(p.n_connections, 0);
    peer_stop(&p);
}

static void
egress_counts_for_mail_too(void **state)
{
    struct script s = {0};
    struct caller c;
    struct peer p;
    struct call k;

    (void)state;
    peer_start(&p, serve_smtp);
    p.arg = &s;
    caller_start(&c, NULL);
    mail_init(&k, p.port);
    call_run(&c, &k);
    assert_int_equal(k.answer.outcome, FETCH_NOT_SENT);
    assert_int_equal(k.answer.cause, FETCH_CAUSE_EGRESS);
    call_fini(&k);
    caller_stop(&c);
    assert_int_equal(p.n_connections, 0);
    peer_stop(&p);
}

/* libcurl would say QUIT to a server that never answers, and wait. */
static void
an_end_waits_for_no_server(void **state)
{
    struct script s = {.dot = "550 5.7.1 no\r\n"};
    struct caller c;
    struct peer p;
    struct call k;
    int64_t start_ms;

    (void)state;
    start(&k, &c, &p, &s);
    start_ms = loop_now_ms(c.loop);
    call_run(&c, &k);
    assert_int_equal(k.answer.status, 550);
    s.dot = NULL;
    call_run(&c, &k);
    assert_int_equal(k.answer.outcome, FETCH_ANSWERED);
    fetch_free(c.fetch);
    assert_true(loop_now_ms(c.loop) - start_ms < 5000);
    c.fetch = NULL;
    call_stop(&k, &c, &p);
}

static void
serve_ok(struct peer_conn *c)
{
    while (peer_read_request(c) &&
           peer_write(c, "HTTP/1.1 204 No Content\r\n\r\n"))
        ;
}

static void
a_slow_mail_server_holds_up_nobody(void **state)
{
    struct script s = {.dot = "hang"};
    struct caller c;
    struct peer slow, fast;
    struct call mail, other;

    (void)state;
    peer_start(&slow, serve_smtp);
    peer_start(&fast, serve_ok);
    slow.arg = &s;
    caller_start(&c, LOOPBACK);
    mail_init(&mail, slow.port);
    fetch_start(c.fetch, &mail.r);
    while (slow.n_requests == 0)
        loop_turn(c.loop, 5);
    call_init(&other);
    call_url(&other, fast.port, "/");
    call_run(&c, &other);
    assert_int_equal(other.answer.status, 204);
    assert_int_equal(mail.n_done, 0);
    fetch_cancel(c.fetch, &mail.r);
    fetch_cancel(c.fetch, &mail.r);
    assert_int_equal(mail.n_done, 0);
    call_wait(&c, &mail);
    assert_int_equal(mail.answer.outcome, FETCH_UNKNOWN);
    assert_int_equal(mail.answer.cause, FETCH_CAUSE_NONE);
    call_fini(&mail);
    call_fini(&other);
    caller_stop(&c);
    peer_stop(&slow);
    peer_stop(&fast);
}

/* More than there are threads: the rest waits, and every one ends once. */
static void
mails_beyond_the_limit_wait_their_turn(void **state)
{
    enum { N = 150 };
    static struct call calls[N];
    struct script s = {0};
    struct caller c;
    struct peer p;
    int n_answered = 0, n_cancelled = 0;

    (void)state;
    peer_start(&p, serve_smtp);
    p.arg = &s;
    caller_start(&c, LOOPBACK);
    fetch_limit_mails(c.fetch, 20);
    for (int i = 0; i < N; i++) {
        mail_init(&calls[i], p.port);
        fetch_start(c.fetch, &calls[i].r);
    }
    fetch_cancel(c.fetch, &calls[N - 1].r);
    fetch_cancel(c.fetch, &calls[N - 1].r);
    for (int i = 0; i < N; i++) {
        call_wait(&c, &calls[i]);
        n_answered += calls[i].answer.outcome == FETCH_ANSWERED;
        n_cancelled += calls[i].answer.outcome == FETCH_NOT_SENT;
        call_fini(&calls[i]);
    }
    assert_int_equal(n_answered, N - 1);
    assert_int_equal(n_cancelled, 1);
    assert_int_equal(p.n_requests, N - 1);
    assert_in_range(p.n_connections, 1, 20);
    /* And the end, with some under way and some that wait. */
    s.dot = "hang";
    for (int i = 0; i < N; i++) {
        mail_init(&calls[i], p.port);
        fetch_start(c.fetch, &calls[i].r);
    }
    caller_stop(&c);
    for (int i = 0; i < N; i++) {
        assert_int_equal(calls[i].n_done, 1);
        assert_true(calls[i].answer.outcome != FETCH_ANSWERED);
        call_fini(&calls[i]);
    }
    peer_stop(&p);
}

static void
probe(struct caller *c, struct call *k, int port)
{
    mail_init(k, port);
    k->r.mail_from = k->r.body = STR_NONE;
    k->r.rcpt_to = NULL;
    k->r.n_rcpt_to = 0;
    k->r.is_probe = true;
    k->r.username = STR("shop");
    k->r.password = STR("secret");
    call_run(c, k);
}

static void
a_probe_logs_in_and_sends_nothing(void **state)
{
    struct script s = {0};
    struct call k, mail;
    struct caller c;
    struct peer p;
    struct str seen;

    (void)state;
    start(&k, &c, &p, &s);
    call_fini(&k);
    probe(&c, &k, p.port);
    assert_int_equal(k.answer.outcome, FETCH_ANSWERED);
    assert_int_equal(k.answer.status, 250);
    assert_text(k.answer.body, "2.0.0 still here");
    seen = peer_seen(&p, k.r.arena);
    assert_seen(seen, "AUTH PLAIN");
    assert_seen(seen, "NOOP\r\n");
    assert_null(memmem(seen.p, seen.n, "MAIL", 4));
    assert_int_equal(p.n_requests, 0);
    /* A mail after it, and a probe after that, on the same handle. */
    mail_init(&mail, p.port);
    call_run(&c, &mail);
    assert_int_equal(mail.answer.outcome, FETCH_ANSWERED);
    assert_int_equal(p.n_requests, 1);
    call_fini(&mail);
    call_fini(&k);
    probe(&c, &k, p.port);
    assert_int_equal(k.answer.status, 250);
    assert_int_equal(p.n_requests, 1);
    call_stop(&k, &c, &p);
}

static void
a_probe_tells_what_does_not_work(void **state)
{
    static const struct {
        struct script s;
        enum fetch_outcome outcome;
        enum fetch_cause cause;
        int status;
    } rows[] = {
        {{.auth = "535 5.7.8 no\r\n"}, FETCH_NOT_SENT, FETCH_CAUSE_LOGIN, 535},
        {{.greeting = "554 not you\r\n"},
         FETCH_NOT_SENT,
         FETCH_CAUSE_BROKEN,
         554},
        {{.noop = "421 4.3.2 closing\r\n"},
         FETCH_ANSWERED,
         FETCH_CAUSE_NONE,
         421},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct script s = rows[i].s;
        struct caller c;
        struct call k;
        struct peer p;

        start(&k, &c, &p, &s);
        call_fini(&k);
        probe(&c, &k, p.port);
        if (k.answer.outcome != rows[i].outcome ||
            k.answer.cause != rows[i].cause ||
            k.answer.status != rows[i].status)
            fail_msg("row %zu: outcome %d cause %d status %d: %.*s", i,
                     k.answer.outcome, k.answer.cause, k.answer.status,
                     STR_ARG(k.answer.detail));
        call_stop(&k, &c, &p);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mail_is_handed_over_line_by_line),
        cmocka_unit_test(a_token_is_a_login),
        cmocka_unit_test(
            an_address_outside_ascii_goes_where_the_server_takes_it),
        cmocka_unit_test(a_server_that_does_not_take_it_is_told_nothing),
        cmocka_unit_test(a_session_takes_many_mails),
        cmocka_unit_test(what_each_reply_leaves_known),
        cmocka_unit_test(a_message_cut_off_before_its_end_is_not_sent),
        cmocka_unit_test(tls_that_is_asked_for_is_never_done_without),
        cmocka_unit_test(mail_goes_through_tls_that_is_trusted),
        cmocka_unit_test(no_value_can_add_a_command),
        cmocka_unit_test(egress_counts_for_mail_too),
        cmocka_unit_test(an_end_waits_for_no_server),
        cmocka_unit_test(a_slow_mail_server_holds_up_nobody),
        cmocka_unit_test(mails_beyond_the_limit_wait_their_turn),
        cmocka_unit_test(a_probe_logs_in_and_sends_nothing),
        cmocka_unit_test(a_probe_tells_what_does_not_work),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
