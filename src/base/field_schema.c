/* field_schema.c - field tables as JSON Schema, draft 2020-12. */
#include "base/field.h"

static void write_schema(const struct field *f, bool is_answer,
                         struct json_writer *w);

static void
write_type(const char *type, bool is_nullable, struct json_writer *w)
{
    json_put_key(w, "type");
    if (is_nullable) {
        json_begin_array(w);
        json_put_cstr(w, type);
        json_put_cstr(w, "null");
        json_end_array(w);
    } else {
        json_put_cstr(w, type);
    }
}

static void
write_range(const struct field *f, const char *min, const char *max,
            struct json_writer *w)
{
    if (f->min != 0)
        json_int_field(w, min, f->min);
    if (f->max != 0)
        json_int_field(w, max, f->max);
}

static void
write_enum(const struct field *f, bool is_nullable, struct json_writer *w)
{
    json_put_key(w, "enum");
    json_begin_array(w);
    for (const char *const *v = f->values; *v; v++)
        json_put_cstr(w, *v);
    if (is_nullable)
        json_put_null(w);
    json_end_array(w);
}

static void
write_text(const struct field *f, bool is_answer, struct json_writer *w)
{
    switch (f->type) {
    case FIELD_KEY:
        json_str_field(w, "pattern", STR("^[A-Za-z0-9_.:@-]{1,128}$"));
        break;
    case FIELD_DURATION:
        json_str_field(w, "pattern", STR("^([0-9]+(ms|s|m|h|d)|0)$"));
        break;
    case FIELD_TIME:
        json_str_field(w, "format", STR("date-time"));
        break;
    case FIELD_URL:
        json_str_field(w, "format", STR("uri"));
        break;
    case FIELD_LOCALE:
        json_str_field(w, "pattern",
                       STR("^[A-Za-z0-9]{1,8}(-[A-Za-z0-9]{1,8})*$"));
        break;
    case FIELD_ENUM:
        write_enum(f, f->flags & FIELD_NULLABLE, w);
        break;
    case FIELD_STRING:
        /* Bounds count bytes here and characters there: only the upper one
         * of requests holds in both. */
        if (!is_answer)
            write_range(f, "minLength", "maxLength", w);
        break;
    default:
        break;
    }
}

static void
write_one_of(const struct field *f, bool is_answer, struct json_writer *w)
{
    json_put_key(w, "anyOf");
    json_begin_array(w);
    for (const struct field *o = f->of; o->type != FIELD_END; o++) {
        json_begin_object(w);
        write_schema(o, is_answer, w);
        json_end_object(w);
    }
    if (f->flags & FIELD_NULLABLE) {
        json_begin_object(w);
        json_str_field(w, "type", STR("null"));
        json_end_object(w);
    }
    json_end_array(w);
}

static void
write_element(const char *key, const struct field *of, bool is_answer,
              struct json_writer *w)
{
    if (!of)
        return;
    json_put_key(w, key);
    json_begin_object(w);
    write_schema(of, is_answer, w);
    json_end_object(w);
}

static void
write_members(const struct field *members, bool is_answer,
              struct json_writer *w)
{
    json_put_key(w, "properties");
    json_begin_object(w);
    for (const struct field *f = members; f->type != FIELD_END; f++) {
        if ((f->flags & FIELD_UNSUPPORTED) ||
            (!is_answer && (f->flags & FIELD_READ_ONLY)))
            continue;
        json_put_key(w, f->name);
        json_begin_object(w);
        write_schema(f, is_answer, w);
        json_end_object(w);
    }
    json_end_object(w);
    json_put_key(w, "required");
    json_begin_array(w);
    for (const struct field *f = members; f->type != FIELD_END; f++)
        if ((f->flags & FIELD_REQUIRED) &&
            (is_answer || !(f->flags & FIELD_READ_ONLY)))
            json_put_cstr(w, f->name);
    json_end_array(w);
    json_bool_field(w, "additionalProperties", false);
}

static void
write_schema(const struct field *f, bool is_answer, struct json_writer *w)
{
    bool is_nullable = (f->flags & FIELD_NULLABLE) != 0;

    if (f->doc)
        json_str_field(w, "description", str_from(f->doc));
    switch (f->type) {
    case FIELD_ANY:
        break;
    case FIELD_ONE_OF:
        write_one_of(f, is_answer, w);
        break;
    case FIELD_INT:
        write_type("integer", is_nullable, w);
        write_range(f, "minimum", "maximum", w);
        break;
    case FIELD_DECIMAL:
        json_put_key(w, "type");
        json_put_raw(w, is_nullable ? STR("[\"string\",\"number\",\"null\"]")
                                    : STR("[\"string\",\"number\"]"));
        break;
    case FIELD_BOOL:
        write_type("boolean", is_nullable, w);
        break;
    case FIELD_ARRAY:
        write_type("array", is_nullable, w);
        write_range(f, "minItems", "maxItems", w);
        write_element("items", f->of, is_answer, w);
        break;
    case FIELD_MAP:
        write_type("object", is_nullable, w);
        write_element("additionalProperties", f->of, is_answer, w);
        break;
    case FIELD_OBJECT:
        write_type("object", is_nullable, w);
        if (f->of)
            write_members(f->of, is_answer, w);
        break;
    default:
        write_type("string", is_nullable, w);
        write_text(f, is_answer, w);
        break;
    }
}

void
field_schema(const struct field *members, bool is_answer, struct json_writer *w)
{
    json_begin_object(w);
    json_str_field(w, "type", STR("object"));
    write_members(members, is_answer, w);
    json_end_object(w);
}
