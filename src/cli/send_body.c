#include "cli/send_body.h"

#include "base/clock.h"
#include "base/map.h"
#include "cli/attach.h"
#include "cli/cli_private.h"

#define DATA_MAX 1000

enum err
data_read(struct arena *a, struct str text, struct str *ret_key,
          struct str *ret_json, struct str *ret_why)
{
    ptrdiff_t at = str_find(text, '=');
    struct json_error why;
    struct json_doc doc;
    struct str value;
    struct buf out;

    if (at < 1 || (at == 1 && text.p[0] == ':')) {
        *ret_why = str_fmt(a, "--data \"%.*s\": write key=text or key:=json",
                           STR_ARG(text));
        return ERR_INVALID;
    }
    value = str_sub(text, (size_t)at + 1, SIZE_MAX);
    if (text.p[at - 1] != ':') {
        buf_init(&out, a);
        buf_put_json_str(&out, value);
        *ret_key = str_sub(text, 0, (size_t)at);
        *ret_json = buf_str(&out);
        return ERR_OK;
    }
    *ret_key = str_sub(text, 0, (size_t)at - 1);
    *ret_json = value;
    if (json_parse(a, value, &doc, &why) == ERR_OK)
        return ERR_OK;
    *ret_why = str_fmt(a,
                       "--data \"%.*s\": that is no JSON (byte %zu: %s); for "
                       "text write %.*s=...",
                       STR_ARG(text), why.at, why.why, STR_ARG(*ret_key));
    return ERR_INVALID;
}

enum err
data_write(struct arena *a, const struct args *args, struct json_writer *w,
           struct str *ret_why)
{
    struct str text, key, value;
    struct map *seen = map_new();
    enum err e = ERR_OK;
    int at = 0;

    json_put_key(w, "data");
    json_begin_object(w);
    while (e == ERR_OK && args_next(args, "data", &at, &text)) {
        e = data_read(a, text, &key, &value, ret_why);
        if (e != ERR_OK)
            break;
        if (map_put(seen, key, a)) {
            *ret_why = str_fmt(a, "--data names \"%.*s\" twice; keep one",
                               STR_ARG(key));
            e = ERR_INVALID;
        }
        json_put_key_str(w, key);
        json_put_raw(w, value);
    }
    json_end_object(w);
    map_free(seen);
    return e;
}

/* One id as text, several as an array. */
static void
write_list(struct json_writer *w, const char *key, struct str list,
           bool is_array)
{
    struct str part;

    json_put_key(w, key);
    if (!is_array) {
        json_put_str(w, list);
        return;
    }
    json_begin_array(w);
    while (str_split(&list, ',', &part)) {
        part = str_trim(part);
        if (part.n > 0)
            json_put_str(w, part);
    }
    json_end_array(w);
}

/* Not every command that describes a notification has all the flags. */
static bool
is_said(const struct args *args, const char *flag)
{
    return args_knows(args, flag) && args_has(args, flag);
}

static enum err
write_time(struct arena *a, const struct send_words *words, const char *flag,
           const char *key, struct json_writer *w, struct str *ret_why)
{
    struct str text;
    int64_t ms;

    if (!is_said(words->args, flag))
        return ERR_OK;
    text = args_text(words->args, flag);
    if (str_to_duration_ms(text, &ms) && ms < INT64_MAX / 2) {
        json_time_field(w, key, words->now_ms + ms);
        return ERR_OK;
    }
    if (time_parse(text, &ms)) {
        json_str_field(w, key, text);
        return ERR_OK;
    }
    *ret_why = str_fmt(a,
                       "--%s \"%.*s\" is neither a duration from now such as "
                       "10m nor a time such as 2026-01-31T09:00:00Z",
                       flag, STR_ARG(text));
    return ERR_INVALID;
}

static void
write_texts(const struct send_words *words, struct json_writer *w)
{
    static const char *const texts[][2] = {
        {"title", "title"},           {"html", "html"},
        {"template", "template"},     {"category", "category"},
        {"priority", "priority"},     {"dedup-key", "dedup_key"},
        {"cancel-key", "cancel_key"}, {"workflow", "workflow"},
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (is_said(words->args, texts[i][0]))
            json_str_field(w, texts[i][1], args_text(words->args, texts[i][0]));
    }
}

