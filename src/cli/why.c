/* why.c - belfry why: each delivery of a notification with the reason for
 * where it is, in a sentence. With --user, of what was never sent:
 * cli/explain.h
 */
#include "cli/delivery.h"
#include "cli/explain.h"

#define DETAILS_MAX 10 /* deliveries whose last answer is looked up */

static const struct {
    const char *code, *sentence;
} reasons[] = {
#define REASON(name, code, sentence) {code, sentence},
#include "base/reasons.def"
#undef REASON
};

static struct str
explain(struct str code)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (str_is(code, reasons[i].code))
            return str_from(reasons[i].sentence);
    return STR_NONE;
}

static void
put_json(const struct delivery_view *d, struct str said, struct buf *out)
{
    struct json_writer w = json_writer(out);

    json_begin_object(&w);
    json_str_field(&w, "id", d->id);
    json_str_field(&w, "user", d->user);
    json_str_field(&w, "channel", d->channel);
    json_str_field(&w, "status", d->status);
    json_str_field(&w, "reason", d->reason);
    json_str_field(&w, "explanation", explain(d->reason));
    json_str_field(&w, "detail", said);
    json_end_object(&w);
    buf_put_char(out, '\n');
}

static void
put_lines(struct cli *c, const struct delivery_view *d, struct str said,
          struct buf *out)
{
    const struct term *t = &c->out;
    enum term_symbol mark = delivery_symbol(d);

    term_put_symbol(t, out, mark);
    buf_put_char(out, ' ');
    term_put(t, out, TERM_BOLD,
             str_fmt(c->arena, "%.*s to %.*s", STR_ARG(d->channel),
                     STR_ARG(d->user)),
             0);
    buf_put_cstr(out, "  ");
    term_put(t, out, term_symbol_style(mark), d->status, 0);
    buf_put_cstr(out, "  ");
    term_put(t, out, TERM_DIM, d->id, 0);
    buf_put_char(out, '\n');
    if (d->reason.n > 0) {
        buf_put_cstr(out, "  ");
        term_put(t, out, TERM_PLAIN,
                 str_fmt(c->arena, "%.*s: %.*s", STR_ARG(d->reason),
                         STR_ARG(explain(d->reason))),
                 0);
        buf_put_char(out, '\n');
    }
    if (said.n > 0) {
        buf_put_cstr(out, "  the last answer: ");
        term_put(t, out, TERM_PLAIN, said, 0);
        buf_put_char(out, '\n');
    }
}

static void
put(struct cli *c, struct json doc, bool is_looked_up, struct buf *out)
{
    struct str said = STR_NONE;
    struct delivery_view d;

    delivery_read(c->arena, doc, &d);
    if (is_looked_up &&
        (delivery_went_wrong(&d) || str_is(d.status, "retrying")))
        said = delivery_last_answer(c, d.id);
    if (c->is_json)
        put_json(&d, said, out);
    else
        put_lines(c, &d, said, out);
}

int
run_why(struct cli *c)
{
    struct str id = args_rest(&c->args, 0);
    bool is_delivery = id_of(id) == ID_OF_DELIVERY;
    struct client_answer a;
    struct json all, v;
    struct str path;
    struct buf out;
    int code = CLI_OK, n = 0;

    if (args_has(&c->args, "user"))
        return explain_user(c, id);
    if (id.n == 0)
        return cli_usage(c, "say of what: belfry why ID, or --user and what "
                            "would be sent");
    if (!id_path(c, id, "", &path, &code) || !cli_get(c, path, &a, &code))
        return code;
    buf_init(&out, c->arena);
    if (is_delivery)
        put(c, a.root, true, &out);
    all = json_get(a.root, "deliveries");
    for (v = json_first(all); !json_is(v, JSON_ABSENT); v = json_next(all, v))
        put(c, v, n++ < DETAILS_MAX, &out);
    if (!is_delivery && n == 0)
        cli_note(c, TERM_SKIP, "there are no deliveries: it is %.*s",
                 STR_ARG(json_str_of(c->arena, a.root, "status")));
    return cli_print(c, &out, CLI_OK);
}
