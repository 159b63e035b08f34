/* script.h - a scenario file as values: what people wrote, checked word by
 * word, and nothing carried out. docs/scenarios.md is the language.
 *
 *   file      = { "before each scenario:" steps | "scenario: NAME" steps }
 *   step      = an indented line; lines indented deeper go on with its JSON
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "domain/zone.h"

#define SCRIPT_MAX (1 << 20) /* bytes of a file */
#define SCRIPT_SCENARIOS_MAX 1000
#define SCRIPT_STEPS_MAX 2000  /* of one scenario, with those before each */
#define SCRIPT_NAMES_MAX 20000 /* of users that ranges stand for */
#define STEP_CHECKS_MAX 8
#define STEP_REPLIES_MAX 32
#define STEP_USERS_MAX 16

/* A time on a wall clock, as far as it was said. */
struct moment {
    bool has_date, has_seconds;
    struct civil civil;
    const struct zone *zone; /* NULL: the scenario's */
};

/* What a provider answers to one call. */
struct reply {
    enum { REPLY_STATUS, REPLY_NEVER, REPLY_UNREACHABLE } kind;
    int status;
    struct str text;        /* beside the status; empty: the usual one */
    int64_t retry_after_ms; /* 0: it does not say */
};

/* A text that is there: as a field of a message, or at a JSON pointer. */
struct check {
    struct str what;
    bool is_part;     /* it is somewhere in it */
    struct str text;  /* of a message */
    struct json json; /* of an answer */
};

enum step_kind {
    STEP_AT,
    STEP_AFTER,
    STEP_REQUEST,
    STEP_REMEMBER,
    STEP_MARK, /* anna reads "Sale" */
    STEP_UNSUBSCRIBE,
    STEP_REPLIES, /* provider email answers 503 */
    STEP_STOP,
    STEP_START,
    STEP_RESTART,
    STEP_CRASH,
    STEP_EXPECT_MESSAGE,
    STEP_EXPECT_NOTHING,
    STEP_EXPECT_DELIVERY,
    STEP_EXPECT_NO_DELIVERY,
    STEP_EXPECT_PLAN,
    STEP_EXPECT_NOTIFICATION,
    STEP_EXPECT_CALLS,
    STEP_EXPECT_ANSWER,
    STEP_EXPECT_REQUEST,
};

struct step {
    enum step_kind kind;
    int line;
    struct str text; /* as it was written, its first line */
    struct moment moment;
    bool has_moment;
    int64_t ms;               /* AFTER */
    struct str method, path;  /* REQUEST; ${name} stands for what it was told */
    struct json body;         /* absent: none */
    struct str as_user;       /* with this user's token; empty: as root */
    struct str header[2];     /* name and value; empty: none */
    struct str name;          /* what to remember it by; a provider */
    struct str user, channel; /* empty: any */
    struct str *users;        /* of whom all of it is expected */
    size_t n_users;
    struct str title; /* of a message */
    bool has_title;
    struct str status, reason, provider, of; /* empty: any */
    int64_t count;                           /* of messages or calls */
    int http_status;                         /* 0: any */
    struct str code, pointer;                /* of a refusal */
    struct check *checks;
    size_t n_checks;
    struct reply *replies;
    size_t n_replies;
    bool is_always; /* the last reply stays */
};

struct scenario {
    int line;
    struct str name;
    const struct step *before; /* that begin it; shared by all */
    size_t n_before;
    const struct step *steps;
    size_t n_steps;
};

struct script {
    struct str file; /* for messages */
    struct scenario *scenarios;
    size_t n_scenarios;
};

struct script_error {
    int line;
    struct str why;
};

/* ERR_OK, or ERR_INVALID with the first thing that is wrong. Everything lives
 * in the arena; the text must outlive it. */
enum err script_parse(struct arena *a, struct str file, struct str text,
                      struct script *ret,
                      struct script_error *ret_why) MUST_CHECK;
