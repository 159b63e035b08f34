/* log.h - one line per event on stderr, as logfmt or JSON.
 *
 *   LOG_INFO("delivery.sent", log_str("id", id), log_int("attempt", 2));
 *
 * The event is a constant; what varies is in fields. Never payloads, tokens,
 * keys or addresses. Control bytes are escaped and a line is cut at 8 KiB.
 * The same event above 10 a second is counted, not written. Thread-safe. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum log_level {
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_INFO,
    LOG_LEVEL_WARN,
    LOG_LEVEL_ERROR
};
enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

struct log_field {
    const char *key; /* NULL ends the row */
    enum { LOG_FIELD_STR, LOG_FIELD_INT } kind;
    struct str text;
    int64_t number;
};

static inline struct log_field
log_str(const char *key, struct str s)
{
    return (struct log_field){.key = key, .kind = LOG_FIELD_STR, .text = s};
}

static inline struct log_field
log_cstr(const char *key, const char *s)
{
    return log_str(key, (struct str){s, s ? strlen(s) : 0});
}

static inline struct log_field
log_int(const char *key, int64_t n)
{
    return (struct log_field){.key = key, .kind = LOG_FIELD_INT, .number = n};
}

void log_setup(enum log_level least, enum log_format format);
/* "debug", "info", "warn", "error"; "logfmt", "json". */
bool log_level_parse(struct str s, enum log_level *ret);
bool log_format_parse(struct str s, enum log_format *ret);
/* To another descriptor, by another clock; for tests and the simulator. */
struct clock;
void log_redirect(int fd, struct clock *clock);
void log_write(enum log_level level, const char *event,
               const struct log_field *fields);

/* The empty field ends the row, and makes an event without fields legal. */
#define LOG_AT(level, ...) LOG_LINE_(level, __VA_ARGS__, {0})
#define LOG_LINE_(level, event, ...)                                           \
    log_write((level), (event), (const struct log_field[]){__VA_ARGS__})
#define LOG_DEBUG(...) LOG_AT(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define LOG_INFO(...) LOG_AT(LOG_LEVEL_INFO, __VA_ARGS__)
#define LOG_WARN(...) LOG_AT(LOG_LEVEL_WARN, __VA_ARGS__)
#define LOG_ERROR(...) LOG_AT(LOG_LEVEL_ERROR, __VA_ARGS__)
