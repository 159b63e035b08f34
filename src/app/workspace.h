/* workspace.h - one tenant's configuration as an immutable value: providers
 * with open secrets, compiled templates. Built by workspace_build.c from stored
 * documents, shared by threads, counted by reference, never changed. */
#pragma once

#include "app/press_secret.h"
#include "app/provider.h"
#include "app/variants.h"
#include "domain/attention.h"
#include "domain/category.h"
#include "domain/event.h"
#include "domain/notification.h"
#include "domain/schedule.h"

/* What is sent again and again, and when. */
struct schedule_doc {
    struct str key;
    int64_t version;
    int64_t created_ms, updated_ms;
    bool is_enabled;
    struct schedule when;
    struct json notification; /* the body of a send */
};

struct workflow_doc {
    struct str key;
    int64_t version;
    struct json doc; /* its steps: domain/workflow.h */
};

struct experiment_doc; /* app/experiment_doc.h */
struct flag_doc;
struct endpoint_doc; /* app/endpoint_doc.h */

struct workspace {
    int64_t tenant;
    struct str key; /* "default" */
    int shard;
    struct provider **providers; /* by (channel, order, name) */
    size_t n_providers;
    struct schedule_doc **schedules; /* by key */
    size_t n_schedules;
    struct experiment_doc **experiments; /* by key */
    size_t n_experiments;
    struct flag_doc **flags; /* by key */
    size_t n_flags;
    struct endpoint_doc **endpoints; /* by key */
    size_t n_endpoints;
    event_set tells; /* events that an enabled endpoint listens to */
    struct press_secret press_secret;
    size_t n_workflows;
    struct json preferences; /* the defaults of its users; absent: none */
    struct attention attention;
    bool is_unlearned; /* nothing is learned of when its users read */
    /* private to workspace_build.c and workspace_ref.c */
    struct arena *arena;
    struct map *templates; /* "key@" is the published one, "key@3" by version;
                              a key may hold an @ of its own */
    struct map *categories;
    struct map *workflows;
    struct str settings; /* its own document */
    int64_t version;     /* of it */
    int refs;
};

/* One more reference to one that is held. Any thread. */
const struct workspace *workspace_get(const struct workspace *w);
void workspace_put(const struct workspace *w); /* the same; NULL is allowed */
/* What tells an endpoint from a provider of the same name, before its name. */
const char *provider_prefix(const struct provider *p);
const struct provider *workspace_provider(const struct workspace *w,
                                          struct str name);
/* An endpoint's, too. */
const struct provider *workspace_lane(const struct workspace *w, int64_t num);
/* The first enabled provider of the channel, or the next one after `after`;
 * NULL: none. */
const struct provider *workspace_next(const struct workspace *w,
                                      struct str channel,
                                      const struct provider *after);
/* version 0: the published one. NULL: there is none. */
const struct template_doc *workspace_template(const struct workspace *w,
                                              struct str key, int64_t version);
/* NULL: it is not set up, which is no fault. */
const struct category *workspace_category(const struct workspace *w,
                                          struct str key);
/* NULL: there is none. */
const struct workflow_doc *workspace_workflow(const struct workspace *w,
                                              struct str key);
/* The same. */
const struct schedule_doc *workspace_schedule(const struct workspace *w,
                                              struct str key);
const struct experiment_doc *workspace_experiment(const struct workspace *w,
                                                  struct str key);
const struct flag_doc *workspace_flag(const struct workspace *w,
                                      struct str key);
const struct endpoint_doc *workspace_endpoint(const struct workspace *w,
                                              struct str key);
const struct endpoint_doc *workspace_endpoint_of(const struct workspace *w,
                                                 int64_t lane);
