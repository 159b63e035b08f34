/* novu_preferences.c - what a subscriber wants: Novu's workflow is the category
 * of the same key, as its trigger says; a channel of theirs is one or several
 * of ours. */
#include "api/novu.h"

#include "api/route.h"
#include "app/preference_doc.h"
#include "domain/preference.h"

#define BULK_MAX 100

static const struct novu_channel {
    const char *name;
    const char *ours[6];
} novu_channels[] = {
    {"email", {"email"}},
    {"sms", {"sms"}},
    {"in_app", {"in_app"}},
    {"chat", {"slack", "discord", "teams", "telegram", "whatsapp"}},
    {"push", {"web_push", "mobile_push"}},
};
#define N_CHANNELS (sizeof(novu_channels) / sizeof(novu_channels[0]))

/* ---- told ---- */

struct telling {
    struct call *call;
    struct json doc; /* of the user */
};

/* Without its mutes, which Novu has none of: they are for a time, and what is
 * switched on is so. */
static bool
is_on(const struct telling *t, struct str category, const char *channel)
{
    const struct preference_query q = {
        .arena = t->call->arena,
        .user = t->doc,
        .defaults = t->call->workspace->preferences,
        .category = category,
        .channel = str_from(channel),
        .now_ms = INT64_MAX,
    };

    return preference_decide(&q) == REASON_NONE;
}

static bool
is_any_on(const struct telling *t, struct str category,
          const struct novu_channel *c)
{
    for (const char *const *ours = c->ours; *ours; ours++)
        if (is_on(t, category, *ours))
            return true;
    return false;
}

static void
put_channels(const struct telling *t, struct json_writer *w,
             struct str category)
{
    bool is_enabled = false;

    json_put_key(w, "channels");
    json_begin_object(w);
    for (size_t i = 0; i < N_CHANNELS; i++) {
        bool on = is_any_on(t, category, &novu_channels[i]);

        json_bool_field(w, novu_channels[i].name, on);
        is_enabled |= on;
    }
    json_end_object(w);
    json_bool_field(w, "enabled", is_enabled);
}

static bool
is_critical(const struct call *c, struct str category)
{
    const struct category *found = workspace_category(c->workspace, category);

    return found && found->is_critical;
}

static void
put_workflow(const struct telling *t, struct json_writer *w, struct str key)
{
    json_begin_object(w);
    put_channels(t, w, key);
    json_raw_field(w, "overrides", STR("[]"));
    json_put_key(w, "workflow");
    json_begin_object(w);
    json_str_field(w, "slug", key);
    json_str_field(w, "identifier", key);
    json_str_field(w, "name", key);
    json_end_object(w);
    json_end_object(w);
}

/* The kind of workflow that ?criticality= asks for. */
static bool
is_asked_for(const struct call *c, struct str key, struct str criticality)
{
    return str_is(criticality, "all") ||
           is_critical(c, key) == str_is(criticality, "critical");
}

static void
put_workflows(const struct telling *t, struct json_writer *w,
              struct str criticality)
{
    struct json categories = json_get(t->doc, "categories");

    json_put_key(w, "workflows");
    json_begin_array(w);
    for (struct json v = json_first(categories); !json_is(v, JSON_ABSENT);
         v = json_next(categories, v)) {
        struct str key = json_key(t->call->arena, v);

        if (is_asked_for(t->call, key, criticality))
            put_workflow(t, w, key);
    }
    json_end_array(w);
}

static void
reply_all(struct call *c, const struct object *o, struct str criticality)
{
    const struct telling t = {c, call_parse(c, o->body)};
    struct buf out;
    struct json_writer w = novu_begin(c, &out);

    json_begin_object(&w);
    json_put_key(&w, "global");
    json_begin_object(&w);
    put_channels(&t, &w, STR_NONE);
    json_end_object(&w);
    put_workflows(&t, &w, criticality);
    json_end_object(&w);
    novu_end(c, 200, &w);
}

static void
reply_get(struct call *c, const struct object *o)
{
    struct str criticality = STR("nonCritical");

    call_param(c, "criticality", &criticality);
    reply_all(c, o, criticality);
}

static void
reply_patch(struct call *c, const struct object *o)
{
    reply_all(c, o, STR("all"));
}

/* The body is the patch that was made of the request by now. */
static void
reply_bulk(struct call *c, const struct object *o)
{
    const struct telling t = {c, call_parse(c, o->body)};
    struct json changed = json_get(c->body, "categories");
    struct buf out;
    struct json_writer w = novu_begin(c, &out);

    json_begin_array(&w);
    for (struct json v = json_first(changed); !json_is(v, JSON_ABSENT);
         v = json_next(changed, v)) {
        struct str key = json_key(c->arena, v);

        json_begin_object(&w);
        json_str_field(&w, "level", STR("template"));
        put_channels(&t, &w, key);
        json_put_key(&w, "workflow");
        json_begin_object(&w);
        json_str_field(&w, "id", key);
        json_str_field(&w, "identifier", key);
        json_str_field(&w, "name", key);
        json_bool_field(&w, "critical", is_critical(c, key));
        json_str_field(&w, "severity", STR("none"));
        json_end_object(&w);
        json_end_object(&w);
    }
    json_end_array(&w);
    novu_end(c, 200, &w);
}

