/* attention_doc.c - see attention_doc.h. */
#include "app/attention_doc.h"

#include "app/category_doc.h"

/* By enum attention_overflow. */
static const char *const overflows[] = {"drop", "defer", "digest", "downgrade",
                                        NULL};

const struct field attention_fields[] = {
    THROTTLE_FIELDS("A user is disturbed at most so often..."),
    {.name = "overflow",
     .type = FIELD_ENUM,
     .values = overflows,
     .doc = "What is beyond: drop (the default), defer (each by itself, `per` "
            "later), digest (all as one, `per` after the first), downgrade (to "
            "the inbox)."},
    {.type = FIELD_END},
};

struct attention
attention_doc_read(struct arena *a, struct json doc)
{
    struct str name = json_str_of(a, doc, "overflow");
    struct attention ret = {.budget = throttle_doc_read(a, doc)};

    for (size_t i = 0; overflows[i]; i++)
        if (str_is(name, overflows[i]))
            ret.overflow = (enum attention_overflow)i;
    return ret;
}
