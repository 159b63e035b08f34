/* statement.c - what a scenario does: documents, requests, time, providers. */
#include "scenario/reader.h"

#define AFTER_MAX_DAYS 3660

/* ---- documents ---- */

static const struct {
    const char *noun, *path;
} documents[] = {
    {"user", "/v1/users/"},         {"category", "/v1/categories/"},
    {"template", "/v1/templates/"}, {"topic", "/v1/topics/"},
    {"provider", "/v1/providers/"}, {"schedule", "/v1/schedules/"},
    {"workflow", "/v1/workflows/"}, {"experiment", "/v1/experiments/"},
    {"flag", "/v1/flags/"},         {"suppression", "/v1/suppressions/"},
};
#define N_DOCUMENTS (sizeof(documents) / sizeof(documents[0]))

/* N_DOCUMENTS: it is none. */
static size_t
take_noun(struct reader *r)
{
    size_t i = 0;

    while (i < N_DOCUMENTS && !reader_take(r, documents[i].noun))
        i++;
    return i;
}

static bool
put(struct reader *r, struct step *s, struct str path)
{
    s->kind = STEP_REQUEST;
    s->method = STR("PUT");
    s->path = path;
    if (!reader_is_done(r))
        return reader_object(r, &s->body);
    s->body = reader_json_of(r, STR("{}"));
    return true;
}

static bool
post(struct step *s, struct str path, struct json body)
{
    s->kind = STEP_REQUEST;
    s->method = STR("POST");
    s->path = path;
    s->body = body;
    return true;
}

static bool
read_remove(struct reader *r, struct step *s)
{
    size_t i = take_noun(r);
    struct str key;

    s->kind = STEP_REQUEST;
    s->method = STR("DELETE");
    if (i == N_DOCUMENTS)
        return reader_fail(r,
                           "expected what to remove, such as \"user\" or "
                           "\"template\", not: %.*s",
                           STR_ARG(reader_next(r)));
    if (!reader_word(r, "its name", &key))
        return false;
    s->path = reader_path(r, documents[i].path, key, "");
    return reader_end(r);
}

static struct str
id_object(struct reader *r, struct str id)
{
    struct buf b;

    buf_init(&b, r->arena);
    buf_put_cstr(&b, "{\"id\":");
    buf_put_json_str(&b, id);
    buf_put_char(&b, '}');
    return buf_str(&b);
}

/* users u1..u150 {...}: each has that, and an id. */
static bool
read_users(struct reader *r, struct step *s)
{
    struct json body = reader_json_of(r, STR("{}"));
    struct range range;
    struct buf b;

    if (!reader_range(r, &range) ||
        (!reader_is_done(r) && !reader_object(r, &body)))
        return false;
    buf_init(&b, r->arena);
    buf_put_cstr(&b, "{\"users\":[");
    for (int64_t i = range.first; i <= range.last; i++) {
        struct str id = id_object(r, range_name(r, &range, i));

        buf_put_cstr(&b, i > range.first ? "," : "");
        buf_put_str(&b,
                    json_merge_patch(r->arena, body, reader_json_of(r, id)));
    }
    buf_put_cstr(&b, "]}");
    return post(s, STR("/v1/users/bulk"), reader_json_of(r, buf_str(&b)));
}

static bool
read_preferences(struct reader *r, struct step *s)
{
    struct str user;

    return reader_word(r, "a user's id", &user) &&
           put(r, s, reader_path(r, "/v1/users/", user, "/preferences"));
}

/* The one in which all happens. */
static bool
read_workspace(struct reader *r, struct step *s)
{
    return put(r, s, STR("/v1/workspaces/default"));
}

static bool
read_members(struct reader *r, struct step *s, const char *list,
             const char *preposition)
{
    struct str topic;
    struct buf body;

    buf_init(&body, r->arena);
    buf_printf(&body, "{\"%s\":[", list);
    if (!reader_users(r, &body) || !reader_want(r, preposition) ||
        !reader_word(r, "a topic", &topic) || !reader_end(r))
        return false;
    buf_put_cstr(&body, "]}");
    return post(s, reader_path(r, "/v1/topics/", topic, "/subscribers"),
                reader_json_of(r, buf_str(&body)));
}

static bool
read_subscribe(struct reader *r, struct step *s)
{
    return read_members(r, s, "add", "to");
}

static bool
read_unsubscribe(struct reader *r, struct step *s)
{
    return read_members(r, s, "remove", "from");
}

static bool
read_publish(struct reader *r, struct step *s)
{
    struct str key;
    struct json none = {0};

    return reader_word(r, "a template", &key) && reader_end(r) &&
           post(s, reader_path(r, "/v1/templates/", key, "/publish"), none);
}

static bool
read_rollback(struct reader *r, struct step *s)
{
    struct str key;
    struct json none = {0};

    return reader_word(r, "a template", &key) && reader_end(r) &&
           post(s, reader_path(r, "/v1/templates/", key, "/rollback"), none);
}

/* ---- providers ---- */

