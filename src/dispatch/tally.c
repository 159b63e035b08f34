/* tally.c - see tally.h. */
#include "dispatch/tally.h"

#include "base/buf.h"

static bool
read_row(struct tally *t, struct str row)
{
    struct str lane_text;
    int64_t lane, calls;

    if (!str_split(&row, ':', &lane_text) || !str_to_i64(lane_text, &lane) ||
        !str_to_i64(row, &calls) || lane < 0 || calls < 0 || calls > INT32_MAX)
        return false;
    tally_add(t, lane, (int)calls);
    return true;
}

bool
tally_is_pinned(struct str text)
{
    return text.n > 0 && text.p[0] == '!';
}

void
tally_open(struct tally *t, struct str text, int attempts, int64_t lane)
{
    struct str row;
    int64_t sum = 0;

    *t = (struct tally){.is_pinned = tally_is_pinned(text)};
    if (t->is_pinned)
        text = str_sub(text, 1, text.n - 1);
    while (text.n > 0 && str_split(&text, ',', &row)) {
        if (!read_row(t, row)) {
            t->n = 0;
            break;
        }
    }
    for (size_t i = 0; i < t->n; i++)
        sum += t->rows[i].calls;
    if (attempts > sum)
        tally_add(t, lane, (int)(attempts - sum));
}

int
tally_calls(const struct tally *t, int64_t lane)
{
    for (size_t i = 0; i < t->n; i++) {
        if (t->rows[i].lane == lane)
            return t->rows[i].calls;
    }
    return 0;
}

void
tally_add(struct tally *t, int64_t lane, int calls)
{
    size_t i = 0;

    while (i < t->n && t->rows[i].lane != lane)
        i++;
    if (i == TALLY_LANES_MAX)
        i--;
    if (i == t->n) {
        t->rows[i].lane = lane;
        t->rows[i].calls = 0;
        t->n++;
    }
    if (calls > INT32_MAX - t->rows[i].calls)
        calls = INT32_MAX - t->rows[i].calls;
    t->rows[i].calls += calls;
}

struct str
tally_text(struct arena *a, const struct tally *t)
{
    struct buf b;

    buf_init(&b, a);
    if (t->is_pinned)
        buf_put_char(&b, '!');
    for (size_t i = 0; i < t->n; i++) {
        if (i > 0)
            buf_put_char(&b, ',');
        buf_put_i64(&b, t->rows[i].lane);
        buf_put_char(&b, ':');
        buf_put_i64(&b, t->rows[i].calls);
    }
    return buf_str(&b);
}
