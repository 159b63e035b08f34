/* icu_format.h - numbers, times and plurals as a language writes them, by ICU.
 *
 * A locale is a BCP 47 tag; empty, or one that ICU knows nothing of, is as
 * "en", whatever the process's environment says. Any thread: what ICU prepares
 * for a format is kept by the thread that asked, the last ICU_FORMATS_MAX of
 * them. Each call appends to *out, or leaves it as it was:
 * ERR_UNAVAILABLE without ICU, ERR_INVALID where ICU refuses. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

#define ICU_FORMATS_MAX 32 /* of a thread; preparing one takes microseconds */

enum icu_number_kind {
    ICU_NUMBER_PLAIN,    /* 1,234.5 */
    ICU_NUMBER_PERCENT,  /* 0.5 is 50% */
    ICU_NUMBER_CURRENCY, /* €1,234.50 */
    ICU_NUMBER_COMPACT,  /* 1.2K */
};

struct icu_number {
    enum icu_number_kind kind;
    int digits;       /* of the fraction, rounded half up; ICU_DIGITS_OWN */
    char currency[4]; /* ISO 4217, for CURRENCY */
};
/* All that there are; of a currency and of COMPACT what is usual there. */
#define ICU_DIGITS_OWN (-1)
#define ICU_DIGITS_MAX 20

/* decimal: as JSON writes a number (base/decimal.h), and not longer than is
 * sensible to show; it never passes through a binary float. */
enum err icu_format_number(struct str locale, const struct icu_number *style,
                           struct str decimal, struct buf *out) MUST_CHECK;

enum icu_length {
    ICU_LENGTH_NONE,
    ICU_LENGTH_SHORT,
    ICU_LENGTH_MEDIUM,
    ICU_LENGTH_LONG,
    ICU_LENGTH_FULL,
};

struct icu_time {
    enum icu_length date, time;
    int32_t offset_ms; /* of the zone, then; LONG and FULL times show it */
};
enum err icu_format_time(struct str locale, const struct icu_time *style,
                         int64_t at_ms, struct buf *out) MUST_CHECK;

/* "in 3 days", "2 hours ago", "now": whole units, towards zero. */
enum err icu_format_relative(struct str locale, int64_t ms,
                             struct buf *out) MUST_CHECK;

#define ICU_PLURAL_MAX 16 /* bytes of a category: "other" is one */
/* Which form of its words the language uses with that many ("1 item", "2
 * items"), or at that place ("1st", "2nd"). */
enum err icu_plural(struct str locale, bool is_ordinal, struct str decimal,
                    char ret[static ICU_PLURAL_MAX]) MUST_CHECK;