static bool
read_reply(struct reader *r, struct step *s)
{
    struct reply reply = {.kind = REPLY_STATUS};
    int64_t status = 0, n = 1;

    if (reader_take(r, "timeout"))
        reply.kind = REPLY_NEVER;
    else if (reader_take(r, "unreachable"))
        reply.kind = REPLY_UNREACHABLE;
    else if (!reader_number(r,
                            "a status such as 503, \"timeout\" or "
                            "\"unreachable\"",
                            599, &status))
        return false;
    reply.status = (int)status;
    if (reader_has_text(r) && !reader_text(r, "what it says", &reply.text))
        return false;
    if (reader_has_json(r)) {
        struct json value;

        if (!reader_value(r, &value))
            return false;
        reply.text = json_raw(value);
    }
    if (reader_take(r, "retry-after") &&
        !reader_duration(r, &reply.retry_after_ms))
        return false;
    if (reader_take(r, "twice"))
        n = 2;
    else if (reader_has_digit(r) &&
             (!reader_number(r, "a number", STEP_REPLIES_MAX, &n) ||
              !reader_want(r, "times")))
        return false;
    if (s->n_replies + (size_t)n > STEP_REPLIES_MAX)
        return reader_fail(r, "at most %d answers can be told in advance",
                           STEP_REPLIES_MAX);
    if (!s->replies)
        s->replies = ARENA_ARRAY(r->arena, struct reply, STEP_REPLIES_MAX);
    while (n-- > 0)
        s->replies[s->n_replies++] = reply;
    return true;
}

static bool
read_replies(struct reader *r, struct step *s, struct str name)
{
    bool has_more = true;

    s->kind = STEP_REPLIES;
    s->name = name;
    if (s->is_always && !reader_want(r, "answers"))
        return false;
    if (reader_take(r, "normally"))
        return reader_end(r);
    while (has_more) {
        if (!read_reply(r, s))
            return false;
        has_more = reader_take(r, ",");
    }
    return reader_end(r);
}

/* What steps of workflows call for, by its name. */
static bool
read_fetch(struct reader *r, struct step *s)
{
    struct str name;

    if (!reader_word(r, "what a fetch is known as", &name))
        return false;
    s->is_always = reader_take(r, "always");
    return (s->is_always || reader_want(r, "answers")) &&
           read_replies(r, s, str_fmt(r->arena, "fetch/%.*s", STR_ARG(name)));
}

/* ---- time ---- */

static bool
read_at(struct reader *r, struct step *s)
{
    s->kind = STEP_AT;
    return reader_moment(r, &s->moment) && reader_end(r);
}

static bool
read_after(struct reader *r, struct step *s)
{
    s->kind = STEP_AFTER;
    if (!reader_duration(r, &s->ms) || !reader_end(r))
        return false;
    if (s->ms > INT64_C(86400000) * AFTER_MAX_DAYS)
        return reader_fail(r, "that is too long: at most %d days",
                           AFTER_MAX_DAYS);
    return true;
}

/* ---- sending ---- */

static bool
read_send(struct reader *r, struct step *s)
{
    struct json body;

    if (!reader_has_json(r) && !reader_word(r, "JSON", &s->name))
        return false;
    return reader_object(r, &body) && post(s, STR("/v1/notifications"), body);
}

static bool
read_plan(struct reader *r, struct step *s)
{
    struct json body, dry;

    if (!reader_object(r, &body))
        return false;
    dry = reader_json_of(r, STR("{\"dry_run\":true}"));
    body = reader_json_of(r, json_merge_patch(r->arena, body, dry));
    return post(s, STR("/v1/notifications"), body);
}

static bool
read_cancel(struct reader *r, struct step *s)
{
    struct json body = {0};
    struct str key;
    struct buf b;

    buf_init(&b, r->arena);
    if (reader_take(r, "key")) {
        if (!reader_word(r, "a cancel_key", &key) || !reader_end(r))
            return false;
        buf_put_cstr(&b, "{\"cancel_key\":");
        buf_put_json_str(&b, key);
        buf_put_char(&b, '}');
        return post(s, STR("/v1/cancel"), reader_json_of(r, buf_str(&b)));
    }
    if (!reader_word(r, "the name of what was sent, or \"key\"", &key) ||
        !reader_end(r))
        return false;
    buf_printf(&b, "/v1/notifications/${%.*s}/cancel", STR_ARG(key));
    return post(s, buf_str(&b), body);
}

/* approve offer by ben "fine with me" */
static bool
read_decision(struct reader *r, struct step *s, const char *verb)
{
    struct str name, by = STR_NONE, note = STR_NONE;
    struct json_writer w;
    struct buf body, path;

    if (!reader_word(r, "the name of what was sent", &name) ||
        (reader_take(r, "by") && !reader_word(r, "a user's id", &by)) ||
        (reader_has_text(r) && !reader_text(r, "a note in quotes", &note)) ||
        !reader_end(r))
        return false;
    buf_init(&body, r->arena);
    w = json_writer(&body);
    json_begin_object(&w);
    if (by.n > 0)
        json_str_field(&w, "by", by);
    if (note.n > 0)
        json_str_field(&w, "note", note);
    json_end_object(&w);
    buf_init(&path, r->arena);
    buf_printf(&path, "/v1/notifications/${%.*s}/%s", STR_ARG(name), verb);
    return post(s, buf_str(&path), reader_json_of(r, buf_str(&body)));
}