/* true, or what is said of who approves it, and until when. */
static void
write_approval(const struct args *args, struct json_writer *w)
{
    bool has_roles = is_said(args, "approver");
    bool has_end = is_said(args, "approval-for");
    bool has_note = is_said(args, "approval-note");

    if (!has_roles && !has_end && !has_note) {
        if (is_said(args, "approval"))
            json_bool_field(w, "approval", true);
        return;
    }
    json_put_key(w, "approval");
    json_begin_object(w);
    if (has_roles)
        write_list(w, "roles", args_text(args, "approver"), true);
    if (has_end) {
        json_put_key(w, "expires_in");
        json_put_duration(w, args_number(args, "approval-for", 0));
    }
    if (has_note)
        json_str_field(w, "note", args_text(args, "approval-note"));
    json_end_object(w);
}

enum err
send_body_of_flags(struct arena *a, const struct send_words *words,
                   struct str *ret, struct str *ret_why)
{
    const struct args *args = words->args;
    enum err e = ERR_OK;
    struct json_writer w;
    struct buf out;

    buf_init(&out, a);
    w = json_writer(&out);
    json_begin_object(&w);
    if (words->to.n > 0)
        write_list(&w, "to", words->to, str_find(words->to, ',') >= 0);
    if (is_said(args, "channel"))
        write_list(&w, "channels", args_text(args, "channel"), true);
    if (words->text.n > 0)
        json_str_field(&w, "body", words->text);
    write_texts(words, &w);
    e = write_time(a, words, "send-at", "send_at", &w, ret_why);
    if (e == ERR_OK)
        e = write_time(a, words, "expires-at", "expires_at", &w, ret_why);
    if (e == ERR_OK && is_said(args, "data"))
        e = data_write(a, args, &w, ret_why);
    if (e == ERR_OK && is_said(args, "attach"))
        e = attach_write(a, args, &w, ret_why);
    write_approval(args, &w);
    if (is_said(args, "dry-run"))
        json_bool_field(&w, "dry_run", true);
    json_end_object(&w);
    *ret = buf_str(&out);
    return e;
}

/* Whether every line that is not empty is an object. */
static bool
is_ndjson(struct arena *a, struct str input)
{
    struct json_error why;
    struct json_doc doc;
    struct str line;
    size_t n = 0;

    while (str_split(&input, '\n', &line)) {
        if (str_ends(line, STR("\r")))
            line.n--;
        if (str_trim(line).n == 0)
            continue;
        if (json_parse(a, line, &doc, &why) != ERR_OK ||
            !json_is(json_root(&doc), JSON_OBJECT))
            return false;
        n++;
    }
    return n > 1;
}

static enum err
take_batch(struct str input, struct str flags, bool is_lines,
           struct send_input *ret, struct str *ret_why)
{
    if (!str_is(flags, "{}")) {
        *ret_why = STR("flags go with one notification; a batch on stdin "
                       "takes none");
        return ERR_INVALID;
    }
    *ret = (struct send_input){
        .body = input,
        .path = NOTIFICATIONS "/batch",
        .type = is_lines ? "application/x-ndjson" : "application/json",
        .is_batch = true,
    };
    return ERR_OK;
}

enum err
send_body_of_input(struct arena *a, struct str input, struct str flags,
                   struct send_input *ret, struct str *ret_why)
{
    struct json_error why, flags_why;
    struct json_doc doc, over;

    if (json_parse(a, input, &doc, &why) != ERR_OK) {
        if (is_ndjson(a, input))
            return take_batch(input, flags, true, ret, ret_why);
        *ret_why =
            str_fmt(a, "stdin holds no JSON: byte %zu: %s", why.at, why.why);
        return ERR_INVALID;
    }
    if (json_is(json_root(&doc), JSON_ARRAY))
        return take_batch(input, flags, false, ret, ret_why);
    if (!json_is(json_root(&doc), JSON_OBJECT) ||
        json_parse(a, flags, &over, &flags_why) != ERR_OK) {
        *ret_why = STR("stdin must hold a notification, or an array of them");
        return ERR_INVALID;
    }
    *ret = (struct send_input){
        .body = str_is(flags, "{}")
                    ? input
                    : json_merge_patch(a, json_root(&doc), json_root(&over)),
        .path = NOTIFICATIONS,
        .type = "application/json",
    };
    return ERR_OK;
}
