/* blocks.c - see blocks.h.
 *
 * One walk over the tree. Text that stands among blocks opens a paragraph for
 * itself, which the next block ends. */
#include "domain/blocks.h"

#include <gumbo.h>
#include <setjmp.h>
#include <string.h>

#include "base/arena.h"
#include "domain/link.h"

struct walk {
    struct json_writer *w;
    struct arena *arena;
    int n_nodes, depth;
    bool is_inline;  /* blocks cannot begin here */
    int paragraph;   /* depth in the one that text opened; 0: there is none */
    bool is_in_link; /* where there is no other one */
    bool is_after_space; /* or at the beginning: one more would not show */
};

static bool
is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r' && c != '\v');
}

/* ---- the parser's memory: nothing of it outlives the walk ---- */

struct parse {
    struct arena *arena;
    jmp_buf too_much; /* to where nothing of the parser is in use */
};

/* It cannot be told that there is no memory. */
static void *
allocate(void *arg, size_t n)
{
    struct parse *p = arg;

    if (n > BLOCKS_MEMORY_MAX || arena_used(p->arena) + n > BLOCKS_MEMORY_MAX)
        longjmp(p->too_much, 1);
    return arena_alloc(p->arena, n);
}

static void
release(void *arg, void *p)
{
    (void)arg;
    (void)p;
}

/* NULL: it takes too much. */
static const GumboOutput *
parse(struct parse *p, struct str html)
{
    GumboOptions options = kGumboDefaultOptions;

    options.allocator = allocate;
    options.deallocator = release;
    options.userdata = p;
    options.max_errors = 0;
    if (setjmp(p->too_much) != 0)
        return NULL;
    return gumbo_parse_with_options(&options, html.p, html.n);
}

/* ---- its time: that of a tag grows with the square of its attributes ----
 *
 * Where a tag begins only a parser knows: "<b" may stand in a comment, or in an
 * attribute. So each "<b" is taken for one, all of them at once: for each
 * place that one may have come to within itself it is kept how many attributes
 * the fullest one has that is there. */

enum place {
    IN_NAME, /* of the tag */
    IN_GAP,  /* before an attribute */
    IN_ATTRIBUTE,
    IN_REST,  /* behind its name */
    IN_VALUE, /* before it */
    IN_BARE,  /* a value without quotes */
    IN_SINGLE,
    IN_DOUBLE,
    N_PLACES,
    NOWHERE = N_PLACES, /* the tag is over */
};

static enum place
place_after(enum place at, char c)
{
    bool is_gap = is_space(c);

    if (at == IN_SINGLE || at == IN_DOUBLE)
        return c == (at == IN_SINGLE ? '\'' : '"') ? IN_GAP : at;
    if (c == '>')
        return NOWHERE;
    if (at == IN_VALUE)
        return is_gap      ? IN_VALUE
               : c == '"'  ? IN_DOUBLE
               : c == '\'' ? IN_SINGLE
                           : IN_BARE;
    if (at == IN_BARE)
        return is_gap ? IN_GAP : IN_BARE;
    if (c == '/')
        return IN_GAP;
    if (c == '=' && (at == IN_ATTRIBUTE || at == IN_REST))
        return IN_VALUE;
    if (is_gap)
        return at == IN_NAME || at == IN_GAP ? IN_GAP : IN_REST;
    return at == IN_NAME ? IN_NAME : IN_ATTRIBUTE;
}

static bool
begins_attribute(enum place before, enum place after)
{
    return after == IN_ATTRIBUTE && before != IN_ATTRIBUTE;
}

static bool
is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* "<b" or "</b", whose name begins at i. */
static bool
begins_tag(struct str html, size_t i)
{
    size_t before = i > 0 && html.p[i - 1] == '/' ? 2 : 1;

    return is_letter(html.p[i]) && i >= before && html.p[i - before] == '<';
}

static bool
has_crowded_tag(struct str html)
{
    int most[N_PLACES + 1], next[N_PLACES + 1]; /* -1: none is there */

    memset(most, -1, sizeof(most));
    for (size_t i = 0; i < html.n; i++) {
        memset(next, -1, sizeof(next));
        if (begins_tag(html, i))
            next[IN_NAME] = 0;
        for (enum place at = 0; at < N_PLACES; at++) {
            enum place to = place_after(at, html.p[i]);
            int n = most[at] + begins_attribute(at, to);

            if (most[at] >= 0 && n > next[to])
                next[to] = n;
        }
        if (next[IN_ATTRIBUTE] > BLOCKS_ATTRIBUTES_MAX)
            return true;
        memcpy(most, next, sizeof(most));
    }
    return false;
}

