#include "app/send_request.h"

#include "app/attachment_doc.h"
#include "app/audience.h"
#include "app/cancel_key.h"
#include "app/experiment_doc.h"
#include "app/template_doc.h"
#include "base/clock.h"
#include "base/map.h"
#include "channel/mime.h"
#include "domain/digest_rule.h"
#include "domain/link.h"

#define HOUR_MS (INT64_C(3600) * 1000)

static const char *const priorities[] = {"critical", "high", "normal", "low",
                                         NULL};
static const char *const methods[] = {"GET",   "POST",   "PUT",
                                      "PATCH", "DELETE", NULL};
static const struct field key_row[] = {{.type = FIELD_KEY}};
static const struct field email_row[] = {{.type = FIELD_EMAIL}};
static const struct field text_row[] = {{.type = FIELD_STRING, .max = 998}};
static const struct field role_row[] = {{.type = FIELD_KEY}};

#define USER_FIELDS                                                            \
    {.name = "email",                                                          \
     .type = FIELD_EMAIL,                                                      \
     .flags = FIELD_NULLABLE,                                                  \
     .doc = "E-mail address."},                                                \
        {.name = "phone",                                                      \
         .type = FIELD_STRING,                                                 \
         .flags = FIELD_NULLABLE,                                              \
         .max = 64,                                                            \
         .doc = "Telephone number, E.164."},                                   \
        {.name = "telegram",                                                   \
         .type = FIELD_STRING,                                                 \
         .flags = FIELD_NULLABLE,                                              \
         .max = 64,                                                            \
         .doc = "Telegram chat id."},                                          \
        {.name = "whatsapp",                                                   \
         .type = FIELD_STRING,                                                 \
         .flags = FIELD_NULLABLE,                                              \
         .max = 64,                                                            \
         .doc = "WhatsApp number; phone where it is not given."},              \
        {.name = "webhook",                                                    \
         .type = FIELD_URL,                                                    \
         .flags = FIELD_NULLABLE,                                              \
         .doc = "URL that this user's webhooks go to."},                       \
        {.name = "slack",                                                      \
         .type = FIELD_STRING,                                                 \
         .flags = FIELD_NULLABLE,                                              \
         .max = 2048,                                                          \
         .doc = "Slack channel or webhook."},                                  \
        {.name = "discord",                                                    \
         .type = FIELD_STRING,                                                 \
         .flags = FIELD_NULLABLE,                                              \
         .max = 2048,                                                          \
         .doc = "Discord webhook."},                                           \
        {.name = "locale",                                                     \
         .type = FIELD_LOCALE,                                                 \
         .flags = FIELD_NULLABLE,                                              \
         .doc = "The user's language, a BCP 47 tag."},                         \
        {.name = "timezone",                                                   \
         .type = FIELD_STRING,                                                 \
         .flags = FIELD_NULLABLE,                                              \
         .max = 64,                                                            \
         .doc = "IANA time zone."},                                            \
        {.name = "roles",                                                      \
         .type = FIELD_ARRAY,                                                  \
         .of = role_row,                                                       \
         .max = 100,                                                           \
         .doc = "Role codes; a send may be to all who have one."},             \
    {                                                                          \
        .name = "attributes", .type = FIELD_OBJECT, .flags = FIELD_OPEN,       \
        .doc = "Anything of the caller's own."                                 \
    }

const struct field user_fields[] = {
    {.name = "id",
     .type = FIELD_KEY,
     .doc = "The caller's own id of the user."},
    USER_FIELDS,
    {.name = "created_at", .type = FIELD_TIME, .flags = FIELD_READ_ONLY},
    {.name = "updated_at", .type = FIELD_TIME, .flags = FIELD_READ_ONLY},
    {.name = "version", .type = FIELD_INT, .flags = FIELD_READ_ONLY},
    {.type = FIELD_END},
};

static const struct field recipient_fields[] = {
    {.name = "id",
     .type = FIELD_KEY,
     .doc = "Merged into the stored user of this id for this notification."},
    USER_FIELDS,
    {.name = "name", .type = FIELD_STRING, .max = 200, .doc = "Display name."},
    {.name = "data",
     .type = FIELD_OBJECT,
     .doc = "Data of this recipient; wins over the request's."},
    {.type = FIELD_END},
};
static const struct field recipient_row[] = {
    {.type = FIELD_OBJECT, .of = recipient_fields}};

