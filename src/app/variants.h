/* variants.h - the words of a template: by channel, and by language. Compiled
 * once, then read by any thread. */
#pragma once

#include "base/json.h"
#include "domain/template.h"

enum content_text { CONTENT_TITLE, CONTENT_BODY, CONTENT_HTML, CONTENT_TEXTS };

/* The texts of one channel; what is not given is that of another variant:
 * app/content.h. */
struct content {
    struct template *texts[CONTENT_TEXTS]; /* NULL: not given */
    /* The body and the html as what fills a layout; NULL: there is none. */
    const struct template *fillings[CONTENT_TEXTS];
    struct json actions;            /* an array; absent: not given */
    struct template **action_texts; /* of its strings, as they stand in it */
};

struct content_row {
    struct str channel;
    struct content *content;
};

struct variants {
    struct content_row *rows; /* "default" serves the others */
    size_t n;
};

struct locale_row {
    struct str locale; /* in canonical form */
    struct variants variants;
};

struct template_doc {
    struct str key;
    int64_t version;
    bool keeps_unknown;
    const struct str *channels; /* the template's own, may be none */
    size_t n_channels;
    struct str layout;     /* another one, around body and html; or empty */
    struct str experiment; /* of sends that name none; or empty */
    struct str locale; /* of `content`, in canonical form; empty: not told */
    struct variants content;
    struct locale_row *locales;
    size_t n_locales;
};
