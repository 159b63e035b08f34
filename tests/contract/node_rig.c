/* node_rig.c - see node_rig.h. A child is this program again; it does what a
 * byte on its socket says, and answers with a number. */
#include "node_rig.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "store/postgres/postgres.h"

int64_t node_lease_ms = LEASE_MS;

static struct store *
open_node(struct rig *r)
{
    struct postgres_store_options o = {.clock = clock_system(),
                                       .roles = "worker",
                                       .may_own = true,
                                       .lease_ms = node_lease_ms};
    struct store *s = NULL;
    const char *why = "";

    pg_make_database(r);
    o.url = pg_url(r);
    if (postgres_store_open(&o, &s, &why) != ERR_OK)
        fail_msg("%s", why);
    return s;
}

const struct kind the_kind = {"postgres", true, open_node, pg_drop_database};
static const struct kind peer_kind = {"postgres", true, open_node, NULL};

/* ---- nodes of this process ---- */

static struct rig *peers[4];
static struct child children[4];

struct rig *
node_peer(struct rig *r)
{
    size_t i = 0;

    while (peers[i])
        i++;
    assert_true(i < sizeof(peers) / sizeof(*peers));
    peers[i] = rig_on(&peer_kind, r->path);
    return peers[i];
}

void
begin_on(struct rig *r, struct rig *node, enum store_verb verb,
         struct store_req *req)
{
    struct store *own = r->store;

    r->store = node->store;
    begin(r, verb, req);
    r->store = own;
}

void
node_leave(struct rig *r)
{
    store_close(r->store);
    r->store = NULL;
}

int
node_setup_lease(void **state, int64_t lease_ms)
{
    node_lease_ms = lease_ms;
    return rig_setup(state);
}

int
node_setup(void **state)
{
    return node_setup_lease(state, LEASE_MS);
}

int
node_setup_slow(void **state)
{
    return node_setup_lease(state, 15000);
}

int
node_setup_deaf(void **state)
{
    return node_setup_lease(state, 600000);
}

int
node_teardown(void **state)
{
    gate_open();
    for (size_t i = 0; i < sizeof(children) / sizeof(*children); i++)
        if (children[i].pid)
            child_kill(&children[i]);
    for (size_t i = 0; i < sizeof(peers) / sizeof(*peers); i++) {
        if (peers[i])
            rig_free(peers[i]);
        peers[i] = NULL;
    }
    return rig_teardown(state);
}

/* ---- nodes that are processes ---- */

struct deed {
    int64_t what; /* 'c' claim, 'f' finish, 'h' holds */
    int64_t lane, n;
};

struct child *
child_new(struct rig *r)
{
    struct child *c = children;
    int fds[2];

    while (c->pid)
        c++;
    assert_true(c < children + sizeof(children) / sizeof(*children));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds),
                     0);
    c->pid = fork();
    if (c->pid == 0) {
        char fd[16], lease[32];

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        snprintf(fd, sizeof(fd), "%d", fds[1]);
        snprintf(lease, sizeof(lease), "%lld", (long long)node_lease_ms);
        fcntl(fds[1], F_SETFD, 0);
        execl("/proc/self/exe", "node", r->path, fd, lease, (char *)NULL);
        _exit(99);
    }
    close(fds[1]);
    c->fd = fds[0];
    return c;
}

static int64_t
tell(struct child *c, struct deed deed)
{
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    int64_t answer = -1;

    assert_int_equal(write(c->fd, &deed, sizeof(deed)), sizeof(deed));
    if (poll(&p, 1, LATE_MS) != 1)
        fail_msg("the other process does not answer");
    assert_int_equal(read(c->fd, &answer, sizeof(answer)), sizeof(answer));
    return answer;
}

int64_t
child_claim(struct child *c, int64_t lane, int64_t n)
{
    return tell(c, (struct deed){'c', lane, n});
}

int64_t
child_finish(struct child *c)
{
    return tell(c, (struct deed){'f', 0, 0});
}

bool
child_holds(struct child *c)
{
    return tell(c, (struct deed){'h', 0, 0}) != 0;
}

void
child_freeze(struct child *c)
{
    int status;

    assert_int_equal(kill(c->pid, SIGSTOP), 0);
    assert_int_equal(waitpid(c->pid, &status, WUNTRACED), c->pid);
    assert_true(WIFSTOPPED(status));
}

void
child_thaw(struct child *c)
{
    assert_int_equal(kill(c->pid, SIGCONT), 0);
}

void
child_kill(struct child *c)
{
    int status;

    kill(c->pid, SIGKILL);
    waitpid(c->pid, &status, 0);
    close(c->fd);
    *c = (struct child){0};
}

/* In the child. */
#define HELD_MAX 100

struct held {
    int64_t ids[HELD_MAX];
    size_t n;
    int64_t lease;
    bool has_lease;
};

static int64_t
do_claim(struct rig *r, struct held *h, const struct deed *d)
{
    struct store_cycle c = {.now_ms = NOW,
                            .tenant = T,
                            .lane = d->lane,
                            .want = (size_t)d->n,
                            .records_intent = true};

    if (ASK(r, cycle, &c) != ERR_OK)
        return -2;
    if (c.n_work > 0 && !h->has_lease)
        h->lease = c.lease;
    h->has_lease = h->has_lease || c.n_work > 0;
    for (size_t i = 0; i < c.n_work && h->n < HELD_MAX; i++)
        h->ids[h->n++] = c.work[i].delivery.id;
    return (int64_t)c.n_work;
}