static const struct field to_fields[] = {
    {.name = "users",
     .type = FIELD_ARRAY,
     .of = key_row,
     .max = SEND_RECIPIENTS_MAX,
     .doc = "User ids."},
    {.name = "exclude",
     .type = FIELD_ARRAY,
     .of = key_row,
     .max = SEND_RECIPIENTS_MAX,
     .doc = "User ids that do not get it."},
    {.name = "recipients",
     .type = FIELD_ARRAY,
     .of = recipient_row,
     .max = SEND_RECIPIENTS_MAX,
     .doc = "Recipients with their addresses."},
    {.name = "all",
     .type = FIELD_BOOL,
     .doc = "Every stored user of the workspace; planned in the background."},
    {.name = "roles",
     .type = FIELD_ARRAY,
     .of = key_row,
     .max = SEND_SETS_MAX,
     .doc = "Roles: the users whose documents name one of them."},
    {.name = "topics",
     .type = FIELD_ARRAY,
     .of = key_row,
     .max = SEND_SETS_MAX,
     .doc = "Topics: their subscribers, and those of the topics above them."},
    {.type = FIELD_END},
};
static const struct field to_rows[] = {
    {.type = FIELD_KEY, .doc = "One user id."},
    {.type = FIELD_ARRAY,
     .of = key_row,
     .min = 1,
     .max = SEND_RECIPIENTS_MAX,
     .doc = "User ids."},
    {.type = FIELD_OBJECT, .of = to_fields},
    {.type = FIELD_END},
};

const struct field action_fields[] = {
    {.name = "id", .type = FIELD_KEY, .flags = FIELD_REQUIRED},
    {.name = "label",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .min = 1,
     .max = 200},
    {.name = "url",
     .type = FIELD_STRING,
     .max = 2048,
     .doc = "Where the button leads; https, http or a path."},
    {.name = "api_endpoint",
     .type = FIELD_STRING,
     .max = 2048,
     .doc = "What the button calls."},
    {.name = "method", .type = FIELD_ENUM, .values = methods},
    {.name = "data", .type = FIELD_ANY},
    {.type = FIELD_END},
};
static const struct field action_row[] = {
    {.type = FIELD_OBJECT, .of = action_fields}};

static const struct field email_override_fields[] = {
    {.name = "from", .type = FIELD_EMAIL},
    {.name = "reply_to", .type = FIELD_EMAIL},
    {.name = "cc", .type = FIELD_ARRAY, .of = email_row, .max = 20},
    {.name = "headers", .type = FIELD_MAP, .of = text_row, .max = 20},
    {.type = FIELD_END},
};
static const struct field provider_override_row[] = {{.type = FIELD_OBJECT}};
static const struct field override_fields[] = {
    {.name = "email", .type = FIELD_OBJECT, .of = email_override_fields},
    {.name = "providers",
     .type = FIELD_MAP,
     .of = provider_override_row,
     .max = 20,
     .doc = "By a provider's name: what its driver takes of each message "
            "(docs/drivers)."},
    {.type = FIELD_END},
};

static const struct field digest_fields[] = {
    {.name = "key",
     .type = FIELD_STRING,
     .max = 255,
     .doc = "Collects what has the same key; without it the category, else the "
            "template."},
    DIGEST_RULE_FIELDS,
    {.type = FIELD_END},
};

static const struct field approval_fields[] = {
    {.name = "expires_in",
     .type = FIELD_DURATION,
     .min = 1000,
     .max = SEND_APPROVAL_MAX_MS,
     .doc = "How long it waits for that; then it has expired. Default 7d."},
    {.name = "roles",
     .type = FIELD_ARRAY,
     .of = key_row,
     .min = 1,
     .max = SEND_APPROVERS_MAX,
     .doc = "Who decides has to be a stored user with one of these roles."},
    {.name = "note",
     .type = FIELD_STRING,
     .max = SEND_APPROVAL_NOTE,
     .doc = "For who decides."},
    {.type = FIELD_END},
};
static const struct field approval_rows[] = {
    {.type = FIELD_BOOL, .doc = "Whether somebody has to."},
    {.type = FIELD_OBJECT, .of = approval_fields},
    {.type = FIELD_END},
};

static const struct field best_time_fields[] = {
    {.name = "within",
     .type = FIELD_DURATION,
     .flags = FIELD_REQUIRED,
     .min = HOUR_MS,
     .max = 7 * 24 * HOUR_MS,
     .doc = "From now on, or from send_at on."},
    {.type = FIELD_END},
};