static bool
read_approve(struct reader *r, struct step *s)
{
    return read_decision(r, s, "approve");
}

static bool
read_reject(struct reader *r, struct step *s)
{
    return read_decision(r, s, "reject");
}

static bool
read_remember(struct reader *r, struct step *s)
{
    s->kind = STEP_REMEMBER;
    s->pointer = STR("/id");
    if (!reader_word(r, "a name", &s->name))
        return false;
    return reader_is_done(r) ||
           (reader_word(r, "a JSON pointer", &s->pointer) && reader_end(r));
}

static bool
read_stop(struct reader *r, struct step *s)
{
    s->kind = STEP_STOP;
    return reader_end(r);
}

static bool
read_start(struct reader *r, struct step *s)
{
    s->kind = STEP_START;
    return reader_end(r);
}

static bool
read_restart(struct reader *r, struct step *s)
{
    s->kind = STEP_RESTART;
    return reader_end(r);
}

static bool
read_crash(struct reader *r, struct step *s)
{
    s->kind = STEP_CRASH;
    return reader_end(r);
}

/* ---- the first word ---- */

static const struct {
    const char *word;
    bool (*read)(struct reader *r, struct step *s);
} verbs[] = {
    {"at", read_at},
    {"after", read_after},
    {"send", read_send},
    {"fetch", read_fetch},
    {"plan", read_plan},
    {"cancel", read_cancel},
    {"approve", read_approve},
    {"reject", read_reject},
    {"remember", read_remember},
    {"users", read_users},
    {"preferences", read_preferences},
    {"workspace", read_workspace},
    {"subscribe", read_subscribe},
    {"unsubscribe", read_unsubscribe},
    {"publish", read_publish},
    {"rollback", read_rollback},
    {"remove", read_remove},
    {"stop", read_stop},
    {"start", read_start},
    {"restart", read_restart},
    {"crash", read_crash},
    {"expect", expectation_read},
};
#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static const char *
nearest(struct str word)
{
    const char *best = NULL;
    size_t least = 3;

    for (size_t i = 0; i < N_VERBS + N_DOCUMENTS; i++) {
        const char *name =
            i < N_VERBS ? verbs[i].word : documents[i - N_VERBS].noun;
        size_t d = str_distance(word, str_from(name));

        if (d < least && d < word.n) {
            least = d;
            best = name;
        }
    }
    return best;
}

/* anna reads "Sale", anna unsubscribes from "Sale" */
static bool
read_mark(struct reader *r, struct step *s, struct str user)
{
    static const char *const marks[][2] = {{"reads", "read"},
                                           {"sees", "seen"},
                                           {"unreads", "unread"},
                                           {"archives", "archive"},
                                           {"unarchives", "unarchive"}};

    s->user = user;
    if (reader_take(r, "unsubscribes")) {
        s->kind = STEP_UNSUBSCRIBE;
        return reader_want(r, "from") &&
               reader_text(r, "the title of a mail in quotes", &s->title) &&
               reader_end(r);
    }
    s->kind = STEP_MARK;
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        if (reader_take(r, marks[i][0])) {
            s->status = str_from(marks[i][1]);
            return reader_text(r, "the title of an inbox item in quotes",
                               &s->title) &&
                   reader_end(r);
        }
    return false;
}

static bool
refuse(struct reader *r, struct str word)
{
    const char *near = nearest(word);

    if (near)
        return reader_fail(r,
                           "there is no statement \"%.*s\"; did you mean "
                           "\"%s\"?",
                           STR_ARG(word), near);
    return reader_fail(r, "there is no statement \"%.*s\"", STR_ARG(word));
}

static bool
read_document(struct reader *r, struct step *s, size_t i)
{
    struct str key;

    if (!reader_word(r, "its name", &key))
        return false;
    if (str_is(str_from(documents[i].noun), "provider")) {
        s->is_always = reader_take(r, "always");
        if (s->is_always || reader_take(r, "answers"))
            return read_replies(r, s, key);
    }
    return put(r, s, reader_path(r, documents[i].path, key, ""));
}

bool
statement_read(struct reader *r, struct step *s)
{
    struct reader before;
    struct str word;
    size_t i;

    for (i = 0; i < N_VERBS; i++)
        if (reader_take(r, verbs[i].word))
            return verbs[i].read(r, s);
    i = take_noun(r);
    if (i < N_DOCUMENTS)
        return read_document(r, s, i);
    if (reader_method(r, &s->method)) {
        s->kind = STEP_REQUEST;
        return reader_request(r, s, false);
    }
    before = *r;
    if (!reader_word(r, "a statement", &word))
        return false;
    if (read_mark(r, s, word))
        return true;
    r->rest = before.rest;
    return refuse(r, word);
}
