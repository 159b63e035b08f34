/* template.h - the parts of belfry template. */
#pragma once

#include "cli/thing.h"

/* Files to drafts, templates to files, and how they differ. */
int template_push(struct cli *c);
int template_pull(struct cli *c);
int template_diff(struct cli *c);
int template_warn(struct cli *c); /* lint */

/* A template's file: "a/b/welcome.json" is one, and so is each file of a
 * folder, or of the folder templates/ in it. */
struct template_files {
    struct cli *cli;
    /* False: enough; *ret is the exit code. */
    bool (*each)(void *arg, const struct thing *t, int *ret);
    void *arg;
    bool goes_on;    /* after what cannot be read, too... */
    size_t n_faults; /* ...which is counted */
};
/* Those that an argument names. What cannot be read is complained of. */
bool template_files(struct template_files *f, struct str name, int *ret);
/* Whether an argument names files, not a key. */
bool template_names_files(struct cli *c, struct str name);
