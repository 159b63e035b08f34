/* experiments.c - which of some variants is best, and what is on for whom. */
#include <stdio.h>

#include "api/collection.h"
#include "api/route.h"
#include "app/experiment_doc.h"
#include "app/examiner.h"
#include "base/list.h"

/* ---- experiments ---- */

static void
check(struct call *c, struct str key, struct json doc)
{
    const struct workspace *w = c->workspace;

    experiment_doc_check(w, doc, &c->problem);
    if (!workspace_experiment(w, key) && w->n_experiments >= EXPERIMENTS_MAX)
        problem_set(&c->problem, ERR_CONFLICT,
                    "a workspace has at most %d experiments", EXPERIMENTS_MAX);
}

static struct str
to_store(struct call *c, struct str key, struct json doc, struct json before)
{
    (void)key;
    return experiment_doc_text(c->arena, doc, before);
}

static const struct collection experiments = {
    .kind = OBJECT_EXPERIMENT,
    .noun = "experiment",
    .key_name = "key",
    .is_configuration = true,
    .check = check,
    .to_store = to_store,
};

static void
handle_put(struct call *c)
{
    collection_put(c, &experiments);
}

static void
handle_get(struct call *c)
{
    collection_get(c, &experiments);
}

static void
handle_list(struct call *c)
{
    collection_list(c, &experiments);
}

static void
handle_delete(struct call *c)
{
    collection_delete(c, &experiments);
}

/* ---- results ---- */

struct looking {
    struct call *call;
    const struct experiment_doc *experiment;
    struct store_trial_count count;
};

static void
put_rate(struct json_writer *w, const char *name, double rate)
{
    char text[32];

    snprintf(text, sizeof(text), "%.6g", rate);
    json_raw_field(w, name, str_from(text));
}

static void
put_interval(struct json_writer *w, const char *name, struct interval i)
{
    json_put_key(w, name);
    json_begin_object(w);
    put_rate(w, "low", i.low);
    put_rate(w, "high", i.high);
    json_end_object(w);
}

/* An object with the members of a group of users. */
static void
write_counts(struct json_writer *w, const struct store_trial_row *row)
{
    json_int_field(w, "assigned", row->assigned);
    json_int_field(w, "delivered", row->delivered);
    json_int_field(w, "counted", row->goal.n);
    json_int_field(w, "goal", row->goal.k);
    put_rate(w, "rate", significance_rate(row->goal));
    put_interval(w, "interval", significance_wilson(row->goal));
}

static void
write_difference(const struct looking *l, struct json_writer *w,
                 const struct store_trial_row *first,
                 const struct store_trial_row *row)
{
    const struct experiment_doc *x = l->experiment;
    struct interval i = significance_newcombe(first->goal, row->goal);

    json_put_key(w, "difference");
    json_begin_object(w);
    put_rate(w, "rate",
             significance_rate(row->goal) - significance_rate(first->goal));
    put_interval(w, "interval", i);
    put_rate(w, "p", significance_p(first->goal, row->goal, x->stop.expected));
    json_end_object(w);
}

static void
write_variants(const struct looking *l, struct json_writer *w)
{
    const struct experiment_doc *x = l->experiment;
    const struct store_trial_row first =
        examiner_row(&l->count, x->variants[0].key);

    json_put_key(w, "variants");
    json_begin_array(w);
    for (size_t i = 0; i < x->n_variants; i++) {
        const struct store_trial_row row =
            examiner_row(&l->count, x->variants[i].key);

        json_begin_object(w);
        json_str_field(w, "key", x->variants[i].key);
        write_counts(w, &row);
        if (i > 0)
            write_difference(l, w, &first, &row);
        json_end_object(w);
    }
    json_end_array(w);
}

static void
write_stop(const struct looking *l, struct json_writer *w)
{
    static const char *const states[] = {"too_few", "undecided", "decided"};
    const struct experiment_doc *x = l->experiment;
    struct stop_verdict v = examiner_decide(l->call->arena, x, &l->count);
    bool is_decided = x->decided || v.state == STOP_DECIDED;

    if (!x->has_stop)
        return;
    json_put_key(w, "stop");
    json_begin_object(w);
    json_str_field(w, "verdict",
                   str_from(is_decided ? "decided" : states[v.state]));
    if (is_decided)
        json_str_field(w, "winner",
                       x->decided ? x->decided->key
                                  : x->variants[v.winner].key);
    put_rate(w, "p", v.p);
    json_end_object(w);
}

