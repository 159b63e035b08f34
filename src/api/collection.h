/* collection.h - what all /v1/{collection}/{key} have in common: PUT creates
 * or replaces, GET, DELETE, a paged list; versions and If-Match. A resource
 * says what is its own in a row of functions. */
#pragma once

#include "api/call.h"

struct collection {
    enum object_kind kind;
    const char *noun;     /* "provider" */
    const char *key_name; /* member that shows the key: "id", "key", "name" */
    const char *deed; /* what the books call a write; NULL: by what it does */
    bool is_configuration; /* answers wait until every thread has it */
    bool is_global;        /* of the installation: tenant 0, root only */
    bool is_implicit;      /* what was never written, or deleted, is {} */
    /* Adds faults to c->problem. May be NULL. */
    void (*check)(struct call *c, struct str key, struct json doc);
    /* The text to store; before is absent at a creation. May add faults to
     * c->problem. NULL: as it came. */
    struct str (*to_store)(struct call *c, struct str key, struct json doc,
                           struct json before);
    /* What is written with it. NULL: nothing. */
    void (*fill)(struct call *c, struct json doc, struct store_object_write *w);
    /* Members beside the key, version and times. NULL: as it is stored. */
    void (*show)(struct call *c, struct json_writer *w, const struct object *o,
                 struct json stored);
    /* Answers in place of the resource's own shape, once it is done; o NULL:
     * it was deleted. NULL: the shape above. */
    void (*reply)(struct call *c, const struct object *o);
};

void collection_put(struct call *c, const struct collection *of);
/* RFC 7396 on what is stored. */
void collection_patch(struct call *c, const struct collection *of,
                      const struct field *fields);
void collection_get(struct call *c, const struct collection *of);
void collection_list(struct call *c, const struct collection *of);
void collection_delete(struct call *c, const struct collection *of);

/* Parts, for resources that differ. */
int64_t collection_tenant(const struct call *c, const struct collection *of);
/* Its text read again; absent where there is none. */
struct json call_parse(struct call *c, struct str text);
bool collection_may(struct call *c, const struct collection *of);
/* The body's own key, if it has one, is the path's; false: refused already. */
bool collection_names_itself(struct call *c, const struct collection *of,
                             struct str key);
/* Those of a document, but for names that are shown apart. */
void collection_write_members(struct call *c, const struct collection *of,
                              struct json_writer *w, struct json stored);
void collection_write(struct call *c, const struct collection *of,
                      struct json_writer *w, const struct object *o);
/* Calls then(c) once the change is current in this process. */
void call_wait_for(struct call *c, int64_t seq,
                   void (*then)(struct call *c, void *arg), void *arg);
int64_t call_new_num(struct call *c);
