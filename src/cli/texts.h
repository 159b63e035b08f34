/* texts.h - a template's long texts as files of their own beside it: in its
 * document {"$file": "welcome.html"} stands for the text of that file, where a
 * title, a body or HTML stands: /content/CHANNEL/html,
 * /locales/LOCALE/CHANNEL/html. */
#pragma once

#include "base/json.h"
#include "cli/tree.h"

struct texts_file {
    struct str name, text;
};

/* The document with long texts put out into files, and those files. */
struct str texts_put_out(struct arena *a, struct str key, struct json doc,
                         struct texts_file **ret, size_t *ret_n);
/* The document as the server has it. False with *ret_why. */
bool texts_take_in(const struct tree *folder, struct json doc, struct str *ret,
                   struct str *ret_why);
/* Each name that the document takes in. */
void texts_names(struct arena *a, struct json doc, struct buf *names);
