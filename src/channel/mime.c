/* mime.c - see mime.h. A header is written as tokens that a fold may part; a
 * value that cannot stand as it is becomes encoded-words. */
#include "channel/mime.h"

#include <assert.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/icu_idna.h"

#define LINE_MAX_SOFT 76
#define LINE_TEXT_7BIT 78
#define WORD_PAYLOAD_MAX 52 /* an encoded-word of 64, below the 75 allowed */

static bool
is_alnum(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
           (c >= 'a' && c <= 'z');
}

static bool
is_atext(unsigned char c)
{
    return is_alnum(c) || (c != 0 && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static bool
is_ascii(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] >= 0x80)
            return false;
    return true;
}

/* What may stand in a header: UTF-8 without control characters and without
 * the two separators that some software takes for line ends. */
static bool
is_clean(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c < 0x20 || c == 0x7f)
            return false;
        if (c == 0xe2 && i + 2 < s.n && (unsigned char)s.p[i + 1] == 0x80 &&
            ((unsigned char)s.p[i + 2] & 0xfe) == 0xa8)
            return false;
    }
    return str_is_utf8(s);
}

/* ---- addresses ---- */

/* wide: letters outside ASCII are atext, too (RFC 6532 3.2). */
static bool
is_dot_atom(struct str s, bool wide)
{
    struct str rest = s, part;

    if (s.n == 0 || s.n > 64)
        return false;
    while (str_split(&rest, '.', &part)) {
        if (part.n == 0)
            return false;
        for (size_t i = 0; i < part.n; i++)
            if (!is_atext((unsigned char)part.p[i]) &&
                !(wide && (unsigned char)part.p[i] >= 0x80))
                return false;
    }
    return !wide || is_clean(s);
}

bool
mime_is_domain(struct str s)
{
    struct str label;

    if (s.n == 0 || s.n > 253)
        return false;
    while (str_split(&s, '.', &label)) {
        if (label.n == 0 || label.n > 63 || label.p[0] == '-' ||
            label.p[label.n - 1] == '-')
            return false;
        for (size_t i = 0; i < label.n; i++)
            if (!is_alnum((unsigned char)label.p[i]) && label.p[i] != '-')
                return false;
    }
    return true;
}

static bool
is_addr_spec(struct str s)
{
    ptrdiff_t sign = str_find(s, '@');

    return sign > 0 && s.n <= 254 &&
           is_dot_atom(str_sub(s, 0, (size_t)sign), true) &&
           mime_is_domain(str_sub(s, (size_t)sign + 1, s.n));
}

bool
mime_is_wide(const struct mime_address *address)
{
    return !is_ascii(address->spec);
}

struct str
mime_with_ascii_domain(struct arena *a, struct str spec)
{
    ptrdiff_t sign = str_find(spec, '@');
    struct str domain, ascii;

    if (sign < 0)
        return spec;
    domain = str_sub(spec, (size_t)sign + 1, spec.n);
    if (is_ascii(domain) || icu_domain(a, domain, &ascii) != ERR_OK)
        return spec;
    return str_fmt(a, "%.*s@%.*s", STR_ARG(str_sub(spec, 0, (size_t)sign)),
                   STR_ARG(ascii));
}

static struct str
unquoted(struct arena *a, struct str s)
{
    struct buf b;

    if (s.n < 2 || s.p[0] != '"' || s.p[s.n - 1] != '"')
        return s;
    buf_init(&b, a);
    for (size_t i = 1; i + 1 < s.n; i++) {
        if (s.p[i] == '\\' && i + 2 < s.n)
            i++;
        buf_put_char(&b, s.p[i]);
    }
    return buf_str(&b);
}

bool
mime_parse_address(struct arena *a, struct str s, struct mime_address *ret)
{
    struct mime_address address = {.spec = str_trim(s)};
    size_t open = s.n;

    s = str_trim(s);
    while (open > 0 && s.n > 0 && s.p[s.n - 1] == '>') {
        open = open > s.n ? s.n : open;
        if (s.p[--open] != '<')
            continue;
        address.spec = str_sub(s, open + 1, s.n - open - 2);
        address.name = unquoted(a, str_trim(str_sub(s, 0, open)));
        break;
    }
    address.spec = mime_with_ascii_domain(a, address.spec);
    if (!is_addr_spec(address.spec) || !is_clean(address.name) ||
        address.name.n > MIME_NAME_MAX)
        return false;
    *ret = address;
    return true;
}