static int64_t
do_finish(struct rig *r, const struct held *h)
{
    int64_t n = 0;

    for (size_t i = 0; i < h->n; i++)
        n += finish_one(r, h->ids[i], DELIVERY_SENT, 1);
    return n;
}

int
be_child(const char *path, int fd, int64_t lease_ms)
{
    struct held held = {0};
    struct deed d;
    struct rig *r;

    node_lease_ms = lease_ms;
    r = rig_on(&peer_kind, path);
    while (read(fd, &d, sizeof(d)) == sizeof(d)) {
        int64_t answer = 0;

        if (d.what == 'c')
            answer = do_claim(r, &held, &d);
        else if (d.what == 'f')
            answer = do_finish(r, &held);
        else if (d.what == 'h')
            answer = store_holds(r->store, held.lease);
        if (write(fd, &answer, sizeof(answer)) != sizeof(answer))
            break;
    }
    _exit(0);
}

/* ---- waiting ---- */

int64_t
mono_now_ms(void)
{
    return clock_system()->mono_ms(clock_system());
}

void
wait_a_bit(int64_t end_ms, const char *what)
{
    if (mono_now_ms() > end_ms)
        fail_msg("too late: %s", what);
    poll(NULL, 0, 5);
}

/* ---- what is done ---- */

size_t
claim_lane(struct rig *r, int64_t lane, size_t n, int64_t *ret_ids)
{
    struct store_cycle c = {.now_ms = NOW,
                            .tenant = T,
                            .lane = lane,
                            .want = n,
                            .records_intent = true};

    assert_int_equal(ASK(r, cycle, &c), ERR_OK);
    for (size_t i = 0; i < c.n_work; i++)
        ret_ids[i] = c.work[i].delivery.id;
    return c.n_work;
}

size_t
claim_now(struct rig *r, int64_t lane, size_t n)
{
    int64_t ids[100];

    return claim_lane(r, lane, n, ids);
}

const struct heard *
heard_since(const struct rig *r, size_t n, enum store_notice_kind kind)
{
    size_t n_heard = r->n_heard;

    for (; n < n_heard; n++)
        if (r->heard[n].notice.kind == kind)
            return &r->heard[n];
    return NULL;
}

void
wait_for_beats(struct rig *r, int n)
{
    for (int i = 0; i < n; i++) {
        const char *now = pg_ask(r, "SELECT clock_timestamp()");

        UNTIL(LATE_MS, str_is(str_from(pg_ask(r,
                                              "SELECT min(beat) > '%s' FROM "
                                              "node WHERE is_live",
                                              now)),
                              "t"));
    }
}

const char *
attempts_of(struct rig *r, int64_t delivery)
{
    struct store_delivery_get g;
    struct buf text;

    get_delivery(r, delivery, &g);
    buf_init(&text, r->arena);
    for (size_t i = 0; i < g.n_attempts; i++)
        buf_printf(&text, "%s%.*s %d", i > 0 ? " " : "",
                   STR_ARG(g.attempts[i].verdict), g.attempts[i].n);
    return str_cstr(r->arena, buf_str(&text));
}

/* ---- harm ---- */

void
cut(struct rig *r, const char *who)
{
    const char *pids =
        pg_ask(r,
               "SELECT pid FROM (SELECT pid, pg_terminate_backend(pid) FROM "
               "pg_stat_activity WHERE datname = current_database() AND pid <> "
               "pg_backend_pid() AND application_name LIKE 'belfry %s') AS x",
               who);

    UNTIL(LATE_MS, !*pg_ask(r,
                            "SELECT 1 FROM pg_stat_activity WHERE pid::text = "
                            "ANY (string_to_array('%s', ',')) LIMIT 1",
                            pids));
}

static PGconn *gate;

void
gate_make(struct rig *r)
{
    static const char *const tables[] = {"intent", "ready"};

    pg_run(pg_url(r), "CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql "
                      "AS 'BEGIN PERFORM pg_advisory_xact_lock_shared(1); "
                      "RETURN NULL; END'");
    for (size_t i = 0; i < 2; i++)
        (void)pg_ask(r,
                     "CREATE CONSTRAINT TRIGGER gate AFTER INSERT OR UPDATE OR "
                     "DELETE ON %s DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
                     "EXECUTE FUNCTION gate()",
                     tables[i]);
}

void
gate_shut(struct rig *r)
{
    PGresult *done;

    gate = PQconnectdb(pg_url(r));
    done = PQexec(gate, "SELECT pg_advisory_lock(1)");
    assert_int_equal(PQresultStatus(done), PGRES_TUPLES_OK);
    PQclear(done);
}

void
gate_open(void)
{
    PQfinish(gate);
    gate = NULL;
}

/* Its port, "" if there is none. */
static const char *
port_at_gate(struct rig *r, const char *who)
{
    return pg_ask(r,
                  "SELECT client_port FROM pg_stat_activity WHERE datname = "
                  "current_database() AND wait_event = 'advisory' AND "
                  "application_name = 'belfry %s'",
                  who);
}

void
gate_await(struct rig *r, const char *who)
{
    UNTIL(LATE_MS, *port_at_gate(r, who));
}

void
gate_sever(struct rig *r, const char *who)
{
    int64_t port = 0;
    int n = 0;

    assert_true(str_to_i64(str_from(port_at_gate(r, who)), &port));
    for (int fd = 0; fd < 1024; fd++) {
        struct sockaddr_in a;
        socklen_t size = sizeof(a);

        if (getsockname(fd, (struct sockaddr *)&a, &size) == 0 &&
            a.sin_family == AF_INET && ntohs(a.sin_port) == port)
            n += shutdown(fd, SHUT_RDWR) == 0;
    }
    assert_int_equal(n, 1);
}
