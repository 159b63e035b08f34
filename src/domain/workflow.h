/* workflow.h - steps that one recipient goes through, each when the one before
 * is over. Pure.
 *
 *   {"steps": [{"id": "first", "type": "send", "channels": ["in_app"], ...},
 *              {"type": "wait", "for_event": "read", "timeout": "10m",
 *               "else": [{"type": "send", "channels": ["email"], ...}]},
 *              {"type": "branch", "if": {CONDITION}, "then": [], "else": []},
 *              {"type": "throttle", "limit": 3, "per": "1h"},
 *              {"type": "delay", "for": "1d"}]}
 *
 * The steps are compiled to a row of instructions that only lead forward, but
 * for the members of a role that are asked one after the other: where somebody
 * stands in it, and since when, is all there is to keep of them. */
#pragma once

#include "domain/condition.h"

#define WORKFLOW_STEPS_MAX 100 /* of all lists together */
#define WORKFLOW_DEPTH_MAX 8
#define WORKFLOW_TEXT_MAX 512 /* bytes of a template in a step, else said */
#define WORKFLOW_ASKED_MAX 20 /* of an escalation; of a role */
#define WORKFLOW_HEADERS_MAX 10
#define WORKFLOW_HEADER_MAX 1024 /* bytes of a value */
#define WORKFLOW_FETCH_MS 10000  /* of one call, else said */
#define WORKFLOW_FETCH_MAX_MS 30000
#define WORKFLOW_DELAY_MAX_MS (INT64_C(366) * 24 * 3600 * 1000)

extern const struct field workflow_fields[];

/* Adds each fault to *p. What a send step sends is the caller's to check:
 * check_send, with the pointer to the step. */
typedef void workflow_check_send(void *arg, struct json step, struct str at,
                                 struct problem *p);
/* The same of the host that a fetch calls; may be NULL. */
typedef void workflow_check_host(void *arg, struct str host, struct str at,
                                 struct problem *p);
void workflow_check(struct json doc, workflow_check_send *check_send,
                    workflow_check_host *check_host, void *arg,
                    struct problem *p);

struct workflow;
#define WORKFLOW_ROLE "role:" /* before its key, in place of a user's id */

/* Of a document that workflow_check() found well; it must outlive the result.
 */
struct workflow *workflow_compile(struct arena *a, struct json doc);

/* When something happened: the time, and what orders those of one time. */
struct workflow_moment {
    int64_t ms, id;
};

/* What comes after one wait ends is heard by the next one, also where it has
 * not begun yet: no event falls between two of them, and none is in both. */
struct workflow_state {
    int64_t at;                   /* instruction; 0 at the beginning */
    int64_t since_ms;             /* when it came there */
    struct workflow_moment heard; /* up to there: until its last wait ended */
};

/* What can be known. */
struct workflow_world {
    struct arena *arena;
    int64_t now_ms;
    const struct condition_root *roots;
    size_t n_roots;
    bool is_all_there_is; /* the roots: a branch that asks others is UNKNOWN */
    /* Whether that has happened to the recipient that it waits for, until then;
     * and when. */
    bool (*has_happened)(void *arg, const struct workflow_state *s,
                         struct str event, int64_t until_ms,
                         struct workflow_moment *ret);
    /* Told of each step that is over without a send: "then" or "else" of a
     * branch, "event" or "timeout" of a wait, "pass" of a delay. May be NULL.
     */
    void (*on_passed)(void *arg, struct str id, const char *how);
    void *arg;
};

enum workflow_need {
    /* `step`; then workflow_sent(), or workflow_answer() that there is nobody
     */
    WORKFLOW_SEND,
    WORKFLOW_WAIT, /* until due_ms, or for `event` if that is not empty */
    /* Whether it may pass the `step`; then workflow_answer() */
    WORKFLOW_THROTTLE,
    WORKFLOW_DIGEST, /* a window, until that lets it go on; the same */
    WORKFLOW_FETCH,  /* whether a call brings something; the same */
    WORKFLOW_UNKNOWN,
    WORKFLOW_DONE,
};
struct workflow_turn {
    enum workflow_need need;
    struct str id;    /* of the step */
    struct json step; /* its document, but of WAIT */
    /* An escalation's: whom it asks now, "role:..." for one member after the
     * other of that, and where. Absent: the recipient; as the step says. */
    struct json to, channel;
    int64_t due_ms;
    struct str event;
};

/* Goes on as far as nothing is to be done or waited for. A state that fits
 * nowhere is at the end. */
struct workflow_turn workflow_run(const struct workflow *w,
                                  struct workflow_state *s,
                                  const struct workflow_world *world);
/* What it stood at and asked for is known: it goes on, or to `else`. False: it
 * is at its end, as there is none. */
bool workflow_answer(const struct workflow *w, struct workflow_state *s,
                     bool is_yes, int64_t now_ms);
/* It has waited until then: what happened before is over. */
void workflow_heard(struct workflow_state *s, struct workflow_moment until);
/* The send that it stood at is made. */
void workflow_sent(struct workflow_state *s, int64_t now_ms);
