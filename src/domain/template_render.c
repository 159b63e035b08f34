/* template_render.c - walk the nodes of a template and write what they say.
 *
 * Bounds: every node and every item visited is a step, every key that a name
 * is compared with is a lookup, and everything else costs bytes of output or
 * is short; all three have a budget, and recursion has a depth. Nothing here
 * is shared: a template may render in many threads at once. */
#include "domain/template_private.h"

#include "base/arena.h"

/* What {{.}} is; the next one out is asked for names that are not in it. */
struct scope {
    const struct scope *up;
    struct json value;
};

/* The blocks that stand directly in a parent tag. `up`: those that were given
 * to the template in which that tag is written, and win. */
struct args {
    const struct args *up;
    const struct template *t;
    uint32_t from, to;
};

/* What comes before each line, the last one nearest to the text. */
struct indent {
    const struct indent *up;
    struct str text;
};

/* Where we are: everything that differs from one template to the next. */
struct place {
    const struct template *t;
    const struct scope *scope;
    const struct args *args;
    const struct indent *indent;
    size_t dedent; /* leading blanks that each line loses first */
};

struct renderer {
    const struct json *contexts;
    size_t n_contexts;
    const struct template_options *options;
    struct buf *out;
    size_t out_from; /* what was there before */
    size_t steps, lookups;
    int depth;
    bool is_in_line; /* the next line start is not one in the output */
    struct arena *scratch;
};

static enum err render_nodes(struct renderer *r, const struct place *at,
                             uint32_t from, uint32_t to);

/* ---- budgets and output ---- */

static enum err
step(struct renderer *r)
{
    return ++r->steps > TEMPLATE_STEPS_MAX ? ERR_TOO_LARGE : ERR_OK;
}

static enum err
put(struct renderer *r, struct str s)
{
    if (s.n > TEMPLATE_OUTPUT_MAX - (r->out->n - r->out_from))
        return ERR_TOO_LARGE;
    buf_put_str(r->out, s);
    return ERR_OK;
}

static void
put_escaped(struct renderer *r, struct str s)
{
    size_t from = r->out->n;

    switch (r->options->escape) {
    case TEMPLATE_PLAIN:
        buf_put_str(r->out, s);
        break;
    case TEMPLATE_HTML:
        buf_put_html(r->out, s);
        break;
    case TEMPLATE_URL:
        buf_put_url(r->out, s);
        break;
    case TEMPLATE_JSON: /* the template has the quotes */
        buf_put_json_str(r->out, s);
        r->out->n -= 2;
        memmove(r->out->p + from, r->out->p + from + 1, r->out->n - from);
        break;
    }
}

/* Data, as opposed to what the template's author wrote. */
static enum err
put_value(struct renderer *r, struct str s, bool is_raw)
{
    if (is_raw || r->options->escape == TEMPLATE_PLAIN)
        return put(r, s);
    if (s.n > TEMPLATE_OUTPUT_MAX - (r->out->n - r->out_from))
        return ERR_TOO_LARGE;
    put_escaped(r, s);
    return r->out->n - r->out_from > TEMPLATE_OUTPUT_MAX ? ERR_TOO_LARGE
                                                         : ERR_OK;
}

static enum err
put_indent(struct renderer *r, const struct indent *indent)
{
    enum err err;

    if (!indent)
        return ERR_OK;
    err = put_indent(r, indent->up);
    return err == ERR_OK ? put(r, indent->text) : err;
}

/* ---- names ---- */

static enum err
find_key(struct renderer *r, struct json object, struct str key,
         struct json *ret)
{
    *ret = (struct json){NULL, 0};
    r->lookups += 1;
    if (!json_is(object, JSON_OBJECT))
        return ERR_OK;
    r->lookups += json_count(object);
    if (r->lookups > TEMPLATE_LOOKUPS_MAX)
        return ERR_TOO_LARGE;
    *ret = json_get_str(object, key);
    return ERR_OK;
}

/* The first part of a name is looked for from the inside out. */
static enum err
find_first(struct renderer *r, const struct scope *scope, struct str key,
           struct json *ret)
{
    enum err err = ERR_OK;

