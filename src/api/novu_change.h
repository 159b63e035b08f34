/* novu_change.h - one document, made or changed by what the body gives; and the
 * look at many, in pages, that may ask for some of them. */
#pragma once

#include "api/novu.h"
#include "api/novu_merge.h"

/* POST: made, or changed; with ?failIfExists=true a 409 that tells of the one
 * that is there, as their client wants it. */
void novu_create(struct call *c, const struct novu_merge_kind *kind,
                 struct str key);
/* PATCH of what the path names, 404 where it is not. */
void novu_patch(struct call *c, const struct novu_merge_kind *kind);
void novu_reply(struct call *c, const struct novu_merge_kind *kind, int status,
                const struct object *o);

/* A search looks at so many documents, then tells what it found and where to go
 * on: a rare name costs no more than a common one, and a page may hold fewer
 * than its limit while there are more. */
struct novu_search {
    struct call *call;
    const struct novu_merge_kind *kind;
    /* NULL: all. */
    bool (*is_wanted)(const struct novu_search *s, const struct object *o);
    const void *arg;
    /* private */
    size_t limit, n_seen, n_bytes;
    struct object *found;
    size_t n_found;
    struct store_object_list list;
};

void novu_search(struct novu_search *s);
/* ASCII case folded; an empty part is in all. */
bool novu_holds(struct str text, struct str part);
