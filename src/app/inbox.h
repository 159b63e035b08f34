/* inbox.h - the store's verbs on inboxes, for doors that may not ask it
 * themselves. As in store/inbox.h: the request is the caller's, its on_done
 * runs in a later turn. What the store tells of commits comes along. */
#pragma once

#include "app/inbox_json.h"
#include "store/store.h"

void inbox_list(const struct app *app, struct store_inbox_list *r);
void inbox_mark(const struct app *app, struct store_inbox_mark *r);
void inbox_get(const struct app *app, struct store_inbox_get *r);
void inbox_replay(const struct app *app, struct store_inbox_replay *r);
void inbox_revs(const struct app *app, struct store_inbox_revs *r);
