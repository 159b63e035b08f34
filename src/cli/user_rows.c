#include "cli/user_rows.h"

#include <string.h>

#include "base/json.h"

#define ATTRIBUTE "attributes."
/* A row goes to the server within an array within an object. */
#define ROW_DEPTH_MAX (JSON_DEPTH_MAX - 2)

/* What a column of a CSV file is for. */
struct column {
    struct str name; /* of an attribute: its own */
    bool is_attribute;
};

struct user_rows {
    struct arena *arena;
    enum user_format format;
    struct csv csv;
    struct column *columns;
    size_t n_columns;
};

/* The fields of a user that are text: as the server's OpenAPI document has
 * them, against which tests/system/import.test.mjs holds this list. */
static const char *const texts[] = {"id",       "email",    "phone", "telegram",
                                    "whatsapp", "webhook",  "slack", "discord",
                                    "locale",   "timezone", "roles", NULL};

static bool
is_known(struct str name)
{
    for (const char *const *t = texts; *t; t++)
        if (str_is(name, *t))
            return true;
    return str_starts(name, STR(ATTRIBUTE)) && name.n > strlen(ATTRIBUTE);
}

static bool
is_there(const struct user_rows *r, const struct column *column)
{
    for (size_t i = 0; i < r->n_columns; i++)
        if (r->columns[i].is_attribute == column->is_attribute &&
            str_eq(r->columns[i].name, column->name))
            return true;
    return false;
}

static struct str
refuse_column(struct user_rows *r, struct str name)
{
    return str_fmt(r->arena,
                   "the column \"%.*s\" is none of id, email, phone, "
                   "telegram, whatsapp, webhook, slack, discord, locale, "
                   "timezone, roles, attributes.NAME",
                   STR_ARG(name));
}

static bool
add_column(struct user_rows *r, struct str name, struct str *ret_why)
{
    struct column *column = &r->columns[r->n_columns];

    if (!str_is_utf8(name) || !is_known(name)) {
        *ret_why = refuse_column(r, name);
        return false;
    }
    *column = (struct column){.name = str_dup(r->arena, name)};
    column->is_attribute = str_starts(name, STR(ATTRIBUTE));
    if (column->is_attribute)
        column->name = str_sub(column->name, strlen(ATTRIBUTE), SIZE_MAX);
    if (is_there(r, column)) {
        *ret_why = str_fmt(r->arena, "the column \"%.*s\" is there twice",
                           STR_ARG(name));
        return false;
    }
    r->n_columns++;
    return true;
}

static bool
read_header(struct user_rows *r, struct str *ret_why)
{
    const struct column id = {.name = STR("id")};

    if (csv_next(&r->csv) != CSV_ROW) {
        *ret_why = r->csv.why ? str_fmt(r->arena, "line 1: %s", r->csv.why)
                              : STR("the file is empty");
        return false;
    }
    r->columns = ARENA_ARRAY(r->arena, struct column, csv_count(&r->csv));
    for (size_t i = 0; i < csv_count(&r->csv); i++)
        if (!add_column(r, str_trim(csv_field(&r->csv, i)), ret_why))
            return false;
    if (is_there(r, &id))
        return true;
    *ret_why = STR("the first line must name the columns, with one named id");
    return false;
}

enum user_format
user_format_of(struct str name, FILE *file)
{
    int first;

    if (str_ends(name, STR(".csv")))
        return USERS_CSV;
    if (str_ends(name, STR(".ndjson")) || str_ends(name, STR(".jsonl")))
        return USERS_NDJSON;
    first = getc(file);
    if (first != EOF)
        ungetc(first, file);
    return first == '{' ? USERS_NDJSON : USERS_CSV;
}

struct user_rows *
user_rows_open(struct arena *a, FILE *file, enum user_format format,
               struct str *ret_why)
{
    struct user_rows *r = ARENA_NEW(a, struct user_rows);

    r->arena = a;
    r->format = format;
    csv_init(&r->csv, file);
    if (format == USERS_NDJSON || read_header(r, ret_why))
        return r;
    user_rows_close(r);
    return NULL;
}

void
user_rows_close(struct user_rows *r)
{
    csv_fini(&r->csv);
}

uint64_t
user_rows_bytes(const struct user_rows *r)
{
    return r->csv.n_read;
}

/* ---- a row ---- */