/* ---- writing ---- */

static bool
is_full(const struct walk *k)
{
    return k->n_nodes >= BLOCKS_NODES_MAX;
}

static void
begin(struct walk *k, const char *type)
{
    k->n_nodes++;
    json_begin_object(k->w);
    json_put_key(k->w, "type");
    json_put_cstr(k->w, type);
}

static void
open_children(struct walk *k)
{
    k->depth++;
    json_put_key(k->w, "children");
    json_begin_array(k->w);
}

static void
close_children(struct walk *k)
{
    k->depth--;
    json_end_array(k->w);
    json_end_object(k->w);
}

static void
want_inline(struct walk *k)
{
    if (k->is_inline)
        return;
    begin(k, "paragraph");
    open_children(k);
    k->is_inline = k->is_after_space = true;
    k->paragraph = k->depth;
}

/* Not from within a mark in it. */
static void
end_paragraph(struct walk *k)
{
    if (k->paragraph == 0 || k->paragraph != k->depth)
        return;
    close_children(k);
    k->paragraph = 0;
    k->is_inline = false;
}

/* Between blocks that stand in a line, such as a link around two of them. */
static void
separate(struct walk *k)
{
    end_paragraph(k);
    if (!k->is_inline || k->is_after_space || is_full(k))
        return;
    begin(k, "break");
    json_end_object(k->w);
    k->is_after_space = true;
}

static bool
is_blank(const char *s)
{
    while (is_space(*s))
        s++;
    return *s == '\0';
}

/* Runs of white space are one space, as they would show. */
static struct str
collapse(struct walk *k, const char *s)
{
    char *out = arena_alloc(k->arena, strlen(s));
    size_t n = 0;

    for (; *s; s++) {
        if (is_space(*s) && k->is_after_space)
            continue;
        k->is_after_space = is_space(*s);
        out[n++] = k->is_after_space ? ' ' : *s;
    }
    return (struct str){out, n};
}

static void
write_text(struct walk *k, const char *s)
{
    struct str text;

    if (is_full(k) || (is_blank(s) && (!k->is_inline || k->is_after_space)))
        return;
    want_inline(k);
    text = collapse(k, s);
    if (text.n == 0)
        return;
    begin(k, "text");
    json_str_field(k->w, "text", text);
    json_end_object(k->w);
}

/* ---- elements ---- */

static struct str
attribute(const GumboNode *e, const char *name)
{
    const GumboAttribute *a =
        gumbo_get_attribute(&e->v.element.attributes, name);

    return a ? str_trim(str_from(a->value)) : STR_NONE;
}

static const GumboVector *
children_of(const GumboNode *n)
{
    static const GumboVector none;

    return n->type == GUMBO_NODE_ELEMENT ? &n->v.element.children : &none;
}

enum kind {
    KIND_LEFT_OUT, /* with all that is in it */
    KIND_BLOCK,    /* what is in it stands by itself */
    KIND_INLINE,   /* only what is in it counts */
    KIND_HEADING,
    KIND_LIST,
    KIND_ITEM,
    KIND_QUOTE,
    KIND_PRE,
    KIND_RULE,
    KIND_IMAGE,
    KIND_BREAK,
    KIND_MARK,
    KIND_LINK,
};

struct rule {
    GumboTag tag;
    enum kind kind;
    const char *type; /* MARK */
};

