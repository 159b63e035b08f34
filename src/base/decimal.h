/* decimal.h - numbers as they are written, compared exactly: a price never
 * passes through a binary float. */
#pragma once

#include "base/str.h"

/* A view of the text it was parsed from. */
struct decimal {
    struct str digits; /* from the first that is not 0 on; may hold a point */
    int64_t magnitude; /* 10^magnitude is the weight of that first digit */
    bool is_negative;  /* 0 is not */
};

/* A number as JSON writes it (RFC 8259 section 6), and nothing beside it. */
bool decimal_parse(struct str text, struct decimal *ret);
/* < 0, 0, > 0 */
int decimal_cmp(const struct decimal *a, const struct decimal *b);
/* One from 0 to 1, written without an exponent, in billionths. */
bool decimal_share(struct str text, int64_t *ret);
/* One that is not negative, written without an exponent and with at most 9
 * digits after the point, in billionths. False also where that is too much. */
bool decimal_billionths(struct str text, int64_t *ret);
