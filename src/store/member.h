/* member.h - sets of users: who has a role, who subscribes to a topic.
 *
 * A user's roles are written with its document (struct store_object_write),
 * subscribers by a verb of their own. Who subscribes need not be stored. With
 * a user's document all that it belongs to goes, with a topic's its members. */
#pragma once

#include "store/req.h"

enum member_kind { MEMBER_ROLE = 1, MEMBER_TOPIC };
struct member_set {
    enum member_kind kind;
    struct str key;
    bool is_empty; /* result: nobody is in it after `after` */
};

/* Takes some out of a topic, then puts some in; a topic that is not there is
 * made for those. Names nobody twice. */
struct store_subscribe {
    struct store_req req;
    int64_t tenant;
    int64_t now_ms;
    struct store_idem idem;
    struct str topic;
    int64_t num; /* of a topic that is made */
    const struct str *add, *remove;
    size_t n_add, n_remove;
    /* result; who was there, or was not, is not counted */
    size_t n_added, n_removed;
    bool is_created;
};

/* Who is in any of these sets, each once, in the order of the ids. */
#define MEMBER_SETS_MAX 1000
struct store_members {
    struct store_req req;
    int64_t tenant;
    struct member_set *sets;
    size_t n_sets; /* at most MEMBER_SETS_MAX */
    struct str after;
    size_t limit;
    /* result; of many sets it may be fewer than `limit`, but not none, while
     * there are more */
    struct str *users;
    size_t n_users;
    bool has_more;
};

/* The sets of one kind that a user is in, by their keys. */
struct store_memberships {
    struct store_req req;
    int64_t tenant;
    enum member_kind kind;
    struct str user;
    struct str after;
    size_t limit;
    struct str *keys; /* result */
    size_t n_keys;
    bool has_more;
};
