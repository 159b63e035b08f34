#include "cli/attach.h"

#include <errno.h>
#include <string.h>

#include "cli/input.h"

static const struct {
    const char *end, *type;
} types[] = {
    {".csv", "text/csv"},
    {".docx", "application/vnd.openxmlformats-officedocument."
              "wordprocessingml.document"},
    {".gif", "image/gif"},
    {".html", "text/html"},
    {".ics", "text/calendar"},
    {".jpeg", "image/jpeg"},
    {".jpg", "image/jpeg"},
    {".json", "application/json"},
    {".odt", "application/vnd.oasis.opendocument.text"},
    {".pdf", "application/pdf"},
    {".png", "image/png"},
    {".txt", "text/plain"},
    {".webp", "image/webp"},
    {".xlsx", "application/vnd.openxmlformats-officedocument."
              "spreadsheetml.sheet"},
    {".xml", "application/xml"},
    {".zip", "application/zip"},
};

const char *
attach_type(struct str name)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct str end = str_from(types[i].end);

        if (name.n > end.n &&
            str_ieq(str_sub(name, name.n - end.n, end.n), end))
            return types[i].type;
    }
    return "application/octet-stream";
}

static bool
is_url(struct str s)
{
    return str_starts(s, STR("https://")) || str_starts(s, STR("http://"));
}

/* Of a path or a URL, which may go on with a query. */
static struct str
last_part(struct str s, bool is_in_url)
{
    size_t end = s.n, begin;

    for (size_t i = 0; is_in_url && i < end; i++)
        if (s.p[i] == '?' || s.p[i] == '#')
            end = i;
    for (begin = end; begin > 0 && s.p[begin - 1] != '/'; begin--)
        ;
    return str_sub(s, begin, end - begin);
}

static bool
read_file(struct arena *a, struct str path, struct str *ret,
          struct str *ret_why)
{
    FILE *f = fopen(str_cstr(a, path), "re");
    bool is_read;

    if (!f) {
        *ret_why = str_from(strerror(errno));
        return false;
    }
    is_read = input_read(a, f, ret);
    fclose(f);
    *ret_why = !is_read ? STR("it cannot be read, or is larger than 8 MiB")
                        : STR("it is empty");
    return is_read && ret->n > 0;
}

static bool
write_one(struct arena *a, struct str from, struct json_writer *w,
          struct str *ret_why)
{
    bool is_away = is_url(from);
    struct str name = last_part(from, is_away), file = STR_NONE;
    struct buf content;

    if (name.n == 0) {
        *ret_why = STR("that ends in no name of a file");
        return false;
    }
    if (!is_away && !read_file(a, from, &file, ret_why))
        return false;
    json_begin_object(w);
    json_str_field(w, "filename", name);
    json_str_field(w, "content_type", str_from(attach_type(name)));
    if (is_away) {
        json_str_field(w, "url", from);
    } else {
        buf_init(&content, a);
        buf_put_base64(&content, file);
        json_str_field(w, "content", buf_str(&content));
    }
    json_end_object(w);
    return true;
}

enum err
attach_write(struct arena *a, const struct args *args, struct json_writer *w,
             struct str *ret_why)
{
    struct str from, why = STR_NONE;
    int at = 0;

    json_put_key(w, "attachments");
    json_begin_array(w);
    while (args_next(args, "attach", &at, &from)) {
        if (write_one(a, from, w, &why))
            continue;
        *ret_why =
            str_fmt(a, "--attach \"%.*s\": %.*s", STR_ARG(from), STR_ARG(why));
        return ERR_INVALID;
    }
    json_end_array(w);
    return ERR_OK;
}
