#include "app/trial.h"

#include "app/experiment_doc.h"
#include "app/instance.h"
#include "base/map.h"

/* The name of it, which may be deleted by now; empty: none. */
static struct str
experiment_of(const struct send *s, const struct send_item *item)
{
    struct str key = json_str_of(s->arena, item->doc, "experiment");

    return key.n > 0 || !item->request.template
               ? key
               : item->request.template->experiment;
}

/* ---- what is sent instead ---- */

static bool
replaces_content(struct json variant)
{
    return !json_is(json_get(variant, "template"), JSON_ABSENT) ||
           !json_is(json_get(variant, "content"), JSON_ABSENT);
}

static bool
is_any(struct str name, const char *const *names)
{
    for (; *names; names++)
        if (str_is(name, *names))
            return true;
    return false;
}

/* Whose recipients have nothing of their own needs none of them. */
static bool
is_left_out(struct json doc, struct json variant, struct str name)
{
    static const char *const contents[] = {"template", "title",   "body",
                                           "html",     "actions", NULL};
    static const char *const own[] = {"experiment", "if_flag", NULL};

    if (str_is(name, "to"))
        return json_count(json_get(json_get(doc, "to"), "recipients")) == 0;
    return is_any(name, own) ||
           (is_any(name, contents) && replaces_content(variant)) ||
           !json_is(json_get_str(variant, name), JSON_ABSENT);
}

static struct json
variant_doc(struct arena *a, struct json doc, struct str experiment,
            struct json variant)
{
    static const char *const names[] = {"template", "content", "channels"};
    struct json_doc *parsed = ARENA_NEW(a, struct json_doc);
    struct json_error why;
    struct json_writer w;
    struct buf out;

    buf_init(&out, a);
    w = json_writer(&out);
    json_begin_object(&w);
    for (struct json m = json_first(doc); !json_is(m, JSON_ABSENT);
         m = json_next(doc, m)) {
        struct str name = json_key(a, m);

        if (is_left_out(doc, variant, name))
            continue;
        json_put_key_str(&w, name);
        json_put_raw(&w, json_raw(m));
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct json v = json_get(variant, names[i]);

        if (!json_is(v, JSON_ABSENT))
            json_raw_field(&w, names[i], json_raw(v));
    }
    json_str_field(&w, "experiment", experiment);
    json_end_object(&w);
    if (json_parse(a, buf_str(&out), parsed, &why) != ERR_OK)
        return doc;
    return json_root(parsed);
}

/* What is not about content and channels is the send's. */
static void
use_variant(struct send *s, struct send_item *item,
            const struct experiment_variant *v)
{
    struct json doc = v ? v->doc : (struct json){0};
    struct send_request again, *q = &item->request;

    item->doc = variant_doc(s->arena, item->doc, experiment_of(s, item), doc);
    q->doc = item->doc;
    if (!v || v->is_plain)
        return;
    send_request_reread(s->arena, s->workspace, item->doc, 0, NULL, &again);
    if (replaces_content(v->doc))
        q->template = again.template;
    q->channels = again.channels;
    q->n_channels = again.n_channels;
    q->has_spare = again.has_spare;
    q->digest = again.digest;
}

/* ---- who gets what ---- */

struct group {
    const struct experiment_variant *variant; /* NULL: as the send says */
    int64_t due_ms;                           /* of a dry run; 0: now */
    size_t *members;
    size_t n;
};
struct splitting {
    struct send *send;
    struct send_item *item;
    int64_t now_ms;
    bool is_critical;
    struct group *groups;
    size_t n_groups;
};

static struct str
text_of(struct arena *a, struct json given, struct json stored,
        const char *field)
{
    struct json v = json_get(given, field);

    return json_is(v, JSON_STRING) ? json_str(a, v)
                                   : json_str_of(a, stored, field);
}

static int64_t
due_of(struct arena *a, const struct experiment_variant *v, struct json given,
       struct json stored, int64_t now_ms)
{
    const struct zone *z = zone_find(text_of(a, given, stored, "timezone"));

    return experiment_due_ms(v, z ? z : zone_utc(), now_ms);
}

static void
add_wait(struct splitting *p, struct send_recipient *r, int64_t due_ms)
{
    struct send_item *item = p->item;

    if (!item->waits)
        item->waits = ARENA_ARRAY(p->send->arena, struct send_wait,
                                  item->request.n_recipients);
    item->waits[item->n_waits++] =
        (struct send_wait){r->user, r->index, due_ms};
}

