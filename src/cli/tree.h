/* tree.h - a folder of files that commands read and write, and never leave:
 * names are single ones, no symbolic link is followed but the folder's own
 * name, and a file is there as a whole or not at all. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

#define TREE_FILE_MAX (1024u * 1024) /* bytes; a template's text is smaller */
#define TREE_FILES_MAX 1000000       /* of one folder */

struct tree {
    struct arena *arena;
    struct str name; /* for people */
    int fd;          /* -1: it is not there */
};

/* With `makes` it is made where it is missing. False with *ret_why. */
bool tree_open(struct arena *a, struct str name, bool makes, struct tree *ret,
               struct str *ret_why);
/* A folder in it; one that is missing is there with fd -1. */
bool tree_folder(const struct tree *t, const char *name, bool makes,
                 struct tree *ret, struct str *ret_why);
void tree_close(struct tree *t);

/* Names of what is in it, sorted, those that begin with a dot left out. */
bool tree_list(const struct tree *t, struct str **ret, size_t *ret_n,
               struct str *ret_why);
bool tree_has(const struct tree *t, struct str name);
/* UTF-8 without NUL. */
bool tree_read(const struct tree *t, struct str name, struct str *ret,
               struct str *ret_why);
/* What tree_read() would not take is not written. *ret_same: it was so already,
 * and nothing was written. */
bool tree_write(const struct tree *t, struct str name, struct str text,
                bool *ret_same, struct str *ret_why);
bool tree_remove(const struct tree *t, struct str name, struct str *ret_why);

/* A key as a file's name: ':', and a dot in front, as %XX. */
struct str tree_name_of(struct arena *a, struct str key, const char *end);
/* The key behind a name without its end; false: no key is written so. */
bool tree_key_of(struct arena *a, struct str name, struct str *ret);