static const char *
status_of(const struct experiment_doc *x)
{
    static const char *const names[] = {"running", "draft", "stopped"};

    return x->status == EXPERIMENT_RUNNING && x->decided ? "decided"
                                                         : names[x->status];
}

static void
on_counted(struct store_req *req, enum err e)
{
    struct store_trial_count *count =
        CONTAINER_OF(req, struct store_trial_count, req);
    struct looking *l = CONTAINER_OF(count, struct looking, count);
    struct store_trial_row held;
    struct json_writer w;
    struct buf out;

    if (e != ERR_OK) {
        call_fail(l->call, e);
        return;
    }
    held = examiner_row(count, STR_NONE);
    w = call_writer(l->call, &out);
    json_begin_object(&w);
    json_str_field(&w, "key", l->experiment->key);
    json_str_field(&w, "status", str_from(status_of(l->experiment)));
    json_str_field(&w, "goal", l->experiment->goal_name);
    write_variants(l, &w);
    if (l->experiment->holdout > 0 || held.assigned > 0) {
        json_put_key(&w, "holdout");
        json_begin_object(&w);
        write_counts(&w, &held);
        json_end_object(&w);
    }
    write_stop(l, &w);
    json_end_object(&w);
    call_reply(l->call, 200, &out);
}

static void
handle_results(struct call *c)
{
    struct looking *l = ARENA_NEW(c->arena, struct looking);
    const struct experiment_doc *x;
    struct str key;

    if (!call_path_key(c, 0, &key))
        return;
    x = workspace_experiment(c->workspace, key);
    if (!x) {
        call_fail_with(c, ERR_NOT_FOUND, "there is no such experiment");
        return;
    }
    l->call = c;
    l->experiment = x;
    l->count = examiner_count(c->workspace, x, call_now_ms(c));
    l->count.req = call_req(c, on_counted);
    examiner_read(c->app, &l->count);
}

