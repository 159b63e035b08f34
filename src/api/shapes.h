/* shapes.h - how notifications and deliveries look from outside: field tables
 * of their answers, and the writers that fill them. */
#pragma once

#include "api/call.h"
#include "app/look.h"
#include "domain/device.h"

extern const struct field accepted_fields[]; /* of a 202 */
extern const struct field notification_fields[];
extern const struct field delivery_fields[]; /* with its log */
extern const struct field trace_fields[];
extern const struct field counts_fields[];

/* The name of the device, where the delivery goes to one. */
void write_device(struct json_writer *w, const struct delivery *d);
/* The members of the object, without braces. */
void write_device_members(struct json_writer *w, const struct device *d);
/* The members of the object, without braces and without its log. */
void write_delivery(struct call *c, struct json_writer *w,
                    const struct delivery *d);
/* The elements of an array. */
void write_deliveries(struct call *c, struct json_writer *w,
                      const struct delivery *deliveries, size_t n);
/* The members of the object, without braces and without deliveries. */
void write_notification(struct call *c, struct json_writer *w,
                        const struct notification *n,
                        const struct store_count *counts);
/* What the provider told later, and no call. */
static inline bool
is_receipt(const struct attempt *a)
{
    return a->n >= STORE_RECEIPT_N;
}
/* Of one delivery; sorts them. */
void write_attempts(struct call *c, struct json_writer *w,
                    struct attempt *attempts, size_t n, int64_t delivery);
/* What else is known of one: the members cost, request and node. */
void write_note(struct call *c, struct json_writer *w, const struct attempt *a,
                int64_t delivery);
/* Of a call to a provider: the members status, detail and duration. */
void write_outcome(struct json_writer *w, int status, struct str detail,
                   int64_t duration_ms);
/* When somebody reads, in a zone: members, without braces. */
void best_time_write(struct call *c, struct json_writer *w,
                     const struct habit *kept, struct str zone);
/* What was noted at the acceptance; absent: nothing. */
struct json notification_note(struct call *c, const struct notification *n);
const char *notification_status(const struct notification *n,
                                const struct store_count *counts,
                                int64_t now_ms);

/* One of those that share the database: "host/3". */
struct str process_name(struct call *c, struct str host, int64_t slot);