/* ---- changed ---- */

#define PREFERENCES(answer)                                                    \
    {                                                                          \
        .kind = OBJECT_PREFERENCE, .noun = "user's preferences",               \
        .key_name = "user", .is_implicit = true, .check = check,               \
        .reply = answer                                                        \
    }

static void
check(struct call *c, struct str key, struct json doc)
{
    (void)key;
    preference_doc_check(doc, STR(""), &c->problem);
}

static const struct collection told = PREFERENCES(reply_get);
static const struct collection patched = PREFERENCES(reply_patch);
static const struct collection bulk_patched = PREFERENCES(reply_bulk);

/* "channels" of a patch (RFC 7396) to ours. */
static void
put_patch(struct json_writer *w, struct json given)
{
    json_put_key(w, "channels");
    json_begin_object(w);
    for (size_t i = 0; i < N_CHANNELS; i++) {
        struct json v = json_get(given, novu_channels[i].name);

        if (json_is(v, JSON_ABSENT))
            continue;
        for (const char *const *ours = novu_channels[i].ours; *ours; ours++)
            json_raw_field(w, *ours, json_raw(v));
    }
    json_end_object(w);
}

static void
put_category_patch(struct json_writer *w, struct str workflow,
                   struct json given)
{
    json_put_key_str(w, workflow);
    json_begin_object(w);
    put_patch(w, given);
    json_end_object(w);
}

static void
start_patch(struct call *c, const struct buf *text, const struct collection *of)
{
    c->body = call_parse(c, buf_str(text));
    collection_patch(c, of, preference_fields);
}

static void
handle_get(struct call *c)
{
    static const char *const known[] = {"all", "critical", "nonCritical"};
    struct str text;
    bool is_known = !call_param(c, "criticality", &text);

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        is_known = is_known || str_is(text, known[i]);
    if (is_known)
        collection_get(c, &told);
    else
        call_refuse_param(c, "criticality",
                          "must be one of all, critical, nonCritical");
}

static void
handle_patch(struct call *c)
{
    struct str workflow = json_str_of(c->arena, c->body, "workflowId");
    struct json given = json_get(c->body, "channels");
    struct buf text;
    struct json_writer w = call_writer(c, &text);

    json_begin_object(&w);
    if (workflow.n > 0) {
        json_put_key(&w, "categories");
        json_begin_object(&w);
        put_category_patch(&w, workflow, given);
        json_end_object(&w);
    } else {
        put_patch(&w, given);
    }
    json_end_object(&w);
    start_patch(c, &text, &patched);
}

/* A workflow twice would be a key twice in the patch. */
static bool
names_each_once(struct call *c, struct json list)
{
    size_t i = 0;

    for (struct json v = json_first(list); !json_is(v, JSON_ABSENT);
         v = json_next(list, v), i++) {
        struct str key = json_str_of(c->arena, v, "workflowId");

        for (struct json u = json_first(list); u.i != v.i;
             u = json_next(list, u))
            if (str_eq(json_str_of(c->arena, u, "workflowId"), key))
                problem_add(&c->problem, ERR_INVALID,
                            str_fmt(c->arena, "/preferences/%zu/workflowId", i),
                            "is there twice");
    }
    return !problem_is_set(&c->problem);
}

static void
handle_bulk(struct call *c)
{
    struct json list = json_get(c->body, "preferences");
    struct buf text;
    struct json_writer w = call_writer(c, &text);

    if (!names_each_once(c, list)) {
        call_refuse(c);
        return;
    }
    json_begin_object(&w);
    json_put_key(&w, "categories");
    json_begin_object(&w);
    for (struct json v = json_first(list); !json_is(v, JSON_ABSENT);
         v = json_next(list, v))
        put_category_patch(&w, json_str_of(c->arena, v, "workflowId"),
                           json_get(v, "channels"));
    json_end_object(&w);
    json_end_object(&w);
    start_patch(c, &text, &bulk_patched);
}

/* ---- the table ---- */

