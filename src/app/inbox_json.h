/* inbox_json.h - a user's inbox as everybody is shown it: the cursor that says
 * where a reader is, the names of changes, an item. Pure. */
#pragma once

#include "app/app.h"
#include "base/json.h"
#include "store/inbox.h"

/* "EPOCH.REV": epoch in hexadecimal, rev in decimal. A text has one cursor and
 * a cursor one text. The epoch is another one after a database was restored,
 * so that an old rev is not taken for one of the new row. */
#define INBOX_CURSOR_SIZE 40
struct inbox_cursor {
    int64_t epoch, rev; /* rev >= 0 */
};
struct str inbox_cursor_format(char text[static INBOX_CURSOR_SIZE],
                               struct inbox_cursor c);
bool inbox_cursor_parse(struct str s, struct inbox_cursor *ret);

/* "seen", "read", "unread", "archive", "unarchive". */
const char *inbox_change_name(enum inbox_change c);
bool inbox_change_parse(struct str s, enum inbox_change *ret);

/* What public ids are made with. */
struct inbox_names {
    const uint8_t *id_key; /* vault_id_key() */
    int shard;             /* id_shard() of the tenant */
};
struct inbox_names inbox_names_of(const struct app *app, int64_t tenant);
struct str inbox_item_id(char text[static ID_TEXT_MAX],
                         const struct inbox_names *n, int64_t id);
/* The arena takes the parsed content and is the caller's again after. */
void inbox_item_write(const struct inbox_names *n, struct arena *a,
                      const struct inbox_item *item, struct json_writer *w);
/* Of what an item holds; absent: it has none. */
struct json inbox_item_actions(struct arena *a, struct str content);
/* {"unseen":n,"unread":n} */
void inbox_counts_write(struct inbox_counts c, struct json_writer *w);
