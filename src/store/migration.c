/* migration.c - see migration.h. */
#include "store/migration.h"

#define NEWER_MAX 1000 /* rows of newer programs that are listed */

static const struct migration_set *
known(const struct migrate *m)
{
    return m->known ? m->known : m->driver->known;
}

static enum err
refuse(struct migrate *m, struct str why)
{
    m->why = str_cstr(m->arena, why);
    return ERR_CONFLICT;
}

/* ---- what is there ---- */

static void
list_known(struct migrate *m)
{
    const struct migration_set *k = known(m);

    m->status = ARENA_ARRAY(m->arena, struct migration_status,
                            (size_t)k->n + NEWER_MAX);
    m->n_status = (size_t)k->n;
    for (int i = 0; i < k->n; i++)
        m->status[i] =
            (struct migration_status){.number = k->all[i].number,
                                      .name = str_from(k->all[i].name),
                                      .state = MIGRATION_PENDING};
}

static enum migration_state
judge(const struct migration_set *k, const struct migrate_row *row)
{
    if (row->number < 1 || row->number > k->n)
        return row->number > 0 && row->works_with <= k->n ? MIGRATION_NEWER
                                                          : MIGRATION_UNKNOWN;
    return str_is(row->sha256, k->all[row->number - 1].sha256)
               ? MIGRATION_APPLIED
               : MIGRATION_CHANGED;
}

void
migrate_add(struct migrate *m, const struct migrate_row *row)
{
    const struct migration_set *k = known(m);
    struct migration_status *st;

    if (row->number >= 1 && row->number <= k->n)
        st = &m->status[row->number - 1];
    else if (m->n_status < (size_t)k->n + NEWER_MAX)
        st = &m->status[m->n_status++];
    else
        return;
    *st = (struct migration_status){.number = row->number,
                                    .name = str_dup(m->arena, row->name),
                                    .state = judge(k, row),
                                    .applied_ms = row->applied_ms};
}

int
migrate_version(const struct migrate *m)
{
    int last = 0;

    for (size_t i = 0; i < m->n_status; i++)
        if (m->status[i].state != MIGRATION_PENDING &&
            m->status[i].number > last)
            last = m->status[i].number;
    return last;
}

int
migrate_count_pending(const struct migrate *m)
{
    int n = 0;

    for (size_t i = 0; i < m->n_status; i++)
        n += m->status[i].state == MIGRATION_PENDING;
    return n;
}

static const struct migration_status *
first_of(const struct migrate *m, enum migration_state state)
{
    for (size_t i = 0; i < m->n_status; i++)
        if (m->status[i].state == state)
            return &m->status[i];
    return NULL;
}

/* The applied ones must be the first ones of those known, and what is newer
 * must let this program go on. */
static enum err
check(struct migrate *m)
{
    const struct migration_status *changed = first_of(m, MIGRATION_CHANGED);

    if (first_of(m, MIGRATION_UNKNOWN))
        return refuse(m, str_fmt(m->arena,
                                 "the database has schema %d, this program "
                                 "knows up to %d and cannot go on with it: "
                                 "use the newer program",
                                 migrate_version(m), known(m)->n));
    if (changed)
        return refuse(m, str_fmt(m->arena,
                                 "migration %d was applied from another text",
                                 changed->number));
    for (size_t i = 1; i < m->n_status; i++)
        if (m->status[i].state != MIGRATION_PENDING &&
            m->status[i - 1].state == MIGRATION_PENDING)
            return refuse(
                m, str_fmt(m->arena, "migration %d is applied and %d is not",
                           m->status[i].number, m->status[i - 1].number));
    return ERR_OK;
}

static enum err
read_status(struct migrate *m)
{
    list_known(m);
    return m->driver->read(m);
}

static enum err
read_and_check(struct migrate *m)
{
    enum err e = read_status(m);

    return e == ERR_OK ? check(m) : e;
}

enum err
migrate_status(struct migrate *m)
{
    enum err e = m->driver->open(m, false);

    if (e == ERR_OK)
        e = read_status(m);
    m->driver->close(m);
    return e;
}

enum err
migrate_verify(struct migrate *m)
{
    enum err e = migrate_status(m);
    const struct migration_status *missing;

    if (e == ERR_OK)
        e = check(m);
    missing = e == ERR_OK ? first_of(m, MIGRATION_PENDING) : NULL;
    if (missing)
        return refuse(m, str_fmt(m->arena, "migration %d is not applied",
                                 missing->number));
    return e;
}

/* ---- what is to be there ---- */

/* Alone from here on; what was read before may have changed meanwhile. */
static enum err
lock(struct migrate *m)
{
    enum err e = m->driver->lock ? m->driver->lock(m) : ERR_OK;

    return e == ERR_OK ? read_and_check(m) : e;
}

enum err
migrate_open_up(struct migrate *m)
{
    const struct migration_set *k = known(m);
    enum err e = read_and_check(m);

    if (e != ERR_OK || migrate_count_pending(m) == 0)
        return e;
    e = lock(m);
    if (e == ERR_OK)
        e = m->driver->prepare(m);
    for (int i = 0; e == ERR_OK && i < k->n; i++)
        if (m->status[i].state == MIGRATION_PENDING)
            e = m->driver->run(m, &k->all[i], true);
    return e == ERR_OK ? read_status(m) : e;
}

enum err
migrate_up(struct migrate *m)
{
    enum err e = m->driver->open(m, true);

    if (e == ERR_OK)
        e = migrate_open_up(m);
    m->driver->close(m);
    return e;
}

static enum err
open_down(struct migrate *m, int to)
{
    const struct migration_set *k = known(m);
    enum err e = lock(m);

    if (e == ERR_OK && migrate_version(m) > k->n)
        return refuse(m, str_fmt(m->arena,
                                 "the way back from schema %d is known to a "
                                 "newer program: use that",
                                 migrate_version(m)));
    for (int i = k->n - 1; e == ERR_OK && i >= to; i--)
        if (m->status[i].state == MIGRATION_APPLIED)
            e = m->driver->run(m, &k->all[i], false);
    return e == ERR_OK ? read_status(m) : e;
}

enum err
migrate_down(struct migrate *m, int to)
{
    enum err e;

    if (to < 0 || to > known(m)->n) {
        m->why = str_cstr(m->arena,
                          str_fmt(m->arena, "there is no migration %d", to));
        return ERR_INVALID;
    }
    e = m->driver->open(m, true);
    if (e == ERR_OK)
        e = open_down(m, to);
    m->driver->close(m);
    return e;
}
