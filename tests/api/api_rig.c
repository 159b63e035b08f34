#include "api_rig.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/egress.h"
#include "realtime/hub.h"
#include "realtime/hubs.h"
#include "store/sqlite/sqlite.h"

/* ---- the house ---- */

static void
on_commit(void *arg, const struct store_notice *notices, size_t n)
{
    struct house *h = arg;

    for (size_t i = 0; i < n; i++)
        if (notices[i].kind == STORE_NOTICE_CHANGE)
            snapshots_changed(h->app.snapshots, notices[i].seq);
    hubs_on_commit(h->hubs, notices, n);
}

static void
on_started(void *arg, enum err e)
{
    assert_int_equal(e, ERR_OK);
    *(bool *)arg = true;
}

static bool is_made;

static void
on_made(struct store_req *req, enum err e)
{
    (void)req;
    assert_int_equal(e, ERR_OK);
    is_made = true;
}

static void
make_default(struct house *h)
{
    struct store_object_write w = {.kind = OBJECT_WORKSPACE,
                                   .key = STR("default"),
                                   .body = STR("{}"),
                                   .num =
                                       id_make(h->app.ids, h->clock.now_ms, 1)};
    struct store_object_put p = {
        .req = {.arena = h->arena, .loop = h->env.loop, .on_done = on_made},
        .now_ms = 1,
        .writes = &w,
        .n_writes = 1};

    is_made = false;
    store_object_put(h->env.store, &p);
    for (int i = 0; i < 5000 && !is_made; i++)
        loop_turn(h->env.loop, 1);
    assert_true(is_made);
}

static void
open_store(struct house *h)
{
    struct store_listener l = {.on_commit = on_commit, .arg = h};
    struct sqlite_store_options o = {
        .path = str_cstr(h->arena, str_fmt(h->arena, "%s/db", h->dir)),
        .clock = clock_system()};
    const char *why = "";

    if (sqlite_store_open(&o, &h->env.store, &why) != ERR_OK)
        fail_msg("%s", why);
    h->app.snapshots = snapshots_new(
        &(struct snapshots_options){.env = &h->env, .vault = h->vault});
    h->hubs = hubs_new(&(struct hubs_limits){0}, clock_system());
    store_listen(h->env.store, &l);
}

static void
open_door(struct house *h)
{
    struct http_server_options o = {.limits = {5000, 5000, 5000, 0}};
    const char *why = "";
    struct http_handler handler;

    h->egress = egress_policy_new(NULL, 0, &why);
    h->api = api_new(&(struct api_options){
        .app = &h->app,
        .config = h->config,
        .hub = hub_new(&(struct hub_options){.app = &h->app, .hubs = h->hubs}),
        .egress = h->egress,
        .is_draining = &h->is_draining,
    });
    handler = api_handler(h->api);
    assert_int_equal(http_server_new(h->env.loop, &o, &handler, &h->http, &why),
                     ERR_OK);
    assert_int_equal(http_server_listen(h->http, STR("127.0.0.1:0"), &why),
                     ERR_OK);
}

int
house_setup(void **state)
{
    static const uint8_t secret[VAULT_SECRET_BYTES] = {9};
    struct house *h = xcalloc(1, sizeof(*h));
    bool is_started = false;

    snprintf(h->dir, sizeof(h->dir), "/tmp/belfry-api-XXXXXX");
    assert_non_null(mkdtemp(h->dir));
    h->arena = arena_new();
    h->vault = vault_from(secret);
    h->config = ARENA_NEW(h->arena, struct config);
    h->config->server_bootstrap_key = STR(ROOT);
    h->config->http_max_body = 1 << 20;
    h->config->http_max_batch = 8 << 20;
    h->config->server_cors_origins =
        (struct config_list){&(struct str){"https://app.example", 19}, 1};
    h->config->server_cors_origins.items = arena_copy(
        h->arena, h->config->server_cors_origins.items, sizeof(struct str));
    clock_virtual_init(&h->clock, clock_system()->wall_ms(clock_system()));
    rng_seed(&h->rng, 1);
    h->env = (struct env){
        .loop = loop_new(), .clock = &h->clock.base, .rng = &h->rng};
    h->app = (struct app){.env = &h->env,
                          .ids = id_maker_new(0),
                          .vault = h->vault,
                          .public_url = STR("http://belfry.test")};
    open_store(h);
    make_default(h);
    snapshots_start(h->app.snapshots, on_started, &is_started);
    for (int i = 0; i < 5000 && !is_started; i++)
        loop_turn(h->env.loop, 1);
    open_door(h);
    *state = h;
    return 0;
}

