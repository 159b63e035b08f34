/* attach.h - what messages carry along, loaded when they are sent.
 *
 * What several calls carry is read, or fetched from its URL, once, and stays
 * for a moment after the last of them. All that is loaded, with what calls make
 * of it, is bounded: who comes when there is no room waits for those before.
 * Who waits for a URL holds up those who wait for URLs alone, and of these none
 * of another tenant for long. One for each dispatcher, on its loop's thread. */
#pragma once

#include "app/outcall.h"
#include "base/env.h"
#include "base/list.h"
#include "base/loop.h"
#include "domain/attachment.h"
#include "domain/verdict.h"

struct shelf;

/* The outcaller is borrowed; it has to end before. */
struct shelf *shelf_new(const struct env *env, struct outcaller *outcaller);
void shelf_free(struct shelf *s); /* nothing is taken; NULL is allowed */

struct shelf_item;

/* Owned by who takes, in memory of its own, from shelf_take() to shelf_put().
 */
struct taking {
    int64_t tenant, notification;    /* that they are kept with */
    const struct attachment *wanted; /* as they are kept: no content */
    size_t n;
    int64_t timeout_ms; /* of all URLs together; 30 s at most */
    /* In a later turn, once, unless it is put back before. */
    void (*on_done)(struct taking *t);
    /* result: with their content, as long as it is taken; or NULL, and what
     * comes of a message that cannot have them */
    const struct attachment *rows;
    enum verdict verdict;
    struct str reason; /* code of reasons.def */
    struct str detail;
    /* private */
    struct shelf *shelf;
    struct list link;
    struct shelf_item *item;
    size_t cost;
};

void shelf_take(struct shelf *s, struct taking *t);
void shelf_put(struct taking *t); /* whether it is loaded or not */
