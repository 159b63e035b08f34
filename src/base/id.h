/* id.h - names of things.
 *
 * Inside: int64 = 41 bits of milliseconds since 2024-01-01 UTC, 10 bits of
 * node, 12 bits of sequence; they rise with time, so they are also an order.
 *
 * Outside: a TypeID, prefix + "_" + 26 characters of Crockford base 32 over a
 * UUIDv8 (RFC 9562): 48 bits ms since 1970, 12 bits shard, 10 bits node, 12
 * bits sequence, 40 bits of tag. The tag is keyed (SipHash-2-4 over prefix and
 * the other bits), so a public id cannot be guessed, and one that Belfry did
 * not make is refused without asking the store. */
#pragma once

#include "base/str.h"

#define ID_EPOCH_MS INT64_C(1704067200000)
#define ID_TIME_SHIFT 22 /* of the milliseconds since then, in an id */
#define ID_TEXT_MAX 40   /* prefix of up to 12, "_", 26, NUL */
#define ID_KEY_BYTES 16
#define ID_RUN_MAX 4096 /* ids that one call can make */

/* One per process and node; thread-safe. */
struct id_maker;
struct id_maker *id_maker_new(int node); /* 0 .. 1023 */
void id_maker_free(struct id_maker *m);
/* n ids in a row, 1 to ID_RUN_MAX: the first is returned, the others follow
 * by one each. Never goes back, whatever the clock does: it borrows from the
 * next milliseconds instead. */
int64_t id_make(struct id_maker *m, int64_t now_wall_ms, int n);
/* After a restart: ids made from now on are above this one, of any node. */
void id_maker_raise(struct id_maker *m, int64_t at_least);
int64_t id_time_ms(int64_t id); /* wall clock when it was made */
/* Ids made until then, on any node, are below this one. */
int64_t id_after(int64_t wall_ms);

int id_shard(int64_t tenant); /* 0 .. 1023: hash of the tenant */

/* Text in a caller's buffer. */
struct str id_format(char text[static ID_TEXT_MAX],
                     const uint8_t key[static ID_KEY_BYTES], const char *prefix,
                     int shard, int64_t id);
/* False: another prefix, not ours, damaged, or of another shard. */
bool id_parse(struct str text, const uint8_t key[static ID_KEY_BYTES],
              const char *prefix, int shard, int64_t *ret_id);

/* A key that callers choose: [A-Za-z0-9_.:@-]{1,128}. */
bool id_is_key(struct str s);