/* What is sent, and on which channels. */
#define CONTENT_FIELDS                                                         \
    {.name = "channels",                                                       \
     .type = FIELD_ARRAY,                                                      \
     .of = key_row,                                                            \
     .min = 1,                                                                 \
     .max = 32,                                                                \
     .doc = "Channels; without them the template's, else the category's, "     \
            "else in_app."},                                                   \
        {.name = "template",                                                   \
         .type = FIELD_KEY,                                                    \
         .doc = "A template's key, in place of inline content."},              \
        {.name = "title",                                                      \
         .type = FIELD_STRING,                                                 \
         .max = SEND_TITLE_MAX,                                                \
         .doc = "Inline title, sent as it is."},                               \
        {.name = "body",                                                       \
         .type = FIELD_STRING,                                                 \
         .max = SEND_CONTENT_MAX,                                              \
         .doc = "Inline plain text, sent as it is."},                          \
        {.name = "html",                                                       \
         .type = FIELD_STRING,                                                 \
         .max = SEND_CONTENT_MAX,                                              \
         .doc = "Inline HTML, for channels that take it."},                    \
        {.name = "actions",                                                    \
         .type = FIELD_ARRAY,                                                  \
         .of = action_row,                                                     \
         .max = 16,                                                            \
         .doc = "Buttons."},                                                   \
        {.name = "experiment",                                                 \
         .type = FIELD_KEY,                                                    \
         .doc = "An experiment's key: each recipient gets a variant of it."},  \
    {                                                                          \
        .name = "if_flag", .type = FIELD_KEY,                                  \
        .doc = "A flag's key: those for whom it is off get nothing."           \
    }

const struct field send_step_fields[] = {
    {.name = "id", .type = FIELD_KEY},
    {.name = "type", .type = FIELD_KEY, .flags = FIELD_REQUIRED},
    CONTENT_FIELDS,
    {.name = "category",
     .type = FIELD_KEY,
     .doc = "In place of the notification's."},
    {.name = "priority",
     .type = FIELD_ENUM,
     .values = priorities,
     .doc = "In place of the notification's."},
    {.name = "overrides", .type = FIELD_OBJECT, .of = override_fields},
    {.name = "best_time",
     .type = FIELD_OBJECT,
     .of = best_time_fields,
     .doc = "In place of the notification's."},
    {.type = FIELD_END},
};

const struct field send_request_fields[] = {
    {.name = "to",
     .type = FIELD_ONE_OF,
     .flags = FIELD_REQUIRED,
     .of = to_rows,
     .doc = "Who gets it."},
    CONTENT_FIELDS,
    {.name = "data",
     .type = FIELD_OBJECT,
     .doc = "For templates; handed on byte for byte."},
    {.name = "category", .type = FIELD_KEY, .doc = "What it is about."},
    {.name = "priority",
     .type = FIELD_ENUM,
     .values = priorities,
     .doc = "Default normal."},
    {.name = "send_at",
     .type = FIELD_TIME,
     .doc = "Not before this time; a past one is now."},
    {.name = "expires_at",
     .type = FIELD_TIME,
     .doc = "Not sent after this time."},
    {.name = "dedup_key",
     .type = FIELD_STRING,
     .min = 1,
     .max = 255,
     .doc = "One notification for each key and window; must not begin with "
            "belfry:."},
    {.name = "dedup_window",
     .type = FIELD_DURATION,
     .min = 1000,
     .max = INT64_C(30) * 24 * 3600 * 1000,
     .doc = "Default 24h."},
    {.name = "cancel_key",
     .type = FIELD_STRING,
     .min = 1,
     .max = CANCEL_KEY_MAX,
     .doc = "What is sent with one key can be cancelled together."},
    {.name = "overrides", .type = FIELD_OBJECT, .of = override_fields},
    {.name = "metadata",
     .type = FIELD_OBJECT,
     .doc = "Kept with the notification, and shown with it."},
    {.name = "dry_run",
     .type = FIELD_BOOL,
     .doc = "Tell the plan, store nothing."},
    {.name = "workflow",
     .type = FIELD_KEY,
     .doc = "A workflow's key, in place of content and channels: what each "
            "recipient goes through."},
    {.name = "digest",
     .type = FIELD_OBJECT,
     .of = digest_fields,
     .doc = "Collect it with others of this user and channel, and send them as "
            "one."},
    {.name = "best_time",
     .type = FIELD_OBJECT,
     .of = best_time_fields,
     .doc = "Hold it, but in the inbox, for the hour within that time in which "
            "each recipient is most used to read; who has none gets it at "
            "once."},
    {.name = "attachments",
     .type = FIELD_ARRAY,
     .of = attachment_row,
     .max = ATTACHMENTS_MAX,
     .doc = "Files that go along, on the channels that can carry them: "
            "email."},
    {.name = "approval",
     .type = FIELD_ONE_OF,
     .of = approval_rows,
     .doc = "Somebody has to approve it before it goes out."},
    {.name = "locale",
     .type = FIELD_LOCALE,
     .doc = "Of inline content; and for recipients who have none of their "
            "own."},
    {.type = FIELD_END},
};

