/* inbox_marks.c - see inbox_marks.h. */
#include "store/inbox_marks.h"

#include "store/workflow.h"

int64_t
inbox_marks_end(const struct store_inbox_mark *r, int64_t rev)
{
    return r->before_rev > 0 && r->before_rev < rev ? r->before_rev : rev;
}

/* What the item counts for, times `sign`. */
static void
count(struct inbox_counts *c, const struct inbox_marks *m, int sign)
{
    if (m->archived_ms != 0)
        return;
    c->unseen += sign * (m->seen_ms == 0);
    c->unread += sign * (m->read_ms == 0);
}

/* False: it is so already. Who reads has seen. */
static bool
apply(struct inbox_marks *m, enum inbox_change change, int64_t now_ms)
{
    struct inbox_marks was = *m;

    switch (change) {
    case INBOX_READ:
        if (m->read_ms == 0)
            m->read_ms = now_ms;
        if (m->seen_ms == 0)
            m->seen_ms = now_ms;
        break;
    case INBOX_SEEN:
        if (m->seen_ms == 0)
            m->seen_ms = now_ms;
        break;
    case INBOX_UNREAD:
        m->read_ms = 0;
        break;
    case INBOX_ARCHIVE:
        if (m->archived_ms == 0)
            m->archived_ms = now_ms;
        break;
    case INBOX_UNARCHIVE:
        m->archived_ms = 0;
        break;
    }
    return memcmp(&was, m, sizeof(was)) != 0;
}

size_t
inbox_marks_change(const struct store_inbox_mark *r, struct inbox_marks *all,
                   size_t n, struct inbox_counts *counts)
{
    size_t n_changed = 0;

    for (size_t i = 0; i < n; i++) {
        struct inbox_marks m = all[i];

        if (!apply(&m, r->change, r->now_ms))
            continue;
        count(counts, &all[i], -1);
        count(counts, &m, 1);
        all[n_changed++] = m;
    }
    return n_changed;
}

void
inbox_marks_event(const struct store_inbox_mark *r,
                  const struct inbox_marks *changed, int64_t end,
                  struct arena *a, struct inbox_event *ret)
{
    *ret = (struct inbox_event){.rev = r->rev,
                                .kind = INBOX_EVENT_ALL,
                                .change = r->change,
                                .before_rev = end,
                                .at_ms = r->now_ms,
                                .counts = r->counts};
    if (r->n_ids > 0) {
        int64_t *ids = ARENA_ARRAY(a, int64_t, r->n_changed);

        for (size_t i = 0; i < r->n_changed; i++)
            ids[i] = changed[i].id;
        ret->kind = INBOX_EVENT_STATE;
        ret->before_rev = 0;
        ret->ids = ids;
        ret->n_ids = r->n_changed;
    }
}

struct str
inbox_change_event(enum inbox_change change)
{
    switch (change) {
    case INBOX_SEEN:
        return STR("seen");
    case INBOX_READ:
        return STR("read");
    case INBOX_ARCHIVE:
        return STR("archived");
    case INBOX_UNREAD:
    case INBOX_UNARCHIVE:
        break;
    }
    return STR_NONE;
}
