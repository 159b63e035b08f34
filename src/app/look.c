#include "app/look.h"

#include "store/store.h"

void
look_notification(const struct app *app, struct store_notification_get *g)
{
    store_notification_get(app->env->store, g);
}

void
look_notifications(const struct app *app, struct store_notification_list *l)
{
    store_notification_list(app->env->store, l);
}

void
look_delivery(const struct app *app, struct store_delivery_get *g)
{
    store_delivery_get(app->env->store, g);
}

void
look_deliveries(const struct app *app, struct store_delivery_list *l)
{
    store_delivery_list(app->env->store, l);
}

void
look_groups(const struct app *app, struct store_delivery_groups *g)
{
    store_delivery_groups(app->env->store, g);
}

void
look_digests(const struct app *app, struct store_digest_list *l)
{
    store_digest_list(app->env->store, l);
}

void
look_lanes(const struct app *app, struct store_lanes *l)
{
    store_lanes(app->env->store, l);
}

void
look_audit(const struct app *app, struct store_audit_list *l)
{
    store_audit_list(app->env->store, l);
}

void
look_person(const struct app *app, struct store_person *x)
{
    store_person(app->env->store, x);
}

void
look_presses(const struct app *app, struct store_presses *x)
{
    store_presses(app->env->store, x);
}
