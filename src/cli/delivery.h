/* delivery.h - a delivery as the server tells of it, for people. */
#pragma once

#include "cli/cli_private.h"

/* What an id is of. */
enum id_of { ID_OF_NOTHING, ID_OF_NOTIFICATION, ID_OF_DELIVERY };
enum id_of id_of(struct str id);
/* "/v1/deliveries/dlv_..." + rest. False: it is of nothing, which is complained
 * of; *ret is what to exit with. */
bool id_path(struct cli *c, struct str id, const char *rest,
             struct str *ret_path, int *ret);

struct delivery_view {
    struct str id, notification, user, channel, provider, status, reason;
    int64_t attempts;
    int64_t created_ms, updated_ms, due_ms; /* 0: not there */
    struct str raw;
};

void delivery_read(struct arena *a, struct json doc, struct delivery_view *ret);
bool delivery_is_settled(const struct delivery_view *d);
bool delivery_is_dead_letter(const struct delivery_view *d);
bool delivery_went_wrong(const struct delivery_view *d);
enum term_symbol delivery_symbol(const struct delivery_view *d);
/* "retry 2 in 8s", "attempts.exhausted" ... */
struct str delivery_remark(struct arena *a, const struct delivery_view *d,
                           int64_t now_ms);
/* What the provider said last; nothing where that cannot be had. */
struct str delivery_last_answer(struct cli *c, struct str id);
int64_t json_time_of(struct arena *a, struct json doc, const char *name);
/* Of the local day; with the date where that is another. */
struct str clock_text(struct arena *a, int64_t wall_ms);
struct str time_text(struct arena *a, int64_t wall_ms);
/* "12 ms", "3.4 s", "5 m", "2 h", "3 d". */
struct str span_text(struct arena *a, int64_t ms);

/* The options that make a filter of GET /v1/deliveries, and the query of
 * those that are given. False: one cannot be read, *ret is the exit code. */
#define DELIVERY_FILTER_OPTIONS                                                \
    {.name = "channel",                                                        \
     .type = ARG_TEXT,                                                         \
     .value = "NAME",                                                          \
     .help = "Only of this channel"},                                          \
        {.name = "user",                                                       \
         .type = ARG_TEXT,                                                     \
         .value = "ID",                                                        \
         .help = "Only to this user"},                                         \
        {.name = "provider",                                                   \
         .type = ARG_TEXT,                                                     \
         .value = "NAME",                                                      \
         .help = "Only by this provider"},                                     \
        {.name = "error",                                                      \
         .type = ARG_TEXT,                                                     \
         .value = "REASON",                                                    \
         .help = "Only with this error, as ls --groups names it"},             \
    {                                                                          \
        .name = "since", .type = ARG_TEXT, .value = "TIME",                    \
        .help = "Only those made since then: 10m, or an RFC 3339 time"         \
    }

extern const char *const delivery_statuses[];
/* Those that can be retried; ends with NULL. */
extern const char *const delivery_dead_letters[];
/* The filter that is given; NULL: none is. */
const char *delivery_filter_given(const struct cli *c);
bool delivery_filter(struct cli *c, struct buf *path, int *ret);

/* Deliveries of a list of the server, page after page. */
struct delivery_pages {
    struct cli *cli;
    struct str path; /* with its filters */
    int64_t limit;   /* of all pages */
    bool has_more;   /* there were more than that */
    /* False: enough. */
    bool (*each)(void *arg, struct json doc);
    void *arg;
};
bool delivery_pages(struct delivery_pages *p, int *ret);
