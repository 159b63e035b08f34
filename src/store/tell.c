/* tell.c - see tell.h. */
#include "store/tell.h"

#include "store/inbox.h"

struct store_told
store_told_of(const struct delivery *d, int64_t at_ms)
{
    return (struct store_told){
        .tenant = d->tenant,
        .kind = event_of_status(d->status),
        .at_ms = at_ms,
        .delivery = d->id,
        .notification = d->notification,
        .attempts = d->attempts,
        .user = d->user,
        .channel = d->channel,
        .provider = d->provider,
        .reason = d->reason,
    };
}

struct store_told
store_mark_told(const struct store_inbox_mark *m, int64_t item)
{
    static const enum event_kind kinds[] = {
        [INBOX_SEEN] = EVENT_INBOX_SEEN,
        [INBOX_READ] = EVENT_INBOX_READ,
        [INBOX_UNREAD] = EVENT_INBOX_UNREAD,
        [INBOX_ARCHIVE] = EVENT_INBOX_ARCHIVED,
        [INBOX_UNARCHIVE] = EVENT_INBOX_UNARCHIVED,
    };
    enum event_kind kind = kinds[m->change];

    return (struct store_told){
        .tenant = m->tenant,
        .kind = m->tells & EVENT_BIT(kind) ? kind : EVENT_NONE,
        .at_ms = m->now_ms,
        .item = item,
        .user = m->user,
        .channel = STR("in_app"),
    };
}
