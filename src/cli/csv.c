#include "cli/csv.h"

#include <assert.h>
#include <string.h>

/* Where in a field the next byte is. */
enum place {
    AT_START,
    IN_PLAIN,
    IN_QUOTES,
    AFTER_QUOTE, /* its end, or the first of two that stand for one */
    IN_BAD,      /* to the end of the line */
};

void
csv_init(struct csv *c, FILE *file)
{
    *c = (struct csv){.file = file, .line = 1};
}

void
csv_fini(struct csv *c)
{
    buf_fini(&c->text);
    buf_fini(&c->ends);
}

size_t
csv_count(const struct csv *c)
{
    return c->ends.n / sizeof(size_t);
}

static size_t
end_of(const struct csv *c, size_t i)
{
    size_t end;

    memcpy(&end, c->ends.p + i * sizeof(end), sizeof(end));
    return end;
}

struct str
csv_field(const struct csv *c, size_t i)
{
    size_t from = i > 0 ? end_of(c, i - 1) : 0;

    assert(i < csv_count(c));
    return str_sub(buf_str(&c->text), from, end_of(c, i) - from);
}

static int
read_byte(struct csv *c)
{
    return c->n_ahead > 0 ? c->ahead[--c->n_ahead] : getc_unlocked(c->file);
}

static void
put_back(struct csv *c, int b)
{
    if (b == EOF)
        return;
    assert(c->n_ahead < sizeof(c->ahead) / sizeof(c->ahead[0]));
    c->ahead[c->n_ahead++] = b;
}

static int
next_byte(struct csv *c)
{
    int b = read_byte(c);

    if (b == EOF)
        return EOF;
    c->n_read++;
    if (b == '\n')
        c->line++;
    return b;
}

/* Whether the rest of the mark EF BB BF follows; it is taken then. */
static bool
take_mark(struct csv *c)
{
    int second = read_byte(c);
    int third = second == 0xbb ? read_byte(c) : EOF;

    if (second == 0xbb && third == 0xbf) {
        c->n_read += 2;
        return true;
    }
    put_back(c, third);
    put_back(c, second);
    return false;
}

/* A byte, or EOF. The mark EF BB BF at the start is none. */
static int
get(struct csv *c)
{
    bool is_first = c->n_read == 0;
    int b = next_byte(c);

    return is_first && b == 0xef && take_mark(c) ? next_byte(c) : b;
}

/* The same, with one '\n' for the two bytes that end a line elsewhere. */
static int
get_of_line(struct csv *c)
{
    int b = get(c), after;

    if (b != '\r')
        return b;
    after = read_byte(c);
    put_back(c, after);
    return after == '\n' ? get(c) : b;
}

static void
end_field(struct csv *c)
{
    buf_put(&c->ends, &c->text.n, sizeof(c->text.n));
}

static enum place
spoil(struct csv *c, const char *why)
{
    if (!c->why)
        c->why = why;
    return IN_BAD;
}

static void
keep(struct csv *c, int b)
{
    if (c->text.n < CSV_ROW_MAX)
        buf_put_char(&c->text, (char)b);
    else
        spoil(c, "the row is longer than 128 KiB; perhaps a quote is not "
                 "closed");
}

static enum place
step(struct csv *c, enum place at, int b)
{
    if (at == IN_BAD)
        return IN_BAD;
    if (at == IN_QUOTES && b == '"')
        return AFTER_QUOTE;
    if (at == IN_QUOTES || (at == AFTER_QUOTE && b == '"')) {
        keep(c, b);
        return IN_QUOTES;
    }
    if (b == ',') {
        if (csv_count(c) + 1 >= CSV_FIELDS_MAX)
            return spoil(c, "the row has more than 1000 fields");
        end_field(c);
        return AT_START;
    }
    if (b == '\r')
        return spoil(c, "a carriage return stands alone");
    if (b == '"' && at == AT_START)
        return IN_QUOTES;
    if (b == '"')
        return spoil(c, "a quote stands within a field that is not quoted");
    if (at == AFTER_QUOTE)
        return spoil(c, "text follows on a closing quote");
    keep(c, b);
    return IN_PLAIN;
}

static bool
is_empty(const struct csv *c, enum place at)
{
    return at == AT_START && c->text.n == 0 && c->ends.n == 0 && !c->why;
}

static void
begin_row(struct csv *c)
{
    buf_reset(&c->text);
    buf_reset(&c->ends);
    c->why = NULL;
    c->row_line = c->line;
}

static enum csv_got
end_row(struct csv *c)
{
    end_field(c);
    return c->why ? CSV_BAD : CSV_ROW;
}

enum csv_got
csv_next(struct csv *c)
{
    enum place at = AT_START;
    int b;

    begin_row(c);
    while ((b = at == IN_QUOTES ? get(c) : get_of_line(c)) != EOF) {
        if (b != '\n' || at == IN_QUOTES)
            at = step(c, at, b);
        else if (!is_empty(c, at))
            break;
        else
            c->row_line = c->line;
    }
    if (b == EOF && is_empty(c, at))
        return CSV_END;
    if (at == IN_QUOTES)
        spoil(c, "a quote is not closed before the end of the file");
    return end_row(c);
}

enum csv_got
csv_line(struct csv *c)
{
    int b;

    begin_row(c);
    while ((b = get_of_line(c)) != EOF) {
        if (b != '\n')
            keep(c, b);
        else if (c->text.n > 0)
            break;
        else
            c->row_line = c->line;
    }
    if (b == EOF && c->text.n == 0)
        return CSV_END;
    return end_row(c);
}
