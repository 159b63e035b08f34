/* str.h - borrowed text: a pointer and a length, no NUL promised. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct arena;

struct str {
    const char *p; /* may be NULL when n is 0 */
    size_t n;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_NONE ((struct str){NULL, 0})
/* For printf("%.*s", STR_ARG(s)). */
#define STR_ARG(s) (int)(s).n, (s).p ? (s).p : ""

struct str str_from(const char *cstr); /* NULL gives STR_NONE */
bool str_eq(struct str a, struct str b);
bool str_is(struct str a, const char *cstr);
bool str_ieq(struct str a, struct str b); /* ASCII case folded */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
int str_cmp(struct str a, struct str b); /* byte order, as memcmp */
struct str str_trim(struct str s);       /* spaces and tabs off both ends */
struct str str_sub(struct str s, size_t from, size_t n); /* clipped */
ptrdiff_t str_find(struct str s, char c);                /* -1: not there */

/* Edits from one to the other (a letter more, less, other, or two swapped),
 * ASCII case folded, over names cut at 64 bytes; for "did you mean". */
size_t str_distance(struct str a, struct str b);

/* Take the part before `sep` off *rest; all of it when there is none. False
 * once *rest is used up (p == NULL). */
bool str_split(struct str *rest, char sep, struct str *ret_part);

/* Copies in the arena, always NUL-terminated after n. */
struct str str_dup(struct arena *a, struct str s);
char *str_cstr(struct arena *a, struct str s);
struct str str_fmt(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
struct str str_lower(struct arena *a, struct str s); /* ASCII */

int str_hex_digit(char c); /* its value, of either case; -1: it is none */
/* Decimal digits only, no sign, no blank, no overflow. */
bool str_to_u64(struct str s, uint64_t *ret);
bool str_to_i64(struct str s, int64_t *ret); /* a leading '-' is taken */
/* "250ms", "30s", "10m", "24h", "7d"; a bare "0" is zero. */
bool str_to_duration_ms(struct str s, int64_t *ret_ms);

bool str_is_utf8(struct str s); /* RFC 3629: no overlongs, no surrogates */
/* And no NUL in it: what is kept as text. */
bool str_is_text(struct str s);
/* Bytes of the first character, 1 to 4; 0 when it is none by RFC 3629. */
size_t str_utf8_char(struct str s);
/* The longest prefix of at most n bytes that ends on a character. */
struct str str_utf8_clip(struct str s, size_t n);
