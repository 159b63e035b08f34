/* person.h - what is kept of one user beside their documents, their inbox and
 * what they were sent: for who shows them all of it. */
#pragma once

#include "store/press.h"

/* An event that was posted (store/workflow.h). */
struct store_person_event {
    int64_t at_ms, id;
    struct str name, data;
};
/* A part in a round of an experiment, and what came of it: 0 is not yet
 * (store/trial.h). */
struct store_person_trial {
    int64_t round;
    int64_t at_ms, delivered_ms, read_ms, goal_ms;
    struct str variant; /* empty: held out */
};
struct store_person {
    struct store_req req;
    int64_t tenant;
    struct str user;
    /* Events after this one, by name, time and id; {0}: from the first. */
    struct store_person_event after;
    size_t limit;          /* of these */
    const int64_t *rounds; /* that are asked about */
    size_t n_rounds;
    /* result */
    struct store_person_event *events;
    size_t n_events;
    bool has_more; /* events */
    struct store_person_trial *trials;
    size_t n_trials;
};

/* What they pressed (store/press.h), by what it came with. */
struct store_person_press {
    int64_t ref;
    int64_t notification; /* of ref; of a step, the one above it */
    struct str action;
    struct press press;
};
struct store_presses {
    struct store_req req;
    int64_t tenant;
    struct str user;
    /* Those after this one, by ref and action; {0}: from the first. */
    int64_t after_ref;
    struct str after_action;
    size_t limit;
    /* result */
    struct store_person_press *presses;
    size_t n_presses;
    bool has_more;
};
