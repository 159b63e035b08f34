/* template_parse.c - from tags to nodes.
 *
 * A template is compiled into one flat row of nodes, each knowing where its
 * descendants end: it is walked without a pointer to follow, and the source is
 * the only text. Lines matter here, because partials and blocks are indented
 * line by line of the template, never of the data. Pure, any thread. */
#include "domain/template_private.h"

#include <assert.h>

#include "base/arena.h"

struct parser {
    struct str source;
    struct template_tags tags;
    struct template_node *nodes; /* room for two a tag and one */
    uint32_t n;
    uint32_t open[TEMPLATE_DEPTH_MAX]; /* nodes whose close is to come */
    int depth;
};

static bool
is_line_start(struct str source, uint32_t at)
{
    return at == 0 || source.p[at - 1] == '\n';
}

static struct str
slice(struct str source, uint32_t from, uint32_t to)
{
    return str_sub(source, from, to - from);
}

/* The text before `next` (NULL: at the end). A line that begins with a tag
 * gets an empty text, for its indentation to have a place. */
static void
add_text(struct parser *p, uint32_t from, uint32_t to,
         const struct template_tag *next)
{
    bool starts = is_line_start(p->source, from);
    bool tag_is_inline = next && !next->is_standalone;
    struct template_node *node;

    if (from == to && !(starts && tag_is_inline))
        return;
    node = &p->nodes[p->n++];
    *node = (struct template_node){.kind = NODE_TEXT,
                                   .text = slice(p->source, from, to),
                                   .starts_line = starts,
                                   .opens_line = from < to &&
                                                 is_line_start(p->source, to) &&
                                                 tag_is_inline,
                                   .next = p->n};
}

/* The blanks before the first line with something on it; NULL: only blanks. */
static struct str
own_indent(struct str source, uint32_t from, uint32_t to)
{
    while (from < to) {
        uint32_t end = template_skip_blanks(source, from);

        if (end >= to)
            break;
        if (source.p[end] == '\r' && end + 1 < to && source.p[end + 1] == '\n')
            end++;
        if (source.p[end] != '\n')
            return slice(source, from, end);
        from = end + 1;
    }
    return STR_NONE;
}

/* The newline that ends at `at`, if one does. */
static struct str
newline_before(struct str source, uint32_t at)
{
    if (at == 0 || source.p[at - 1] != '\n')
        return STR_NONE;
    return at > 1 && source.p[at - 2] == '\r' ? slice(source, at - 2, at)
                                              : slice(source, at - 1, at);
}

static void
shape_block(const struct parser *p, const struct template_tag *t,
            struct template_node *node)
{
    const struct template_tag *close = &p->tags.tags[t->mate];
    struct str indent = STR_NONE;

    node->is_standalone = t->is_standalone;
    if (!t->is_standalone)
        return;
    node->has_lines = is_line_start(p->source, t->cut_end);
    if (node->has_lines)
        indent = own_indent(p->source, t->cut_end, close->cut_start);
    node->dedent =
        (uint16_t)(indent.n < TEMPLATE_DEDENT_MAX ? indent.n
                                                  : TEMPLATE_DEDENT_MAX);
    node->text = indent.p ? indent : slice(p->source, t->cut_start, t->start);
    node->eol = newline_before(p->source, t->cut_end);
    if (node->eol.n == 0 && close->is_standalone)
        node->eol = newline_before(p->source, close->cut_end);
}

static void
add_tag(struct parser *p, const struct template_tag *t)
{
    static const uint8_t node_kinds[] = {
        [TAG_VARIABLE] = NODE_VARIABLE, [TAG_SECTION] = NODE_SECTION,
        [TAG_INVERTED] = NODE_INVERTED, [TAG_PARTIAL] = NODE_PARTIAL,
        [TAG_PARENT] = NODE_PARENT,     [TAG_BLOCK] = NODE_BLOCK};
    struct template_node *node;

    if (t->kind == TAG_COMMENT || t->kind == TAG_DELIMITERS)
        return;
    if (t->kind == TAG_CLOSE) {
        p->nodes[p->open[--p->depth]].next = p->n;
        return;
    }
    if (t->mate != TEMPLATE_NONE)
        p->open[p->depth++] = p->n;
    node = &p->nodes[p->n++];
    *node = (struct template_node){.kind = node_kinds[t->kind],
                                   .is_raw = t->is_raw,
                                   .is_dynamic = t->is_dynamic,
                                   .name = t->name,
                                   .next = p->n};
    if (t->kind == TAG_VARIABLE)
        node->text = slice(p->source, t->start, t->end);
    else if (t->kind == TAG_BLOCK)
        shape_block(p, t, node);
    else
        node->text = slice(p->source, t->cut_start, t->start);
}

static enum err
compile_helper(struct arena *a, const struct template_tag *t,
               struct template_node *node, struct template_error *e)
{
    const char *why;

    if (!t->helper.p)
        return ERR_OK;
    node->helper = template_helper_compile(a, t->helper, &why);
    if (node->helper)
        return ERR_OK;
    *e = (struct template_error){t->start, why};
    return ERR_INVALID;
}

static enum err
add_nodes(struct parser *p, struct arena *a, struct template_error *e)
{
    uint32_t at = 0;
    enum err err = ERR_OK;

    for (uint32_t i = 0; i < p->tags.n && err == ERR_OK; i++) {
        const struct template_tag *tag = &p->tags.tags[i];

        add_text(p, at, tag->cut_start, tag);
        add_tag(p, tag);
        if (tag->kind == TAG_VARIABLE)
            err = compile_helper(a, tag, &p->nodes[p->n - 1], e);
        at = tag->cut_end;
    }
    if (err == ERR_OK)
        add_text(p, at, (uint32_t)p->source.n, NULL);
    return err;
}

enum err
template_compile(struct arena *a, struct str source, struct template **ret,
                 struct template_error *ret_error)
{
    struct arena *scratch;
    struct parser p = {.depth = 0};
    struct template *t;
    enum err err;

    if (source.n > TEMPLATE_SOURCE_MAX) {
        *ret_error = (struct template_error){TEMPLATE_SOURCE_MAX,
                                             "the template is too long"};
        return ERR_INVALID;
    }
    scratch = arena_new();
    p.source = str_dup(a, source);
    err = template_scan(scratch, p.source, &p.tags, ret_error);
    if (err != ERR_OK)
        goto out;
    p.nodes = ARENA_ARRAY(a, struct template_node, 2 * p.tags.n + 1);
    err = add_nodes(&p, a, ret_error);
    if (err != ERR_OK)
        goto out;
    assert(p.depth == 0);
    t = ARENA_NEW(a, struct template);
    *t = (struct template){.nodes = p.nodes, .n = p.n};
    *ret = t;
out:
    arena_free(scratch);
    return err;
}

const struct template *
template_as_argument(struct arena *a, const struct template *t,
                     struct str block)
{
    struct template *ret = ARENA_NEW(a, struct template);

    *ret = (struct template){
        .nodes = ARENA_ARRAY(a, struct template_node, (size_t)t->n + 1),
        .n = t->n + 1};
    ret->nodes[0] = (struct template_node){.kind = NODE_BLOCK,
                                           .is_standalone = true,
                                           .has_lines = true,
                                           .name = str_dup(a, block),
                                           .next = ret->n};
    for (uint32_t i = 0; i < t->n; i++) {
        ret->nodes[i + 1] = t->nodes[i];
        ret->nodes[i + 1].next++;
    }
    return ret;
}
