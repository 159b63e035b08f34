/* route.h - the table of the API. A row is everything the router, the OpenAPI
 * document and the tests need to know of a route. */
#pragma once

#include "api/call.h"
#include "auth/key.h"

enum route_auth {
    ROUTE_KEY,  /* an API key with `scope` */
    ROUTE_USER, /* a user's token; or a key with `scope` and ?user= */
    ROUTE_OPEN,
    ROUTE_METRICS, /* the scope metrics, or a connection from loopback */
};

enum route_body {
    ROUTE_BODY_NONE,  /* none, but for {} in a POST */
    ROUTE_BODY_JSON,  /* an object, checked against `request` */
    ROUTE_BODY_MAYBE, /* the same, or nothing */
    ROUTE_BODY_PATCH, /* any object; the handler checks what comes of it */
    ROUTE_BODY_RAW,   /* the handler reads it itself */
};

struct route {
    const char *method;
    const char *path; /* "/v1/users/{id}" */
    enum route_auth auth;
    enum auth_scope scope;
    enum route_body body;
    bool is_batch;    /* takes the larger body limit */
    bool has_files;   /* the same of a send, whose attachments have their own */
    bool is_dev_only; /* with --dev */
    void (*handle)(struct call *c);
    const struct field *request; /* NULL: any */
    const char *const *takes;    /* media types; NULL: what `body` says */
    const struct field *answer;  /* of the good statuses; NULL: none or any */
    const char *gives;           /* media type; NULL: JSON */
    bool is_list;                /* the answer is {"data":[answer],"next"} */
    int statuses[4];             /* good ones, ends with 0 */
    const char *id;              /* operationId */
    const char *summary;         /* a sentence */
    const char *const *query;    /* parameters it knows; NULL: none */
    bool takes_any_query;        /* others, too: they are somebody else's */
};

bool route_takes_body(const struct route *r);
/* What a JSON body must be; NULL: any. */
const struct field *route_fields(const struct route *r);

/* The `query` of a list by pages: call_limit(), and the `after` of its kind. */
extern const char *const route_page_params[];

/* Each resource's rows, ending with method NULL. */
extern const struct route notification_routes[];
extern const struct route delivery_routes[];
extern const struct route cancel_routes[];
extern const struct route approval_routes[];
extern const struct route audit_routes[];
extern const struct route digest_routes[];
extern const struct route user_routes[];
extern const struct route user_export_routes[];
extern const struct route preference_routes[];
extern const struct route suppression_routes[];
extern const struct route device_routes[];
extern const struct route best_time_routes[];
extern const struct route topic_routes[];
extern const struct route category_routes[];
extern const struct route provider_routes[];
extern const struct route schedule_routes[];
extern const struct route workflow_routes[];
extern const struct route experiment_routes[];
extern const struct route flag_routes[];
extern const struct route endpoint_routes[];
extern const struct route event_routes[];
extern const struct route explain_routes[];
extern const struct route receipt_routes[];
extern const struct route template_routes[];
extern const struct route workspace_routes[];
extern const struct route key_routes[];
extern const struct route inbox_routes[];
extern const struct route action_routes[];
extern const struct route token_routes[];
extern const struct route system_routes[];
extern const struct route lane_routes[];
extern const struct route processor_routes[];
extern const struct route unsubscribe_routes[];
extern const struct route tracking_routes[];
extern const struct route dev_routes[];
extern const struct route novu_event_routes[];
extern const struct route novu_subscriber_routes[];
extern const struct route novu_preference_routes[];
extern const struct route novu_topic_routes[];
extern const struct route novu_subscription_routes[];
extern const struct route novu_subscribed_routes[];
/* All of the above, ending with NULL. */
extern const struct route *const route_tables[];