static void
add_member(struct splitting *p, const struct experiment_variant *v,
           int64_t due_ms, size_t i)
{
    struct group *g = p->groups, *end = g + p->n_groups;

    while (g < end && (g->variant != v || g->due_ms != due_ms))
        g++;
    if (g == end) {
        *g = (struct group){v, due_ms,
                            ARENA_ARRAY(p->send->arena, size_t,
                                        p->item->request.n_recipients - i),
                            0};
        p->n_groups++;
    }
    g->members[g->n++] = i;
}

static void
place(struct splitting *p, size_t i)
{
    struct send_item *item = p->item;
    struct plan_recipient *r = &item->recipients[i];
    const struct experiment_doc *x = item->request.experiment;
    struct experiment_choice c = {0};
    bool is_dry = item->request.is_dry_run;
    int64_t due_ms = p->now_ms;

    if (x && !r->is_flag_off)
        c = experiment_choose(x, r->user, p->is_critical);
    r->experiment = c.variant || c.is_held_out ? x->key : STR_NONE;
    r->variant = c.variant ? c.variant->key : STR_NONE;
    r->is_held_out = c.is_held_out;
    r->is_counted = c.is_counted;
    if (c.variant && !p->is_critical && !item->on_row)
        due_ms =
            due_of(p->send->arena, c.variant, r->given, r->stored, p->now_ms);
    if (due_ms > p->now_ms && !is_dry)
        add_wait(p, &item->request.recipients[i], due_ms);
    else if (due_ms > p->now_ms)
        add_member(p, c.variant, due_ms, i);
    else
        add_member(p, c.variant && !c.variant->is_plain ? c.variant : NULL, 0,
                   i);
}

/* ---- parts ---- */

static void
keep(struct splitting *p, struct send_item *to, const size_t *members, size_t n)
{
    const struct send_item *from = p->item;
    struct plan_recipient *recipients =
        ARENA_ARRAY(p->send->arena, struct plan_recipient, n);
    struct send_recipient *named =
        ARENA_ARRAY(p->send->arena, struct send_recipient, n);

    for (size_t i = 0; i < n; i++) {
        recipients[i] = from->recipients[members[i]];
        named[i] = from->request.recipients[members[i]];
    }
    to->recipients = recipients;
    to->request.recipients = named;
    to->request.n_recipients = n;
}

static void
add_part(struct splitting *p, const struct group *g)
{
    struct send *s = p->send;
    struct send_item *part = ARENA_NEW(s->arena, struct send_item);
    struct send_request *q = &part->request;

    *part = (struct send_item){.doc = p->item->doc,
                               .is_later = p->item->is_later,
                               .is_held = p->item->is_held,
                               .request = p->item->request,
                               .main = p->item};
    problem_init(&part->problem, s->arena);
    q->is_all = false;
    q->n_sets = 0;
    q->cancel_key = q->dedup_key = STR_NONE;
    keep(p, part, g->members, g->n);
    part->n_audience = g->n;
    use_variant(s, part, g->variant);
    if (g->due_ms > 0) {
        part->is_later = true;
        q->send_ms = g->due_ms;
    }
    s->parts[s->n_parts++] = part;
}

/* Then nothing needs to be below it. */
static bool
is_of_one(const struct splitting *p)
{
    const struct send_item *item = p->item;

    return p->n_groups == 1 && item->n_waits == 0 && !item->chunk &&
           p->groups[0].due_ms == 0;
}

static void
split(struct send *s, struct send_item *item)
{
    const struct send_request *q = &item->request;
    const struct category *k = workspace_category(s->workspace, q->category);
    struct splitting p = {
        .send = s,
        .item = item,
        .now_ms = item->is_later ? q->send_ms : s->split_ms,
        .is_critical =
            q->priority == PRIORITY_CRITICAL || (k && k->is_critical),
        .groups = ARENA_ARRAY(s->arena, struct group, q->n_recipients),
    };

    for (size_t i = 0; i < q->n_recipients; i++)
        place(&p, i);
    if (is_of_one(&p)) {
        if (p.groups[0].variant)
            use_variant(s, item, p.groups[0].variant);
        return;
    }
    for (size_t i = 0; i < p.n_groups; i++)
        add_part(&p, &p.groups[i]);
    keep(&p, item, NULL, 0);
}

/* Chunks of one send are alike, whatever becomes of the experiment on the way:
 * what has others below it has no deliveries of its own. */
static bool
is_tried(const struct send *s, const struct send_item *item)
{
    const struct send_request *q = &item->request;

    if (problem_is_set(&item->problem) || item->flush || q->is_workflow ||
        q->n_recipients == 0)
        return false;
    return item->chunk ? experiment_of(s, item).n > 0
                       : q->experiment && experiment_is_on(q->experiment);
}

