/* template_uses.c - see template_uses.h. The scan of HTML is that of a reader
 * who skims it: sections are read once each, as if all of them were there.
 * Pure, any thread. */
#include "domain/template_uses.h"

#include "domain/template_private.h"

enum html_state {
    HTML_TEXT,
    HTML_OPEN,     /* behind '<' */
    HTML_TAG_NAME, /* the tag's */
    HTML_IN_TAG,   /* between attributes */
    HTML_ATTRIBUTE,
    HTML_BEFORE_VALUE, /* behind '=' */
    HTML_PLAIN_VALUE,
    HTML_DOUBLE, /* in quotes */
    HTML_SINGLE,
    HTML_COMMENT,
    HTML_DECLARATION,
    HTML_RAW, /* text of a script or a style */
};

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static bool
is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void
keep_name(struct html_scan *s, char c)
{
    if (c >= 'A' && c <= 'Z')
        c = (char)(c - 'A' + 'a');
    if (s->n_name < sizeof(s->name))
        s->name[s->n_name] = c;
    s->n_name++; /* one that is cut is none that we know */
}

static bool
is_name(const struct html_scan *s, const char *name)
{
    return s->n_name <= sizeof(s->name) &&
           str_is((struct str){s->name, s->n_name}, name);
}

static void
keep_last(struct html_scan *s, char c)
{
    memmove(s->last, s->last + 1, sizeof(s->last) - 1);
    s->last[sizeof(s->last) - 1] = c;
}

static bool
ends_with(const struct html_scan *s, const char *text)
{
    struct str tail = str_from(text);

    return str_ieq(tail,
                   (struct str){s->last + sizeof(s->last) - tail.n, tail.n});
}

static void
end_tag(struct html_scan *s)
{
    s->state = s->raw ? HTML_RAW : HTML_TEXT;
    memset(s->last, 0, sizeof(s->last));
}

/* The name of a tag has ended: its text may be no HTML. */
static void
end_tag_name(struct html_scan *s)
{
    s->raw = is_name(s, "script") ? 1 : is_name(s, "style") ? 2 : 0;
    s->state = HTML_IN_TAG;
}

static void
step_open(struct html_scan *s, char c)
{
    s->n_name = 0;
    memset(s->last, 0, sizeof(s->last));
    if (c == '!' || c == '?') {
        s->state = HTML_DECLARATION;
    } else if (c == '/' || is_letter(c)) {
        s->state = HTML_TAG_NAME;
        keep_name(s, c); /* a slash makes it none that has raw text */
    } else {
        s->state = HTML_TEXT;
    }
}

static void
step_in_tag(struct html_scan *s, char c)
{
    if (c == '>') {
        end_tag(s);
    } else if (c == '=') {
        s->state = HTML_BEFORE_VALUE;
        s->is_empty_value = true;
    } else if (is_blank(c) || c == '/') {
        if (s->state == HTML_TAG_NAME)
            end_tag_name(s);
        else if (s->state == HTML_ATTRIBUTE)
            s->state = HTML_IN_TAG; /* its name stays, for " = value" */
    } else {
        if (s->state == HTML_IN_TAG) {
            s->n_name = 0;
            s->state = HTML_ATTRIBUTE;
        }
        keep_name(s, c);
    }
}

static void
step_value(struct html_scan *s, char c)
{
    if (s->state == HTML_BEFORE_VALUE) {
        if (c == '"' || c == '\'')
            s->state = c == '"' ? HTML_DOUBLE : HTML_SINGLE;
        else if (c == '>')
            end_tag(s);
        else if (!is_blank(c))
            s->state = HTML_PLAIN_VALUE;
        return;
    }
    if ((s->state == HTML_DOUBLE && c == '"') ||
        (s->state == HTML_SINGLE && c == '\'') ||
        (s->state == HTML_PLAIN_VALUE && is_blank(c)))
        s->state = HTML_IN_TAG;
    else if (s->state == HTML_PLAIN_VALUE && c == '>')
        end_tag(s);
    else
        s->is_empty_value = s->is_empty_value && is_blank(c);
}

static void
step_skipped(struct html_scan *s, char c)
{
    keep_last(s, c);
    if (s->state == HTML_DECLARATION && ends_with(s, "--"))
        s->state = HTML_COMMENT;
    else if ((s->state == HTML_DECLARATION && c == '>') ||
             (s->state == HTML_COMMENT && ends_with(s, "-->")))
        s->state = HTML_TEXT;
    else if (s->state == HTML_RAW &&
             ((s->raw == 1 && ends_with(s, "</script")) ||
              (s->raw == 2 && ends_with(s, "</style")))) {
        s->raw = 0;
        s->state = HTML_IN_TAG;
    }
}

