/* template_uses.h - what a compiled template takes from elsewhere, tag by tag,
 * and where in HTML each tag stands. For lints: a template is never run. */
#pragma once

#include "domain/template.h"

enum template_use_kind { USE_VARIABLE, USE_SECTION, USE_PARTIAL };

enum template_place {
    PLACE_TEXT,     /* between tags, or it is no HTML */
    PLACE_QUOTED,   /* in the value of an attribute, in quotes */
    PLACE_URL,      /* the same, and what a URL begins with */
    PLACE_UNQUOTED, /* elsewhere in a tag */
    PLACE_SCRIPT,   /* in a script, a style, or what an event runs */
};

struct template_use {
    enum template_use_kind kind;
    enum template_place place;
    struct str name;
    struct str written; /* of a variable: "{{{name}}}" */
    bool is_raw;
    bool is_dynamic; /* {{>*name}}: the name of what has the name */
};

/* Where the HTML that was read so far ends. */
struct html_scan {
    uint8_t state;
    uint8_t raw; /* 0; of which element the text is */
    bool is_empty_value;
    char name[16]; /* of the tag, then of the attribute; in small letters */
    size_t n_name;
    char last[8]; /* bytes of raw text and comments */
};

struct template_uses {
    const struct template *template;
    bool is_html;
    uint32_t at;
    struct html_scan scan;
};

struct template_uses template_uses_of(const struct template *t, bool is_html);
/* In the order in which they are written. */
bool template_next_use(struct template_uses *u, struct template_use *ret);
/* What is there whatever the data is: the text outside of sections. */
void template_put_literal(const struct template *t, struct buf *out);