static const struct field given_channels[] = {
    {.name = "email", .type = FIELD_BOOL},
    {.name = "sms", .type = FIELD_BOOL},
    {.name = "in_app", .type = FIELD_BOOL},
    {.name = "chat",
     .type = FIELD_BOOL,
     .doc = "slack, discord, teams, telegram and whatsapp."},
    {.name = "push", .type = FIELD_BOOL, .doc = "web_push and mobile_push."},
    {.name = "tool", .type = FIELD_ANY, .flags = FIELD_UNSUPPORTED},
    {.type = FIELD_END},
};
static const struct field patch_fields[] = {
    {.name = "channels", .type = FIELD_OBJECT, .of = given_channels},
    {.name = "workflowId",
     .type = FIELD_KEY,
     .doc = "A category; without it, all of them."},
    {.name = "schedule", .type = FIELD_ANY, .flags = FIELD_UNSUPPORTED},
    {.name = "context", .type = FIELD_ANY, .flags = FIELD_UNSUPPORTED},
    {.type = FIELD_END},
};
static const struct field item_fields[] = {
    {.name = "workflowId",
     .type = FIELD_KEY,
     .flags = FIELD_REQUIRED,
     .doc = "A category."},
    {.name = "channels",
     .type = FIELD_OBJECT,
     .of = given_channels,
     .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};
static const struct field item_row[] = {
    {.type = FIELD_OBJECT, .of = item_fields}};
static const struct field bulk_fields[] = {
    {.name = "preferences",
     .type = FIELD_ARRAY,
     .of = item_row,
     .min = 1,
     .max = BULK_MAX,
     .flags = FIELD_REQUIRED},
    {.name = "context", .type = FIELD_ANY, .flags = FIELD_UNSUPPORTED},
    {.type = FIELD_END},
};

#define ON_OFF                                                                 \
    {.name = "enabled", .type = FIELD_BOOL, .flags = FIELD_REQUIRED},          \
    {                                                                          \
        .name = "channels", .type = FIELD_MAP, .of = on_row,                   \
        .flags = FIELD_REQUIRED                                                \
    }
static const struct field on_row[] = {{.type = FIELD_BOOL}};
static const struct field any_row[] = {{.type = FIELD_ANY}};
static const struct field global_fields[] = {ON_OFF, {.type = FIELD_END}};
static const struct field workflow_fields[] = {
    {.name = "slug", .type = FIELD_KEY, .flags = FIELD_REQUIRED},
    {.name = "identifier", .type = FIELD_KEY, .flags = FIELD_REQUIRED},
    {.name = "name", .type = FIELD_KEY, .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};
static const struct field of_workflow_fields[] = {
    ON_OFF,
    {.name = "overrides",
     .type = FIELD_ARRAY,
     .of = any_row,
     .flags = FIELD_REQUIRED},
    {.name = "workflow",
     .type = FIELD_OBJECT,
     .of = workflow_fields,
     .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};
static const struct field of_workflow_row[] = {
    {.type = FIELD_OBJECT, .of = of_workflow_fields}};
static const struct field all_fields[] = {
    {.name = "global",
     .type = FIELD_OBJECT,
     .of = global_fields,
     .flags = FIELD_REQUIRED},
    {.name = "workflows",
     .type = FIELD_ARRAY,
     .of = of_workflow_row,
     .flags = FIELD_REQUIRED,
     .doc = "Those that the user chose something for."},
    {.type = FIELD_END},
};
static const struct field all_answer[] = {
    {.name = "data",
     .type = FIELD_OBJECT,
     .of = all_fields,
     .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};
static const struct field changed_workflow_fields[] = {
    {.name = "id", .type = FIELD_KEY, .flags = FIELD_REQUIRED},
    {.name = "identifier", .type = FIELD_KEY, .flags = FIELD_REQUIRED},
    {.name = "name", .type = FIELD_KEY, .flags = FIELD_REQUIRED},
    {.name = "critical", .type = FIELD_BOOL, .flags = FIELD_REQUIRED},
    {.name = "severity", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};
static const struct field changed_fields[] = {
    {.name = "level", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    ON_OFF,
    {.name = "workflow",
     .type = FIELD_OBJECT,
     .of = changed_workflow_fields,
     .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};
static const struct field changed_row[] = {
    {.type = FIELD_OBJECT, .of = changed_fields}};
static const struct field bulk_answer[] = {
    {.name = "data",
     .type = FIELD_ARRAY,
     .of = changed_row,
     .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};
static const char *const get_params[] = {"criticality", NULL};

const struct route novu_preference_routes[] = {
    {.method = "GET",
     .path = "/novu/v2/subscribers/{subscriberId}/preferences",
     .scope = AUTH_READ,
     .handle = handle_get,
     .answer = all_answer,
     .statuses = {200},
     .id = "novuGetPreferences",
     .summary = "Novu: what a user wants, and of which workflows.",
     .query = get_params},
    {.method = "PATCH",
     .path = "/novu/v2/subscribers/{subscriberId}/preferences",
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_JSON,
     .handle = handle_patch,
     .request = patch_fields,
     .answer = all_answer,
     .statuses = {200},
     .id = "novuPatchPreferences",
     .summary = "Novu: switch channels of a user, of all or of one workflow."},
    {.method = "PATCH",
     .path = "/novu/v2/subscribers/{subscriberId}/preferences/bulk",
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_JSON,
     .handle = handle_bulk,
     .request = bulk_fields,
     .answer = bulk_answer,
     .statuses = {200},
     .id = "novuPatchPreferencesInBulk",
     .summary = "Novu: switch channels of a user, of up to 100 workflows."},
    {0},
};
