/* look.h - what people ask of the past: the store's read requests, submitted
 * on behalf of who asks. Doors fill a request (tenant first) and get on_done on
 * their own loop; no other way leads from them to the store. */
#pragma once

#include "app/app.h"
#include "store/audit.h"
#include "store/digest.h"
#include "store/person.h"
#include "store/read.h"
#include "store/report.h"

void look_notification(const struct app *app, struct store_notification_get *g);
void look_notifications(const struct app *app,
                        struct store_notification_list *l);
void look_delivery(const struct app *app, struct store_delivery_get *g);
void look_deliveries(const struct app *app, struct store_delivery_list *l);
void look_groups(const struct app *app, struct store_delivery_groups *g);
void look_digests(const struct app *app, struct store_digest_list *l);
void look_lanes(const struct app *app, struct store_lanes *l);
void look_audit(const struct app *app, struct store_audit_list *l);
void look_person(const struct app *app, struct store_person *x);
void look_presses(const struct app *app, struct store_presses *x);
