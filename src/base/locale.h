/* locale.h - language tags (BCP 47): which text of several a reader gets.
 *
 * A tag is checked for its form alone (RFC 5646 section 2.2.9, "well-formed",
 * and no variant or extension twice): the registry of languages changes, and a
 * tag that names none finds nothing. Pure. */
#pragma once

#include "base/str.h"

#define LOCALE_MAX 35 /* bytes of a tag that is taken (RFC 5646 4.4.1) */
/* Of such a tag, with itself: each step takes two bytes at least. */
#define LOCALE_STEPS_MAX ((LOCALE_MAX + 1) / 2)

bool locale_is_tag(struct str s);
/* The tag as it is written ("pt-BR", "zh-Hant-TW"; RFC 5646 section 2.1.1); it
 * stands in buf. s must be a tag. */
struct str locale_canonical(struct str s, char buf[static LOCALE_MAX]);
/* The next one to look for when there is nothing for *tag: without its last
 * subtag, and without a singleton that would then end it (RFC 4647 section
 * 3.4). False: there is none. */
bool locale_parent(struct str *tag);
/* Whether `range` is the tag, or one of its parents. */
bool locale_is_within(struct str tag, struct str range);
/* What an Accept-Language field (RFC 9110 section 12.5.4) wants most: of equal
 * weights the first. What is not a tag is passed over, and so is "*". Empty:
 * nothing is left. It points into the field. */
struct str locale_preferred(struct str field);