static const struct field interval_fields[] = {
    {.name = "low", .type = FIELD_DECIMAL, .flags = FIELD_REQUIRED},
    {.name = "high", .type = FIELD_DECIMAL, .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};

#define COUNTS                                                                 \
    {.name = "assigned",                                                       \
     .type = FIELD_INT,                                                        \
     .flags = FIELD_REQUIRED,                                                  \
     .doc = "Users to whom something was sent of it."},                        \
        {.name = "delivered",                                                  \
         .type = FIELD_INT,                                                    \
         .flags = FIELD_REQUIRED,                                              \
         .doc = "Of these, to whom something got, or was taken by a "          \
                "provider."},                                                  \
        {.name = "counted",                                                    \
         .type = FIELD_INT,                                                    \
         .flags = FIELD_REQUIRED,                                              \
         .doc = "Of those assigned, who have had their time."},                \
        {.name = "goal",                                                       \
         .type = FIELD_INT,                                                    \
         .flags = FIELD_REQUIRED,                                              \
         .doc = "Of these, who did it in that time."},                         \
        {.name = "rate",                                                       \
         .type = FIELD_DECIMAL,                                                \
         .flags = FIELD_REQUIRED,                                              \
         .doc = "goal of counted."},                                           \
    {                                                                          \
        .name = "interval", .type = FIELD_OBJECT, .flags = FIELD_REQUIRED,     \
        .of = interval_fields, .doc = "Of the rate, 95 % (Wilson)."            \
    }

static const struct field difference_fields[] = {
    {.name = "rate", .type = FIELD_DECIMAL, .flags = FIELD_REQUIRED},
    {.name = "interval",
     .type = FIELD_OBJECT,
     .flags = FIELD_REQUIRED,
     .of = interval_fields,
     .doc = "95 % (Newcombe), for who looks once."},
    {.name = "p",
     .type = FIELD_DECIMAL,
     .flags = FIELD_REQUIRED,
     .doc = "That of a test that holds however often one looks."},
    {.type = FIELD_END},
};
static const struct field result_fields[] = {
    {.name = "key", .type = FIELD_KEY, .flags = FIELD_REQUIRED},
    COUNTS,
    {.name = "difference",
     .type = FIELD_OBJECT,
     .of = difference_fields,
     .doc = "To the first variant."},
    {.type = FIELD_END},
};
static const struct field result_row[] = {
    {.type = FIELD_OBJECT, .of = result_fields}};
static const struct field held_fields[] = {COUNTS, {.type = FIELD_END}};
static const struct field verdict_fields[] = {
    {.name = "verdict",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .doc = "too_few, undecided or decided."},
    {.name = "winner", .type = FIELD_KEY},
    {.name = "p",
     .type = FIELD_DECIMAL,
     .flags = FIELD_REQUIRED,
     .doc = "The smallest of those above, times their number."},
    {.type = FIELD_END},
};
static const struct field results_fields[] = {
    {.name = "key", .type = FIELD_KEY, .flags = FIELD_REQUIRED},
    {.name = "status",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .doc = "As in the document; decided, once the stop rule said so."},
    {.name = "goal", .type = FIELD_KEY, .flags = FIELD_REQUIRED},
    {.name = "variants",
     .type = FIELD_ARRAY,
     .flags = FIELD_REQUIRED,
     .of = result_row},
    {.name = "holdout",
     .type = FIELD_OBJECT,
     .of = held_fields,
     .doc = "Those who got nothing."},
    {.name = "stop", .type = FIELD_OBJECT, .of = verdict_fields},
    {.type = FIELD_END},
};

const struct route experiment_routes[] = {
    {.method = "GET",
     .path = "/v1/experiments",
     .scope = AUTH_READ,
     .handle = handle_list,
     .answer = experiment_fields,
     .is_list = true,
     .statuses = {200},
     .id = "listExperiments",
     .summary = "List experiments by key.",
     .query = route_page_params},
    {.method = "PUT",
     .path = "/v1/experiments/{key}",
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_JSON,
     .handle = handle_put,
     .request = experiment_fields,
     .answer = experiment_fields,
     .statuses = {200, 201},
     .id = "putExperiment",
     .summary = "Create or replace an experiment."},
    {.method = "GET",
     .path = "/v1/experiments/{key}",
     .scope = AUTH_READ,
     .handle = handle_get,
     .answer = experiment_fields,
     .statuses = {200},
     .id = "getExperiment",
     .summary = "Look at an experiment."},
    {.method = "DELETE",
     .path = "/v1/experiments/{key}",
     .scope = AUTH_WRITE,
     .handle = handle_delete,
     .statuses = {204},
     .id = "deleteExperiment",
     .summary = "Remove an experiment; a new one of that key counts anew."},
    {.method = "GET",
     .path = "/v1/experiments/{key}/results",
     .scope = AUTH_READ,
     .handle = handle_results,
     .answer = results_fields,
     .statuses = {200},
     .id = "getExperimentResults",
     .summary = "What came of each variant, and what can be said of it."},
    {0},
};

/* ---- flags ---- */

static void
check_flag(struct call *c, struct str key, struct json doc)
{
    const struct workspace *w = c->workspace;

    flag_doc_check(doc, &c->problem);
    if (!workspace_flag(w, key) && w->n_flags >= FLAGS_MAX)
        problem_set(&c->problem, ERR_CONFLICT,
                    "a workspace has at most %d flags", FLAGS_MAX);
}

static const struct collection flags = {
    .kind = OBJECT_FLAG,
    .noun = "flag",
    .key_name = "key",
    .is_configuration = true,
    .check = check_flag,
};

static void
handle_put_flag(struct call *c)
{
    collection_put(c, &flags);
}

static void
handle_get_flag(struct call *c)
{
    collection_get(c, &flags);
}

static void
handle_list_flags(struct call *c)
{
    collection_list(c, &flags);
}

static void
handle_delete_flag(struct call *c)
{
    collection_delete(c, &flags);
}

const struct route flag_routes[] = {
    {.method = "GET",
     .path = "/v1/flags",
     .scope = AUTH_READ,
     .handle = handle_list_flags,
     .answer = flag_fields,
     .is_list = true,
     .statuses = {200},
     .id = "listFlags",
     .summary = "List flags by key.",
     .query = route_page_params},
    {.method = "PUT",
     .path = "/v1/flags/{key}",
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_JSON,
     .handle = handle_put_flag,
     .request = flag_fields,
     .answer = flag_fields,
     .statuses = {200, 201},
     .id = "putFlag",
     .summary = "Create or replace a flag."},
    {.method = "GET",
     .path = "/v1/flags/{key}",
     .scope = AUTH_READ,
     .handle = handle_get_flag,
     .answer = flag_fields,
     .statuses = {200},
     .id = "getFlag",
     .summary = "Look at a flag."},
    {.method = "DELETE",
     .path = "/v1/flags/{key}",
     .scope = AUTH_WRITE,
     .handle = handle_delete_flag,
     .statuses = {204},
     .id = "deleteFlag",
     .summary = "Remove a flag."},
    {0},
};
