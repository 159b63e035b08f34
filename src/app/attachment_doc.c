#include "app/attachment_doc.h"

#include "base/arena.h"
#include "base/url.h"
#include "channel/channel.h"

static const struct field row_fields[] = {
    {.name = "filename",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .min = 1,
     .max = ATTACHMENT_NAME_MAX,
     .doc = "As the recipient sees it, without a path."},
    {.name = "content_type",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .min = 3,
     .max = ATTACHMENT_TYPE_MAX,
     .doc = "Its media type, such as application/pdf."},
    {.name = "content",
     .type = FIELD_STRING,
     .min = 4,
     .max = ATTACHMENT_CONTENT_MAX,
     .doc = "The file in base64; of all together at most 10 MiB of bytes."},
    {.name = "url",
     .type = FIELD_URL,
     .max = URL_MAX,
     .doc = "In place of content: fetched from there when it is sent; http or "
            "https, without redirects."},
    {.type = FIELD_END},
};
const struct field attachment_row[] = {
    {.type = FIELD_OBJECT, .of = row_fields}};

/* ---- checking ---- */

static void
check_text(struct problem *p, size_t i, const char *name, const char *fault)
{
    if (fault)
        problem_add(p, ERR_INVALID,
                    str_fmt(p->arena, "/attachments/%zu/%s", i, name), "%s",
                    fault);
}

static size_t
check_content(struct problem *p, size_t i, struct json content)
{
    size_t n = 0;

    if (!attachment_size(json_str(p->arena, content), &n))
        check_text(p, i, "content",
                   "must be base64 (RFC 4648 section 4) without blanks, with "
                   "its padding");
    return n;
}

void
attachments_check(struct json list, struct problem *p)
{
    size_t i = 0, total = 0;

    for (struct json x = json_first(list); !json_is(x, JSON_ABSENT);
         x = json_next(list, x), i++) {
        struct json content = json_get(x, "content"), url = json_get(x, "url");
        bool has_content = !json_is(content, JSON_ABSENT);
        bool has_url = !json_is(url, JSON_ABSENT);

        check_text(p, i, "filename",
                   attachment_name_fault(json_str_of(p->arena, x, "filename")));
        check_text(
            p, i, "content_type",
            attachment_type_fault(json_str_of(p->arena, x, "content_type")));
        if (has_content == has_url)
            problem_add(p, ERR_INVALID,
                        str_fmt(p->arena, "/attachments/%zu", i),
                        "needs either content or url");
        if (has_content)
            total += check_content(p, i, content);
        if (has_url)
            check_text(p, i, "url", url_fault(json_str(p->arena, url)));
    }
    if (total > ATTACHMENTS_BYTES_MAX)
        problem_add(p, ERR_INVALID, STR("/attachments"),
                    "must be at most %d bytes together, and are %zu",
                    ATTACHMENTS_BYTES_MAX, total);
}

/* ---- reading ---- */

size_t
attachments_read(struct arena *a, struct json list, struct attachment **ret)
{
    size_t n = 0;

    *ret = ARENA_ARRAY(a, struct attachment, ATTACHMENTS_MAX);
    for (struct json x = json_first(list);
         !json_is(x, JSON_ABSENT) && n < ATTACHMENTS_MAX;
         x = json_next(list, x)) {
        struct attachment *t = &(*ret)[n++];
        int64_t size = 0;

        *t = (struct attachment){
            .filename = json_str_of(a, x, "filename"),
            .content_type = json_str_of(a, x, "content_type"),
            .url = json_str_of(a, x, "url"),
            .content = json_str_of(a, x, "content"),
        };
        if (json_int(json_get(x, "size"), &size) && size > 0)
            t->size = (size_t)size;
        else
            (void)attachment_size(t->content, &t->size);
    }
    return n;
}

/* ---- writing ---- */

static void
put_kept(struct json_writer *w, const struct attachment *rows, size_t n)
{
    json_begin_array(w);
    for (size_t i = 0; i < n; i++) {
        json_begin_object(w);
        json_str_field(w, "filename", rows[i].filename);
        json_str_field(w, "content_type", rows[i].content_type);
        if (rows[i].url.n > 0)
            json_str_field(w, "url", rows[i].url);
        else
            json_int_field(w, "size", (int64_t)rows[i].size);
        json_end_object(w);
    }
    json_end_array(w);
}

struct str
attachments_kept(struct arena *a, struct json doc,
                 const struct attachment *rows, size_t n)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, a);
    w = json_writer(&out);
    json_begin_object(&w);
    for (struct json m = json_first(doc); !json_is(m, JSON_ABSENT);
         m = json_next(doc, m)) {
        struct str name = json_key(a, m);

        json_put_key_str(&w, name);
        if (str_is(name, "attachments"))
            put_kept(&w, rows, n);
        else
            json_put_raw(&w, json_raw(m));
    }
    json_end_object(&w);
    return buf_str(&out);
}

bool
attachments_go_on(struct str channel)
{
    return channel_takes_attachments(channel);
}

void
attachments_tell(struct json_writer *w, const struct attachment *rows, size_t n)
{
    json_begin_array(w);
    for (size_t i = 0; i < n; i++) {
        json_begin_object(w);
        json_str_field(w, "filename", rows[i].filename);
        json_str_field(w, "content_type", rows[i].content_type);
        json_put_key(w, "size");
        if (rows[i].size > 0)
            json_put_int(w, (int64_t)rows[i].size);
        else
            json_put_null(w);
        json_end_object(w);
    }
    json_end_array(w);
}
