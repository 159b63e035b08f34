/* config_print.c - the settings, for people: the table as a document, and
 * what is in force. */
#include "base/config_table.h"

#include <assert.h>

#include "base/arena.h"

static void
put_list(struct buf *b, const struct config_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        buf_put_cstr(b, i > 0 ? ", " : "");
        buf_put_str(b, list->items[i]);
    }
}

static void
put_value(struct buf *b, const struct config_row *row, const void *field)
{
    char text[TIME_TEXT_SIZE];

    switch (row->type) {
    case CONFIG_TYPE_STR:
        if (row->is_secret && ((const struct str *)field)->n > 0)
            buf_put_cstr(b, "***");
        else
            buf_put_str(b, *(const struct str *)field);
        return;
    case CONFIG_TYPE_BOOL:
        buf_put_cstr(b, *(const bool *)field ? "true" : "false");
        return;
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_DURATION:
    case CONFIG_TYPE_SIZE:
        buf_put_str(
            b, config_format_number(text, row->type, *(const int64_t *)field));
        return;
    case CONFIG_TYPE_LIST:
        put_list(b, field);
        return;
    }
    assert(false);
}

static bool
is_set(const struct config *c, const struct config_row *row)
{
    assert(row->type == CONFIG_TYPE_STR);
    return ((const struct str *)(const void *)((const char *)c + row->at))->n >
           0;
}

static bool
begins_section(int i)
{
    return i == 0 ||
           strcmp(config_rows[i].section, config_rows[i - 1].section) != 0;
}

void
config_write_effective(const struct config *c, struct buf *out)
{
    struct arena *a = arena_new();

    for (int i = 0; i < CONFIG_COUNT; i++) {
        const struct config_row *row = &config_rows[i];

        if (begins_section(i))
            buf_printf(out, "%s[%s]\n", i > 0 ? "\n" : "", row->section);
        /* A masked secret is no value to be read again. */
        if (row->is_secret && is_set(c, row))
            buf_put_cstr(out, "# ");
        buf_printf(out, "%s = ", row->key);
        put_value(out, row, (const char *)c + row->at);
        buf_printf(out, " # %.*s\n",
                   STR_ARG(config_where(a, c, (enum config_id)i)));
    }
    arena_free(a);
}

void
config_write_doc(struct buf *out)
{
    static const char *const types[] = {"text",     "number", "true or false",
                                        "duration", "size",   "list"};

    for (int i = 0; i < CONFIG_COUNT; i++) {
        const struct config_row *row = &config_rows[i];

        if (begins_section(i))
            buf_printf(out,
                       "%s### [%s]\n\n"
                       "| key | variable | type | default | what it does |\n"
                       "|---|---|---|---|---|\n",
                       i > 0 ? "\n" : "", row->section);
        buf_printf(out, "| `%s` | `%s`", row->key, row->env);
        if (row->flag)
            buf_printf(out, ", `%s`", row->flag);
        buf_printf(out, " | %s%s | ", types[row->type],
                   row->is_secret ? ", secret" : "");
        if (row->otherwise[0])
            buf_printf(out, "`%s`", row->otherwise);
        buf_printf(out, " | %s |\n", row->help);
    }
}
