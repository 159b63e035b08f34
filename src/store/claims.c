/* claims.c - see claims.h. Two hash tables with open addressing: the claims,
 * and the lanes with what is claimed from each; and the list of what this
 * transaction did, newest last, for the way back. */
#include "store/claims.h"

#include <assert.h>
#include <stdlib.h>

#include "base/arena.h"

struct lane { /* critical rows are one of their own */
    int64_t lane;
    struct lane_mark mark;
    bool is_used;
    int64_t *deliveries; /* claimed from it; claim.at tells where */
    size_t n, cap;
};
struct change {
    enum { CHANGE_ADDED, CHANGE_REMOVED, CHANGE_UNREFFED } kind;
    struct claim claim;
    struct claim_ref ref; /* UNREFFED */
};
struct claims {
    struct claim *slots; /* delivery 0: free */
    size_t n, cap;       /* cap: a power of two */
    struct lane *lanes;
    size_t n_lanes, cap_lanes;
    struct change *changes;
    size_t n_changes, cap_changes;
    struct claim_batch *fresh; /* made in this transaction */
    struct claim_batch *spent; /* freed with its commit */
};

static size_t
hash(int64_t v)
{
    uint64_t x = (uint64_t)v * UINT64_C(0x9e3779b97f4a7c15);

    return (size_t)(x ^ (x >> 32));
}

struct claims *
claims_new(void)
{
    struct claims *c = xcalloc(1, sizeof(*c));

    c->cap = 256;
    c->slots = xcalloc(c->cap, sizeof(*c->slots));
    c->cap_lanes = 32;
    c->lanes = xcalloc(c->cap_lanes, sizeof(*c->lanes));
    return c;
}

static void
batch_free(struct claim_batch *b)
{
    free(b->refs);
    free(b);
}

static void
batches_free(struct claim_batch **list)
{
    while (*list) {
        struct claim_batch *b = *list;

        *list = b->next;
        batch_free(b);
    }
}

void
claims_free(struct claims *c)
{
    if (!c)
        return;
    claims_rollback(c);
    for (size_t i = 0; i < c->cap; i++) {
        struct claim_batch *b = c->slots[i].batch;

        if (c->slots[i].delivery != 0 && b && --b->n_open == 0)
            batch_free(b);
    }
    for (size_t i = 0; i < c->cap_lanes; i++)
        free(c->lanes[i].deliveries);
    free(c->slots);
    free(c->lanes);
    free(c->changes);
    free(c);
}

/* The slot of a delivery, or the free one where it would be. */
static size_t
slot_of(const struct claims *c, int64_t delivery)
{
    size_t i = hash(delivery) & (c->cap - 1);

    while (c->slots[i].delivery != 0 && c->slots[i].delivery != delivery)
        i = (i + 1) & (c->cap - 1);
    return i;
}

const struct claim *
claims_find(const struct claims *c, int64_t delivery)
{
    const struct claim *found = &c->slots[slot_of(c, delivery)];

    return delivery != 0 && found->delivery == delivery ? found : NULL;
}

/* ---- lanes ---- */

static struct lane *
lane_slot(struct lane *lanes, size_t cap, int64_t lane)
{
    size_t i = hash(lane) & (cap - 1);

    while (lanes[i].is_used && lanes[i].lane != lane)
        i = (i + 1) & (cap - 1);
    return &lanes[i];
}

static const struct lane_mark lowest = {INT64_MIN, INT64_MIN};

static void
grow_lanes(struct claims *c)
{
    struct lane *old = c->lanes;
    size_t old_cap = c->cap_lanes;

    c->cap_lanes *= 2;
    c->lanes = xcalloc(c->cap_lanes, sizeof(*c->lanes));
    for (size_t i = 0; i < old_cap; i++)
        if (old[i].is_used)
            *lane_slot(c->lanes, c->cap_lanes, old[i].lane) = old[i];
    free(old);
}

/* Makes it. Until the next call. */
static struct lane *
lane_get(struct claims *c, int64_t lane)
{
    struct lane *l;

    if (c->n_lanes * 2 >= c->cap_lanes)
        grow_lanes(c);
    l = lane_slot(c->lanes, c->cap_lanes, lane);
    if (!l->is_used) {
        *l = (struct lane){.lane = lane, .mark = lowest, .is_used = true};
        c->n_lanes++;
    }
    return l;
}

static void
lane_add(struct claims *c, struct claim *claim)
{
    struct lane *l = lane_get(c, claim->lane);

    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 16;
        l->deliveries = xrealloc(l->deliveries, l->cap * sizeof(int64_t));
    }
    claim->at = l->n;
    l->deliveries[l->n++] = claim->delivery;
}

