/* reader.h - what the files of the reader thread share. */
#pragma once

#include "store/claims.h"
#include "store/sqlite/db.h"
#include "store/store.h"

struct reader {
    struct db conn;
    int64_t epoch;
    const char *path; /* of the database */
};

typedef enum err read_verb(struct reader *r, struct store_req *req);
read_verb read_object_get, read_object_list, read_members, read_memberships,
    read_changes, read_notification_get, read_notification_list,
    read_delivery_get, read_delivery_list, read_delivery_groups,
    read_inbox_list, read_inbox_get, read_inbox_replay, read_inbox_revs,
    read_stats, read_reports, read_lanes, read_budget_look, read_dedup_get,
    read_cancel_find, read_digest_list, read_digest_members, read_event_look,
    read_instance_list, read_trial_count, read_habits, read_audit_list,
    read_person, read_presses, read_attachments;

/* How many a page has for who asks for so many. */
size_t page_size(size_t limit);
/* Whether there is a next row and it still fits after n others. One that does
 * not sets has_more and ends the query, so ask for limit + 1. */
bool page_row(struct query *q, size_t n, size_t limit, bool *has_more);

int64_t before_or_end(int64_t before); /* 0 is the end */

/* What stands in intent rows: it may be in flight. */
struct flights {
    struct claim_ref *refs; /* by delivery, ascending */
    size_t n;
    bool is_loaded;
};
/* Queued ones that are in flight become `sending`. Loads what flies when it
 * is first needed. */
void mark_flying(struct reader *r, struct arena *a, struct flights *f,
                 struct delivery *d);
void load_flights(struct reader *r, struct arena *a, struct flights *f);
