/* objects.h - documents that people keep: users and configuration. */
#pragma once

#include "app/app.h"
#include "store/object.h"

void objects_put(const struct app *app, struct store_object_put *p);
void objects_get(const struct app *app, struct store_object_get *g);
void objects_list(const struct app *app, struct store_object_list *l);
void objects_delete(const struct app *app, struct store_object_delete *d);