/* ---- understanding ---- */

struct reading {
    struct arena *arena;
    const struct workspace *workspace;
    struct problem *problem;
    struct send_request *request;
    struct map *seen; /* user ids that are in, or excluded */
    size_t cap;
    int64_t template_version; /* 0: the published one */
    bool is_step;             /* of a workflow: its template may come later */
};

static char taken;

static void
add_recipient(struct reading *r, struct str user, int index, struct json given)
{
    struct send_request *q = r->request;

    if (user.n > 0 && map_put(r->seen, user, &taken) != NULL)
        return;
    if (q->n_recipients == r->cap)
        return; /* counted before: cannot be */
    q->recipients[q->n_recipients++] =
        (struct send_recipient){.user = user, .index = index, .given = given};
}

static void
add_users(struct reading *r, struct json list)
{
    for (struct json u = json_first(list); !json_is(u, JSON_ABSENT);
         u = json_next(list, u))
        add_recipient(r, json_str(r->arena, u), -1, (struct json){0});
}

static void
read_sets(struct reading *r, struct json to)
{
    struct send_request *q = r->request;

    if (!q->is_all)
        q->sets = audience_sets(r->arena, to, &q->n_sets);
    if (q->n_sets > MEMBER_SETS_MAX)
        problem_add(r->problem, ERR_INVALID, STR("/to/topics"),
                    "must be at most %d roles and topics, with those above "
                    "the topics",
                    MEMBER_SETS_MAX);
}

static void
read_to(struct reading *r, struct json to)
{
    struct json users = json_get(to, "users");
    struct json given = json_get(to, "recipients");
    struct json exclude = json_get(to, "exclude");
    int index = 0;

    r->cap = 1 + (json_is(to, JSON_ARRAY) ? json_count(to) : 0) +
             json_count(users) + json_count(given);
    r->request->recipients =
        ARENA_ARRAY(r->arena, struct send_recipient, r->cap);
    for (struct json x = json_first(exclude); !json_is(x, JSON_ABSENT);
         x = json_next(exclude, x))
        map_put(r->seen, json_str(r->arena, x), &taken);
    if (json_is(to, JSON_STRING))
        add_recipient(r, json_str(r->arena, to), -1, (struct json){0});
    else if (json_is(to, JSON_ARRAY))
        add_users(r, to);
    for (struct json g = json_first(given); !json_is(g, JSON_ABSENT);
         g = json_next(given, g), index++)
        add_recipient(r, json_str_of(r->arena, g, "id"), index, g);
    add_users(r, users);
    r->request->is_all = json_bool(json_get(to, "all"), false);
    read_sets(r, to);
    if (json_is(to, JSON_OBJECT) && !audience_is_open(r->request) &&
        json_count(users) + json_count(given) == 0)
        problem_add(r->problem, ERR_INVALID, STR("/to"),
                    "must name at least one of users, roles, topics, "
                    "recipients, all");
    else if (r->request->n_recipients > SEND_RECIPIENTS_MAX)
        problem_add(r->problem, ERR_INVALID, STR("/to"),
                    "must be at most %d recipients", SEND_RECIPIENTS_MAX);
}

static void
check_channel(struct reading *r, struct str name, size_t i)
{
    struct str at = str_fmt(r->arena, "/channels/%zu", i);

    if (!channel_find(name))
        channel_refuse_name(name, at, r->problem);
}