/* "admin; dev" */
static void
write_roles(struct json_writer *w, struct str list)
{
    struct str role;

    json_put_key(w, "roles");
    json_begin_array(w);
    while (str_split(&list, ';', &role)) {
        role = str_trim(role);
        if (role.n > 0)
            json_put_str(w, role);
    }
    json_end_array(w);
}

static void
write_attributes(const struct user_rows *r, struct json_writer *w)
{
    bool has_some = false;

    for (size_t i = 0; i < r->n_columns; i++) {
        struct str value = csv_field(&r->csv, i);

        if (!r->columns[i].is_attribute || value.n == 0)
            continue;
        if (!has_some) {
            json_put_key(w, "attributes");
            json_begin_object(w);
            has_some = true;
        }
        json_put_key_str(w, r->columns[i].name);
        json_put_str(w, value);
    }
    if (has_some)
        json_end_object(w);
}

/* An empty field is one that the user does not have. */
static struct str
write_user(const struct user_rows *r, struct arena *a)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, a);
    w = json_writer(&out);
    json_begin_object(&w);
    for (size_t i = 0; i < r->n_columns; i++) {
        struct str name = r->columns[i].name, value = csv_field(&r->csv, i);

        if (r->columns[i].is_attribute || value.n == 0)
            continue;
        if (str_is(name, "roles")) {
            write_roles(&w, value);
            continue;
        }
        json_put_key_str(&w, name);
        json_put_str(&w, value);
    }
    write_attributes(r, &w);
    json_end_object(&w);
    return buf_str(&out);
}

static struct str
id_of_row(const struct user_rows *r)
{
    for (size_t i = 0; i < r->n_columns && i < csv_count(&r->csv); i++)
        if (!r->columns[i].is_attribute && str_is(r->columns[i].name, "id"))
            return csv_field(&r->csv, i);
    return STR_NONE;
}

static struct str
read_csv(const struct user_rows *r, struct arena *a, struct user_row *ret)
{
    struct str all = buf_str(&r->csv.text);

    if (!str_is_text(all))
        return STR("is no UTF-8 text");
    ret->id = id_of_row(r);
    if (csv_count(&r->csv) != r->n_columns)
        return str_fmt(a, "has %zu fields, and the first line %zu",
                       csv_count(&r->csv), r->n_columns);
    if (ret->id.n == 0)
        return STR("has no id");
    ret->json = write_user(r, a);
    return STR_NONE;
}

static bool
is_deeper(struct json v, int depth)
{
    if (!json_is(v, JSON_OBJECT) && !json_is(v, JSON_ARRAY))
        return false;
    if (depth == 0)
        return true;
    for (struct json m = json_first(v); !json_is(m, JSON_ABSENT);
         m = json_next(v, m))
        if (is_deeper(m, depth - 1))
            return true;
    return false;
}

static struct str
read_json(const struct user_rows *r, struct arena *a, struct user_row *ret)
{
    struct json_doc *doc = ARENA_NEW(a, struct json_doc);
    struct json_error why;

    if (json_parse(a, csv_field(&r->csv, 0), doc, &why) != ERR_OK)
        return str_fmt(a, "is no JSON at byte %zu: %s", why.at, why.why);
    if (!json_is(json_root(doc), JSON_OBJECT))
        return STR("is no JSON object");
    ret->id = json_str_of(a, json_root(doc), "id");
    if (ret->id.n == 0)
        return STR("has no id");
    if (is_deeper(json_root(doc), ROW_DEPTH_MAX))
        return str_fmt(a,
                       "has more than %d arrays and objects within each "
                       "other",
                       ROW_DEPTH_MAX);
    ret->json = json_raw(json_root(doc));
    return STR_NONE;
}

enum csv_got
user_rows_next(struct user_rows *r, struct arena *a, struct user_row *ret)
{
    enum csv_got got;

    do
        got = r->format == USERS_CSV ? csv_next(&r->csv) : csv_line(&r->csv);
    while (got == CSV_ROW && r->format == USERS_NDJSON &&
           str_trim(csv_field(&r->csv, 0)).n == 0);
    *ret = (struct user_row){.line = r->csv.row_line};
    if (got == CSV_BAD)
        ret->why = str_from(r->csv.why);
    if (got != CSV_ROW)
        return got;
    ret->why =
        r->format == USERS_CSV ? read_csv(r, a, ret) : read_json(r, a, ret);
    return ret->why.n > 0 ? CSV_BAD : CSV_ROW;
}