    *ret = (struct json){NULL, 0};
    for (; scope; scope = scope->up) {
        err = find_key(r, scope->value, key, ret);
        if (err != ERR_OK || !json_is(*ret, JSON_ABSENT))
            return err;
    }
    for (size_t i = r->n_contexts; i > 0; i--) {
        err = find_key(r, r->contexts[i - 1], key, ret);
        if (err != ERR_OK || !json_is(*ret, JSON_ABSENT))
            return err;
    }
    return err;
}

/* The other parts strictly within what the one before gave. */
static enum err
resolve(struct renderer *r, const struct scope *scope, struct str name,
        struct json *ret)
{
    struct str part;
    enum err err;

    if (str_is(name, ".")) {
        *ret = scope           ? scope->value
               : r->n_contexts ? r->contexts[r->n_contexts - 1]
                               : (struct json){NULL, 0};
        return ERR_OK;
    }
    (void)str_split(&name, '.', &part);
    err = find_first(r, scope, part, ret);
    while (err == ERR_OK && !json_is(*ret, JSON_ABSENT) &&
           str_split(&name, '.', &part))
        err = find_key(r, *ret, part, ret);
    return err;
}

static bool
is_true(struct json v)
{
    switch (json_type(v)) {
    case JSON_ABSENT:
    case JSON_NULL:
    case JSON_FALSE:
        return false;
    case JSON_STRING:
        return json_raw(v).n > 2; /* the quotes */
    case JSON_ARRAY:
        return json_count(v) > 0;
    case JSON_TRUE:
    case JSON_NUMBER:
    case JSON_OBJECT:
        break;
    }
    return true;
}

/* ---- values ---- */

/* Zeros that end the fraction say nothing, unless the exponent follows. */
static struct str
trim_fraction(struct str number)
{
    if (str_find(number, '.') < 0 || str_find(number, 'e') >= 0 ||
        str_find(number, 'E') >= 0)
        return number;
    while (number.p[number.n - 1] == '0')
        number.n--;
    if (number.p[number.n - 1] == '.')
        number.n--;
    return number;
}

static struct str
text_of(struct renderer *r, struct json v)
{
    switch (json_type(v)) {
    case JSON_ABSENT:
    case JSON_NULL:
        break;
    case JSON_STRING:
        return json_str(r->scratch, v);
    case JSON_NUMBER:
        return trim_fraction(json_raw(v));
    case JSON_FALSE:
    case JSON_TRUE:
    case JSON_ARRAY:
    case JSON_OBJECT:
        return json_raw(v);
    }
    return STR_NONE;
}

/* What the helper makes of it. *ret_done false: nothing. */
static enum err
apply_helper(struct renderer *r, const struct place *at,
             const struct template_node *node, struct json v, bool *ret_done)
{
    struct template_helper_call call = {.helper = node->helper,
                                        .options = r->options,
                                        .arena = r->scratch,
                                        .value = v};
    enum err err = ERR_OK;
    struct buf out;

    r->steps += TEMPLATE_HELPER_STEPS - 1;
    if (node->helper->currency.n > 0)
        err = resolve(r, at->scope, node->helper->currency, &call.currency);
    if (err != ERR_OK)
        return err;
    buf_init(&out, r->scratch);
    *ret_done = template_helper_apply(&call, &out);
    return *ret_done ? put_value(r, buf_str(&out), node->is_raw) : ERR_OK;
}

static enum err
render_variable(struct renderer *r, const struct place *at,
                const struct template_node *node)
{
    bool is_done = false;
    struct json v;
    enum err err = resolve(r, at->scope, node->name, &v);

    if (err != ERR_OK)
        return err;
    if (json_is(v, JSON_ABSENT) && r->options->keeps_unknown)
        return put(r, node->text);
    if (node->helper)
        err = apply_helper(r, at, node, v, &is_done);
    return err != ERR_OK || is_done ? err
                                    : put_value(r, text_of(r, v), node->is_raw);
}

/* ---- text, line by line where lines are indented ---- */

