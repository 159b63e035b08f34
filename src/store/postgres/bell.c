/* bell.c - see bell.h. */
#include "store/postgres/bell.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/map.h"

#define INBOXES_MAX (1 << 20) /* bytes that wait */
#define LINE_MAX_BYTES 100    /* of a lane */

struct lane_bell { /* a lane's first row */
    int64_t tenant, lane, rank, id;
};

struct pg_bells {
    bool must_greet, has_work, has_told;
    int64_t due_ms, change_seq; /* 0: nothing */
    struct map *lanes;          /* signed lane -> struct lane_bell */
    struct buf inboxes;         /* lines */
};

struct pg_bells *
pg_bells_new(void)
{
    struct pg_bells *b = xcalloc(1, sizeof(*b));

    b->lanes = map_new();
    return b;
}

void
pg_bells_free(struct pg_bells *b)
{
    struct str key;
    void *value;

    if (!b)
        return;
    for (size_t at = 0; map_next(b->lanes, &at, &key, &value);)
        free(value);
    map_free(b->lanes);
    buf_fini(&b->inboxes);
    free(b);
}

bool
pg_bells_are_empty(const struct pg_bells *b)
{
    return !b->must_greet && !b->has_work && !b->has_told && b->due_ms == 0 &&
           b->change_seq == 0 && map_count(b->lanes) == 0 && b->inboxes.n == 0;
}

void
pg_bells_greet(struct pg_bells *b)
{
    b->must_greet = true;
}

bool
pg_bells_has_greeting(const struct pg_bells *b)
{
    return b->must_greet;
}

void
pg_bells_change(struct pg_bells *b, int64_t seq)
{
    if (seq > b->change_seq)
        b->change_seq = seq;
}

void
pg_bells_wait(struct pg_bells *b, int64_t due_ms)
{
    if (b->due_ms == 0 || due_ms < b->due_ms)
        b->due_ms = due_ms;
}

void
pg_bells_work(struct pg_bells *b)
{
    b->has_work = true;
}

void
pg_bells_told(struct pg_bells *b)
{
    b->has_told = true;
}

void
pg_bells_ready(struct pg_bells *b, int64_t tenant, int64_t signed_lane,
               int64_t rank, int64_t id)
{
    struct str key = {(const char *)&signed_lane, sizeof(signed_lane)};
    struct lane_bell *l = map_get(b->lanes, key);

    if (!l) {
        l = xcalloc(1, sizeof(*l));
        *l = (struct lane_bell){tenant, signed_lane, rank, id};
        (void)map_put(b->lanes, key, l);
    } else if (rank < l->rank || (rank == l->rank && id < l->id)) {
        l->rank = rank;
        l->id = id;
    }
}

void
pg_bells_inbox(struct pg_bells *b, int64_t tenant, struct str user, int64_t rev)
{
    if (b->inboxes.n <= INBOXES_MAX)
        buf_printf(&b->inboxes, "i %lld %lld %.*s\n", (long long)tenant,
                   (long long)rev, STR_ARG(user));
}

static void
take_lanes(struct pg_bells *b, struct buf *out)
{
    struct str key;
    void *value;

    for (size_t at = 0; out->n + LINE_MAX_BYTES < PG_BELLS_MAX &&
                        map_next(b->lanes, &at, &key, &value);) {
        struct lane_bell *l = value;

        buf_printf(out, "r %lld %lld %lld %lld\n", (long long)l->tenant,
                   (long long)l->lane, (long long)l->rank, (long long)l->id);
        (void)map_remove(b->lanes, key);
        free(l);
    }
}

/* Whole lines. */
static void
take_inboxes(struct pg_bells *b, struct buf *out)
{
    size_t most = PG_BELLS_MAX > out->n ? PG_BELLS_MAX - out->n : 0;
    size_t take = b->inboxes.n < most ? b->inboxes.n : most;

    while (take > 0 && b->inboxes.p[take - 1] != '\n')
        take--;
    buf_put(out, b->inboxes.p, take);
    buf_drop(&b->inboxes, take);
}

void
pg_bells_take(struct pg_bells *b, int64_t incarnation, struct buf *out)
{
    buf_printf(out, "n %lld\n", (long long)incarnation);
    if (b->change_seq > 0)
        buf_printf(out, "c %lld\n", (long long)b->change_seq);
    if (b->due_ms > 0)
        buf_printf(out, "w %lld\n", (long long)b->due_ms);
    if (b->has_work)
        buf_put_cstr(out, "k 1\n");
    if (b->has_told)
        buf_put_cstr(out, "t 1\n");
    b->change_seq = b->due_ms = 0;
    b->must_greet = b->has_work = b->has_told = false;
    take_lanes(b, out);
    take_inboxes(b, out);
}

/* ---- what others tell ---- */

static bool
take_number(struct str *line, int64_t *ret)
{
    struct str word;

    return str_split(line, ' ', &word) && str_to_i64(word, ret);
}

static int
count_numbers(char kind)
{
    return kind == 'r' ? 4 : kind == 'i' ? 2 : 1;
}

struct pg_bell
pg_bell_read(struct str line)
{
    struct pg_bell b = {0};
    struct str kind;

    if (!str_split(&line, ' ', &kind) || kind.n != 1)
        return b;
    for (int i = 0; i < count_numbers(kind.p[0]); i++)
        if (!take_number(&line, &b.v[i]))
            return b;
    b.user = line;
    b.kind = kind.p[0] == 'i' && line.n == 0 ? '\0' : kind.p[0];
    return b;
}
