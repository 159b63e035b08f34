/* fetch_transfer.h - one call on its way; between fetch.c, which moves it,
 * fetch_http.c and fetch_smtp.c, which know what is said, and fetch_mail.c,
 * whose threads do the saying for mail. Private to fetch. */
#pragma once

#include <curl/curl.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/list.h"
#include "net/fetch.h"

/* The same for all calls; never changes, any thread reads it. */
struct fetch_world {
    const struct egress_policy *policy;
    const char *ca_file, *ca_path; /* NULL: the system's */
};

struct fetch_mailer;

struct fetch_transfer {
    struct list link; /* in one of the lists of fetch.c or fetch_mail.c */
    struct fetch *fetch;
    const struct fetch_world *world;
    struct fetch_request *request;
    CURL *easy; /* HTTP: its own; mail: of the thread that has it */
    int64_t start_ms;
    char error[CURL_ERROR_SIZE];

    /* Sockets. */
    int n_opened, n_refused;
    bool is_port_refused;
    char refused[64]; /* the last address that was */

    /* How far it came. */
    int n_begun;      /* times that a request was about to be written */
    size_t n_given;   /* bytes of the mail that libcurl has taken */
    bool is_overlong; /* the body of the answer; it was cut off */
    bool is_unruly;   /* more head or reply than anyone needs */
    size_t n_dropped; /* bytes of the answer's body that were not kept */
    struct buf head;  /* HTTP: the lines of the last head */
    struct buf body;
    bool is_head_done;
    int reply_code;     /* SMTP: the last one, 0 if there is none */
    bool is_reply_open; /* its last line has not come */
    size_t n_reply_lines;
    bool has_smtputf8;   /* the server offers it */
    bool lacks_smtputf8; /* and it is needed */

    /* Where it ended without libcurl. */
    bool is_ended;
    enum fetch_outcome ended_outcome;
    enum fetch_cause ended_cause;
    const char *ended_detail; /* static */

    /* Mail. What it needs is made on the caller's thread and in the caller's
     * arena; from then on until `letter` comes back, a mailer's thread has
     * the transfer, but for is_cancelled. */
    const char *url, *mail_from, *username, *password, *oauth_token;
    struct curl_slist *rcpt_to;
    struct fetch_mail *mail;
    struct fetch_mailer *mailer; /* NULL: it has none yet */
    bool is_waiting;             /* for a mailer */
    struct loop_timer timer;     /* while it does */
    struct mail letter;
    atomic_bool is_cancelled;
    CURLcode code;
};

/* Options that every handle has. */
void fetch_prepare(CURL *easy, const struct fetch_world *w);
/* A socket to that address if egress allows it; CURL_SOCKET_BAD. */
curl_socket_t fetch_open_socket(struct fetch_transfer *t, curlsocktype purpose,
                                const struct curl_sockaddr *a);
/* CURLOPT_PREREQFUNCTION. */
int fetch_on_begin(void *transfer, char *their_ip, char *our_ip, int their_port,
                   int our_port);
/* Text without control bytes, and no more than max. */
bool fetch_is_plain(struct str s, size_t max);

/* HTTP: options of each handle, then of each call. NULL, or why it cannot be
 * made (static). */
void fetch_http_prepare(struct fetch_transfer *t);
const char *fetch_http_begin(struct fetch_transfer *t);
/* What came of it; fills outcome, status, body, headers. */
void fetch_http_judge(struct fetch_transfer *t, CURLcode code,
                      struct fetch_answer *ret);
/* Whether the other side may have it, when a call is cut off now. */
enum fetch_outcome fetch_http_outcome_now(struct fetch_transfer *t);

/* Mail: begin on the caller's thread, apply on the mailer's, judge again on
 * the caller's. */
const char *fetch_smtp_begin(struct fetch_transfer *t);
void fetch_smtp_prepare(CURL *easy, bool is_plain);
void fetch_smtp_apply(struct fetch_transfer *t);
void fetch_smtp_release(struct fetch_transfer *t); /* its handle forgets it */
/* Before the envelope: the server lacks what the mail needs, and is told no
 * more. */
bool fetch_smtp_lacks(struct fetch_transfer *t);
void fetch_smtp_judge(struct fetch_transfer *t, CURLcode code,
                      struct fetch_answer *ret);

/* The threads that send mail. */
struct fetch_mail;
struct fetch_mail *fetch_mail_new(struct loop *l, const struct fetch_world *w,
                                  void (*on_done)(struct fetch_transfer *t,
                                                  CURLcode code));
void fetch_mail_start(struct fetch_mail *m, struct fetch_transfer *t);
void fetch_mail_limit(struct fetch_mail *m, size_t n);
/* It ends soon. */
void fetch_mail_cancel(struct fetch_mail *m, struct fetch_transfer *t);
/* Ends the threads, and calls on_done for all that is left. */
void fetch_mail_end(struct fetch_mail *m);
void fetch_mail_free(struct fetch_mail *m);
/* On the mailer's thread: nothing more can be said on its connections. */
void fetch_mailer_cut(struct fetch_mailer *w);
