/* content.h - which of a template's texts a reader gets, and how they read with
 * some data. Pure; one way for sends, dry runs and previews.
 *
 * A text (title, body, html, actions, each by itself) is the first of these
 * that is given: for the reader's locale, then for each of its parents (RFC
 * 4647 section 3.4: de-CH-1901, de-CH, de), locales.TAG.CHANNEL, then
 * locales.TAG.default; at last content.CHANNEL, then content.default. Where the
 * template tells the language of its content, that has its place among the
 * locales, behind those of the same tag.
 *
 * Around the body and the html is the layout, if there is one: the text of that
 * template which a partial would be, with them in its block `content`. Its own
 * layout does not count. */
#pragma once

#include "app/workspace.h"

/* Helpers of a template (domain/template.h) write for this locale, where the
 * text's language is one of its parents, or not told; else for the text's. */
struct reader {
    struct str locale; /* empty, or no tag: not known */
    struct str zone;   /* empty, or none that there is: UTC */
    int64_t now_ms;
};

struct content_use {
    const struct workspace *workspace; /* where partials are */
    const struct template_doc *template;
    struct str channel;
    struct reader reader;
    const struct json *contexts; /* the last one wins */
    size_t n_contexts;
};

/* Empty where there is no such text. */
struct rendered {
    struct str title, body, html, actions;
    struct str language; /* of the body, else of the title; empty: not known */
    struct str variant; /* that it is of: "content/default", "locales/de/email";
                           empty: none, or inline */
};

/* ERR_TOO_LARGE: a budget was used up. */
enum err content_render(struct arena *a, const struct content_use *use,
                        struct rendered *ret) MUST_CHECK;
