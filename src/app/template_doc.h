/* template_doc.h - a stored template, compiled. */
#pragma once

#include "app/workspace.h"
#include "base/field.h"

#define TEMPLATE_TEXT_MAX (256 * 1024)
#define TEMPLATE_VARIANTS_MAX 40 /* channels, and the default */

extern const struct field template_content_row[]; /* of a channel */

/* Compiles every text of the document. ERR_INVALID with a fault for each that
 * does not compile ("/content/email/html"), and for each tag of `locales` that
 * is none, or is written in another way than its canonical one. */
enum err template_doc_compile(struct arena *a, struct str key, int64_t version,
                              struct json doc, struct problem *p,
                              struct template_doc **ret) MUST_CHECK;
/* Of `content` alone: a fault for each text that does not compile. */
void template_content_check(struct json content, struct str at,
                            struct problem *p);
/* What a variant of an experiment says in place of a template: found well. */
struct template_doc *template_content_compile(struct arena *a,
                                              struct json content);
