/* dev.c - what the development sink caught, for people and for their tests. */
#include "api/api.h"
#include "api/embedded.h"
#include "api/route.h"
#include "app/dev_sink.h"

static void
write_message(struct json_writer *w, const struct dev_message *m)
{
    json_begin_object(w);
    json_int_field(w, "seq", m->seq);
    json_time_field(w, "at", m->at_ms);
    json_str_field(w, "channel", m->channel);
    json_str_field(w, "provider", m->provider);
    json_str_field(w, "driver", m->driver);
    json_str_field(w, "user", m->user);
    json_str_field(w, "to", m->to);
    json_str_field(w, "from", m->from);
    json_str_field(w, "title", m->title);
    json_str_field(w, "body", m->body);
    json_str_field(w, "html", m->html);
    json_str_field(w, "method", m->method);
    json_str_field(w, "url", m->url);
    json_str_field(w, "headers", m->headers);
    json_str_field(w, "raw", m->raw);
    json_str_field(w, "delivery_id", m->delivery_id);
    json_str_field(w, "notification_id", m->notification_id);
    json_end_object(w);
}

static void
handle_list(struct call *c)
{
    struct dev_sink *sink = api_options(c->api)->dev_sink;
    struct dev_message *messages;
    struct json_writer w;
    struct buf out;
    size_t limit, n;
    int64_t before = 0;
    struct str after;

    if (!call_limit(c, &limit) || !call_after_key(c, &after))
        return;
    if (after.n > 0)
        str_to_i64(after, &before);
    n = dev_sink_list(sink, c->arena, c->workspace->tenant, before, limit + 1,
                      &messages);
    w = call_begin_page(c, &out);
    for (size_t i = 0; i < n && i < limit; i++)
        write_message(&w, &messages[i]);
    call_end_page(
        c, &w,
        n > limit ? call_cursor(c, str_fmt(c->arena, "%lld",
                                           (long long)messages[limit - 1].seq))
                  : STR_NONE);
}

static void
handle_clear(struct call *c)
{
    dev_sink_clear(api_options(c->api)->dev_sink, c->workspace->tenant);
    call_reply_empty(c, 204);
}

static void
reply_file(struct call *c, const char *type, const unsigned char *bytes,
           size_t n)
{
    call_header(c, "Content-Security-Policy",
                STR("default-src 'none'; script-src 'self'; style-src 'self' "
                    "'unsafe-inline'; connect-src 'self'; img-src data:; "
                    "frame-src 'self'; base-uri 'none'; form-action 'self'; "
                    "frame-ancestors 'none'"));
    call_header(c, "X-Content-Type-Options", STR("nosniff"));
    call_header(c, "Referrer-Policy", STR("no-referrer"));
    call_header(c, "Cache-Control", STR("no-cache"));
    call_reply_text(c, 200, type, (struct str){(const char *)bytes, n});
}

static void
handle_page(struct call *c)
{
    reply_file(c, "text/html; charset=utf-8", embedded_dev_index,
               embedded_dev_index_size);
}

static void
handle_style(struct call *c)
{
    reply_file(c, "text/css; charset=utf-8", embedded_dev_style,
               embedded_dev_style_size);
}

static void
handle_script(struct call *c)
{
    reply_file(c, "text/javascript; charset=utf-8", embedded_dev_script,
               embedded_dev_script_size);
}

static const struct field message_fields[] = {
    {.name = "seq", .type = FIELD_INT, .flags = FIELD_REQUIRED},
    {.name = "at", .type = FIELD_TIME, .flags = FIELD_REQUIRED},
    {.name = "channel", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "provider", .type = FIELD_STRING},
    {.name = "driver", .type = FIELD_STRING},
    {.name = "user", .type = FIELD_STRING},
    {.name = "to", .type = FIELD_STRING},
    {.name = "from", .type = FIELD_STRING},
    {.name = "title", .type = FIELD_STRING},
    {.name = "body", .type = FIELD_STRING},
    {.name = "html", .type = FIELD_STRING},
    {.name = "method",
     .type = FIELD_STRING,
     .doc = "GET, POST, ... for HTTP; SMTP; FILE."},
    {.name = "url", .type = FIELD_STRING},
    {.name = "headers", .type = FIELD_STRING},
    {.name = "raw",
     .type = FIELD_STRING,
     .doc = "The body, or the whole mail."},
    {.name = "delivery_id", .type = FIELD_STRING},
    {.name = "notification_id", .type = FIELD_STRING},
    {.type = FIELD_END},
};

#define PAGE(path_, type_, handle_, id_, summary_)                             \
    {                                                                          \
        .method = "GET", .path = path_, .auth = ROUTE_OPEN,                    \
        .is_dev_only = true, .gives = type_, .handle = handle_,                \
        .statuses = {200}, .id = id_, .summary = summary_                      \
    }

const struct route dev_routes[] = {
    {.method = "GET",
     .path = "/v1/dev/messages",
     .scope = AUTH_READ,
     .is_dev_only = true,
     .handle = handle_list,
     .answer = message_fields,
     .is_list = true,
     .statuses = {200},
     .id = "listDevMessages",
     .summary = "What the development sink caught, newest first.",
     .query = route_page_params},
    {.method = "DELETE",
     .path = "/v1/dev/messages",
     .scope = AUTH_WRITE,
     .is_dev_only = true,
     .handle = handle_clear,
     .statuses = {204},
     .id = "clearDevMessages",
     .summary = "Empty the development sink."},
    PAGE("/dev", "text/html", handle_page, "devPage",
         "A page that shows the sink."),
    PAGE("/dev/style.css", "text/css", handle_style, "devStyle", "Its style."),
    PAGE("/dev/script.js", "text/javascript", handle_script, "devScript",
         "Its script."),
    {0},
};
