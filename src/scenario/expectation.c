/* expectation.c - what a scenario expects. */
#include "domain/status.h"
#include "scenario/reader.h"

static struct check *
add_check(struct reader *r, struct step *s)
{
    if (!s->checks)
        s->checks = ARENA_ARRAY(r->arena, struct check, STEP_CHECKS_MAX);
    if (s->n_checks < STEP_CHECKS_MAX)
        return &s->checks[s->n_checks++];
    reader_fail(r, "at most %d things can be checked at once", STEP_CHECKS_MAX);
    return NULL;
}

/* ---- messages ---- */

static bool
read_field(struct reader *r, struct step *s)
{
    static const char *const fields[] = {"title", "body", "html", "to"};
    struct check *c = add_check(r, s);

    for (size_t i = 0; c && i < sizeof(fields) / sizeof(fields[0]); i++)
        if (reader_take(r, fields[i])) {
            c->what = str_from(fields[i]);
            c->is_part = reader_take(r, "containing");
            return reader_text(r, "a text in quotes", &c->text);
        }
    return reader_fail(r,
                       "expected \"title\", \"body\", \"html\" or \"to\", "
                       "not: %.*s",
                       STR_ARG(reader_next(r)));
}

/* twice, 3 times */
static bool
read_times(struct reader *r, struct step *s)
{
    if (reader_take(r, "once"))
        s->count = 1;
    else if (reader_take(r, "twice"))
        s->count = 2;
    else
        return reader_number(r, "how many times", 100000, &s->count) &&
               reader_want(r, "times");
    return true;
}

static bool
read_message_clause(struct reader *r, struct step *s)
{
    if (reader_take(r, "at")) {
        s->has_moment = true;
        return reader_moment(r, &s->moment);
    }
    if (reader_take(r, "from"))
        return reader_word(r, "a provider", &s->provider);
    if (reader_take(r, "with"))
        return read_field(r, s);
    return read_times(r, s);
}

static bool
read_gets(struct reader *r, struct step *s)
{
    if (reader_take(r, "nothing")) {
        s->kind = STEP_EXPECT_NOTHING;
        return (reader_take(r, "else"), true) && reader_end(r);
    }
    if (reader_take(r, "no")) {
        s->kind = STEP_EXPECT_NOTHING;
        return reader_word(r, "a channel", &s->channel) && reader_end(r);
    }
    s->kind = STEP_EXPECT_MESSAGE;
    if (!reader_word(r, "a channel such as email, or \"nothing\"", &s->channel))
        return false;
    s->has_title = reader_has_text(r);
    if (s->has_title && !reader_text(r, "a title", &s->title))
        return false;
    while (!reader_is_done(r))
        if (!read_message_clause(r, s))
            return false;
    return true;
}

/* ---- deliveries and plans ---- */

static bool
is_reason_ahead(struct reader *r)
{
    struct reader copy = *r;
    struct str word;

    return reader_word(&copy, "", &word) && !str_is(word, "of") &&
           !str_is(word, "until") && !str_is(word, "from") &&
           !str_is(word, "after");
}

static bool
read_delivery_clause(struct reader *r, struct step *s)
{
    if (reader_take(r, "of"))
        return reader_word(r, "the name of what was sent", &s->of);
    if (reader_take(r, "from"))
        return reader_word(r, "a provider", &s->provider);
    if (reader_take(r, "after"))
        return reader_number(r, "how many attempts", 1000, &s->count) &&
               (reader_take(r, "attempts") || reader_want(r, "attempt"));
    if (!reader_want(r, "until"))
        return false;
    s->has_moment = true;
    return reader_moment(r, &s->moment);
}

static bool
read_delivery(struct reader *r, struct step *s)
{
    static const char what[] = "a delivery's status such as sent, suppressed "
                               "or held";
    struct reader before;
    enum delivery_status status;

    s->kind = STEP_EXPECT_DELIVERY;
    s->count = -1;
    if (!reader_word(r, "\"gets\", or a channel", &s->channel))
        return false;
    before = *r;
    if (!reader_word(r, what, &s->status))
        return false;
    if (!delivery_status_parse(s->status, &status)) {
        r->rest = before.rest;
        return reader_fail(r, "expected %s, not: %.*s", what,
                           STR_ARG(s->status));
    }
    if (!reader_is_done(r) && is_reason_ahead(r) &&
        !reader_word(r, "a reason", &s->reason))
        return false;
    while (!reader_is_done(r))
        if (!read_delivery_clause(r, s))
            return false;
    return true;
}