/* ---- headers ---- */

bool
mime_header_is_free(struct str name)
{
    static const char *const known[] = {
        "Auto-Submitted", "Comments",     "Feedback-ID",  "Importance",
        "In-Reply-To",    "Keywords",     "List-Archive", "List-Help",
        "List-Id",        "List-Owner",   "List-Post",    "List-Subscribe",
        "Organization",   "Precedence",   "Priority",     "References",
        "Sensitivity",    "Thread-Index", "Thread-Topic",
    };

    if (name.n < 2 || name.n > 76)
        return false;
    for (size_t i = 0; i < name.n; i++)
        if (!is_alnum((unsigned char)name.p[i]) && name.p[i] != '-')
            return false;
    if (name.n > 2 && str_ieq(str_sub(name, 0, 2), STR("X-")))
        return true;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (str_ieq(name, str_from(known[i])))
            return true;
    return false;
}

/* A header line that is being written, and where its last line stands. */
struct line {
    struct buf *out;
    size_t column;
};

static struct line
begin_header(struct buf *out, const char *name)
{
    buf_put_cstr(out, name);
    buf_put_char(out, ':');
    return (struct line){out, strlen(name) + 1};
}

static void
put_token(struct line *l, struct str token)
{
    if (l->column + 1 + token.n > LINE_MAX_SOFT) {
        buf_put_cstr(l->out, "\r\n");
        l->column = 0;
    }
    buf_put_char(l->out, ' ');
    buf_put_str(l->out, token);
    l->column += 1 + token.n;
}

static void
end_header(struct line *l)
{
    buf_put_cstr(l->out, "\r\n");
}

static void
put_q_char(struct buf *b, struct str c)
{
    struct str hex = STR("0123456789ABCDEF");

    for (size_t i = 0; i < c.n; i++) {
        unsigned char byte = (unsigned char)c.p[i];

        if (byte == ' ')
            buf_put_char(b, '_');
        else if (is_alnum(byte) || (byte != 0 && strchr("!*+-/", byte)))
            buf_put_char(b, c.p[i]); /* what a phrase may hold too */
        else {
            buf_put_char(b, '=');
            buf_put_char(b, hex.p[byte >> 4]);
            buf_put_char(b, hex.p[byte & 15]);
        }
    }
}

/* One encoded-word of as many whole characters as fit; taken off *rest. */
static struct str
take_encoded_word(struct str *rest, bool is_q, struct buf *word)
{
    size_t n = 0;

    buf_reset(word);
    buf_put_cstr(word, is_q ? "=?UTF-8?Q?" : "=?UTF-8?B?");
    while (n < rest->n) {
        struct str left = str_sub(*rest, n, rest->n);
        struct str c = str_sub(left, 0, str_utf8_char(left));
        size_t before = word->n;

        assert(c.n > 0); /* is_clean() has seen to it */
        if (is_q) {
            put_q_char(word, c);
            if (word->n > 10 + WORD_PAYLOAD_MAX) {
                word->n = before;
                break;
            }
        } else if ((n + c.n + 2) / 3 * 4 > WORD_PAYLOAD_MAX) {
            break;
        }
        n += c.n;
    }
    if (!is_q)
        buf_put_base64(word, str_sub(*rest, 0, n));
    buf_put_cstr(word, "?=");
    *rest = str_sub(*rest, n, rest->n);
    return buf_str(word);
}

static void
put_encoded(struct line *l, struct str s)
{
    struct buf word = {0};
    size_t wide = 0;
    bool is_q;

    /* Readable while it is mostly ASCII, short when it is not. */
    for (size_t i = 0; i < s.n; i++)
        wide += (unsigned char)s.p[i] >= 0x80;
    is_q = wide * 5 <= s.n * 2;
    while (s.n > 0)
        put_token(l, take_encoded_word(&s, is_q, &word));
    buf_fini(&word);
}

/* Whether it may stand as it is: no encoded-word in it, and every blank one
 * where a fold may be. */
static bool
is_plain_text(struct str s)
{
    struct str part, rest = s;

    if (!is_ascii(s) || memmem(s.p ? s.p : "", s.n, "=?", 2))
        return false;
    while (str_split(&rest, ' ', &part))
        if (part.n == 0 || part.n > LINE_MAX_SOFT - 2)
            return false;
    return true;
}

