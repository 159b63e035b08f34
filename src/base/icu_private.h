/* icu_private.h - what the files that know ICU share. Nobody else includes it.
 */
#pragma once

#include "base/icu.h"

#define ICU_TEXT_OF(x) #x
#define ICU_TEXT(x) ICU_TEXT_OF(x)
/* For a list of calls: LIST(CALL) as CALL(a) CALL(b), and a struct `icu` of
 * pointers to them. The headers rename each by macro (ucal_open_72), so the
 * text is of the version that was compiled against. */
#define ICU_MEMBER(name) __typeof__(name) *name;
#define ICU_SYMBOL(name) {ICU_TEXT(name), &icu.name},

struct icu_symbol {
    const char *name;
    void *slot; /* a pointer to a function */
};

/* Fills the slots. False: ICU is not there, or lacks one; then icu_fault()
 * tells, if it is the former. */
bool icu_bind(const struct icu_symbol *symbols, size_t n);
