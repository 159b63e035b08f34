/* term.h - what is shown to people: colour, symbols, tables. Colour and
 * cursor tricks only on a terminal; symbols have ASCII twins; text from
 * elsewhere never reaches the terminal with control bytes in it. */
#pragma once

#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"

enum term_style {
    TERM_PLAIN,
    TERM_BOLD,
    TERM_DIM,
    TERM_RED,
    TERM_GREEN,
    TERM_YELLOW,
    TERM_CYAN,
};

enum term_symbol {
    TERM_YES,   /* it is well */
    TERM_NO,    /* it is not */
    TERM_WARN,  /* look at it */
    TERM_SKIP,  /* nothing was done */
    TERM_AGAIN, /* tried again */
    TERM_DOT,   /* on its way */
    TERM_BAR,   /* a piece of a bar */
};

struct term {
    FILE *file; /* NULL in tests */
    bool is_tty;
    bool has_color;
    bool is_utf8;
    size_t width; /* columns; 0: as wide as it takes */
};

/* The value of a variable; none if it is not set. */
struct str term_env(const char *const *env, const char *name);
/* What a file is, and what the environment says of it. */
void term_open(struct term *t, FILE *file, const char *const *env);
/* The part that looks at the environment alone. */
void term_judge(struct term *t, bool is_tty, const char *const *env);

const char *term_symbol(const struct term *t, enum term_symbol s);
enum term_style term_symbol_style(enum term_symbol s);
/* Columns that a text takes on a screen. */
size_t term_width(struct str s);
/* Of one character, or of a byte that is none. */
uint32_t term_code_point(struct str c);
/* Controls of both sets, and what turns the direction of writing. */
bool term_is_control(uint32_t c);
/* The text as it may be shown: one line, no control characters. */
struct str term_clean(struct arena *a, struct str s);
/* JSON text as it may be shown: the same values, with what drives a terminal
 * escaped. */
void term_put_json(struct buf *out, struct str json);
/* The longest prefix that fits; what is cut ends with an ellipsis. */
struct str term_clip(struct arena *a, const struct term *t, struct str s,
                     size_t width);
/* Cleans, pads with blanks to `width` (0: not at all), colours. */
void term_put(const struct term *t, struct buf *out, enum term_style style,
              struct str s, size_t width);
void term_put_symbol(const struct term *t, struct buf *out, enum term_symbol s);
/* All of it, now; false: nobody reads any more. */
bool term_write(struct term *t, struct str s);

/* Nobody reads it any more; what waits has to ask, as it does not write. */
bool term_is_gone(const struct term *t);

/* Columns as wide as their widest cell. The last one is clipped where the
 * terminal ends. */
struct table;
struct table *table_new(struct arena *a, const struct term *t,
                        const char *const *heads); /* ends with NULL */
/* The next cell, from left to right, row by row. */
void table_cell(struct table *t, enum term_style style, struct str text);
void table_write(const struct table *t, struct buf *out);