static void
put_text(struct line *l, struct str s)
{
    struct str part;

    if (s.n == 0)
        return;
    if (!is_plain_text(s)) {
        put_encoded(l, s);
        return;
    }
    while (str_split(&s, ' ', &part))
        put_token(l, part);
}

void
mime_put_header(struct buf *out, const char *name, struct str value)
{
    struct line l = begin_header(out, name);

    assert(is_clean(value));
    put_text(&l, value);
    end_header(&l);
}

static void
put_name(struct line *l, struct str name)
{
    struct buf quoted = {0};
    bool is_phrase = true;

    for (size_t i = 0; i < name.n; i++)
        if (!is_atext((unsigned char)name.p[i]) && name.p[i] != ' ')
            is_phrase = false;
    if (!is_ascii(name) || name.n > 60 || (is_phrase && !is_plain_text(name))) {
        put_encoded(l, name);
        return;
    }
    if (is_phrase) {
        put_text(l, name);
        return;
    }
    buf_put_char(&quoted, '"');
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '"' || name.p[i] == '\\')
            buf_put_char(&quoted, '\\');
        buf_put_char(&quoted, name.p[i]);
    }
    buf_put_char(&quoted, '"');
    put_token(l, buf_str(&quoted));
    buf_fini(&quoted);
}

static void
put_address(struct line *l, const struct mime_address *a, bool is_last)
{
    struct buf spec = {0};

    if (a->name.n > 0)
        put_name(l, a->name);
    if (a->name.n > 0)
        buf_put_char(&spec, '<');
    buf_put_str(&spec, a->spec);
    if (a->name.n > 0)
        buf_put_char(&spec, '>');
    if (!is_last)
        buf_put_char(&spec, ',');
    put_token(l, buf_str(&spec));
    buf_fini(&spec);
}

static void
put_addresses(struct buf *out, const char *name, const struct mime_address *row,
              size_t n)
{
    struct line l;

    if (n == 0)
        return;
    l = begin_header(out, name);
    for (size_t i = 0; i < n; i++)
        put_address(&l, &row[i], i + 1 == n);
    end_header(&l);
}

/* ---- bodies ---- */

static struct str
with_crlf(struct arena *a, struct str s)
{
    struct buf b;

    buf_init(&b, a);
    buf_reserve(&b, s.n + 64);
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '\r' && s.p[i] != '\n') {
            buf_put_char(&b, s.p[i]);
            continue;
        }
        if (s.p[i] == '\r' && i + 1 < s.n && s.p[i + 1] == '\n')
            i++;
        buf_put_cstr(&b, "\r\n");
    }
    return buf_str(&b);
}

static bool
line_is_7bit(struct str line)
{
    if (line.n > LINE_TEXT_7BIT || str_starts(line, STR("From ")))
        return false;
    if (line.n > 0 && (line.p[line.n - 1] == ' ' || line.p[line.n - 1] == '\t'))
        return false;
    for (size_t i = 0; i < line.n; i++) {
        unsigned char c = (unsigned char)line.p[i];

        if ((c < 0x20 && c != '\t') || c >= 0x7f)
            return false;
    }
    return true;
}

static bool
is_7bit(struct str crlf_text)
{
    struct str line;

    while (str_split(&crlf_text, '\n', &line)) {
        if (line.n > 0 && line.p[line.n - 1] == '\r')
            line.n--;
        if (!line_is_7bit(line))
            return false;
    }
    return true;
}

static bool
is_literal_in_qp(struct str line, size_t i, size_t column)
{
    unsigned char c = (unsigned char)line.p[i];

    if (c == ' ' || c == '\t')
        return i + 1 < line.n;
    if (c < 0x21 || c > 0x7e || c == '=')
        return false;
    if (column == 0 && c == '.')
        return false;
    return column != 0 || !str_starts(str_sub(line, i, line.n), STR("From "));
}

