/* plan.h - what it takes to make a server as the files of a folder say. */
#pragma once

#include "cli/diff.h"
#include "cli/thing.h"

enum plan_action {
    PLAN_CREATE,
    PLAN_CHANGE,
    PLAN_PUBLISH, /* the server's draft is what the file says */
    PLAN_DELETE,
};
enum plan_result { PLAN_NOT_TRIED, PLAN_DONE, PLAN_FAILED };

struct plan_step {
    enum plan_action action;
    const struct thing *before, *after; /* before NULL: it is created; after
                                         * NULL: it is deleted */
    struct diff diff;                   /* of a change or publish */
    enum plan_result result;
    struct str why; /* it failed */
};

struct plan {
    struct plan_step *steps; /* in the order that they are to be done in */
    size_t n;
    size_t n_same;
    size_t n_left; /* on the server and in no file, and left there */
};

struct plan_options {
    bool deletes;
    bool sets_secrets;
};

/* ERR_INVALID with *ret_why: a new provider cannot be made of its file. */
enum err plan_make(struct arena *a, const struct things *server,
                   const struct things *files, struct plan_options options,
                   struct plan *ret, struct str *ret_why) MUST_CHECK;
const char *plan_action_name(enum plan_action action);
const struct thing *plan_subject(const struct plan_step *s);

void plan_put(const struct term *t, struct arena *a, const struct plan *p,
              struct buf *out);
/* As {"changes":[...],"unchanged":n,"without_file":n}; is_dry: nothing was to
 * be done. */
void plan_put_json(const struct plan *p, bool is_dry, struct buf *out);
