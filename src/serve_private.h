/* serve_private.h - between serve*.c. */
#pragma once

#include "api/api.h"
#include "app/cadence.h"
#include "app/examiner.h"
#include "app/dev_sink.h"
#include "app/digest.h"
#include "app/fan.h"
#include "app/outbox.h"
#include "app/teller.h"
#include "app/workflow_run.h"
#include "auth/vault.h"
#include "base/config.h"
#include "base/pace.h"
#include "base/rng.h"
#include "dispatch/dispatch.h"
#include "net/egress.h"
#include "net/fetch.h"
#include "queue/queue.h"
#include "realtime/hub.h"
#include "store/store.h"

#define FRONTS_MAX 64
#define MINUTE_SAMPLES 64    /* of what ended in the last minute */
#define DRAIN_GRACE_MS 20000 /* for calls to providers in flight */
#define DRAIN_LIMIT_MS 28000 /* then it ends, whatever is left */

struct server;

/* A thread that serves HTTP. */
struct front {
    struct server *server;
    struct loop *loop;
    struct loop_thread *thread;
    struct rng rng;
    struct env env;
    struct app app;
    struct http_server *http;
    struct api *api;
    struct hub *hub;
    struct executor *network, *sink; /* NULL until something is called; sink:
                                        NULL unless --dev */
    struct outcaller *outcaller;
    struct task drain;
};

/* The thread that calls providers. */
struct outlet {
    struct server *server;
    struct loop *loop;
    struct loop_thread *thread;
    struct rng rng;
    struct env env;
    struct executor *network, *sink; /* sink: NULL unless --dev */
    struct dispatch *dispatch;
    struct task start, drain;
};

/* The thread that plans what goes to whole workspaces, ends windows of digests,
 * moves workflows on, makes the runs of schedules, and tells endpoints. */
struct planner {
    struct server *server;
    struct loop *loop;
    struct loop_thread *thread;
    struct rng rng;
    struct env env;
    struct app app;
    struct fan *fan;
    struct digests *digests;
    struct executor *network, *sink; /* sink: NULL unless --dev */
    struct outcaller *outcaller;     /* what steps of workflows call */
    struct workflows *workflows;
    struct teller *teller;
    struct cadence *cadence; /* these NULL: others are schedulers */
    struct examiner *examiner;
    struct task drain;
};

struct server {
    struct arena *arena;
    struct config *config;
    const char *const *environment;
    struct clock *clock;
    struct rng rng;
    struct loop *loop;
    struct env env;
    struct vault *vault;
    struct store *store;
    struct id_maker *ids;
    struct snapshots *snapshots;
    struct egress_policy *egress;
    struct plugins *plugins;   /* NULL: none */
    struct dev_sink *dev_sink; /* NULL: not --dev */
    struct hubs *hubs;
    struct app app;        /* of this thread */
    struct outbox *outbox; /* what applications left in the database */
    struct limiter *key_limiter, *address_limiter; /* NULL: none */
    struct front fronts[FRONTS_MAX];
    int n_fronts;
    struct outlet outlet;
    struct planner planner;
    struct queue *waiting_room; /* where no outlet promotes what is due */
    char address[300];          /* where it listens, with the real port */
    struct str public_url;
    int64_t started_ms;
    bool is_draining;
    int n_left; /* parts that still drain */
    struct loop_timer limit, upkeep;
    struct store_object_write first_writes[8];
    struct store_object_put first_put;
    struct audit first_audit;
    void (*first_step)(struct server *s), (*first_done)(struct server *s);
    bool is_new; /* the store was empty */
    struct store_purge purge;
    struct store_stats stats;
    struct arena *purge_arena, *upkeep_arena;
    struct store_report report;
    struct arena *report_arena;
    struct map *gauges; /* of lanes; see serve_upkeep.c */
    struct {
        int64_t at_ms, n_ended;
    } minute[MINUTE_SAMPLES]; /* oldest first */
    int n_minute;
    bool has_begun; /* its upkeep */
    bool is_purging, is_counting, is_reporting;
    struct pace count_pace;
    bool is_store_away; /* so said the last count */
    int exit_code;
};

bool serve_has_role(const struct server *s, const char *role);
/* Each answers false after it has said on stderr what is wrong. */
bool serve_open(struct server *s);            /* config to store */
void serve_name_public_url(struct server *s); /* before what follows */
bool serve_open_fronts(struct server *s);     /* they listen */
void serve_reload_fronts(struct server *s);   /* the certificate */
void serve_start_outlet(struct server *s);
void serve_start_waiting_room(struct server *s);
void serve_start_planner(struct server *s);
void serve_run_fronts(struct server *s);
void serve_first_documents(struct server *s, void (*then)(struct server *s));
void serve_banner(struct server *s);
void serve_start_upkeep(struct server *s);
void serve_report_last(struct server *s);
void serve_free_gauges(struct server *s);
void serve_start_outbox(struct server *s);
void serve_listen_to_store(struct server *s);
void serve_drain(struct server *s);
void serve_close(struct server *s);
