/* config_table.h - config.def as rows; for config*.c alone. */
#pragma once

#include "base/clock.h"
#include "base/config.h"

enum config_type {
    CONFIG_TYPE_STR,
    CONFIG_TYPE_INT,
    CONFIG_TYPE_BOOL,
    CONFIG_TYPE_DURATION,
    CONFIG_TYPE_SIZE,
    CONFIG_TYPE_LIST,
};

struct config_row {
    const char *section, *key, *env, *flag; /* flag: NULL where none */
    enum config_type type;
    const char *otherwise; /* the default */
    int64_t min, max;
    bool is_secret;
    const char *help;
    size_t at; /* offset of its field in struct config */
};

extern const struct config_row config_rows[CONFIG_COUNT];

/* NULL, or what is wrong with the text and how to mend it. */
const char *config_parse_value(struct arena *a, enum config_id id,
                               struct str text, struct config *c);
/* The shortest text that config_parse_value() would read as v again. */
struct str config_format_number(char text[static TIME_TEXT_SIZE],
                                enum config_type type, int64_t v);
/* Empty, or a line: what does not fit together. */
struct str config_check(struct arena *a, const struct config *c);
