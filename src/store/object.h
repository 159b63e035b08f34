/* object.h - everything that is configured, and the users: versioned documents.
 */
#pragma once

#include "store/req.h"
#include "store/tell.h"

enum object_kind {
    OBJECT_WORKSPACE = 1, /* tenant 0; its num is the tenant's number */
    OBJECT_KEY,           /* API keys */
    OBJECT_PROVIDER,      /* its num is the lane's number */
    OBJECT_TEMPLATE,
    OBJECT_TEMPLATE_VERSION, /* "key@7"; never changes */
    OBJECT_USER,
    OBJECT_SUPPRESSION, /* "channel:address" */
    OBJECT_SEAL,        /* tenant 0; by it a secret key is known again */
    OBJECT_CATEGORY,
    OBJECT_PREFERENCE, /* of the user with that key; goes with it */
    OBJECT_TOPIC,      /* its members: store/member.h */
    OBJECT_SCHEDULE,
    OBJECT_WORKFLOW,
    OBJECT_EXPERIMENT,
    OBJECT_FLAG,
    OBJECT_DEVICES = 20,  /* of the user with that key; goes with it */
    OBJECT_ENDPOINT = 24, /* its num is the lane's number, as a provider's */
    OBJECT_ACTION_SECRET = 28, /* how often it was rotated */
};
struct object {
    int64_t tenant;
    enum object_kind kind;
    struct str key;
    int64_t num;     /* given at creation, unique over all, never reused */
    int64_t version; /* 1, 2, ...; goes on after a delete */
    struct str body; /* JSON */
    int64_t created_ms, updated_ms;
};
#define OBJECT_ANY_VERSION INT64_C(-1)
struct store_object_write {
    enum object_kind kind;
    struct str key;
    struct str body;
    int64_t if_version; /* 0: must not exist; OBJECT_ANY_VERSION */
    int64_t num;        /* for a creation: made by the caller */
    /* Of a user, who is from now on a member of these and of no others. */
    const struct str *roles;
    size_t n_roles;
    /* What endpoints are told if it is done... NULL: nothing. */
    const struct store_told *told;
    bool is_told_if_made; /* ...and the document was not there before */
    /* result; a write that fails does not stop the others */
    enum err err; /* ERR_OK, ERR_PRECONDITION */
    bool is_created;
    struct object object; /* as it is now; after ERR_PRECONDITION too */
};
/* Once it is decided. */
static inline bool
object_write_is_told(const struct store_object_write *o)
{
    return o->told && o->err == ERR_OK &&
           (o->is_created || !o->is_told_if_made);
}
struct store_object_put {
    struct store_req req;
    int64_t tenant;
    int64_t now_ms;
    struct store_idem idem;
    struct store_object_write *writes;
    size_t n_writes;
    bool is_atomic; /* all or none: the first failure is the verb's error */
    /* result */
    int64_t seq; /* of the last change; what `changes` will tell */
};
#define STORE_DELETE_MAX 32 /* keys */
struct store_object_delete {
    struct store_req req;
    int64_t tenant;
    int64_t now_ms;
    enum object_kind kind;
    struct str key;
    int64_t if_version;
    /* In place of these, sorted, each once: those of them that are there go
     * together, whatever their versions. ERR_NOT_FOUND: none is. For kinds with
     * which nothing else goes. */
    const struct str *keys;
    size_t n_keys;
    /* What endpoints are told if it goes; one for each of keys, of those that
     * do. NULL: nothing. */
    const struct store_told *told;
    /* result; ERR_NOT_FOUND, ERR_PRECONDITION */
    int64_t seq;
    int64_t version;                    /* of what is gone */
    int64_t versions[STORE_DELETE_MAX]; /* the same of each of keys; 0: none */
};
struct store_object_get {
    struct store_req req;
    int64_t tenant;
    enum object_kind kind;
    const enum object_kind *kinds; /* one a key; NULL: all are of `kind` */
    const struct str *keys;
    size_t n_keys;
    struct object *objects; /* result: one a key, version 0: not there */
};
static inline enum object_kind
object_kind_asked(const struct store_object_get *g, size_t i)
{
    return g->kinds ? g->kinds[i] : g->kind;
}
struct store_object_list {
    struct store_req req;
    int64_t tenant; /* -1: of all tenants (configuration at start) */
    enum object_kind kind;
    int64_t after_tenant; /* with tenant -1 */
    struct str after;     /* key; empty: from the first */
    size_t limit;
    struct object *objects; /* result, by (tenant, key) */
    size_t n_objects;
    bool has_more;
};
/* What was written, so that every node can drop what it cached. ERR_NOT_FOUND:
 * some after after_seq are not kept any more; read everything anew, then go on
 * from last_seq. */
struct store_change {
    int64_t seq, tenant;
    enum object_kind kind;
    struct str key;
};
struct store_changes {
    struct store_req req;
    int64_t after_seq;
    size_t limit;
    struct store_change *changes; /* result */
    size_t n_changes;
    int64_t last_seq; /* of the store */
};
