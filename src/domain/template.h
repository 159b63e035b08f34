/* template.h - Mustache: text with holes, and what fills them.
 *
 * The public Mustache specification (github.com/mustache/spec) without
 * lambdas, with the optional modules inheritance and dynamic names. Pure: a
 * template is compiled once, is immutable, and renders in any thread. Work,
 * output and depth are bounded, whatever the template and the data are.
 *
 * Where the specification leaves a choice:
 * - false, null, what is missing, [] and "" are false; 0 and {} are true;
 * - a number prints as it was sent, without zeros that end its fraction
 *   (1.210 is 1.21, 2.0 is 2); it never passes through a binary float;
 * - an object or an array prints as the JSON text that was sent;
 * - {{value | helper}} and {{value | helper:arguments}} write a value as the
 *   reader's language does (domain/template_helper.h lists them), and a bar in
 *   a variable's name is always that; what a helper gives is escaped as the
 *   value would be; a value that it makes nothing of stands as it is; what is
 *   missing or null stays empty, but select's, which is "other";
 * - a block's argument loses its own indentation and takes that of the block
 *   it fills; one that fills a block alone on its lines ends its line. */
#pragma once

#include "base/arena.h"
#include "base/json.h"

struct template;

struct template_error {
    size_t at;       /* byte offset in the source */
    const char *why; /* static */
};

#define TEMPLATE_SOURCE_MAX (1024 * 1024) /* bytes */
#define TEMPLATE_TAGS_MAX 50000
#define TEMPLATE_NAME_MAX 1024 /* bytes, dots included */

/* The source is copied. ERR_INVALID with *ret_error filled when it does not
 * compile: unclosed or crossing sections, bad delimiters, too long, too many
 * tags, sections more than TEMPLATE_DEPTH_MAX deep; a helper that there is not,
 * or with wrong arguments. */
enum err template_compile(struct arena *a, struct str source,
                          struct template **ret,
                          struct template_error *ret_error) MUST_CHECK;

/* The same text as an argument: what fills that block of another template, as
 * if it stood on lines of its own in
 * {{<other}}{{$block}}...{{/block}}{{/other}}.
 */
const struct template *template_as_argument(struct arena *a,
                                            const struct template *t,
                                            struct str block);

enum template_escape {
    TEMPLATE_PLAIN, /* {{x}} as it is: titles, text */
    TEMPLATE_HTML,  /* {{x}} escaped, {{{x}}} and {{&x}} as they are */
    TEMPLATE_URL,   /* the same, as a part of a URL: percent-encoded */
    TEMPLATE_JSON,  /* the same, within quotes in JSON */
};

#define TEMPLATE_STEPS_MAX 100000         /* tags evaluated, items visited */
#define TEMPLATE_HELPER_STEPS 50          /* a tag with a helper is so many */
#define TEMPLATE_LOOKUPS_MAX 5000000      /* keys that names may meet */
#define TEMPLATE_OUTPUT_MAX (1024 * 1024) /* bytes */
#define TEMPLATE_DEPTH_MAX 32 /* sections and partials in each other */

struct template_options {
    enum template_escape escape;
    /* A {{name}}, {{{name}}} or {{&name}} that is not there at all (null is)
     * stays byte for byte as it is written. Sections and partials do not. */
    bool keeps_unknown;
    /* The template behind a partial's name; NULL: unknown, renders empty. */
    const struct template *(*partial)(void *arg, struct str name);
    void *partial_arg;
    const struct template *argument; /* of template_as_argument(), or NULL */
    /* For helpers. */
    struct str locale; /* BCP 47; empty: as "en" */
    struct str zone;   /* IANA; empty, or none that there is: UTC */
    int64_t now_ms;
};

/* Looks names up in contexts[n - 1] first, then below; {{.}} is the former.
 * Appends to *out; on an error (ERR_TOO_LARGE: a budget is used up) *out is
 * as it was. */
enum err template_render(const struct template *t, const struct json *contexts,
                         size_t n, const struct template_options *options,
                         struct buf *out) MUST_CHECK;