/* The last one takes its place. */
static void
lane_remove(struct claims *c, const struct claim *claim)
{
    struct lane *l = lane_get(c, claim->lane);
    int64_t last = l->deliveries[--l->n];

    assert(l->deliveries[claim->at] == claim->delivery);
    l->deliveries[claim->at] = last;
    c->slots[slot_of(c, last)].at = claim->at;
}

/* ---- claims ---- */

static void
grow(struct claims *c)
{
    struct claim *old = c->slots;
    size_t old_cap = c->cap;

    c->cap *= 2;
    c->slots = xcalloc(c->cap, sizeof(*c->slots));
    for (size_t i = 0; i < old_cap; i++)
        if (old[i].delivery != 0)
            c->slots[slot_of(c, old[i].delivery)] = old[i];
    free(old);
}

static void
insert(struct claims *c, const struct claim *claim)
{
    size_t i;

    if (c->n * 2 >= c->cap)
        grow(c);
    i = slot_of(c, claim->delivery);
    assert(c->slots[i].delivery == 0);
    c->slots[i] = *claim;
    lane_add(c, &c->slots[i]);
    c->n++;
    if (claim->batch)
        claim->batch->n_open++;
}

/* Closes the gap, so that no search ends before what it looks for. */
static void
erase(struct claims *c, size_t i)
{
    size_t mask = c->cap - 1;

    lane_remove(c, &c->slots[i]);
    if (c->slots[i].batch)
        c->slots[i].batch->n_open--;
    c->n--;
    for (size_t j = (i + 1) & mask; c->slots[j].delivery != 0;
         j = (j + 1) & mask) {
        size_t home = hash(c->slots[j].delivery) & mask;

        if (((j - home) & mask) >= ((j - i) & mask)) {
            c->slots[i] = c->slots[j];
            i = j;
        }
    }
    c->slots[i] = (struct claim){0};
}

static struct change *
note(struct claims *c)
{
    if (c->n_changes == c->cap_changes) {
        c->cap_changes = c->cap_changes ? c->cap_changes * 2 : 256;
        c->changes = xrealloc(c->changes, c->cap_changes * sizeof(*c->changes));
    }
    return &c->changes[c->n_changes++];
}

struct claim_batch *
claims_batch_new(struct claims *c, int64_t lane, int64_t at_ms, size_t max_refs)
{
    struct claim_batch *b = xcalloc(1, sizeof(*b));

    b->lane = lane;
    b->at_ms = at_ms;
    b->refs = xcalloc(max_refs, sizeof(*b->refs));
    b->next = c->fresh;
    c->fresh = b;
    return b;
}

void
claims_add(struct claims *c, const struct claim *claim,
           const struct claim_ref *ref)
{
    struct claim added = *claim;

    assert(claim->delivery != 0);
    if (added.batch) {
        added.ref = added.batch->n_refs++;
        added.batch->refs[added.ref] = *ref;
    }
    insert(c, &added);
    *note(c) = (struct change){.kind = CHANGE_ADDED, .claim = added};
}

bool
claims_remove(struct claims *c, int64_t delivery, struct claim *ret)
{
    size_t i;

    if (delivery == 0)
        return false;
    i = slot_of(c, delivery);
    if (c->slots[i].delivery == 0)
        return false;
    *ret = c->slots[i];
    erase(c, i);
    *note(c) = (struct change){.kind = CHANGE_REMOVED, .claim = *ret};
    return true;
}

void
claims_unref(struct claims *c, const struct claim *removed)
{
    struct claim_ref *ref;

    if (!removed->batch)
        return;
    ref = &removed->batch->refs[removed->ref];
    *note(c) = (struct change){
        .kind = CHANGE_UNREFFED, .claim = *removed, .ref = *ref};
    ref->delivery = 0;
    removed->batch->is_touched = true;
}

static void
put_le64(char *p, int64_t v)
{
    for (int i = 0; i < 8; i++)
        p[i] = (char)((uint64_t)v >> (8 * i));
}

static int64_t
get_le64(const char *p)
{
    uint64_t v = 0;

    for (int i = 0; i < 8; i++)
        v |= (uint64_t)(uint8_t)p[i] << (8 * i);
    return (int64_t)v;
}