static void
remove_files(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *e;

    while (d && (e = readdir(d)) != NULL)
        unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    rmdir(dir);
}

int
house_teardown(void **state)
{
    struct house *h = *state;

    assert_int_equal(api_in_flight(h->api), 0);
    http_server_free(h->http);
    store_close(h->env.store);
    hub_free(api_options(h->api)->hub);
    hubs_free(h->hubs);
    api_free(h->api);
    snapshots_free(h->app.snapshots);
    egress_policy_free(h->egress);
    id_maker_free(h->app.ids);
    loop_free(h->env.loop);
    vault_free(h->vault);
    remove_files(h->dir);
    arena_free(h->arena);
    free(h);
    return 0;
}

/* ---- requests ---- */

static struct str
doubled(struct arena *a, const char *text)
{
    struct str s = str_from(text);
    char *p = arena_copy(a, s.p, s.n);

    for (size_t i = 0; i < s.n; i++)
        if (p[i] == '\'')
            p[i] = '"';
    return (struct str){p, s.n};
}

static int
connect_to(struct house *h)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port =
                                 htons((uint16_t)http_server_port(h->http)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

static struct str
exchange(struct house *h, struct str out)
{
    int64_t end_ms = loop_now_ms(h->env.loop) + 20000;
    int fd = connect_to(h);
    struct buf in;
    ssize_t n = -1;

    buf_init(&in, h->arena);
    while (n != 0 && loop_now_ms(h->env.loop) < end_ms) {
        if (out.n > 0) {
            n = send(fd, out.p, out.n, MSG_NOSIGNAL | MSG_DONTWAIT);
            out = n > 0 ? str_sub(out, (size_t)n, out.n) : out;
        }
        loop_turn(h->env.loop, 1);
        buf_reserve(&in, 64 * 1024);
        n = recv(fd, in.p + in.n, in.cap - in.n, MSG_DONTWAIT);
        if (n > 0)
            in.n += (size_t)n;
    }
    close(fd);
    assert_int_equal(n, 0); /* it was answered, and closed */
    loop_turn(h->env.loop, 0);
    return buf_str(&in);
}

static struct answer
understood(struct house *h, struct str text)
{
    const char *end = memmem(text.p, text.n, "\r\n\r\n", 4);
    struct json_doc *doc = ARENA_NEW(h->arena, struct json_doc);
    struct json_error why;
    struct answer a = {0};
    int64_t status;

    assert_non_null(end);
    assert_true(str_starts(text, STR("HTTP/1.1 ")));
    assert_true(str_to_i64(str_sub(text, 9, 3), &status));
    a.status = (int)status;
    a.head = str_sub(text, 0, (size_t)(end - text.p) + 2);
    a.body = str_sub(text, (size_t)(end - text.p) + 4, text.n);
    if (a.body.n > 0 && json_parse(h->arena, a.body, doc, &why) == ERR_OK)
        a.json = json_root(doc);
    return a;
}

struct answer
ask(struct house *h, const struct asked *q)
{
    struct str body = q->body ? doubled(h->arena, q->body) : q->raw;
    struct buf out;

    buf_init(&out, h->arena);
    buf_printf(&out, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n",
               q->method, q->path);
    if (q->key)
        buf_printf(&out, "Authorization: Bearer %s\r\n", q->key);
    if (q->headers)
        buf_put_cstr(&out, q->headers);
    if (body.p)
        buf_printf(&out, "Content-Length: %zu\r\n", body.n);
    buf_put_cstr(&out, "\r\n");
    buf_put_str(&out, body);
    return understood(h, exchange(h, buf_str(&out)));
}

struct answer
must(struct house *h, int status, const char *method, const char *path,
     const char *body)
{
    struct answer a = ASK(h, method, path, ROOT, .body = body);

    if (a.status != status)
        fail_msg("%s %s: %d is not %d: %.*s", method, path, a.status, status,
                 STR_ARG(a.body));
    return a;
}

struct str
header_of(const struct answer *a, const char *name)
{
    struct str rest = a->head, line;
    size_t n = strlen(name);

    while (rest.p && str_split(&rest, '\n', &line))
        if (line.n > n && line.p[n] == ':' &&
            str_ieq(str_sub(line, 0, n), str_from(name)))
            return str_trim(str_sub(line, n + 1, line.n - n - 2));
    return STR_NONE;
}

struct str
text_of(struct house *h, const struct answer *a, const char *key)
{
    return json_str_of(h->arena, a->json, key);
}

const char *
faults_of(struct house *h, const struct answer *a)
{
    struct json list = json_get(a->json, "errors");
    struct buf out;

    buf_init(&out, h->arena);
    for (struct json e = json_first(list); !json_is(e, JSON_ABSENT);
         e = json_next(list, e))
        buf_printf(&out, "%s%.*s", out.n > 0 ? " " : "",
                   STR_ARG(json_str_of(h->arena, e, "pointer")));
    return str_cstr(h->arena, buf_str(&out));
}

const char *
make_key(struct house *h, const char *workspace, const char *scopes)
{
    struct str body = str_fmt(h->arena, "{'scopes':[%s]}", scopes);
    struct str head = str_fmt(h->arena, "X-Belfry-Workspace: %s\r\n",
                              workspace ? workspace : "default");
    struct answer a = ASK(h, "POST", "/v1/keys", ROOT, str_cstr(h->arena, head),
                          str_cstr(h->arena, body));

    assert_int_equal(a.status, 201);
    return str_cstr(h->arena, text_of(h, &a, "key"));
}

const char *
make_token(struct house *h, const char *user, int64_t ttl_ms)
{
    struct token_claims c = {.user = str_from(user),
                             .workspace = STR("default"),
                             .expires_ms = h->clock.now_ms + ttl_ms};

    return str_cstr(h->arena, token_make(h->vault, h->arena, &c));
}

static bool
file_holds(struct house *h, int dir, const char *name, struct str bytes)
{
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    struct buf b;
    ssize_t n = 1;

    if (fd < 0)
        return false;
    buf_init(&b, h->arena);
    while (n > 0) {
        buf_reserve(&b, 64 * 1024);
        n = read(fd, b.p + b.n, b.cap - b.n);
        if (n > 0)
            b.n += (size_t)n;
    }
    close(fd);
    return b.n > 0 && memmem(b.p, b.n, bytes.p, bytes.n) != NULL;
}

bool
files_hold(struct house *h, struct str bytes)
{
    DIR *d = opendir(h->dir);
    struct dirent *e;
    bool has = false;

    assert_non_null(d);
    while ((e = readdir(d)) != NULL)
        if (e->d_name[0] != '.' && file_holds(h, dirfd(d), e->d_name, bytes))
            has = true;
    closedir(d);
    return has;
}

void
assert_text(struct str s, const char *want)
{
    if (!str_is(s, want))
        fail_msg("\"%.*s\" is not \"%s\"", STR_ARG(s), want);
}

bool
holds(struct str s, const char *part)
{
    return memmem(s.p, s.n, part, strlen(part)) != NULL;
}