static void
put_qp_line(struct buf *out, struct str line)
{
    size_t column = 0;

    for (size_t i = 0; i < line.n; i++) {
        bool is_literal = is_literal_in_qp(line, i, column);

        if (column + (is_literal ? 1 : 3) > LINE_MAX_SOFT - 1) {
            buf_put_cstr(out, "=\r\n");
            column = 0;
            is_literal = is_literal_in_qp(line, i, column);
        }
        if (is_literal)
            buf_put_char(out, line.p[i]);
        else
            buf_printf(out, "=%02X", (unsigned char)line.p[i]);
        column += is_literal ? 1 : 3;
    }
}

void
mime_put_quoted_printable(struct buf *out, struct str crlf_text)
{
    struct str line;

    while (str_split(&crlf_text, '\n', &line)) {
        if (crlf_text.p && line.n > 0 && line.p[line.n - 1] == '\r')
            line.n--;
        put_qp_line(out, line);
        if (crlf_text.p)
            buf_put_cstr(out, "\r\n");
    }
}

static struct str
text_part(struct arena *a, const char *type, struct str text)
{
    struct str body = with_crlf(a, text);
    bool plain = is_7bit(body);
    struct buf b;

    buf_init(&b, a);
    buf_printf(&b,
               "Content-Type: %s; charset=UTF-8\r\n"
               "Content-Transfer-Encoding: %s\r\n\r\n",
               type, plain ? "7bit" : "quoted-printable");
    if (plain)
        buf_put_str(&b, body);
    else
        mime_put_quoted_printable(&b, body);
    return buf_str(&b);
}

static struct str
boundary_for(struct arena *a, struct str id, const struct str *parts, size_t n)
{
    for (int i = 0;; i++) {
        struct str b = str_fmt(a, "=_%.*s_%d", STR_ARG(str_sub(id, 0, 48)), i);
        bool is_in_one = false;

        for (size_t k = 0; k < n; k++)
            is_in_one |= memmem(parts[k].p, parts[k].n, b.p, b.n) != NULL;
        if (!is_in_one)
            return b;
    }
}

static void
begin_multipart(struct buf *out, const char *kind, struct str boundary)
{
    buf_printf(out,
               "Content-Type: multipart/%s;\r\n"
               " boundary=\"%.*s\"\r\n\r\n",
               kind, STR_ARG(boundary));
}

static void
begin_part(struct buf *out, struct str boundary)
{
    buf_printf(out, "--%.*s\r\n", STR_ARG(boundary));
}

static void
end_multipart(struct buf *out, struct str boundary)
{
    buf_printf(out, "--%.*s--\r\n", STR_ARG(boundary));
}

static void
put_words(struct arena *a, const struct mime_message *m, struct buf *out)
{
    struct str parts[2], boundary;

    if (m->html.n == 0 || m->text.n == 0) {
        struct str part = m->html.n > 0 ? text_part(a, "text/html", m->html)
                                        : text_part(a, "text/plain", m->text);
        buf_put_str(out, part);
        if (!str_ends(part, STR("\r\n")))
            buf_put_cstr(out, "\r\n");
        return;
    }
    parts[0] = text_part(a, "text/plain", m->text);
    parts[1] = text_part(a, "text/html", m->html);
    boundary = boundary_for(a, m->id, parts, 2);
    begin_multipart(out, "alternative", boundary);
    for (int i = 0; i < 2; i++) {
        begin_part(out, boundary);
        buf_put_str(out, parts[i]);
        buf_put_cstr(out, "\r\n");
    }
    end_multipart(out, boundary);
}

/* ---- attachments ---- */

static bool
is_attribute_char(unsigned char c)
{
    return is_alnum(c) || (c != 0 && strchr("!#$&+-.^_`{|}~", c));
}

/* As many whole characters as fit on a line, escaped; taken off *rest. */
static struct str
take_extended(struct str *rest, struct buf *piece)
{
    size_t n = 0;

    buf_reset(piece);
    while (n < rest->n) {
        struct str left = str_sub(*rest, n, rest->n);
        struct str c = str_sub(left, 0, str_utf8_char(left));
        size_t before = piece->n;

        assert(c.n > 0); /* mime_fault() has seen to it */
        for (size_t i = 0; i < c.n; i++) {
            if (is_attribute_char((unsigned char)c.p[i]))
                buf_put_char(piece, c.p[i]);
            else
                buf_printf(piece, "%%%02X", (unsigned char)c.p[i]);
        }
        if (piece->n > WORD_PAYLOAD_MAX) {
            piece->n = before;
            break;
        }
        n += c.n;
    }
    *rest = str_sub(*rest, n, rest->n);
    return buf_str(piece);
}