struct str
claims_refs(const struct claim_batch *b, struct arena *a)
{
    char *p = arena_alloc(a, b->n_refs * CLAIM_REF_BYTES);
    size_t n = 0;

    for (size_t i = 0; i < b->n_refs; i++) {
        if (b->refs[i].delivery == 0)
            continue;
        put_le64(p + n, b->refs[i].delivery);
        put_le64(p + n + 8, b->refs[i].notification);
        put_le64(p + n + 16, b->refs[i].attempts);
        n += CLAIM_REF_BYTES;
    }
    return (struct str){p, n};
}

bool
claim_ref_next(struct str *refs, struct claim_ref *ret)
{
    if (refs->n < CLAIM_REF_BYTES)
        return false;
    ret->delivery = get_le64(refs->p);
    ret->notification = get_le64(refs->p + 8);
    ret->attempts = get_le64(refs->p + 16);
    refs->p += CLAIM_REF_BYTES;
    refs->n -= CLAIM_REF_BYTES;
    return true;
}

/* ---- a whole lane ---- */

static void
put_of_lane(const struct claims *c, int64_t lane, struct buf *out)
{
    const struct lane *l = lane_slot(c->lanes, c->cap_lanes, lane);

    for (size_t i = 0; i < l->n; i++)
        buf_put(out, &c->slots[slot_of(c, l->deliveries[i])],
                sizeof(struct claim));
}

struct claim *
claims_of_lane(const struct claims *c, int64_t lane, struct arena *a,
               size_t *ret_n)
{
    struct buf found;

    assert(lane != 0);
    buf_init(&found, a);
    put_of_lane(c, lane, &found);
    put_of_lane(c, -lane, &found);
    *ret_n = found.n / sizeof(struct claim);
    return (struct claim *)(void *)found.p;
}

size_t
claims_count_of_lane(const struct claims *c, int64_t lane)
{
    return lane_slot(c->lanes, c->cap_lanes, lane)->n +
           lane_slot(c->lanes, c->cap_lanes, -lane)->n;
}

void
claims_drop_lane(struct claims *c, int64_t lane)
{
    struct arena *a = arena_new();
    size_t n;
    struct claim *all = claims_of_lane(c, lane, a, &n);

    assert(c->n_changes == 0);
    for (size_t i = 0; i < n; i++) {
        erase(c, slot_of(c, all[i].delivery));
        if (all[i].batch && all[i].batch->n_open == 0)
            batch_free(all[i].batch);
    }
    arena_free(a);
}

/* ---- low-water marks ---- */

struct lane_mark
claims_mark(const struct claims *c, int64_t lane)
{
    const struct lane *l = lane_slot(c->lanes, c->cap_lanes, lane);

    return l->is_used ? l->mark : lowest;
}

void
claims_mark_raise(struct claims *c, int64_t lane, struct lane_mark to)
{
    lane_get(c, lane)->mark = to;
}

void
claims_mark_lower(struct claims *c, int64_t lane, int64_t rank, int64_t id)
{
    struct lane *l = lane_slot(c->lanes, c->cap_lanes, lane);

    if (!l->is_used)
        return;
    if (rank < l->mark.rank || (rank == l->mark.rank && id <= l->mark.id))
        l->mark = (struct lane_mark){rank, id - 1};
}

/* ---- the end of a transaction ---- */

/* A batch that nothing refers to any more, once the commit is there. */
static void
collect_spent(struct claims *c)
{
    for (size_t i = 0; i < c->n_changes; i++) {
        struct claim_batch *b = c->changes[i].claim.batch;

        if (!b)
            continue;
        b->is_touched = false;
        if (b->n_open == 0 && b->n_refs > 0) {
            b->n_refs = 0; /* so that it is put in the list once */
            b->next = c->spent;
            c->spent = b;
        }
    }
}

void
claims_commit(struct claims *c)
{
    while (c->fresh) {
        struct claim_batch *b = c->fresh;

        c->fresh = b->next;
        b->next = NULL;
        if (b->n_refs == 0)
            batch_free(b);
    }
    collect_spent(c);
    batches_free(&c->spent);
    c->n_changes = 0;
}

void
claims_rollback(struct claims *c)
{
    while (c->n_changes > 0) {
        const struct change *h = &c->changes[--c->n_changes];

        if (h->claim.batch)
            h->claim.batch->is_touched = false;
        switch (h->kind) {
        case CHANGE_ADDED:
            erase(c, slot_of(c, h->claim.delivery));
            break;
        case CHANGE_REMOVED:
            insert(c, &h->claim);
            break;
        case CHANGE_UNREFFED:
            assert(h->claim.batch);
            h->claim.batch->refs[h->claim.ref] = h->ref;
            break;
        }
        claims_mark_lower(c, h->claim.lane, INT64_MIN, INT64_MIN + 1);
    }
    batches_free(&c->fresh);
}
