/* tokens.c - a key makes tokens for its users: good for the inbox of that
 * user, and for nothing else. Nothing is stored. */
#include "api/route.h"
#include "auth/token.h"

#define TTL_MIN_MS 1000

static void
handle_make(struct call *c)
{
    struct token_claims claims = {.workspace = c->workspace->key};
    const struct str ttl = json_str_of(c->arena, c->body, "ttl");
    int64_t ttl_ms = TOKEN_TTL_DEFAULT_MS;
    struct json_writer w;
    struct buf out;

    if (!call_path_key(c, 0, &claims.user))
        return;
    if (ttl.n > 0 && !str_to_duration_ms(ttl, &ttl_ms)) {
        call_fail(c, ERR_INVALID);
        return;
    }
    claims.expires_ms = (call_now_ms(c) + ttl_ms) / 1000 * 1000;
    w = call_writer(c, &out);
    json_begin_object(&w);
    json_str_field(&w, "token", token_make(c->app->vault, c->arena, &claims));
    json_time_field(&w, "expires_at", claims.expires_ms);
    json_end_object(&w);
    call_header(c, "Cache-Control", STR("no-store"));
    call_reply(c, 200, &out);
}

static const struct field token_request_fields[] = {
    {.name = "ttl",
     .type = FIELD_DURATION,
     .min = TTL_MIN_MS,
     .max = TOKEN_TTL_MAX_MS,
     .doc = "How long it is good for, at most 24h; 1h if it is not said."},
    {0},
};
static const struct field token_fields[] = {
    {.name = "token",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .doc = "A JWT, for Authorization: Bearer on inbox routes."},
    {.name = "expires_at",
     .type = FIELD_TIME,
     .flags = FIELD_REQUIRED,
     .doc = "From then on it is refused, and streams opened with it end."},
    {0},
};

const struct route token_routes[] = {
    {.method = "POST",
     .path = "/v1/users/{id}/token",
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_MAYBE,
     .handle = handle_make,
     .request = token_request_fields,
     .answer = token_fields,
     .statuses = {200},
     .id = "makeToken",
     .summary = "Make a token for the inbox of a user."},
    {0},
};