/* RFC 2231: in pieces with numbers where one line is not enough. */
static void
put_extended(struct buf *out, const char *name, struct str value)
{
    struct buf piece = {0};

    for (int i = 0; value.n > 0; i++) {
        struct str text = take_extended(&value, &piece);

        buf_printf(out, ";\r\n %s*", name);
        if (i > 0 || value.n > 0)
            buf_printf(out, "%d*", i);
        buf_put_cstr(out, i == 0 ? "=UTF-8''" : "=");
        buf_put_str(out, text);
    }
    buf_fini(&piece);
}

void
mime_put_parameter(struct buf *out, const char *name, struct str value)
{
    assert(is_clean(value));
    if (!is_ascii(value) || value.n > LINE_MAX_SOFT - 16) {
        put_extended(out, name, value);
        return;
    }
    buf_printf(out, ";\r\n %s=\"", name);
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == '"' || value.p[i] == '\\')
            buf_put_char(out, '\\');
        buf_put_char(out, value.p[i]);
    }
    buf_put_char(out, '"');
}

static void
put_attachment(struct buf *out, const struct attachment *t)
{
    struct str rest = t->content_type, part;

    str_split(&rest, ';', &part);
    buf_printf(out, "Content-Type: %.*s", STR_ARG(str_trim(part)));
    while (str_split(&rest, ';', &part))
        buf_printf(out, ";\r\n %.*s", STR_ARG(str_trim(part)));
    buf_put_cstr(out, "\r\nContent-Disposition: attachment");
    mime_put_parameter(out, "filename", t->filename);
    buf_put_cstr(out, "\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    for (size_t i = 0; i < t->content.n; i += LINE_MAX_SOFT) {
        buf_put_str(out, str_sub(t->content, i, LINE_MAX_SOFT));
        buf_put_cstr(out, "\r\n");
    }
}

/* What they take, so that the mail is not copied while it grows. */
static size_t
attachments_room(const struct mime_message *m)
{
    size_t n = 0;

    for (size_t i = 0; i < m->n_attachments; i++)
        n += m->attachments[i].content.n / LINE_MAX_SOFT * (LINE_MAX_SOFT + 2) +
             2048;
    return n;
}

/* No line of base64 begins with the boundary's dashes, so only the words are
 * looked at for it. */
static void
put_body(struct arena *a, const struct mime_message *m, struct buf *out)
{
    struct str words, boundary;
    struct buf b;

    if (m->n_attachments == 0) {
        put_words(a, m, out);
        return;
    }
    buf_init(&b, a);
    put_words(a, m, &b);
    words = buf_str(&b);
    boundary = boundary_for(a, m->id, &words, 1);
    buf_reserve(out, words.n + attachments_room(m) + 256);
    begin_multipart(out, "mixed", boundary);
    begin_part(out, boundary);
    buf_put_str(out, words);
    for (size_t i = 0; i < m->n_attachments; i++) {
        begin_part(out, boundary);
        put_attachment(out, &m->attachments[i]);
    }
    end_multipart(out, boundary);
}

/* ---- the whole ---- */

static bool
is_good_address(const struct mime_address *a)
{
    return is_addr_spec(a->spec) && is_clean(a->name) &&
           a->name.n <= MIME_NAME_MAX;
}

static bool
is_good_url(struct str s)
{
    if (s.n > MIME_URL_MAX || !is_ascii(s))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] == 0x7f || s.p[i] == '<' || s.p[i] == '>')
            return false;
    return str_starts(s, STR("https://")) || str_starts(s, STR("http://"));
}

const char *
mime_header_fault(struct str name, struct str value)
{
    if (!mime_header_is_free(name))
        return "a header that a sender may not set";
    if (value.n == 0 || !is_clean(value))
        return "a header is empty or has a control character";
    return NULL;
}

static const char *
fault_of_headers(const struct mime_message *m)
{
    const char *fault = NULL;

    if (m->n_headers > MIME_HEADERS_MAX)
        return "more headers than a mail may have of its sender's own";
    for (size_t i = 0; i < m->n_headers && !fault; i++)
        fault = mime_header_fault(m->headers[i].name, m->headers[i].value);
    return fault;
}

