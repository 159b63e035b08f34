/* serve_first.c - what a new store needs before the first request: a
 * workspace, in development a provider for each channel, else a first key. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/key.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/list.h"
#include "base/log.h"
#include "cli/cli.h"
#include "serve_private.h"

#define DEFAULT_TENANT 1 /* the number of the workspace "default" */

static void
on_written(struct store_req *req, enum err e)
{
    struct store_object_put *p =
        CONTAINER_OF(req, struct store_object_put, req);
    struct server *s = CONTAINER_OF(p, struct server, first_put);

    if (s->is_draining) /* told to stop before it had begun */
        return;
    if (e != ERR_OK) {
        fprintf(stderr, "belfry: the database could not be written (%s)\n",
                err_code(e));
        s->exit_code = 1;
        loop_stop(s->loop);
        return;
    }
    s->first_step(s);
}

static void
put(struct server *s, int64_t tenant, size_t n, void (*then)(struct server *s))
{
    s->first_step = then;
    s->first_audit = (struct audit){
        .tenant = DEFAULT_TENANT,
        .id = id_make(s->ids, s->clock->wall_ms(s->clock), AUDIT_LINES_MAX),
        .now_ms = s->clock->wall_ms(s->clock),
        .actor = STR("server"),
        .action = STR("bootstrap"),
    };
    s->first_put = (struct store_object_put){
        .req = {.arena = s->arena,
                .loop = s->loop,
                .on_done = on_written,
                .audit = &s->first_audit},
        .tenant = tenant,
        .now_ms = s->clock->wall_ms(s->clock),
        .writes = s->first_writes,
        .n_writes = n,
    };
    store_object_put(s->store, &s->first_put);
}

/* Only where none of that name is: what people changed stays. */
static void
put_dev_providers(struct server *s)
{
    static const struct {
        const char *name, *body;
    } dev[] = {
        {"dev-email", "{\"channel\":\"email\",\"driver\":\"smtp\",\"order\":"
                      "1000,\"config\":{\"host\":\"127.0.0.1\",\"port\":25,"
                      "\"from\":\"dev@example.com\",\"tls\":\"none\"}}"},
        {"dev-webhook", "{\"channel\":\"webhook\",\"driver\":\"webhook\","
                        "\"order\":1000,\"config\":{\"url\":"
                        "\"http://127.0.0.1/dev\"}}"},
        {"dev-log-file", "{\"channel\":\"log_file\",\"driver\":\"log_file\","
                         "\"order\":1000,\"config\":{\"path\":"
                         "\"belfry-dev.log\",\"format\":\"json\"}}"},
    };
    const size_t n = sizeof(dev) / sizeof(dev[0]);

    for (size_t i = 0; i < n; i++)
        s->first_writes[i] = (struct store_object_write){
            .kind = OBJECT_PROVIDER,
            .key = str_from(dev[i].name),
            .body = str_from(dev[i].body),
            .if_version = 0,
            .num = id_make(s->ids, s->clock->wall_ms(s->clock), 1),
        };
    put(s, DEFAULT_TENANT, n, s->first_done);
}

/* Without any key nobody could do anything: one is made and shown, once. */
static void
put_first_key(struct server *s)
{
    int64_t now_ms = s->clock->wall_ms(s->clock);
    char *text = arena_alloc(s->arena, AUTH_KEY_TEXT_MAX);
    struct auth_key k = {.tenant = DEFAULT_TENANT, .scopes = AUTH_ADMIN};
    struct json_writer w;
    struct buf body;
    struct str full = auth_key_make(text, &k);

    buf_init(&body, s->arena);
    w = json_writer(&body);
    auth_key_write(&k, STR("first key"), now_ms, &w);
    s->first_writes[0] = (struct store_object_write){
        .kind = OBJECT_KEY,
        .key = str_dup(s->arena, str_from(k.id)),
        .body = buf_str(&body),
        .num = id_make(s->ids, now_ms, 1),
    };
    fprintf(stderr,
            "belfry: this database is new. Its first key (scope admin, shown "
            "once):\n\n    %.*s\n\n",
            STR_ARG(full));
    put(s, DEFAULT_TENANT, 1, s->first_done);
}

static void
on_seal(struct server *s)
{
    if (s->first_writes[0].err == ERR_PRECONDITION &&
        !str_eq(s->first_writes[0].object.body, s->first_writes[0].body)) {
        fprintf(
            stderr,
            "belfry: this database was made with another secret key file: "
            "its secrets\nand the ids that it gave out cannot be read with "
            "this one. Nothing was changed.\nPut the file back that belongs "
            "to it (BELFRY_SECRET_KEY_FILE; on SQLite, without it,\nthe "
            "database's path with .key).\n");
        s->exit_code = 1;
        loop_stop(s->loop);
        return;
    }
    if (s->config->server_dev)
        put_dev_providers(s);
    else if (s->is_new && s->config->server_bootstrap_key.n == 0)
        put_first_key(s);
    else
        s->first_done(s);
}

/* With another key all providers would be without their secrets, and what is
 * queued for them would end as if there were none. */
static void
on_workspace(struct server *s)
{
    uint8_t mac[32];
    struct buf body;

    s->is_new = s->first_writes[0].is_created;
    vault_sign(s->vault, "seal", STR("belfry"), mac);
    buf_init(&body, s->arena);
    buf_put_cstr(&body, "{\"seal\":\"");
    buf_put_hex(&body, (struct str){(char *)mac, sizeof(mac)});
    buf_put_cstr(&body, "\"}");
    s->first_writes[0] = (struct store_object_write){
        .kind = OBJECT_SEAL,
        .key = STR("secret-key"),
        .body = buf_str(&body),
        .if_version = 0,
        .num = id_make(s->ids, s->clock->wall_ms(s->clock), 1),
    };
    put(s, 0, 1, on_seal);
}

void
serve_first_documents(struct server *s, void (*then)(struct server *s))
{
    s->first_done = then;
    s->first_writes[0] = (struct store_object_write){
        .kind = OBJECT_WORKSPACE,
        .key = STR("default"),
        .body = STR("{\"name\":\"Default\"}"),
        .if_version = 0,
        .num = DEFAULT_TENANT,
    };
    put(s, 0, 1, on_workspace);
}
