/* blame.c - see blame.h. */
#include "plugin/blame.h"

static struct blame_row *
find(struct blame *b, struct str key)
{
    for (size_t i = 0; i < BLAME_ROWS; i++)
        if (str_is(key, b->rows[i].key))
            return &b->rows[i];
    return NULL;
}

/* A free one, else the one whose window began first. */
static struct blame_row *
room(struct blame *b)
{
    struct blame_row *oldest = &b->rows[0];

    for (size_t i = 0; i < BLAME_ROWS; i++) {
        if (b->rows[i].key[0] == '\0')
            return &b->rows[i];
        if (b->rows[i].first_ms < oldest->first_ms)
            oldest = &b->rows[i];
    }
    return oldest;
}

int
blame_add(struct blame *b, struct str key, int64_t now_ms)
{
    struct blame_row *row;

    if (key.n == 0 || key.n >= ID_TEXT_MAX)
        return 1;
    row = find(b, key);
    if (!row || now_ms - row->first_ms > BLAME_WINDOW_MS) {
        row = row ? row : room(b);
        *row = (struct blame_row){.first_ms = now_ms};
        memcpy(row->key, key.p, key.n);
    }
    return ++row->n;
}

void
blame_clear(struct blame *b, struct str key)
{
    struct blame_row *row = key.n > 0 ? find(b, key) : NULL;

    if (row)
        *row = (struct blame_row){0};
}
