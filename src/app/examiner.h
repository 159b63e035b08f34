/* examiner.h - what came of experiments, and when it decides them: each minute
 * the counts of those that run with a stop rule are looked at, and what is
 * decided is written into the document, once, whoever else looks. Where there
 * is no such experiment nothing is asked.
 *
 * One per process with the role scheduler; belongs to its loop's thread, but
 * for examiner_ring(). */
#pragma once

#include "app/app.h"
#include "app/experiment_doc.h"

#define EXAMINER_EVERY_MS 60000

struct examiner;

struct examiner *examiner_new(const struct app *app);
void examiner_ring(struct examiner *e); /* the configuration is another one */
/* Begins nothing more; `done` in a later turn, when what was begun is over. */
void examiner_drain(struct examiner *e, void (*done)(void *arg), void *arg);
void examiner_free(struct examiner *e); /* NULL is allowed */

/* The question, but for `req`. */
struct store_trial_count examiner_count(const struct workspace *w,
                                        const struct experiment_doc *x,
                                        int64_t now_ms);
void examiner_read(const struct app *app, struct store_trial_count *c);
/* That of a variant, or (empty) of those held out; zeros where there is none.
 */
struct store_trial_row examiner_row(const struct store_trial_count *c,
                                    struct str variant);
struct stop_verdict examiner_decide(struct arena *a,
                                    const struct experiment_doc *x,
                                    const struct store_trial_count *c);
