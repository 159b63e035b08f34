/* reader.h - between script.c and the statements: a cursor in one statement
 * that says what it expected, and where. */
#pragma once

#include "scenario/script.h"

struct reader {
    struct arena *arena;
    struct str rest; /* of the statement; its JSON may take several lines */
    int line;        /* where it begins */
    const char *from;
    struct script_error *error;
    int64_t *names_left; /* of SCRIPT_NAMES_MAX */
};

/* The statement is wrong; the first complaint stays. False. */
bool reader_fail(struct reader *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* What comes next, for "expected X, not Y". */
struct str reader_next(struct reader *r);
bool reader_is_done(struct reader *r); /* nothing is left */
/* The next word, if it is that one; else nothing is taken. */
bool reader_take(struct reader *r, const char *word);
bool reader_has_text(struct reader *r); /* a "text" comes */
bool reader_has_json(struct reader *r); /* a { or a [ comes */
bool reader_has_digit(struct reader *r);

/* These fail unless it comes. */
bool reader_word(struct reader *r, const char *what, struct str *ret);
bool reader_want(struct reader *r, const char *word);
bool reader_text(struct reader *r, const char *what, struct str *ret);
bool reader_number(struct reader *r, const char *what, int64_t max,
                   int64_t *ret);
bool reader_duration(struct reader *r, int64_t *ret);
bool reader_value(struct reader *r, struct json *ret); /* any JSON, the rest */
bool reader_object(struct reader *r, struct json *ret);
bool reader_end(struct reader *r);
/* [DATE] TIME [ZONE] */
bool reader_moment(struct reader *r, struct moment *ret);
#define RANGE_MAX 1000

/* "anna" (width 0), or those from u1 to u150. */
struct range {
    struct str prefix;
    size_t width; /* of the number */
    int64_t first, last;
};
bool reader_range(struct reader *r, struct range *ret);
struct str range_name(struct reader *r, const struct range *range, int64_t i);
/* "anna", "anna, ben" or "u1..u150 and ben", as the elements of a JSON array.
 */
bool reader_users(struct reader *r, struct buf *ret);

/* One statement, from its first word to its end. */
bool statement_read(struct reader *r, struct step *ret);
bool expectation_read(struct reader *r, struct step *ret); /* after "expect" */
struct json reader_json_of(struct reader *r, struct str text);
/* "/v1/users/" + key + rest, percent-encoded. */
struct str reader_path(struct reader *r, const char *before, struct str key,
                       const char *rest);
bool reader_method(struct reader *r, struct str *ret); /* GET, PUT ... */
/* PATH [as USER] [JSON] */
bool reader_request(struct reader *r, struct step *s, bool takes_answer);
