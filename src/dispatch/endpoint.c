/* endpoint.c - how the lane of an endpoint fares: what gets through, and when
 * it is given up.
 *
 * Since when nothing does is known here and, once it is so for a while, in the
 * endpoint's document, so that a restart does not forget it. The document is
 * written when that begins and when it ends, never with each call. */
#include "dispatch/endpoint.h"

#include "app/endpoint_state.h"
#include "base/id.h"
#include "dispatch/dispatch_private.h"

#define NOTE_AFTER_MS INT64_C(3600000) /* at the latest */
#define NOTE_PART 10                   /* of what it is disabled after */
#define AGAIN_MS 60000                 /* if it is as it was: that got lost */

static void
note(struct lane *l, const struct workspace *w, const struct endpoint_doc *e,
     struct endpoint_news *n)
{
    const struct dispatch_options *o = &l->dispatch->options;

    l->course.noted_version = e->lane.version;
    l->course.noted_ms = n->now_ms;
    n->tenant = l->tenant;
    n->key = e->key;
    n->version = e->lane.version;
    n->tells = w->tells;
    if (n->disabled != REASON_NONE)
        n->audit_id = id_make(o->ids, n->now_ms, AUDIT_LINES_MAX);
    endpoint_note(o->env, n);
}

static int64_t
note_after_ms(const struct endpoint_doc *e)
{
    int64_t part = e->disable_after_ms / NOTE_PART;

    return part < NOTE_AFTER_MS ? part : NOTE_AFTER_MS;
}

static void
note_failure(struct lane *l, const struct workspace *w,
             const struct endpoint_doc *e, int64_t now_ms)
{
    struct endpoint_news n = {.now_ms = now_ms};
    int64_t age_ms;

    if (l->course.failing_since_ms == 0)
        l->course.failing_since_ms =
            e->failing_since_ms != 0 ? e->failing_since_ms : now_ms;
    n.failing_since_ms = l->course.failing_since_ms;
    age_ms = now_ms - l->course.failing_since_ms;
    if (age_ms >= e->disable_after_ms)
        n.disabled = REASON_ENDPOINT_FAILING;
    else if (e->failing_since_ms != 0 || age_ms < note_after_ms(e))
        return;
    note(l, w, e, &n);
}

/* What is being written is not written twice. */
static bool
is_noted(const struct lane *l, const struct endpoint_doc *e, int64_t now_ms)
{
    return l->course.noted_version == e->lane.version &&
           now_ms < l->course.noted_ms + AGAIN_MS;
}

void
lane_note_endpoint(struct lane *l, const struct workspace *w, enum verdict v)
{
    const struct endpoint_doc *e = workspace_endpoint_of(w, l->num);
    int64_t now_ms = dispatch_wall_ms(l->dispatch);

    if (!e || v == VERDICT_INTERRUPTED || is_noted(l, e, now_ms))
        return;
    if (v == VERDICT_GONE) {
        note(l, w, e,
             &(struct endpoint_news){.now_ms = now_ms,
                                     .disabled = REASON_ENDPOINT_GONE});
    } else if (v != VERDICT_DELIVERED) {
        note_failure(l, w, e, now_ms);
    } else {
        l->course.failing_since_ms = 0;
        if (e->failing_since_ms != 0)
            note(l, w, e, &(struct endpoint_news){.now_ms = now_ms});
    }
}