static void
step(struct html_scan *s, char c)
{
    switch ((enum html_state)s->state) {
    case HTML_TEXT:
        if (c == '<')
            s->state = HTML_OPEN;
        break;
    case HTML_OPEN:
        step_open(s, c);
        break;
    case HTML_TAG_NAME:
        if (c == '>')
            end_tag_name(s);
        step_in_tag(s, c);
        break;
    case HTML_IN_TAG:
    case HTML_ATTRIBUTE:
        step_in_tag(s, c);
        break;
    case HTML_BEFORE_VALUE:
    case HTML_PLAIN_VALUE:
    case HTML_DOUBLE:
    case HTML_SINGLE:
        step_value(s, c);
        break;
    case HTML_COMMENT:
    case HTML_DECLARATION:
    case HTML_RAW:
        step_skipped(s, c);
        break;
    }
}

/* ---- where a tag of the template stands ---- */

static bool
holds_url(const struct html_scan *s)
{
    static const char *const names[] = {"href",       "src",    "action",
                                        "formaction", "poster", "background",
                                        "xlink:href", "srcset", NULL};

    for (const char *const *name = names; *name; name++)
        if (is_name(s, *name))
            return true;
    return false;
}

static bool
is_event(const struct html_scan *s)
{
    return s->n_name > 2 && s->name[0] == 'o' && s->name[1] == 'n';
}

/* What data puts there is a value that is not empty. */
static enum template_place
place_of(struct html_scan *s)
{
    bool begins = s->is_empty_value;

    switch ((enum html_state)s->state) {
    case HTML_TEXT:
    case HTML_OPEN:
    case HTML_COMMENT:
    case HTML_DECLARATION:
        return PLACE_TEXT;
    case HTML_TAG_NAME:
    case HTML_IN_TAG:
    case HTML_ATTRIBUTE:
        return PLACE_UNQUOTED;
    case HTML_BEFORE_VALUE:
    case HTML_PLAIN_VALUE:
        s->state = HTML_PLAIN_VALUE;
        return PLACE_UNQUOTED;
    case HTML_DOUBLE:
    case HTML_SINGLE:
        s->is_empty_value = false;
        if (is_event(s))
            return PLACE_SCRIPT;
        return begins && holds_url(s) ? PLACE_URL : PLACE_QUOTED;
    case HTML_RAW:
        return PLACE_SCRIPT;
    }
    return PLACE_TEXT;
}

struct template_uses
template_uses_of(const struct template *t, bool is_html)
{
    return (struct template_uses){.template = t, .is_html = is_html};
}

static void
read_text(struct template_uses *u, struct str text)
{
    for (size_t i = 0; u->is_html && i < text.n; i++)
        step(&u->scan, text.p[i]);
}

bool
template_next_use(struct template_uses *u, struct template_use *ret)
{
    static const enum template_use_kind kinds[] = {
        [NODE_VARIABLE] = USE_VARIABLE, [NODE_SECTION] = USE_SECTION,
        [NODE_INVERTED] = USE_SECTION,  [NODE_PARTIAL] = USE_PARTIAL,
        [NODE_PARENT] = USE_PARTIAL,
    };

    while (u->at < u->template->n) {
        const struct template_node *node = &u->template->nodes[u->at++];

        if (node->kind == NODE_TEXT)
            read_text(u, node->text);
        if (node->kind == NODE_TEXT || node->kind == NODE_BLOCK)
            continue;
        *ret = (struct template_use){
            .kind = kinds[node->kind],
            .name = node->name,
            .written = node->text,
            .is_raw = node->is_raw,
            .is_dynamic = node->is_dynamic,
        };
        if (ret->kind == USE_VARIABLE && u->is_html)
            ret->place = place_of(&u->scan);
        return true;
    }
    return false;
}

void
template_put_literal(const struct template *t, struct buf *out)
{
    uint32_t i = 0;

    while (i < t->n) {
        const struct template_node *node = &t->nodes[i];

        if (node->kind == NODE_TEXT)
            buf_put_str(out, node->text);
        i = node->kind == NODE_SECTION || node->kind == NODE_INVERTED
                ? node->next
                : i + 1;
    }
}
