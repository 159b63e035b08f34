/* template_helper.h - {{price | currency:EUR}}: a value written as the reader's
 * language does, and the words that go with it.
 *
 *   number[:N]  percent[:N]  compact[:N]   N digits of the fraction
 *   currency:EUR[,N]                       a code, or a name whose value is one
 *   date[:LENGTH]  time[:LENGTH]           short, medium, long, full
 *   datetime[:LENGTH]
 *   relative                               "in 3 days"
 *   plural:"=0 {none} one {# item} other {# items}"
 *   ordinal:"one {#st} two {#nd} few {#rd} other {#th}"
 *   select:"yes {is on} other {is off}"
 *
 * The texts are of ICU's MessageFormat: # is the number, ' quotes { } and #
 * that follow it, '' is one '. Private to the template engine; pure. */
#pragma once

#include "base/icu_format.h"
#include "domain/template.h"

#define TEMPLATE_HELPER_MAX 1024 /* bytes, from behind the bar on */
#define TEMPLATE_ARMS_MAX 20

enum template_helper_kind {
    HELPER_NUMBER,
    HELPER_TIME,
    HELPER_RELATIVE,
    HELPER_PLURAL,
    HELPER_ORDINAL,
    HELPER_SELECT,
};

struct template_arm {
    struct str key;  /* "one", "=2", of select any word */
    struct str text; /* as it is written */
};

struct template_helper {
    enum template_helper_kind kind;
    struct icu_number number;
    struct str currency; /* the name of what has it; empty: number has it */
    struct icu_time time;
    struct template_arm *arms;
    size_t n_arms;
};

/* The text is that behind the bar, borrowed. NULL and *ret_why: what is wrong
 * with it (static). */
const struct template_helper *
template_helper_compile(struct arena *a, struct str text, const char **ret_why);

struct template_helper_call {
    const struct template_helper *helper;
    const struct template_options *options;
    struct arena *arena;
    struct json value;
    struct json currency; /* of helper->currency; absent: none there */
};

/* Appends what it makes of the value. False: it makes nothing of it (the value
 * is no number, or no time; ICU is not there), so it stands as it is. */
bool template_helper_apply(const struct template_helper_call *c,
                           struct buf *out);