/* With room for the spare one. */
static void
use_channels(struct reading *r, const struct str *channels, size_t n)
{
    r->request->channels = ARENA_ARRAY(r->arena, struct str, n + 1);
    memcpy(r->request->channels, channels, n * sizeof(*channels));
    r->request->n_channels = n;
}

static bool
has_channel(const struct send_request *q, struct str name)
{
    for (size_t i = 0; i < q->n_channels; i++)
        if (str_eq(q->channels[i], name))
            return true;
    return false;
}

static void
read_asked(struct reading *r, struct json list)
{
    struct send_request *q = r->request;
    size_t i = 0;

    q->channels = ARENA_ARRAY(r->arena, struct str, json_count(list) + 1);
    for (struct json c = json_first(list); !json_is(c, JSON_ABSENT);
         c = json_next(list, c), i++) {
        struct str name = json_str(r->arena, c);

        check_channel(r, name, i);
        if (!has_channel(q, name))
            q->channels[q->n_channels++] = name;
    }
}

static bool
may_reroute(const struct reading *r, const struct category *k)
{
    const struct attention *a = &r->workspace->attention;

    return (k && k->quiet == QUIET_REROUTE) ||
           (a->overflow == ATTENTION_DOWNGRADE &&
            attention_applies(a, k, r->request->priority));
}

static void
read_channels(struct reading *r, struct json list)
{
    static const struct str usual = {"in_app", 6};
    struct send_request *q = r->request;
    const struct category *category =
        workspace_category(r->workspace, q->category);

    if (q->is_workflow)
        return; /* each step has its own */
    read_asked(r, list);
    if (q->n_channels == 0 && q->template && q->template->n_channels > 0)
        use_channels(r, q->template->channels, q->template->n_channels);
    else if (q->n_channels == 0 && category && category->n_channels > 0)
        use_channels(r, category->channels, category->n_channels);
    else if (q->n_channels == 0)
        use_channels(r, &usual, 1);
    q->has_spare = may_reroute(r, category) && !has_channel(q, usual);
    if (q->has_spare)
        q->channels[q->n_channels++] = usual;
}

static void
read_workflow(struct reading *r, struct json doc)
{
    static const char *const others[] = {"channels",   "template", "title",
                                         "body",       "html",     "actions",
                                         "experiment", "if_flag"};
    struct send_request *q = r->request;

    q->is_workflow = true;
    q->workflow = workspace_workflow(r->workspace,
                                     json_str_of(r->arena, doc, "workflow"));
    if (!q->workflow)
        problem_add(r->problem, ERR_INVALID, STR("/workflow"),
                    "there is no such workflow in this workspace");
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        if (!json_is(json_get(doc, others[i]), JSON_ABSENT))
            problem_add(r->problem, ERR_INVALID,
                        str_fmt(r->arena, "/%s", others[i]),
                        "is for the steps of the workflow to say");
}

/* One that was deleted since leaves things as they are; but what a flag that
 * is gone had let through is known to nobody. */
static void
read_trial(struct reading *r, struct json doc)
{
    struct send_request *q = r->request;
    struct str key = json_str_of(r->arena, doc, "experiment");
    struct str flag = json_str_of(r->arena, doc, "if_flag");

    q->experiment = workspace_experiment(
        r->workspace,
        key.n > 0 || !q->template ? key : q->template->experiment);
    if (key.n > 0 && !q->experiment && !r->is_step)
        problem_add(r->problem, ERR_INVALID, STR("/experiment"),
                    "there is no such experiment in this workspace");
    q->flag = workspace_flag(r->workspace, flag);
    if (flag.n > 0 && !q->flag && !r->is_step)
        problem_add(r->problem, ERR_INVALID, STR("/if_flag"),
                    "there is no such flag in this workspace");
    if (flag.n > 0 && !q->flag)
        q->flag = &flag_nowhere;
}

