/* novu_merge.h - Novu's way to write: what is given is merged into what is
 * there, or makes it. Many documents of one kind at once, each by itself; what
 * others write meanwhile is read again. */
#pragma once

#include "api/collection.h"

struct novu_merge_kind {
    enum object_kind kind;
    const char *noun;   /* "subscriber" */
    int changed_status; /* of a POST that found one there */
    /* The text of the document as it is then; before absent: a new one. */
    struct str (*merge)(struct arena *a, struct json before, struct json given);
    /* What the result must be; may be NULL. */
    void (*check)(struct json doc, struct str at, struct problem *p);
    /* What is written with it; may be NULL. */
    void (*fill)(struct call *c, struct json doc, struct store_object_write *w);
    /* Its members as they are told, without braces. */
    void (*put)(struct call *c, struct json_writer *w, const struct object *o);
};

enum novu_merge_if {
    NOVU_MERGE_ALWAYS,
    NOVU_MERGE_IF_THERE, /* else ERR_NOT_FOUND */
    NOVU_MERGE_IF_NEW,   /* else ERR_CONFLICT */
};

struct novu_given {
    struct json doc;
    struct novu_given *next;
};

struct novu_merge_row {
    struct str key; /* no two rows have the same */
    struct novu_given *first, *last;
    /* result */
    bool is_done;
    bool is_created;
    enum err err;
    struct problem *problem; /* NULL: there is no more to say */
    struct object object;    /* as it is now; with ERR_CONFLICT, too */
    int n_tries;             /* private */
};

struct novu_merge {
    struct call *call;
    const struct novu_merge_kind *kind;
    enum novu_merge_if when;
    struct novu_merge_row *rows;
    size_t n_rows;
    /* Of one row that is new: kept with what it tells of, as for
     * store_object_put. */
    struct store_idem idem;
    /* ERR_OK, or why it went no further; maybe within novu_merge(). */
    void (*then)(struct novu_merge *m, enum err e);
    /* private */
    size_t *places; /* in rows; of those in hand */
    size_t n_places;
    size_t *written; /* the same, of put.writes */
    struct store_object_get get;
    struct store_object_put put;
};

/* One more that goes into that row. */
void novu_give(struct arena *a, struct novu_merge_row *row, struct json doc);
/* At least one row; one, if it must be new. */
void novu_merge(struct novu_merge *m);
/* For idem.answer: the merge whose commit is being made. */
struct novu_merge *novu_merge_of(struct store_req *req);
