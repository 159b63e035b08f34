/* template_lint.h - what is allowed in a template, and most likely not meant.
 * Pure. */
#pragma once

#include "app/workspace.h"

enum lint_id {
#define LINT(name, code, help) LINT_##name,
#include "app/lints.def"
#undef LINT
    LINT_COUNT
};

struct lint {
    enum lint_id id;
    struct str pointer; /* in the template's document */
    struct str detail;
};

#define LINTS_MAX 200 /* of one template; further ones are not told */

const char *lint_code(enum lint_id id);
const char *lint_help(enum lint_id id);
/* No two are the same. */
struct lint *template_lint(struct arena *a, const struct workspace *w,
                           const struct template_doc *t, size_t *ret_n);