static const struct rule rules[] = {
    {GUMBO_TAG_A, KIND_LINK, NULL},
    {GUMBO_TAG_B, KIND_MARK, "strong"},
    {GUMBO_TAG_STRONG, KIND_MARK, "strong"},
    {GUMBO_TAG_I, KIND_MARK, "emphasis"},
    {GUMBO_TAG_EM, KIND_MARK, "emphasis"},
    {GUMBO_TAG_CITE, KIND_MARK, "emphasis"},
    {GUMBO_TAG_DFN, KIND_MARK, "emphasis"},
    {GUMBO_TAG_VAR, KIND_MARK, "emphasis"},
    {GUMBO_TAG_S, KIND_MARK, "strike"},
    {GUMBO_TAG_STRIKE, KIND_MARK, "strike"},
    {GUMBO_TAG_DEL, KIND_MARK, "strike"},
    {GUMBO_TAG_CODE, KIND_MARK, "code"},
    {GUMBO_TAG_KBD, KIND_MARK, "code"},
    {GUMBO_TAG_SAMP, KIND_MARK, "code"},
    {GUMBO_TAG_TT, KIND_MARK, "code"},
    {GUMBO_TAG_BR, KIND_BREAK, NULL},
    {GUMBO_TAG_IMG, KIND_IMAGE, NULL},
    {GUMBO_TAG_H1, KIND_HEADING, NULL},
    {GUMBO_TAG_H2, KIND_HEADING, NULL},
    {GUMBO_TAG_H3, KIND_HEADING, NULL},
    {GUMBO_TAG_H4, KIND_HEADING, NULL},
    {GUMBO_TAG_H5, KIND_HEADING, NULL},
    {GUMBO_TAG_H6, KIND_HEADING, NULL},
    {GUMBO_TAG_UL, KIND_LIST, NULL},
    {GUMBO_TAG_OL, KIND_LIST, NULL},
    {GUMBO_TAG_MENU, KIND_LIST, NULL},
    {GUMBO_TAG_LI, KIND_ITEM, NULL},
    {GUMBO_TAG_BLOCKQUOTE, KIND_QUOTE, NULL},
    {GUMBO_TAG_PRE, KIND_PRE, NULL},
    {GUMBO_TAG_HR, KIND_RULE, NULL},
    {GUMBO_TAG_HEAD, KIND_LEFT_OUT, NULL},
    {GUMBO_TAG_TITLE, KIND_LEFT_OUT, NULL},
    {GUMBO_TAG_SCRIPT, KIND_LEFT_OUT, NULL},
    {GUMBO_TAG_STYLE, KIND_LEFT_OUT, NULL},
    {GUMBO_TAG_TEMPLATE, KIND_LEFT_OUT, NULL},
    {GUMBO_TAG_IFRAME, KIND_LEFT_OUT, NULL},
    {GUMBO_TAG_NOFRAMES, KIND_LEFT_OUT, NULL},
    {GUMBO_TAG_NOEMBED, KIND_LEFT_OUT, NULL},
    {GUMBO_TAG_OBJECT, KIND_LEFT_OUT, NULL},
    {GUMBO_TAG_APPLET, KIND_LEFT_OUT, NULL},
    {GUMBO_TAG_AUDIO, KIND_LEFT_OUT, NULL},
    {GUMBO_TAG_VIDEO, KIND_LEFT_OUT, NULL},
    {GUMBO_TAG_CANVAS, KIND_LEFT_OUT, NULL},
    {GUMBO_TAG_BUTTON, KIND_LEFT_OUT, NULL},
    {GUMBO_TAG_SELECT, KIND_LEFT_OUT, NULL},
    {GUMBO_TAG_TEXTAREA, KIND_LEFT_OUT, NULL},
    {GUMBO_TAG_P, KIND_BLOCK, NULL},
    {GUMBO_TAG_DIV, KIND_BLOCK, NULL},
    {GUMBO_TAG_SECTION, KIND_BLOCK, NULL},
    {GUMBO_TAG_ARTICLE, KIND_BLOCK, NULL},
    {GUMBO_TAG_ASIDE, KIND_BLOCK, NULL},
    {GUMBO_TAG_HEADER, KIND_BLOCK, NULL},
    {GUMBO_TAG_FOOTER, KIND_BLOCK, NULL},
    {GUMBO_TAG_MAIN, KIND_BLOCK, NULL},
    {GUMBO_TAG_NAV, KIND_BLOCK, NULL},
    {GUMBO_TAG_ADDRESS, KIND_BLOCK, NULL},
    {GUMBO_TAG_CENTER, KIND_BLOCK, NULL},
    {GUMBO_TAG_FIGURE, KIND_BLOCK, NULL},
    {GUMBO_TAG_FIGCAPTION, KIND_BLOCK, NULL},
    {GUMBO_TAG_DETAILS, KIND_BLOCK, NULL},
    {GUMBO_TAG_SUMMARY, KIND_BLOCK, NULL},
    {GUMBO_TAG_DL, KIND_BLOCK, NULL},
    {GUMBO_TAG_DT, KIND_BLOCK, NULL},
    {GUMBO_TAG_DD, KIND_BLOCK, NULL},
    {GUMBO_TAG_FORM, KIND_BLOCK, NULL},
    {GUMBO_TAG_FIELDSET, KIND_BLOCK, NULL},
    {GUMBO_TAG_TABLE, KIND_BLOCK, NULL},
    {GUMBO_TAG_CAPTION, KIND_BLOCK, NULL},
    {GUMBO_TAG_TR, KIND_BLOCK, NULL},
    {GUMBO_TAG_TD, KIND_BLOCK, NULL},
    {GUMBO_TAG_TH, KIND_BLOCK, NULL},
};

