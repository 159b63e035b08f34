#include "app/objects.h"

#include "store/store.h"

void
objects_put(const struct app *app, struct store_object_put *p)
{
    store_object_put(app->env->store, p);
}

void
objects_get(const struct app *app, struct store_object_get *g)
{
    store_object_get(app->env->store, g);
}

void
objects_list(const struct app *app, struct store_object_list *l)
{
    store_object_list(app->env->store, l);
}

void
objects_delete(const struct app *app, struct store_object_delete *d)
{
    store_object_delete(app->env->store, d);
}

void
objects_subscribe(const struct app *app, struct store_subscribe *s)
{
    store_subscribe(app->env->store, s);
}

void
objects_members(const struct app *app, struct store_members *m)
{
    store_members(app->env->store, m);
}

void
objects_memberships(const struct app *app, struct store_memberships *m)
{
    store_memberships(app->env->store, m);
}

void
objects_habits(const struct app *app, struct store_habits *h)
{
    store_habits(app->env->store, h);
}
