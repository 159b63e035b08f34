#include "app/inbox_json.h"

#include <stdio.h>

#include "auth/vault.h"

/* ---- cursors ---- */

struct str
inbox_cursor_format(char text[static INBOX_CURSOR_SIZE], struct inbox_cursor c)
{
    int n = snprintf(text, INBOX_CURSOR_SIZE, "%llx.%lld",
                     (unsigned long long)c.epoch, (long long)c.rev);

    return (struct str){text, (size_t)n};
}

static bool
hex_parse(struct str s, uint64_t *ret)
{
    uint64_t v = 0;

    if (s.n < 1 || s.n > 16)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        const char c = s.p[i];

        if (c >= '0' && c <= '9')
            v = v * 16 + (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            v = v * 16 + (uint64_t)(c - 'a' + 10);
        else
            return false;
    }
    *ret = v;
    return true;
}

bool
inbox_cursor_parse(struct str s, struct inbox_cursor *ret)
{
    char text[INBOX_CURSOR_SIZE];
    const ptrdiff_t dot = s.n < sizeof(text) ? str_find(s, '.') : -1;
    struct inbox_cursor c;
    uint64_t epoch;

    if (dot < 0 || !hex_parse(str_sub(s, 0, (size_t)dot), &epoch) ||
        !str_to_i64(str_sub(s, (size_t)dot + 1, s.n), &c.rev) || c.rev < 0)
        return false;
    c.epoch = (int64_t)epoch;
    if (!str_eq(inbox_cursor_format(text, c), s))
        return false; /* leading zeros */
    *ret = c;
    return true;
}

/* ---- changes ---- */

static const char *const change_names[] = {
    [INBOX_SEEN] = "seen",           [INBOX_READ] = "read",
    [INBOX_UNREAD] = "unread",       [INBOX_ARCHIVE] = "archive",
    [INBOX_UNARCHIVE] = "unarchive",
};

const char *
inbox_change_name(enum inbox_change c)
{
    return change_names[c];
}

bool
inbox_change_parse(struct str s, enum inbox_change *ret)
{
    for (size_t i = 0; i < sizeof(change_names) / sizeof(change_names[0]); i++)
        if (str_is(s, change_names[i])) {
            *ret = (enum inbox_change)i;
            return true;
        }
    return false;
}

/* ---- items ---- */

struct inbox_names
inbox_names_of(const struct app *app, int64_t tenant)
{
    return (struct inbox_names){vault_id_key(app->vault), id_shard(tenant)};
}

struct str
inbox_item_id(char text[static ID_TEXT_MAX], const struct inbox_names *n,
              int64_t id)
{
    return id_format(text, n->id_key, "itm", n->shard, id);
}

/* Each is the sender's bytes as they came. */
static void
content_field(struct json_writer *w, struct json content, const char *name,
              struct str otherwise)
{
    const struct str raw = json_raw(json_get(content, name));

    json_raw_field(w, name, raw.n > 0 ? raw : otherwise);
}

static struct json
content_of(struct arena *a, struct str text)
{
    struct json_doc *doc = ARENA_NEW(a, struct json_doc);
    struct json_error why;

    return json_parse(a, text, doc, &why) == ERR_OK ? json_root(doc)
                                                    : (struct json){0};
}

struct json
inbox_item_actions(struct arena *a, struct str content)
{
    return json_get(content_of(a, content), "actions");
}

static void
content_write(struct arena *a, struct str text, struct json_writer *w)
{
    const struct json content = content_of(a, text);

    content_field(w, content, "title", STR("\"\""));
    content_field(w, content, "body", STR("\"\""));
    content_field(w, content, "blocks", STR("[]"));
    content_field(w, content, "actions", STR("[]"));
    content_field(w, content, "data", STR("{}"));
}

void
inbox_item_write(const struct inbox_names *n, struct arena *a,
                 const struct inbox_item *item, struct json_writer *w)
{
    char id[ID_TEXT_MAX];

    json_begin_object(w);
    json_str_field(w, "id", inbox_item_id(id, n, item->id));
    json_str_field(
        w, "notification_id",
        id_format(id, n->id_key, "ntf", n->shard, item->notification));
    json_int_field(w, "rev", item->rev);
    json_time_field(w, "created_at", item->created_ms);
    json_str_or_null_field(w, "category", item->category);
    content_write(a, item->content, w);
    json_time_field(w, "seen_at", item->seen_ms);
    json_time_field(w, "read_at", item->read_ms);
    json_time_field(w, "archived_at", item->archived_ms);
    json_end_object(w);
}

void
inbox_counts_write(struct inbox_counts c, struct json_writer *w)
{
    json_begin_object(w);
    json_int_field(w, "unseen", c.unseen);
    json_int_field(w, "unread", c.unread);
    json_end_object(w);
}
