/* template.h - Mustache: text with holes, and what fills them.
 *
 * The public Mustache specification (github.com/mustache/spec) without
 * lambdas, with the optional modules inheritance and dynamic names. Pure: a
 * template is compiled once, is immutable, and renders in any thread. Work,
 * output and depth are bounded, whatever the template and the data are. */
#pragma once

#include "base/arena.h"
#include "base/json.h"

struct template;

struct template_error {
    size_t at;       /* byte offset in the source */
    const char *why; /* static */
};

/* The source is copied. ERR_INVALID with *ret_error filled when it does not
 * compile: unclosed or crossing sections, bad delimiters, too deep. */
enum err template_compile(struct arena *a, struct str source,
                          struct template **ret,
                          struct template_error *ret_error) MUST_CHECK;

enum template_escape {
    TEMPLATE_PLAIN, /* {{x}} as it is: titles, text */
    TEMPLATE_HTML,  /* {{x}} escaped, {{{x}}} and {{&x}} as they are */
};

#define TEMPLATE_STEPS_MAX 100000         /* tags evaluated */
#define TEMPLATE_OUTPUT_MAX (1024 * 1024) /* bytes */
#define TEMPLATE_DEPTH_MAX 32 /* sections and partials in each other */

struct template_options {
    enum template_escape escape;
    /* An unknown {{name}} stays as it is written, in place of nothing. */
    bool keeps_unknown;
    /* The template behind a partial's name; NULL: unknown, renders empty. */
    const struct template *(*partial)(void *arg, struct str name);
    void *partial_arg;
};

/* Looks names up in contexts[n - 1] first, then below; each is an object.
 * Appends to *out; on an error (ERR_TOO_LARGE: a budget is used up) *out is
 * as it was. */
enum err template_render(const struct template *t, const struct json *contexts,
                         size_t n, const struct template_options *options,
                         struct buf *out) MUST_CHECK;
