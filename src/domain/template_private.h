/* template_private.h - what the three parts of the template engine share.
 *
 * template_scan.c finds the tags, pairs them and decides which lines they
 * have to themselves; template_parse.c turns tags into nodes;
 * template_render.c walks nodes. Nobody else includes this. */
#pragma once

#include "domain/template_helper.h"

#define TEMPLATE_NONE UINT32_MAX
/* Leading blanks that a block's argument may lose: stripping is work that
 * leaves no output, so that no other budget bounds it. */
#define TEMPLATE_DEDENT_MAX 256

enum template_tag_kind {
    TAG_VARIABLE,
    TAG_SECTION,
    TAG_INVERTED,
    TAG_CLOSE,
    TAG_PARTIAL,
    TAG_PARENT, /* {{<name}}: a partial with arguments */
    TAG_BLOCK,  /* {{$name}}: a parameter; directly in a parent, an argument */
    TAG_COMMENT,
    TAG_DELIMITERS,
};

struct template_tag {
    uint8_t kind;
    bool is_raw;                 /* {{{name}}}, {{&name}} */
    bool is_dynamic;             /* {{>*name}} */
    bool is_standalone;          /* its line is removed */
    uint32_t start, end;         /* in the source, delimiters included */
    uint32_t cut_start, cut_end; /* the same with the blanks that go too */
    uint32_t up;   /* of an open tag the one around it, or TEMPLATE_NONE */
    uint32_t mate; /* of an open tag its close and back, or TEMPLATE_NONE */
    struct str name;
    struct str helper; /* VARIABLE: what is behind the bar; p NULL: no bar */
};

struct template_tags {
    struct template_tag *tags;
    uint32_t n;
};

/* The result points into the source and lives in the arena. */
enum err template_scan(struct arena *a, struct str source,
                       struct template_tags *ret,
                       struct template_error *ret_error) MUST_CHECK;

/* At from, blanks: the first byte that is none. */
uint32_t template_skip_blanks(struct str source, uint32_t from);

enum template_node_kind {
    NODE_TEXT,
    NODE_VARIABLE,
    NODE_SECTION,
    NODE_INVERTED,
    NODE_PARTIAL,
    NODE_PARENT,
    NODE_BLOCK,
};

/* Nodes stand in one row, children right behind their parent. */
struct template_node {
    uint8_t kind;
    bool is_raw;
    bool is_dynamic;
    bool is_standalone; /* BLOCK: it has its line, or lines, to itself */
    bool has_lines;     /* BLOCK: its content begins on a line of its own */
    bool starts_line;   /* TEXT: its first byte is the first of a line */
    bool opens_line;    /* TEXT: it ends in a newline, and a tag is next */
    uint16_t dedent;    /* BLOCK: leading blanks that its lines share */
    uint32_t next;      /* index behind its last descendant */
    /* TEXT: the bytes. VARIABLE: the tag as written. PARTIAL, PARENT: what
     * indents each of its lines. BLOCK: what indents an argument. */
    struct str text;
    struct str name;
    struct str eol; /* BLOCK: what ends the line of an argument */
    const struct template_helper *helper; /* VARIABLE: NULL: none */
};

struct template
{
    struct template_node *nodes;
    uint32_t n;
};
