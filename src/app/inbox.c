#include "app/inbox.h"

void
inbox_list(const struct app *app, struct store_inbox_list *r)
{
    store_inbox_list(app->env->store, r);
}

void
inbox_mark(const struct app *app, struct store_inbox_mark *r)
{
    store_inbox_mark(app->env->store, r);
}

void
inbox_get(const struct app *app, struct store_inbox_get *r)
{
    store_inbox_get(app->env->store, r);
}

void
inbox_replay(const struct app *app, struct store_inbox_replay *r)
{
    store_inbox_replay(app->env->store, r);
}

void
inbox_revs(const struct app *app, struct store_inbox_revs *r)
{
    store_inbox_revs(app->env->store, r);
}