/* expect plan anna email skip pref.category_off */
static bool
read_plan(struct reader *r, struct step *s)
{
    static const char *const verdicts[] = {"send", "skip", "hold"};

    s->kind = STEP_EXPECT_PLAN;
    if (!reader_word(r, "a user's id", &s->user) ||
        !reader_word(r, "a channel", &s->channel))
        return false;
    for (size_t i = 0; i < 3; i++)
        if (reader_take(r, verdicts[i]))
            s->status = str_from(verdicts[i]);
    if (s->status.n == 0)
        return reader_fail(r,
                           "expected \"send\", \"skip\" or \"hold\", not: "
                           "%.*s",
                           STR_ARG(reader_next(r)));
    if (reader_has_text(r)) {
        s->has_title = true;
        return reader_text(r, "a title", &s->title) && reader_end(r);
    }
    return reader_is_done(r) ||
           (reader_word(r, "a reason", &s->reason) && reader_end(r));
}

/* ---- answers ---- */

static bool
read_refusal_clause(struct reader *r, struct step *s)
{
    int64_t n;

    if (reader_take(r, "status")) {
        if (!reader_number(r, "an HTTP status", 599, &n))
            return false;
        s->http_status = (int)n;
        return true;
    }
    if (reader_take(r, "error"))
        return reader_word(r, "an error's code", &s->code);
    if (reader_take(r, "pointer"))
        return reader_word(r, "a JSON pointer", &s->pointer);
    return reader_fail(r,
                       "expected \"status\", \"error\" or \"pointer\", not: "
                       "%.*s",
                       STR_ARG(reader_next(r)));
}

static bool
read_refusal(struct reader *r, struct step *s)
{
    s->kind = STEP_EXPECT_ANSWER;
    while (!reader_is_done(r))
        if (!read_refusal_clause(r, s))
            return false;
    return true;
}

/* expect answer {...}, or expect answer /counts/unread 2 */
static bool
read_answer(struct reader *r, struct step *s)
{
    struct check *c = add_check(r, s);

    s->kind = STEP_EXPECT_ANSWER;
    if (!reader_has_json(r) &&
        !reader_word(r, "JSON, or a JSON pointer", &c->what))
        return false;
    return reader_value(r, &c->json);
}

static bool
read_notification(struct reader *r, struct step *s)
{
    s->kind = STEP_EXPECT_NOTIFICATION;
    return reader_word(r, "the name of what was sent", &s->of) &&
           (reader_take(r, "is"), true) &&
           reader_word(r, "a notification's status such as done", &s->status) &&
           reader_end(r);
}

/* expect provider email called 3 times */
static bool
read_calls(struct reader *r, struct step *s, const char *before)
{
    s->kind = STEP_EXPECT_CALLS;
    if (!reader_word(r, "what is called", &s->name) ||
        !reader_want(r, "called"))
        return false;
    s->name = str_fmt(r->arena, "%s%.*s", before, STR_ARG(s->name));
    if (reader_take(r, "never"))
        return reader_end(r);
    return read_times(r, s) && reader_end(r);
}

static bool
is_refusal_ahead(struct reader *r)
{
    struct reader copy = *r;

    return reader_take(&copy, "status") || reader_take(&copy, "error") ||
           reader_take(&copy, "pointer");
}

/* "anna", or "anna, ben and carla" */
static bool
read_whom(struct reader *r, struct step *s)
{
    s->users = ARENA_ARRAY(r->arena, struct str, STEP_USERS_MAX);
    do {
        if (s->n_users == STEP_USERS_MAX)
            return reader_fail(r, "at most %d users can be named at once",
                               STEP_USERS_MAX);
        if (!reader_word(r, "what is expected", &s->users[s->n_users]))
            return false;
        s->n_users++;
    } while (reader_take(r, ",") || reader_take(r, "and"));
    s->user = s->users[0];
    return true;
}

/* Users, then what of each. */
static bool
read_of_user(struct reader *r, struct step *s)
{
    if (!read_whom(r, s))
        return false;
    if (reader_take(r, "gets") || reader_take(r, "get"))
        return read_gets(r, s);
    if (reader_take(r, "has")) {
        s->kind = STEP_EXPECT_NO_DELIVERY;
        return reader_want(r, "no") &&
               (reader_take(r, "deliveries") ||
                (reader_word(r, "a channel", &s->channel) &&
                 reader_want(r, "deliveries"))) &&
               reader_end(r);
    }
    return read_delivery(r, s);
}

bool
expectation_read(struct reader *r, struct step *s)
{
    if (reader_method(r, &s->method)) {
        s->kind = STEP_EXPECT_REQUEST;
        return reader_request(r, s, true);
    }
    if (reader_take(r, "nothing")) {
        s->kind = STEP_EXPECT_NOTHING;
        return (reader_take(r, "else"), true) && reader_end(r);
    }
    if (is_refusal_ahead(r))
        return read_refusal(r, s);
    if (reader_take(r, "answer"))
        return read_answer(r, s);
    if (reader_take(r, "plan"))
        return read_plan(r, s);
    if (reader_take(r, "notification"))
        return read_notification(r, s);
    if (reader_take(r, "provider"))
        return read_calls(r, s, "");
    if (reader_take(r, "fetch"))
        return read_calls(r, s, "fetch/");
    return read_of_user(r, s);
}
