#include "cli/thing_file.h"

#include "base/map.h"
#include "cli/canon.h"
#include "cli/expand.h"
#include "cli/input.h"
#include "cli/texts.h"

void
thing_writer_init(struct thing_writer *w, struct cli *c)
{
    *w = (struct thing_writer){.cli = c};
    w->names = map_new();
    buf_init(&w->stale, c->arena);
}

void
thing_writer_fini(struct thing_writer *w)
{
    map_free(w->names);
}

void
thing_writer_next_folder(struct thing_writer *w)
{
    map_free(w->names);
    w->names = map_new();
    buf_reset(&w->stale);
}

static bool
write_file(struct thing_writer *w, const struct tree *folder, struct str name,
           struct str text)
{
    bool same;

    (void)map_put(w->names, name, w);
    if (!tree_write(folder, name, text, &same, &w->why))
        return false;
    w->n_same += same;
    w->n_written += !same;
    return true;
}

bool
thing_was_written(const struct thing_writer *w, struct str name)
{
    return map_get(w->names, name) != NULL;
}

/* The file that is there; absent: none, or none that can be read. */
static struct json
file_before(struct thing_writer *w, const struct tree *folder, struct str name)
{
    struct arena *a = w->cli->arena;
    struct str text, why;
    struct json doc;

    return tree_has(folder, name) && tree_read(folder, name, &text, &why) &&
                   input_parse(a, text, &doc, &why)
               ? doc
               : (struct json){0};
}

void
thing_note_texts(struct thing_writer *w, const struct tree *folder,
                 struct str name)
{
    texts_names(w->cli->arena, file_before(w, folder, name), &w->stale);
}

static bool
write_texts(struct thing_writer *w, const struct tree *folder,
            const struct thing *t, struct str *ret)
{
    struct texts_file *files;
    size_t n;

    *ret = texts_put_out(w->cli->arena, t->key, t->doc, &files, &n);
    for (size_t i = 0; i < n; i++)
        if (!write_file(w, folder, files[i].name, files[i].text))
            return false;
    return true;
}

bool
thing_write(struct thing_writer *w, const struct tree *folder,
            const struct thing *t)
{
    struct arena *a = w->cli->arena;
    struct str name = t->kind == KIND_WORKSPACE
                          ? STR(WORKSPACE_FILE)
                          : tree_name_of(a, t->key, ".json");
    struct str text = json_raw(t->doc);
    struct json doc;
    struct buf out;

    if (t->kind == KIND_TEMPLATE) {
        thing_note_texts(w, folder, name);
        if (!write_texts(w, folder, t, &text))
            return false;
    }
    if (t->kind == KIND_PROVIDER)
        text = expand_keep(a, w->cli->environ, t->doc,
                           file_before(w, folder, name));
    if (!input_parse(a, text, &doc, &w->why))
        return false;
    buf_init(&out, a);
    canon_put(doc, &out);
    return write_file(w, folder, name, buf_str(&out));
}
