/* due.c - for tests in other languages: when expressions are due. Each line on
 * stdin is `cron` or `rrule`, a zone, the start and the instant after which to
 * look (both ms since 1970), how many, and the expression, with tabs between;
 * "\n" in an expression is a line's end. Each line on stdout is instants, with
 * blanks between, or `error`, the code, the byte and why. */
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "domain/cron.h"
#include "domain/recurrence.h"

union rule {
    struct cron cron;
    struct recurrence recurrence;
};

struct question {
    bool is_cron;
    const struct zone *zone;
    int64_t start_ms, after_ms;
    uint64_t n;
    struct str text;
};

static bool
read_question(struct arena *a, struct str line, struct question *q)
{
    struct str word[5];
    struct buf text;

    for (int i = 0; i < 5; i++)
        if (!str_split(&line, '\t', &word[i]))
            return false;
    buf_init(&text, a);
    for (size_t i = 0; i < line.n; i++) {
        if (str_starts(str_sub(line, i, 2), STR("\\n"))) {
            buf_put_char(&text, '\n');
            i++;
        } else {
            buf_put_char(&text, line.p[i]);
        }
    }
    q->is_cron = str_is(word[0], "cron");
    q->zone = zone_find(word[1]);
    q->text = buf_str(&text);
    return q->zone && str_to_i64(word[2], &q->start_ms) &&
           str_to_i64(word[3], &q->after_ms) && str_to_u64(word[4], &q->n);
}

static void
answer(const struct question *q)
{
    union rule rule;
    const char *why;
    size_t at;
    enum err e = q->is_cron ? cron_parse(q->text, &rule.cron, &why, &at)
                            : recurrence_parse(q->text, q->zone, q->start_ms,
                                               &rule.recurrence, &why, &at);
    int64_t due = q->after_ms;

    if (e != ERR_OK)
        printf("error %s %zu %s", err_code(e), at, why);
    for (uint64_t i = 0; e == ERR_OK && i < q->n; i++) {
        due = q->is_cron ? cron_next(&rule.cron, q->zone, due)
                         : recurrence_next(&rule.recurrence, q->zone, due);
        if (due == INT64_MAX)
            break;
        printf(i ? " %lld" : "%lld", (long long)due);
    }
    putchar('\n');
    fflush(stdout);
}

int
main(void)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t n;

    while ((n = getline(&line, &size, stdin)) > 0) {
        struct arena *a = arena_new();
        struct question q;

        if (line[n - 1] == '\n')
            n--;
        if (read_question(a, (struct str){line, (size_t)n}, &q))
            answer(&q);
        else
            puts("error question 0 what is that");
        fflush(stdout);
        arena_free(a);
    }
    free(line);
    return 0;
}