static struct rule
rule_of(const GumboNode *n)
{
    struct rule r = {GUMBO_TAG_UNKNOWN, KIND_INLINE, NULL};

    if (n->type != GUMBO_NODE_ELEMENT ||
        n->v.element.tag_namespace != GUMBO_NAMESPACE_HTML)
        r.kind = KIND_LEFT_OUT;
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        if (r.kind == KIND_INLINE && rules[i].tag == n->v.element.tag)
            return rules[i];
    return r;
}

/* ---- the walk ---- */

static void walk(struct walk *k, const GumboNode *n, int n_above);

static void
walk_children(struct walk *k, const GumboNode *n, int n_above)
{
    const GumboVector *v = children_of(n);

    for (unsigned i = 0; i < v->length && !is_full(k); i++)
        walk(k, v->data[i], n_above + 1);
}

/* Where a node is among its parent's is the parser's; from then on it is
 * whether something in the node would show. */
static bool
shows(const GumboNode *n)
{
    return n->index_within_parent != 0;
}

static bool note_what_shows(GumboNode *n, int n_above);

static bool
has_something(const GumboNode *n, int n_above)
{
    const GumboVector *v = children_of(n);
    enum kind kind;
    bool has = false;

    if (n->type == GUMBO_NODE_TEXT || n->type == GUMBO_NODE_CDATA)
        return !is_blank(n->v.text.text);
    kind = rule_of(n).kind;
    if (kind == KIND_LEFT_OUT || n_above > BLOCKS_ELEMENTS_MAX)
        return false;
    if (kind == KIND_IMAGE)
        return link_is_picture(attribute(n, "src"));
    for (unsigned i = 0; i < v->length; i++)
        has |= note_what_shows(v->data[i], n_above + 1);
    return has || kind == KIND_RULE;
}

static bool
note_what_shows(GumboNode *n, int n_above)
{
    n->index_within_parent = has_something(n, n_above);
    return shows(n);
}

static bool
is_deep(const struct walk *k)
{
    return k->depth >= BLOCKS_DEPTH_MAX;
}

static void
walk_block(struct walk *k, const GumboNode *n, int n_above)
{
    separate(k);
    walk_children(k, n, n_above);
    separate(k);
}

static void
walk_quote(struct walk *k, const GumboNode *n, int n_above)
{
    begin(k, "quote");
    open_children(k);
    walk_children(k, n, n_above);
    end_paragraph(k);
    close_children(k);
}

/* In a list only items stand, each of which holds something. */
static void
walk_list(struct walk *k, const GumboNode *n, int n_above)
{
    const GumboVector *v = children_of(n);

    begin(k, "list");
    json_bool_field(k->w, "ordered", n->v.element.tag == GUMBO_TAG_OL);
    open_children(k);
    for (unsigned i = 0; i < v->length && !is_full(k); i++) {
        if (!shows(v->data[i]))
            continue;
        begin(k, "item");
        open_children(k);
        if (rule_of(v->data[i]).kind == KIND_ITEM)
            walk_children(k, v->data[i], n_above + 1);
        else
            walk(k, v->data[i], n_above + 1);
        end_paragraph(k);
        close_children(k);
    }
    close_children(k);
}

static void
walk_heading(struct walk *k, const GumboNode *n, int n_above)
{
    begin(k, "heading");
    json_int_field(k->w, "level",
                   1 + (int)n->v.element.tag - (int)GUMBO_TAG_H1);
    open_children(k);
    k->is_inline = k->is_after_space = true;
    walk_children(k, n, n_above);
    k->is_inline = false;
    close_children(k);
}

static void
walk_mark(struct walk *k, const char *type, const GumboNode *n, int n_above)
{
    want_inline(k);
    begin(k, type);
    open_children(k);
    walk_children(k, n, n_above);
    close_children(k);
}

static void
walk_link(struct walk *k, const GumboNode *n, int n_above)
{
    struct str url = attribute(n, "href");

    if (k->is_in_link || !link_is_safe(url)) {
        walk_children(k, n, n_above);
        return;
    }
    want_inline(k);
    begin(k, "link");
    json_str_field(k->w, "url", url);
    open_children(k);
    k->is_in_link = true;
    walk_children(k, n, n_above);
    k->is_in_link = false;
    close_children(k);
}

