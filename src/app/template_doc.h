/* template_doc.h - a stored template, compiled. */
#pragma once

#include "app/workspace.h"

/* Compiles every text of the document. ERR_INVALID with a fault for each that
 * does not compile ("/content/email/html"). */
enum err template_doc_compile(struct arena *a, struct str key, int64_t version,
                              struct json doc, struct problem *p,
                              struct template_doc **ret) MUST_CHECK;

/* What a content gives for some data; empty where there is no such text. */
struct rendered {
    struct str title, body, html, actions;
};
/* ERR_TOO_LARGE: a budget was used up. */
enum err content_render(struct arena *a, const struct workspace *w,
                        const struct template_doc *t, struct str channel,
                        const struct json *contexts, size_t n,
                        struct rendered *ret) MUST_CHECK;