static struct str
take_line(struct str *rest)
{
    ptrdiff_t end = str_find(*rest, '\n');
    size_t n = end < 0 ? rest->n : (size_t)end + 1;
    struct str line = str_sub(*rest, 0, n);

    *rest = str_sub(*rest, n, rest->n - n);
    return line;
}

static struct str
strip(struct str line, size_t dedent)
{
    size_t n = 0;

    while (n < dedent && n < line.n && (line.p[n] == ' ' || line.p[n] == '\t'))
        n++;
    return str_sub(line, n, line.n - n);
}

static enum err
render_text(struct renderer *r, const struct place *at,
            const struct template_node *node)
{
    struct str rest = node->text;
    bool is_start = node->starts_line;
    enum err err = ERR_OK;

    if (!at->indent && at->dedent == 0)
        return put(r, rest);
    do {
        struct str line = take_line(&rest);

        if (is_start && !r->is_in_line)
            err = put_indent(r, at->indent);
        if (is_start) {
            r->is_in_line = false;
            line = strip(line, at->dedent);
        }
        if (err == ERR_OK)
            err = put(r, line);
        is_start = true;
    } while (err == ERR_OK && rest.n > 0);
    return err == ERR_OK && node->opens_line ? put_indent(r, at->indent) : err;
}

/* ---- what nests ---- */

static enum err
render_within(struct renderer *r, const struct place *at, uint32_t from,
              uint32_t to)
{
    enum err err;

    if (r->depth == TEMPLATE_DEPTH_MAX)
        return ERR_TOO_LARGE;
    r->depth++;
    err = render_nodes(r, at, from, to);
    r->depth--;
    return err;
}

static enum err
render_item(struct renderer *r, const struct place *at,
            const struct template_node *node, struct json item)
{
    struct scope inner = {.up = at->scope, .value = item};
    uint32_t from = (uint32_t)(node - at->t->nodes) + 1;
    struct place within = *at;
    enum err err = step(r);

    within.scope = &inner;
    return err == ERR_OK ? render_within(r, &within, from, node->next) : err;
}

static enum err
render_section(struct renderer *r, const struct place *at,
               const struct template_node *node)
{
    struct json v;
    enum err err = resolve(r, at->scope, node->name, &v);

    if (err != ERR_OK || is_true(v) != (node->kind == NODE_SECTION))
        return err;
    if (node->kind == NODE_INVERTED)
        return render_within(r, at, (uint32_t)(node - at->t->nodes) + 1,
                             node->next);
    if (!json_is(v, JSON_ARRAY))
        return render_item(r, at, node, v);
    for (struct json item = json_first(v);
         err == ERR_OK && !json_is(item, JSON_ABSENT);
         item = json_next(v, item))
        err = render_item(r, at, node, item);
    return err;
}

/* The same blanks, without those that the line they stand on loses. */
static struct indent
indent_in(const struct place *at, struct str blanks)
{
    return (struct indent){.up = at->indent, .text = strip(blanks, at->dedent)};
}

/* NULL: there is no such template. */
static enum err
find_partial(struct renderer *r, const struct place *at,
             const struct template_node *node, const struct template **ret)
{
    struct str name = node->name;
    struct json v;
    enum err err;

    *ret = NULL;
    if (!r->options->partial)
        return ERR_OK;
    if (node->is_dynamic) {
        err = resolve(r, at->scope, name, &v);
        if (err != ERR_OK || !json_is(v, JSON_STRING) ||
            json_raw(v).n > TEMPLATE_NAME_MAX)
            return err;
        name = json_str(r->scratch, v);
    }
    *ret = r->options->partial(r->options->partial_arg, name);
    return ERR_OK;
}

/* A partial is a parent without arguments. */
static enum err
render_partial(struct renderer *r, const struct place *at,
               const struct template_node *node)
{
    uint32_t from = (uint32_t)(node - at->t->nodes) + 1;
    struct args args = {
        .up = at->args, .t = at->t, .from = from, .to = node->next};
    struct indent indent = indent_in(at, node->text);
    struct place within = {.scope = at->scope,
                           .args = &args,
                           .indent = indent.text.n ? &indent : at->indent};
    enum err err = find_partial(r, at, node, &within.t);

    if (err != ERR_OK || !within.t)
        return err;
    return render_within(r, &within, 0, within.t->n);
}