static void
write_image(struct walk *k, const GumboNode *n)
{
    struct str url = attribute(n, "src");

    if (!link_is_picture(url))
        return;
    begin(k, "image");
    json_str_field(k->w, "url", url);
    json_str_field(k->w, "alt", attribute(n, "alt"));
    json_end_object(k->w);
    k->is_after_space = false;
}

static void
write_alone(struct walk *k, const char *type)
{
    begin(k, type);
    json_end_object(k->w);
    k->is_after_space = true;
}

static void
gather(struct buf *out, const GumboNode *n, int n_above)
{
    const GumboVector *v = children_of(n);

    if (n_above > BLOCKS_ELEMENTS_MAX)
        return;
    if (n->type == GUMBO_NODE_TEXT || n->type == GUMBO_NODE_CDATA ||
        n->type == GUMBO_NODE_WHITESPACE)
        buf_put_cstr(out, n->v.text.text);
    else if (rule_of(n).kind == KIND_BREAK)
        buf_put_char(out, '\n');
    else if (rule_of(n).kind != KIND_LEFT_OUT)
        for (unsigned i = 0; i < v->length; i++)
            gather(out, v->data[i], n_above + 1);
}

static void
write_preformatted(struct walk *k, const GumboNode *n, int n_above)
{
    struct buf text;

    buf_init(&text, k->arena);
    gather(&text, n, n_above);
    begin(k, "preformatted");
    json_str_field(k->w, "text", buf_str(&text));
    json_end_object(k->w);
}

/* Among blocks, or where one may begin. */
static void
walk_as_block(struct walk *k, enum kind kind, const GumboNode *n, int n_above)
{
    if (kind == KIND_HEADING)
        walk_heading(k, n, n_above);
    else if (kind == KIND_LIST)
        walk_list(k, n, n_above);
    else if (kind == KIND_QUOTE)
        walk_quote(k, n, n_above);
    else if (kind == KIND_PRE)
        write_preformatted(k, n, n_above);
    else
        write_alone(k, "rule");
}

static bool
is_of_blocks(enum kind kind)
{
    return kind >= KIND_HEADING && kind <= KIND_RULE && kind != KIND_ITEM;
}

static void
walk_inline(struct walk *k, const struct rule *r, const GumboNode *n,
            int n_above)
{
    if (r->kind == KIND_IMAGE)
        write_image(k, n);
    else if (r->kind == KIND_BREAK && k->is_inline)
        write_alone(k, "break");
    else if (r->kind == KIND_MARK && !is_deep(k))
        walk_mark(k, r->type, n, n_above);
    else if (r->kind == KIND_LINK && !is_deep(k))
        walk_link(k, n, n_above);
    else if (r->kind != KIND_BREAK)
        walk_children(k, n, n_above);
}

static void
walk_element(struct walk *k, const GumboNode *n, int n_above)
{
    struct rule r = rule_of(n);

    if (r.kind == KIND_LEFT_OUT || (r.kind != KIND_BREAK && !shows(n)))
        return;
    if (is_of_blocks(r.kind))
        end_paragraph(k);
    if (is_of_blocks(r.kind) && !k->is_inline && !is_deep(k))
        walk_as_block(k, r.kind, n, n_above);
    else if (r.kind <= KIND_RULE && r.kind != KIND_INLINE)
        walk_block(k, n, n_above);
    else
        walk_inline(k, &r, n, n_above);
}

static void
walk(struct walk *k, const GumboNode *n, int n_above)
{
    if (is_full(k) || n_above > BLOCKS_ELEMENTS_MAX)
        return;
    if (n->type == GUMBO_NODE_ELEMENT)
        walk_element(k, n, n_above);
    else if (n->type == GUMBO_NODE_TEXT || n->type == GUMBO_NODE_CDATA ||
             n->type == GUMBO_NODE_WHITESPACE)
        write_text(k, n->v.text.text);
}

void
blocks_write(struct str html, struct json_writer *w)
{
    struct parse p = {.arena = arena_new()};
    struct walk k = {.w = w, .arena = p.arena};
    const GumboOutput *tree;

    html = str_utf8_clip(html, BLOCKS_HTML_MAX);
    tree = has_crowded_tag(html) ? NULL : parse(&p, html);
    json_begin_array(w);
    if (tree) {
        note_what_shows(tree->root, 0);
        walk_children(&k, tree->root, 0);
        end_paragraph(&k);
    }
    json_end_array(w);
    arena_free(p.arena);
}
