/* audience.h - those that a request means and does not name: all users of a
 * workspace, or the members of roles and topics. They are read by pages, in
 * the order of their ids, each user once.
 *
 * A topic's key is a path: who subscribes to "news" gets what is sent to
 * "news.sport", too. */
#pragma once

#include "app/send_request.h"
#include "store/object.h"

struct app;

struct audience_page {
    const struct app *app;
    struct arena *arena; /* the store's until on_done */
    int64_t tenant;
    const struct send_request *request;
    struct str after; /* the last user that was read; empty: from the first */
    size_t limit;
    void (*on_done)(struct audience_page *p, enum err e);
    /* result; fewer than `limit` may come while there are more */
    struct str *users;
    size_t n_users;
    struct object *objects; /* their documents; NULL: were not read */
    bool has_more;
    struct store_members members; /* its sets say which are empty */
    /* private */
    struct store_object_list list;
};

/* Whether there is anybody to be read. */
bool audience_is_open(const struct send_request *q);
/* on_done runs in a later turn, exactly once. */
void audience_read(struct audience_page *p);

/* The sets that "roles" and "topics" come to, each once; for send_request.c.
 * There may be more than MEMBER_SETS_MAX. */
struct member_set *audience_sets(struct arena *a, struct json to,
                                 size_t *ret_n);
