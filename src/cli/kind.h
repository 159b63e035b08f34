/* kind.h - what is configured on a server by PUT and GET, one row a kind: for
 * the commands that show and change one, and for folders of files of all. */
#pragma once

#include "cli/cli_private.h"

enum kind_id {
    KIND_WORKSPACE,
    KIND_PROVIDER,
    KIND_CATEGORY,
    KIND_TOPIC,
    KIND_FLAG,
    KIND_TEMPLATE,
    KIND_EXPERIMENT,
    KIND_WORKFLOW,
    KIND_SCHEDULE,
    KIND_ENDPOINT,
    KIND_COUNT, /* those before it are kept in folders, in this order: each
                 * needs none but those that came before */
    KIND_USER = KIND_COUNT,
};

struct kind {
    const char *noun;         /* "template" */
    const char *folder;       /* "templates", also in "/v1/templates" */
    const char *key_name;     /* the member that shows the key */
    const char *const *shown; /* members that only answers have */
};

const struct kind *kind_of(enum kind_id id);
/* "/v1/templates/welcome" + rest. */
struct str kind_path(struct arena *a, const struct kind *k, struct str key,
                     const char *rest);
/* [A-Za-z0-9_.:@-]{1,128} */
bool kind_is_key(struct str key);
/* The document without its key, and without what only answers have. */
struct str kind_document(struct arena *a, const struct kind *k,
                         struct json shown);

/* ---- what the commands of one kind have in common ---- */

/* A column of a list. A member of a member is "a.b". */
struct kind_column {
    const char *head, *member;
    const char *otherwise; /* where that is left out; NULL: nothing */
};

/* What the server lists there. */
int kind_list(struct cli *c, struct str path, const struct kind_column *columns,
              int64_t limit);
int kind_run_ls(struct cli *c, const struct kind *k,
                const struct kind_column *columns, int64_t limit);
int kind_run_get(struct cli *c, const struct kind *k, struct str key);
/* Prints a document as `get` does. */
int kind_show(struct cli *c, struct json doc);
/* Of the file that the second argument names. */
int kind_run_put(struct cli *c, const struct kind *k, struct json doc);
/* All arguments behind the first. */
int kind_run_delete(struct cli *c, const struct kind *k);
