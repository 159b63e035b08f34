#include "app/workspace.h"

#include <stdio.h>

#include "app/endpoint_doc.h"
#include "base/map.h"

const char *
provider_prefix(const struct provider *p)
{
    return str_is(p->channel, EVENT_CHANNEL) ? "endpoint:" : "";
}

const struct provider *
workspace_provider(const struct workspace *w, struct str name)
{
    for (size_t i = 0; i < w->n_providers; i++)
        if (str_eq(w->providers[i]->name, name))
            return w->providers[i];
    return NULL;
}

const struct provider *
workspace_lane(const struct workspace *w, int64_t num)
{
    for (size_t i = 0; i < w->n_providers; i++)
        if (w->providers[i]->num == num)
            return w->providers[i];
    return workspace_endpoint_of(w, num) ? &workspace_endpoint_of(w, num)->lane
                                         : NULL;
}

const struct endpoint_doc *
workspace_endpoint_of(const struct workspace *w, int64_t lane)
{
    for (size_t i = 0; i < w->n_endpoints; i++)
        if (w->endpoints[i]->lane.num == lane)
            return w->endpoints[i];
    return NULL;
}

const struct provider *
workspace_next(const struct workspace *w, struct str channel,
               const struct provider *after)
{
    bool is_past = after == NULL;

    for (size_t i = 0; i < w->n_providers; i++) {
        const struct provider *p = w->providers[i];

        if (p == after)
            is_past = true;
        else if (is_past && p->is_enabled && str_eq(p->channel, channel))
            return p;
    }
    return NULL;
}

const struct template_doc *
workspace_template(const struct workspace *w, struct str key, int64_t version)
{
    char text[192];
    int n;

    if (version == 0)
        n = snprintf(text, sizeof(text), "%.*s@", STR_ARG(key));
    else
        n = snprintf(text, sizeof(text), "%.*s@%lld", STR_ARG(key),
                     (long long)version);
    if (n < 0 || (size_t)n >= sizeof(text))
        return NULL;
    return map_get(w->templates, (struct str){text, (size_t)n});
}

const struct category *
workspace_category(const struct workspace *w, struct str key)
{
    return key.n > 0 && w->categories ? map_get(w->categories, key) : NULL;
}

const struct workflow_doc *
workspace_workflow(const struct workspace *w, struct str key)
{
    return key.n > 0 && w->workflows ? map_get(w->workflows, key) : NULL;
}

/* In a row of pointers to documents, each of which begins with its key. */
static void *
find_key(void *rows, size_t n, struct str key)
{
    struct str *const *all = rows;
    size_t from = 0, to = n;

    while (from < to) {
        size_t at = from + (to - from) / 2;
        int order = str_cmp(key, *all[at]);

        if (order == 0)
            return all[at];
        if (order < 0)
            to = at;
        else
            from = at + 1;
    }
    return NULL;
}

const struct schedule_doc *
workspace_schedule(const struct workspace *w, struct str key)
{
    return find_key(w->schedules, w->n_schedules, key);
}

const struct experiment_doc *
workspace_experiment(const struct workspace *w, struct str key)
{
    return find_key(w->experiments, w->n_experiments, key);
}

const struct flag_doc *
workspace_flag(const struct workspace *w, struct str key)
{
    return find_key(w->flags, w->n_flags, key);
}

const struct endpoint_doc *
workspace_endpoint(const struct workspace *w, struct str key)
{
    return find_key(w->endpoints, w->n_endpoints, key);
}