static void
read_content(struct reading *r, struct json doc)
{
    struct json variant = json_get(doc, "content");
    struct json key = json_get(doc, "template");
    struct json title = json_get(doc, "title"), body = json_get(doc, "body"),
                html = json_get(doc, "html"),
                actions = json_get(doc, "actions");
    bool is_inline = !json_is(title, JSON_ABSENT) ||
                     !json_is(body, JSON_ABSENT) || !json_is(html, JSON_ABSENT);

    if (json_is(json_get(doc, "workflow"), JSON_STRING)) {
        read_workflow(r, doc);
        return;
    }
    if (json_is(key, JSON_STRING)) {
        r->request->template = workspace_template(
            r->workspace, json_str(r->arena, key), r->template_version);
        if (!r->request->template && !r->is_step)
            problem_add(r->problem, ERR_INVALID, STR("/template"),
                        "there is no such template in this workspace");
        if (is_inline)
            problem_add(r->problem, ERR_INVALID, STR("/template"),
                        "give a template or inline content, not both");
    } else if (json_is(variant, JSON_OBJECT)) { /* of an experiment */
        r->request->template = template_content_compile(r->arena, variant);
    } else if (!is_inline) {
        problem_add(r->problem, ERR_INVALID, STR(""),
                    "needs content: a template, or at least one of title, "
                    "body, html");
    }
    if (json_str(r->arena, body).n + json_str(r->arena, html).n +
            json_raw(actions).n >
        SEND_CONTENT_MAX)
        problem_add(r->problem, ERR_INVALID, STR("/body"),
                    "body, html and actions must be at most %d bytes together",
                    SEND_CONTENT_MAX);
    read_trial(r, doc);
}

/* What becomes a link in somebody's inbox must not be able to run there. */
static void
check_actions(struct reading *r, struct json actions)
{
    size_t i = 0;

    for (struct json x = json_first(actions); !json_is(x, JSON_ABSENT);
         x = json_next(actions, x), i++) {
        static const char *const links[] = {"url", "api_endpoint"};

        for (size_t j = 0; j < 2; j++) {
            struct json v = json_get(x, links[j]);

            if (json_is(v, JSON_STRING) && !link_is_safe(json_str(r->arena, v)))
                problem_add(
                    r->problem, ERR_INVALID,
                    str_fmt(r->arena, "/actions/%zu/%s", i, links[j]),
                    "must be an https, http, mailto or tel link, or a path");
        }
    }
}

/* Said now, and not by deliveries that fail later. */
static void
check_headers(struct reading *r, struct json headers)
{
    for (struct json h = json_first(headers); !json_is(h, JSON_ABSENT);
         h = json_next(headers, h)) {
        struct str name = json_key(r->arena, h);
        const char *fault = mime_header_fault(name, json_str(r->arena, h));

        if (fault)
            problem_add(
                r->problem, ERR_INVALID,
                field_pointer(r->arena, STR("/overrides/email/headers"), name),
                "%s", fault);
    }
}

/* Each driver says what it takes. */
static void
check_providers(struct reading *r, struct json providers)
{
    for (struct json v = json_first(providers); !json_is(v, JSON_ABSENT);
         v = json_next(providers, v)) {
        struct str name = json_key(r->arena, v);
        struct str at =
            field_pointer(r->arena, STR("/overrides/providers"), name);
        const struct provider *p = workspace_provider(r->workspace, name);

        if (!p)
            problem_add(r->problem, ERR_INVALID, at,
                        "there is no such provider");
        else if (!p->driver->overrides)
            problem_add(r->problem, ERR_INVALID, at,
                        "its driver, %s, takes no overrides", p->driver->name);
        else
            field_check(p->driver->overrides, v, at, r->problem);
    }
}

static void
check_overrides(struct reading *r, struct json overrides)
{
    check_headers(r, json_get(json_get(overrides, "email"), "headers"));
    check_providers(r, json_get(overrides, "providers"));
}

static struct str
default_key(const struct send_request *q)
{
    if (q->category.n > 0)
        return q->category;
    return q->template ? q->template->key : STR_NONE;
}

static void
read_digest(struct reading *r, struct json doc)
{
    struct json key = json_get(doc, "key");

    r->request->digest = digest_rule_read(doc, STR("/digest"), r->problem);
    r->request->digest.key = json_is(key, JSON_STRING)
                                 ? json_str(r->arena, key)
                                 : default_key(r->request);
    if (!str_starts(r->request->digest.key, STR(DIGEST_KEY_RESERVED)))
        return;
    problem_add(r->problem, ERR_INVALID, STR("/digest/key"),
                "must not begin with \"" DIGEST_KEY_RESERVED
                "\": such keys are Belfry's own");
    r->request->digest.key = default_key(r->request);
}

static void
read_approval(struct reading *r, struct json approval)
{
    struct send_request *q = r->request;

    if (!json_is(approval, JSON_OBJECT) && !json_bool(approval, false))
        return;
    q->approval_ms = SEND_APPROVAL_DEFAULT_MS;
    (void)str_to_duration_ms(json_str_of(r->arena, approval, "expires_in"),
                             &q->approval_ms);
}

