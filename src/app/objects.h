/* objects.h - documents that people keep: users and configuration; and who
 * belongs to what. */
#pragma once

#include "app/app.h"
#include "store/audit.h"
#include "store/habit.h"
#include "store/member.h"
#include "store/object.h"

void objects_put(const struct app *app, struct store_object_put *p);
void objects_get(const struct app *app, struct store_object_get *g);
void objects_list(const struct app *app, struct store_object_list *l);
void objects_delete(const struct app *app, struct store_object_delete *d);
void objects_subscribe(const struct app *app, struct store_subscribe *s);
void objects_members(const struct app *app, struct store_members *m);
void objects_memberships(const struct app *app, struct store_memberships *m);
void objects_habits(const struct app *app, struct store_habits *h);