/* The argument for a block: of the outermost parent that gives one. */
static enum err
find_arg(struct renderer *r, const struct args *args, struct str name,
         const struct args **ret_args, const struct template_node **ret)
{
    *ret = NULL;
    for (; args; args = args->up) {
        uint32_t next;

        for (uint32_t i = args->from; i < args->to; i = next) {
            const struct template_node *node = &args->t->nodes[i];

            if (++r->lookups > TEMPLATE_LOOKUPS_MAX)
                return ERR_TOO_LARGE;
            next = node->next;
            if (node->kind != NODE_BLOCK || !str_eq(node->name, name))
                continue;
            *ret = node;
            *ret_args = args;
            break;
        }
    }
    return ERR_OK;
}

/* Fill `block` with `arg`, in the place that the block has. What is written
 * in the argument is open only to those who gave arguments from further out:
 * so an argument cannot fill itself. */
static enum err
render_arg(struct renderer *r, const struct place *at,
           const struct template_node *block, const struct args *args,
           const struct template_node *arg)
{
    uint32_t from = (uint32_t)(arg - args->t->nodes) + 1;
    struct indent indent = indent_in(at, block->text);
    struct place within = {.t = args->t,
                           .scope = at->scope,
                           .args = args->up,
                           .indent = indent.text.n ? &indent : at->indent,
                           .dedent = arg->dedent};
    size_t before = r->out->n;
    enum err err = ERR_OK;

    if (from == arg->next)
        return ERR_OK;
    if (block->is_standalone && !arg->has_lines)
        err = put_indent(r, within.indent);
    r->is_in_line = !block->is_standalone && arg->has_lines;
    if (err == ERR_OK)
        err = render_within(r, &within, from, arg->next);
    r->is_in_line = false;
    if (err == ERR_OK && r->out->n > before && r->out->p[r->out->n - 1] != '\n')
        err = put(r, block->eol);
    return err;
}

static enum err
render_block(struct renderer *r, const struct place *at,
             const struct template_node *node)
{
    uint32_t from = (uint32_t)(node - at->t->nodes) + 1;
    const struct template_node *arg;
    const struct args *args = NULL;
    enum err err = find_arg(r, at->args, node->name, &args, &arg);

    if (err != ERR_OK)
        return err;
    return arg ? render_arg(r, at, node, args, arg)
               : render_within(r, at, from, node->next);
}

static enum err
render_node(struct renderer *r, const struct place *at,
            const struct template_node *node)
{
    enum err err = step(r);

    if (err != ERR_OK)
        return err;
    switch ((enum template_node_kind)node->kind) {
    case NODE_TEXT:
        return render_text(r, at, node);
    case NODE_VARIABLE:
        return render_variable(r, at, node);
    case NODE_SECTION:
    case NODE_INVERTED:
        return render_section(r, at, node);
    case NODE_PARTIAL:
    case NODE_PARENT:
        return render_partial(r, at, node);
    case NODE_BLOCK:
        return render_block(r, at, node);
    }
    return ERR_INTERNAL;
}

static enum err
render_nodes(struct renderer *r, const struct place *at, uint32_t from,
             uint32_t to)
{
    enum err err = ERR_OK;

    for (uint32_t i = from; err == ERR_OK && i < to; i = at->t->nodes[i].next)
        err = render_node(r, at, &at->t->nodes[i]);
    return err;
}

enum err
template_render(const struct template *t, const struct json *contexts, size_t n,
                const struct template_options *options, struct buf *out)
{
    struct renderer r = {.contexts = contexts,
                         .n_contexts = n,
                         .options = options,
                         .out = out,
                         .out_from = out->n,
                         .scratch = arena_new()};
    const struct args args = {.t = options->argument,
                              .to =
                                  options->argument ? options->argument->n : 0};
    const struct place top = {.t = t, .args = args.t ? &args : NULL};
    enum err err = render_nodes(&r, &top, 0, t->n);

    if (err != ERR_OK)
        out->n = r.out_from;
    arena_free(r.scratch);
    return err;
}
