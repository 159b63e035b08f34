/* reason.h - why a delivery is where it is; base/reasons.def is the list. */
#pragma once

#include "base/str.h"

enum reason {
    REASON_NONE = 0,
#define REASON(name, code, sentence) REASON_##name,
#include "base/reasons.def"
#undef REASON
    REASON_COUNT
};

struct str reason_code(enum reason r);      /* "contact.gone"; static */
const char *reason_sentence(enum reason r); /* for people; static */
bool reason_is(struct str code, enum reason r);
/* Held for the user's sake, as the hour was not right. */
bool reason_is_deferral(struct str code);
/* REASON_NONE when there is no such code. */
enum reason reason_find(struct str code);