static void
read_attachments(struct reading *r, struct json list)
{
    if (json_is(list, JSON_ABSENT))
        return;
    attachments_check(list, r->problem);
    r->request->n_attachments =
        attachments_read(r->arena, list, &r->request->attachments);
}

static void
check_dedup_key(struct reading *r, struct json doc)
{
    if (str_starts(json_str_of(r->arena, doc, "dedup_key"),
                   STR(SEND_DEDUP_RESERVED)))
        problem_add(r->problem, ERR_INVALID, STR("/dedup_key"),
                    "must not begin with \"" SEND_DEDUP_RESERVED
                    "\": such keys are Belfry's own");
}

static void
read_policy(struct reading *r, struct json doc)
{
    struct send_request *q = r->request;
    int64_t ms;

    q->priority = PRIORITY_NORMAL;
    if (json_is(json_get(doc, "priority"), JSON_STRING))
        priority_parse(json_str_of(r->arena, doc, "priority"), &q->priority);
    q->category = json_str_of(r->arena, doc, "category");
    q->dedup_key = json_str_of(r->arena, doc, "dedup_key");
    q->cancel_key = json_str_of(r->arena, doc, "cancel_key");
    q->dedup_window_ms = SEND_DEDUP_DEFAULT_MS;
    if (str_to_duration_ms(json_str_of(r->arena, doc, "dedup_window"), &ms))
        q->dedup_window_ms = ms;
    if (time_parse(json_str_of(r->arena, doc, "send_at"), &ms))
        q->send_ms = ms;
    if (time_parse(json_str_of(r->arena, doc, "expires_at"), &ms))
        q->expires_ms = ms;
    q->is_dry_run = json_bool(json_get(doc, "dry_run"), false);
    read_approval(r, json_get(doc, "approval"));
    if (str_to_duration_ms(
            json_str_of(r->arena, json_get(doc, "best_time"), "within"), &ms))
        q->best_within_ms = ms;
    if (json_is(json_get(doc, "digest"), JSON_OBJECT))
        read_digest(r, json_get(doc, "digest"));
}

void
send_request_reread(struct arena *a, const struct workspace *w, struct json doc,
                    int64_t template_version, struct map *named,
                    struct send_request *ret)
{
    struct problem ignored;
    struct reading r = {.arena = a,
                        .workspace = w,
                        .problem = &ignored,
                        .request = ret,
                        .seen = named ? named : map_new(),
                        .template_version = template_version};

    problem_init(&ignored, a);
    *ret = (struct send_request){.doc = doc};
    read_to(&r, json_get(doc, "to"));
    read_content(&r, doc);
    read_policy(&r, doc);
    read_channels(&r, json_get(doc, "channels"));
    if (!named)
        map_free(r.seen);
}

void
send_step_check(struct arena *a, const struct workspace *w, struct json step,
                struct problem *p)
{
    struct send_request ignored = {.doc = step};
    struct reading r = {.arena = a,
                        .workspace = w,
                        .problem = p,
                        .request = &ignored,
                        .is_step = true};

    field_check(send_step_fields, step, STR(""), p);
    if (problem_is_set(p))
        return;
    read_content(&r, step);
    check_actions(&r, json_get(step, "actions"));
    check_overrides(&r, json_get(step, "overrides"));
    read_channels(&r, json_get(step, "channels"));
}

enum err
send_request_read(struct arena *a, const struct workspace *w, struct json doc,
                  struct problem *p, struct send_request *ret)
{
    struct reading r = {.arena = a,
                        .workspace = w,
                        .problem = p,
                        .request = ret,
                        .seen = map_new()};

    *ret = (struct send_request){.doc = doc};
    field_check(send_request_fields, doc, STR(""), p);
    if (!problem_is_set(p)) {
        read_to(&r, json_get(doc, "to"));
        read_content(&r, doc);
        check_actions(&r, json_get(doc, "actions"));
        check_overrides(&r, json_get(doc, "overrides"));
        check_dedup_key(&r, doc);
        read_attachments(&r, json_get(doc, "attachments"));
        read_policy(&r, doc);
        read_channels(&r, json_get(doc, "channels"));
    }
    map_free(r.seen);
    return problem_is_set(p) ? p->err : ERR_OK;
}
