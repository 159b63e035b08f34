/* file.h - whether a shared object may be loaded: it and each folder above it
 * belong to root, nobody else can write there, no symbolic link is on the way,
 * and it is what its hash says. What is checked is what is opened: the one
 * descriptor that comes of it is read, hashed and loaded. */
#pragma once

#include <sys/stat.h>

#include "base/arena.h"
#include "base/err.h"

#define PLUGIN_FILE_MAX (64 * 1024 * 1024)
#define PLUGIN_HASH_SIZE 65 /* 64 hexadecimal digits and a NUL */

/* NULL, or the end of a sentence with what to do about it. */
const char *plugin_folder_fault(const struct stat *st);
const char *plugin_file_fault(const struct stat *st);

/* path is absolute. The descriptor; or -1 and *ret_why: a sentence. */
int plugin_file_open(struct arena *a, const char *path, const char **ret_why);
/* SHA-256 of what it has, as hexadecimal. False: it cannot be read, or is
 * larger than PLUGIN_FILE_MAX. */
bool plugin_file_hash(int fd, char ret[static PLUGIN_HASH_SIZE]);

/* "name=sha256:HEX" of the setting plugins.allow. */
struct plugin_allowed {
    struct str name, hash; /* hash: 64 digits, lower case */
};
bool plugin_allowed_parse(struct arena *a, struct str text,
                          struct plugin_allowed *ret);
/* What an item of that setting allows, as it is in the folder: the descriptor
 * of a file that may be loaded. Or -1 and *ret_why: a sentence with what to do;
 * ret->name is empty where the item is none. */
int plugin_allowed_open(struct arena *a, struct str folder, struct str item,
                        struct plugin_allowed *ret, const char **ret_why);
