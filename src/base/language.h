/* language.h - which language a text is in, guessed from its letters by
 * libexttextcat (n-grams; what LibreOffice uses).
 *
 * It is loaded by the first call, and only then: what asks nothing pays
 * nothing. Only a text that is like one of the languages of the table, and like
 * no other, has one; nothing is said of the rest, which is much of what is
 * short. Any thread, one at a time; about half a millisecond a text, and next
 * to nothing for one of the last few again. */
#pragma once

#include "base/str.h"

#define LANGUAGE_TEXT_MIN 24   /* bytes: of less nobody can tell */
#define LANGUAGE_TEXT_MAX 1000 /* bytes that are looked at */

/* NULL: it is there. Else why it is not, for an operator. */
const char *language_fault(void);
/* A BCP 47 tag, static. Empty: nobody can tell, or the library is not there,
 * which is logged once. The text is UTF-8. */
struct str language_of_text(struct str text);
