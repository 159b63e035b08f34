/* recover.c - what was in flight when the process died gets an attempt that
 * says so, and is ready again: it may or may not have gone out. What was in
 * flight in every one of several crashes is not tried any more. */
#include "base/list.h"
#include "base/log.h"
#include "domain/reason.h"
#include "domain/status.h"
#include "domain/verdict.h"
#include "store/sqlite/tell.h"
#include "store/sqlite/writer.h"

/* False: it ended, or its call was recorded. */
static bool
explain(struct writer *w, const struct claim_ref *ref, int64_t at_ms,
        int64_t now_ms)
{
    struct str reason = reason_code(REASON_INTERRUPTED);
    struct query q = query(&w->conn, SQL_intent_explain);
    struct str provider;

    put_int(&q, ref->delivery);
    put_int(&q, ref->attempts);
    put_int(&q, now_ms);
    put_text(&q, reason);
    if (!query_row(&q))
        return false;
    provider = take_text(&q, w->arena);
    query_end(&q);
    q = query(&w->conn, SQL_attempt_add);
    put_int(&q, ref->delivery);
    put_int(&q, ref->attempts + 1);
    put_int(&q, at_ms);
    put_text(&q, provider);
    put_text(&q, str_from(verdict_name(VERDICT_INTERRUPTED)));
    put_int(&q, 0);
    put_text(&q, str_from(reason_sentence(REASON_INTERRUPTED)));
    put_int(&q, 0);
    put_int(&q, 0);
    query_run(&q);
    return true;
}

/* A person's retry begins the count anew: what crashes it had then are a
 * multiple. An end in order says something else in the attempt's detail. */
static bool
is_crash_loop(struct writer *w, int64_t delivery)
{
    struct query q = query(&w->conn, SQL_intent_crashes);
    int64_t n;

    put_int(&q, delivery);
    put_text(&q, str_from(reason_sentence(REASON_INTERRUPTED)));
    n = query_row(&q) ? take_int(&q) : 0;
    query_end(&q);
    return n > 0 && n % STORE_CRASHES_MAX == 0;
}

static void
quarantine(struct writer *w, int64_t delivery, int64_t now_ms)
{
    struct query q = query(&w->conn, SQL_intent_quarantine);

    LOG_ERROR("queue.quarantined", log_int("n", 1));
    put_int(&q, delivery);
    put_int(&q, DELIVERY_DEAD);
    put_int(&q, now_ms);
    put_text(&q, reason_code(REASON_CRASH_LOOP));
    query_run(&q);
    /* Who listens is not known yet; it is rare. */
    told_delivery(w, EVENT_BIT(EVENT_DELIVERY_DEAD), delivery, DELIVERY_DEAD,
                  now_ms);
}

static void
run(struct writer *w, enum sql which)
{
    struct query q = query(&w->conn, which);

    query_run(&q);
}

/* All refs as one row; the batch's time stands before each. */
struct flight {
    int64_t at_ms;
    struct claim_ref ref;
};

enum err
recover_flights(struct writer *w, int64_t now_ms)
{
    struct query q;
    struct buf flights;
    int64_t n_explained = 0;

    buf_init(&flights, w->arena);
    run(w, SQL_begin);
    q = query(&w->conn, SQL_intent_scan);
    while (query_row(&q)) {
        struct str refs = take_blob(&q, w->arena);
        struct flight f = {.at_ms = take_int(&q)};

        while (claim_ref_next(&refs, &f.ref))
            buf_put(&flights, &f, sizeof(f));
    }
    for (size_t i = 0; i < flights.n / sizeof(struct flight); i++) {
        struct flight f;

        memcpy(&f, flights.p + i * sizeof(f), sizeof(f));
        if (!explain(w, &f.ref, f.at_ms, now_ms))
            continue;
        if (is_crash_loop(w, f.ref.delivery))
            quarantine(w, f.ref.delivery, now_ms);
        else
            n_explained++;
    }
    run(w, SQL_intent_clear);
    run(w, SQL_work_release_all);
    run(w, SQL_telling_release_all);
    run(w, SQL_commit);
    if (w->conn.rc == SQLITE_OK && n_explained > 0)
        metric_add(metrics_series(METRIC_duplicates_possible_total,
                                  verdict_name(VERDICT_INTERRUPTED)),
                   n_explained);
    arena_reset(w->arena);
    return db_err(&w->conn);
}
