/* fuzz_csv.c - any file as CSV: no crash, bounded rows, lines that only go on;
 * and a good row that is written again is read as it was. */
#include "cli/csv.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition))                                                      \
            abort();                                                           \
    } while (0)

static FILE *
open_text(const void *p, size_t n)
{
    FILE *f = fmemopen((void *)(uintptr_t)p, n, "r");

    CHECK(f != NULL);
    return f;
}

/* Every field in quotes. */
static void
write_row(const struct csv *c, struct buf *out)
{
    for (size_t i = 0; i < csv_count(c); i++) {
        struct str field = csv_field(c, i);

        buf_put_cstr(out, i > 0 ? ",\"" : "\"");
        for (size_t k = 0; k < field.n; k++) {
            if (field.p[k] == '"')
                buf_put_char(out, '"');
            buf_put_char(out, field.p[k]);
        }
        buf_put_char(out, '"');
    }
    buf_put_char(out, '\n');
}

static void
check_again(const struct csv *c)
{
    struct buf text = {0};
    struct csv again;
    FILE *f;

    write_row(c, &text);
    f = open_text(text.p, text.n);
    csv_init(&again, f);
    CHECK(csv_next(&again) == CSV_ROW);
    CHECK(csv_count(&again) == csv_count(c));
    for (size_t i = 0; i < csv_count(c); i++)
        CHECK(str_eq(csv_field(&again, i), csv_field(c, i)));
    CHECK(csv_next(&again) == CSV_END);
    csv_fini(&again);
    fclose(f);
    buf_fini(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t line = 0;
    enum csv_got got;
    struct csv c;
    FILE *f;

    if (size == 0)
        return 0;
    f = open_text(data, size);
    csv_init(&c, f);
    while ((got = csv_next(&c)) != CSV_END) {
        CHECK(c.row_line > line && c.row_line <= c.line);
        CHECK(c.text.n <= CSV_ROW_MAX && csv_count(&c) <= CSV_FIELDS_MAX + 1);
        CHECK((got == CSV_BAD) == (c.why != NULL));
        line = c.row_line;
        if (got == CSV_ROW)
            check_again(&c);
    }
    CHECK(c.n_read == size);
    csv_fini(&c);
    fclose(f);
    return 0;
}
