/* user_export.c - belfry user export: what is kept about one person, as it
 * comes, however much that is. */
#include <stdio.h>

#include "cli/user.h"

#define ROW "{\"kind\":"
#define LAST_ROW "{\"kind\":\"end\""
#define TIMEOUT_MS (INT64_C(24) * 3600 * 1000)

struct copying {
    bool has_begun;              /* what came are rows, and not a refusal */
    bool is_whole;               /* the last line is the last row */
    bool is_broken;              /* stdout takes no more */
    char head[sizeof(LAST_ROW)]; /* of the line that comes */
    size_t n_head;
};

static void
note_lines(struct copying *k, struct str part)
{
    for (size_t i = 0; i < part.n; i++) {
        if (part.p[i] == '\n') {
            k->is_whole =
                str_starts((struct str){k->head, k->n_head}, STR(LAST_ROW));
            k->n_head = 0;
        } else if (k->n_head < sizeof(k->head)) {
            k->head[k->n_head++] = part.p[i];
        }
    }
}

static bool
on_part(void *arg, struct str part)
{
    struct copying *k = arg;

    if (!k->has_begun && !str_starts(part, STR(ROW)))
        return false;
    k->has_begun = true;
    note_lines(k, part);
    k->is_broken |= fwrite(part.p, 1, part.n, stdout) != part.n;
    return true;
}

int
user_export(struct cli *c, struct str id)
{
    struct copying k = {0};
    struct client_call call = {
        .method = "GET",
        .path = path_of(c->arena, "/v1/users/", id, "/export"),
        .timeout_ms = TIMEOUT_MS,
        .on_part = on_part,
        .arg = &k,
    };
    struct client_answer a;

    client_call(c->client, c->arena, &call, &a);
    if (a.outcome != CLIENT_ANSWERED || !k.has_begun)
        return cli_refused(c, &a);
    if (fflush(stdout) != 0 || k.is_broken) {
        cli_complain(c, STR("stdout could not be written"), STR_NONE, STR_NONE);
        return CLI_FAILED;
    }
    if (k.is_whole)
        return CLI_OK;
    cli_complain(c, STR("the export is not whole"), STR_NONE,
                 STR("run it again; its last line says why"));
    return CLI_FAILED;
}