/* A dry run tells each who would get it later apart. */
static size_t
n_parts_of(const struct send *s, const struct send_item *item)
{
    const struct experiment_doc *x = item->request.experiment;

    if (!is_tried(s, item))
        return 1;
    if (item->request.is_dry_run)
        return 1 + item->request.n_recipients;
    return 2 + (x ? x->n_variants : 0);
}

void
trials_split(struct send *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n_items; i++)
        n += n_parts_of(s, &s->items[i]);
    s->parts = ARENA_ARRAY(s->arena, struct send_item *, n);
    s->n_parts = 0;
    for (size_t i = 0; i < s->n_items; i++) {
        struct send_item *item = &s->items[i];

        item->n_audience = item->request.n_recipients;
        s->parts[s->n_parts++] = item;
        if (is_tried(s, item))
            split(s, item);
    }
}

/* ---- rows ---- */

static void
add_trials(struct send *s, const struct send_item *item,
           struct store_accept_item *row)
{
    struct store_trial *all =
        ARENA_ARRAY(s->arena, struct store_trial, row->n_deliveries);
    size_t at = 0;

    for (size_t i = 0; i < item->n_decisions; i++) {
        const struct plan_recipient *r = item->decisions[i].recipient;
        size_t n = plan_n_deliveries(&item->decisions[i]);

        for (size_t k = 0; k < n; k++, at++) {
            const struct delivery *v = &row->deliveries[at];

            if (!r->is_counted)
                continue;
            all[row->n_trials++] = (struct store_trial){
                .round = item->request.experiment->round,
                .delivery = v->id,
                .user = r->user,
                .variant = r->variant,
                .is_delivered = delivery_status_is_success(v->status),
            };
        }
    }
    row->trials = all;
}

/* Where people look at it. */
static int64_t
shown_with(const struct notification *n)
{
    return n->parent != 0 ? n->parent : n->id;
}

static void
add_steps(struct send *s, const struct send_item *item,
          struct store_accept_item *row)
{
    struct store_step *all =
        ARENA_ARRAY(s->arena, struct store_step, item->request.n_recipients);

    for (size_t i = 0; i < item->request.n_recipients; i++) {
        const struct plan_recipient *r = &item->recipients[i];
        enum reason why = r->is_held_out ? REASON_EXPERIMENT_HOLDOUT
                                         : REASON_EXPERIMENT_VARIANT;

        if (r->experiment.n == 0)
            continue;
        all[row->n_steps++] = (struct store_step){
            .id = send_new_id(s),
            .notification = shown_with(&row->notification),
            .at_ms = s->now_ms,
            .user = r->user,
            .step = r->experiment,
            .verdict = r->is_held_out ? STR("holdout") : r->variant,
            .reason = reason_code(why),
        };
    }
    row->steps = all;
}

static void
add_waits(struct send *s, const struct send_item *item,
          struct store_accept_item *row)
{
    struct store_instance *all =
        ARENA_ARRAY(s->arena, struct store_instance, item->n_waits);

    for (size_t i = 0; i < item->n_waits; i++) {
        const struct send_wait *w = &item->waits[i];

        all[i] = (struct store_instance){
            .id = send_new_id(s),
            .user = w->user,
            .cursor = instance_begin(s->arena, w->index, s->split_ms),
            .due_ms = w->due_ms,
        };
    }
    row->instances = all;
    row->n_instances = item->n_waits;
}

void
trials_add_rows(struct send *s, const struct send_item *item,
                struct store_accept_item *row)
{
    if (!item->request.experiment)
        return;
    add_trials(s, item, row);
    add_steps(s, item, row);
    if (item->n_waits > 0)
        add_waits(s, item, row);
}

/* ---- steps of workflows ---- */

int64_t
trial_due_ms(struct arena *a, const struct workspace *w, struct json body,
             struct str user, struct json stored, int64_t since_ms)
{
    struct json given =
        json_at(json_get(json_get(body, "to"), "recipients"), 0);
    struct experiment_choice c;
    const struct category *k;
    struct send_request q;

    send_request_reread(a, w, body, 0, NULL, &q);
    k = workspace_category(w, q.category);
    if (!q.experiment || !experiment_is_on(q.experiment) ||
        q.priority == PRIORITY_CRITICAL || (k && k->is_critical))
        return 0;
    c = experiment_choose(q.experiment, user, false);
    return c.variant ? due_of(a, c.variant, given, stored, since_ms) : 0;
}
