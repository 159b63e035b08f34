/* config.h - the settings of this process, as config.def lists them.
 *
 * Defaults, then the file, then the environment, then flags; what comes later
 * wins. The result never changes: a reload makes another one. An empty
 * variable is one that is not set. Comments in the file begin with # at the
 * start of a line or after a blank. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

#define CONFIG_FILE "/etc/belfry/belfry.conf"

struct config_list {
    struct str *items;
    size_t n;
};

enum config_id {
#define CONFIG(section, key, ...) CONFIG_##section##_##key,
#include "base/config.def"
#undef CONFIG
    CONFIG_COUNT
};

struct config_origin {
    enum {
        CONFIG_FROM_DEFAULT,
        CONFIG_FROM_FILE,
        CONFIG_FROM_ENV,
        CONFIG_FROM_FLAG,
    } from;
    int line; /* of the file */
};

struct config {
#define CONFIG_FIELD_STR(name) struct str name
#define CONFIG_FIELD_INT(name) int64_t name
#define CONFIG_FIELD_BOOL(name) bool name
#define CONFIG_FIELD_DURATION(name) int64_t name##_ms
#define CONFIG_FIELD_SIZE(name) int64_t name
#define CONFIG_FIELD_LIST(name) struct config_list name
#define CONFIG(section, key, env, flag, type, ...)                             \
    CONFIG_FIELD_##type(section##_##key);
#include "base/config.def"
#undef CONFIG
    struct config_origin origins[CONFIG_COUNT];
    const char *file; /* that was read; NULL: none */
};

struct config_flag {
    const char *name;  /* "--listen" */
    const char *value; /* a BOOL's may be NULL: true */
};

struct config_sources {
    const char *file; /* of --config; NULL: CONFIG_FILE where it exists */
    const char *const *environ; /* ends with NULL; NULL itself: none */
    const struct config_flag *flags;
    size_t n_flags;
};

/* ERR_OK, or ERR_INVALID: then the last of *messages says in one line what is
 * wrong, where, and how to mend it. Warnings come there, too, one a line; the
 * caller shows them on stderr. *ret and its texts live in the arena; they are
 * NUL-terminated. */
enum err config_load(struct arena *a, const struct config_sources *sources,
                     struct config **ret, struct buf *messages) MUST_CHECK;

/* "BELFRY_LISTEN", "/etc/belfry/belfry.conf:3", "--db", "default". */
struct str config_where(struct arena *a, const struct config *c,
                        enum config_id id);

/* The table as Markdown, for the documents. */
void config_write_doc(struct buf *out);
/* What is in force, as a file that could be read again; where each value
 * comes from is in a comment, secrets are "***". */
void config_write_effective(const struct config *c, struct buf *out);
