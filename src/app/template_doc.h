/* template_doc.h - a stored template, compiled. */
#pragma once

#include "app/workspace.h"

/* Compiles every text of the document. ERR_INVALID with a fault for each that
 * does not compile ("/content/email/html"), and for each tag of `locales` that
 * is none, or is written in another way than its canonical one. */
enum err template_doc_compile(struct arena *a, struct str key, int64_t version,
                              struct json doc, struct problem *p,
                              struct template_doc **ret) MUST_CHECK;