const char *
mime_fault(const struct mime_message *m)
{
    if (!is_good_address(&m->from))
        return "the sender is no address that mail can take";
    if (!is_good_address(&m->to))
        return "the recipient is no address that mail can take";
    if (m->reply_to.spec.n > 0 &&
        (!is_good_address(&m->reply_to) || mime_is_wide(&m->reply_to)))
        return "reply_to is no address that every mail can have";
    for (size_t i = 0; i < m->n_cc; i++)
        if (!is_good_address(&m->cc[i]))
            return "cc has one that is no address that mail can take";
    if (!is_clean(m->language))
        return "the language has control characters";
    if (!is_clean(m->subject))
        return "the title has a control character";
    if (!is_dot_atom(m->id, false))
        return "the message id is not fit for a header";
    if (m->unsubscribe_url.n > 0 && !is_good_url(m->unsubscribe_url))
        return "the unsubscribe URL is not fit for a header";
    if (!str_is_utf8(m->text) || !str_is_utf8(m->html))
        return "the body is not UTF-8";
    for (size_t i = 0; i < m->n_attachments; i++)
        if (attachment_name_fault(m->attachments[i].filename) ||
            attachment_type_fault(m->attachments[i].content_type))
            return "an attachment has a name or a type that is none";
    return fault_of_headers(m);
}

static bool
has_header(const struct mime_message *m, const char *name)
{
    for (size_t i = 0; i < m->n_headers; i++)
        if (str_ieq(m->headers[i].name, str_from(name)))
            return true;
    return false;
}

struct str
mime_message_id(struct arena *a, const struct mime_message *m)
{
    size_t sign = (size_t)str_find(m->from.spec, '@');

    return str_fmt(a, "<%.*s%.*s>", STR_ARG(m->id),
                   STR_ARG(str_sub(m->from.spec, sign, m->from.spec.n)));
}

size_t
mime_extra_headers(struct arena *a, const struct mime_message *m,
                   struct mime_header row[static MIME_EXTRA_MAX])
{
    size_t n = 0;

    if (m->language.n > 0)
        row[n++] = (struct mime_header){STR("Content-Language"), m->language};
    if (m->unsubscribe_url.n > 0) {
        row[n++] = (struct mime_header){
            STR("List-Unsubscribe"),
            str_fmt(a, "<%.*s>", STR_ARG(m->unsubscribe_url))};
        row[n++] = (struct mime_header){STR("List-Unsubscribe-Post"),
                                        STR("List-Unsubscribe=One-Click")};
    }
    if (!has_header(m, "Auto-Submitted"))
        row[n++] =
            (struct mime_header){STR("Auto-Submitted"), STR("auto-generated")};
    for (size_t i = 0; i < m->n_headers && i < MIME_HEADERS_MAX; i++)
        row[n++] = m->headers[i];
    return n;
}

static void
put_extra_header(struct arena *a, struct buf *out, const struct mime_header *h)
{
    /* An URL stands as it is, however long: MIME_URL_MAX sees to the line. */
    if (str_starts(h->name, STR("List-Unsubscribe")))
        buf_printf(out, "%.*s: %.*s\r\n", STR_ARG(h->name), STR_ARG(h->value));
    else
        mime_put_header(out, str_cstr(a, h->name), h->value);
}

const char *
mime_build(struct arena *a, const struct mime_message *m, struct buf *out)
{
    const char *fault = mime_fault(m);
    struct mime_header extra[MIME_EXTRA_MAX];
    char date[TIME_TEXT_SIZE];
    size_t n;

    if (fault)
        return fault;
    mime_put_header(out, "Date", time_format_mail(date, m->date_ms));
    put_addresses(out, "From", &m->from, 1);
    put_addresses(out, "To", &m->to, 1);
    put_addresses(out, "Cc", m->cc, m->n_cc);
    put_addresses(out, "Reply-To", &m->reply_to, m->reply_to.spec.n > 0);
    mime_put_header(out, "Subject", m->subject);
    buf_printf(out, "Message-ID: %.*s\r\n", STR_ARG(mime_message_id(a, m)));
    n = mime_extra_headers(a, m, extra);
    for (size_t i = 0; i < n; i++)
        put_extra_header(a, out, &extra[i]);
    buf_put_cstr(out, "MIME-Version: 1.0\r\n");
    put_body(a, m, out);
    return NULL;
}
