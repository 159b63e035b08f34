/* cluster.h - all processes on this database as one. Each reports now and then
 * what it knows (a worker opens no listening socket); one that is asked puts
 * that beside what it knows itself. Where the database is not shared, and while
 * it is away, it knows only itself. */
#pragma once

#include "app/app.h"
#include "base/health.h"
#include "store/report.h"

/* Has the texts of r, whose request is filled but for these, say how this
 * process is, and submits it. */
void cluster_report(const struct app *app, struct store_report *r);
bool cluster_is_shared(const struct app *app);

/* A question, of one call; embedded by who asks, until on_done. */
struct cluster {
    const struct app *app;
    struct arena *arena;
    bool wants_metrics;
    void (*on_done)(struct cluster *c);
    /* result: nobody, where there are no others to ask or they cannot be */
    struct store_process *processes;
    size_t n_processes;
    const struct store_process *self; /* one of them; NULL: see above */
    struct store_lane_owner *owners;
    size_t n_owners;
    /* private */
    struct str *past;
    size_t n_past;
    struct store_report report;
    struct store_reports reports;
    struct map *owners_of; /* see owner_key() */
};

void cluster_ask(struct cluster *c);
/* The components of all as an array, and the worst; `only` as for
 * health_write(). A process that has been silent for lease_ms / 2, or has not
 * reported for a while, is degraded. */
enum health cluster_write_health(struct cluster *c, struct str only,
                                 int64_t lease_ms, struct json_writer *w);
/* The series of all, with wants_metrics. */
void cluster_write_metrics(struct cluster *c, struct buf *out);
