/* experiment_doc.h - the documents of an experiment and of a flag, checked and
 * understood. */
#pragma once

#include "app/workspace.h"
#include "base/field.h"
#include "domain/experiment.h"
#include "store/object.h"
#include "store/trial.h"

#define EXPERIMENTS_MAX 1000 /* of a workspace */
#define EXPERIMENT_VARIANTS_BYTES_MAX (256 * 1024)
#define FLAGS_MAX 100

extern const struct field experiment_fields[];
extern const struct field flag_fields[];

enum experiment_status {
    EXPERIMENT_RUNNING,
    EXPERIMENT_DRAFT,
    EXPERIMENT_STOPPED
};

struct experiment_variant {
    struct str key;
    struct json doc; /* channels, template, content */
    bool is_plain;   /* it has none of these */
    int64_t delay_ms;
    int send_minute; /* of the day, there; -1: not told */
};

struct experiment_doc {
    struct str key;
    int64_t version;
    enum experiment_status status;
    int64_t round; /* names it as it is: of what was counted before another
                      salt, goal or life, nothing counts */
    struct lot holdout_lot;
    int64_t holdout; /* a share */
    struct experiment_variant *variants;
    struct experiment_arm *arms; /* of each of them */
    size_t n_variants;
    enum store_goal goal;
    struct str goal_name;
    int64_t within_ms; /* 0: whenever */
    bool has_stop, is_auto;
    struct stop_rule stop;
    const struct experiment_variant *winner;  /* as people say; NULL */
    const struct experiment_variant *decided; /* as the rule says; NULL */
};

/* What the table cannot say. */
void experiment_doc_check(const struct workspace *w, struct json doc,
                          struct problem *p);
/* Of a stored document; texts are borrowed from it. */
struct experiment_doc *
experiment_doc_read(struct arena *a, const struct object *o, struct json doc);
/* What is stored in place of `before`, which may be absent: what it decided
 * stays, where that is still the same question. */
struct str experiment_doc_text(struct arena *a, struct json doc,
                               struct json before);
/* The same with what its rule has decided now. */
struct str experiment_doc_decide(struct arena *a, struct json doc,
                                 struct str winner, double p, int64_t now_ms);

struct experiment_choice {
    const struct experiment_variant *variant; /* NULL: as the send says */
    bool is_held_out;
    bool is_counted;
};
/* Of an inline recipient without an id, who is nobody in particular, only the
 * winner is known. Nobody is held out of what is critical. */
struct experiment_choice experiment_choose(const struct experiment_doc *x,
                                           struct str user, bool is_critical);
/* Whether it gives anybody anything. */
bool experiment_is_on(const struct experiment_doc *x);
/* Not before now. */
int64_t experiment_due_ms(const struct experiment_variant *v,
                          const struct zone *z, int64_t now_ms);

/* Rounds that have that event as their goal, in ascending order. */
int64_t *experiments_of_goal(struct arena *a, const struct workspace *w,
                             struct str event, size_t *ret_n);

struct flag_doc {
    struct str key;
    int64_t version;
    bool is_enabled;
    struct lot lot;
    int64_t share; /* that it is rolled out to */
    struct json conditions;
};

extern const struct flag_doc flag_nowhere; /* off for everybody */
void flag_doc_check(struct json doc, struct problem *p);
struct flag_doc *flag_doc_read(struct arena *a, const struct object *o,
                               struct json doc);
/* user: the id, empty: nobody in particular; doc: the stored document. */
bool flag_is_on(struct arena *a, const struct flag_doc *f, struct str user,
                struct json doc);
/* {"key":true,...} of a workspace; "{}" where it has none. */
struct str flags_of(struct arena *a, const struct workspace *w, struct str user,
                    struct json doc);
