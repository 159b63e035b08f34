/* thing.h - what is configured, on a server or in a folder of files: one
 * struct for both, so that they can be held against each other. */
#pragma once

#include "cli/kind.h"
#include "cli/tree.h"

struct thing {
    enum kind_id kind;
    struct str key;
    struct json doc; /* without its key, and what only answers have */
    /* a file's */
    struct str file;     /* "templates/welcome.json" */
    struct json written; /* of a provider: with "${NAME}" as it is there */
    /* a server's */
    struct str etag;   /* for If-Match */
    struct json draft; /* of a template: its latest document, where that is
                        * not the one that sends use, which `doc` is */
};

/* Of a template, what was written last. */
static inline struct json
thing_latest(const struct thing *t)
{
    return json_is(t->draft, JSON_ABSENT) ? t->doc : t->draft;
}

struct things {
    struct thing *all; /* by kind and key */
    size_t n;
    bool has[KIND_COUNT]; /* was looked at: a server's kind, a folder */
};

const struct thing *things_find(const struct things *t, enum kind_id kind,
                                struct str key);
/* "templates/welcome" */
struct str thing_name(struct arena *a, const struct thing *t);

/* Those kinds of the server; of KIND_WORKSPACE the one that is worked in.
 * False: *ret is the exit code. */
bool things_of_server(struct cli *c, const bool kinds[KIND_COUNT],
                      struct things *ret_things, int *ret);
/* All templates. */
bool things_of_templates(struct cli *c, struct things *ret_things, int *ret);
/* Of a folder, with a template's texts taken in and a provider's config
 * expanded. What is wrong is complained of, all of it. */
bool things_of_folder(struct cli *c, const struct tree *t,
                      struct things *ret_things, int *ret);
/* One file's document as things_of_folder() has it. */
bool thing_of_file(struct cli *c, const struct tree *folder, enum kind_id kind,
                   struct str file, struct thing *ret, struct str *ret_why);

/* The one of the workspace that is worked in. */
#define WORKSPACE_FILE "workspace.json"
struct str workspace_key(const struct cli *c);
