/* mail.c - see mail.h. */
#include "channel/mail.h"

#include "base/arena.h"
#include "base/language.h"

const char *const mail_channels[] = {"email", NULL};

void
mail_check_from(struct json config, struct problem *p)
{
    struct mime_address from;

    if (!mime_parse_address(p->arena, json_str_of(p->arena, config, "from"),
                            &from) ||
        mime_is_wide(&from))
        problem_add(p, ERR_INVALID, STR("/from"),
                    "must be an e-mail address, ASCII before the @, with a "
                    "name or without");
}

/* ---- overrides.email ---- */

static const char *
take_copies(struct arena *a, struct json cc, struct mime_message *mail)
{
    struct mime_address *row =
        ARENA_ARRAY(a, struct mime_address, CHANNEL_RCPT_MAX);

    mail->cc = row;
    if (json_is(cc, JSON_STRING)) {
        mail->n_cc = 1;
        return mime_parse_address(a, json_str(a, cc), row) ? NULL
                                                           : "cc is no address";
    }
    if (!json_is(cc, JSON_ARRAY))
        return json_is(cc, JSON_ABSENT) ? NULL : "cc is no list of addresses";
    if (json_count(cc) > CHANNEL_RCPT_MAX - 1)
        return "cc has more than 10 addresses";
    for (struct json e = json_first(cc); !json_is(e, JSON_ABSENT);
         e = json_next(cc, e))
        if (!mime_parse_address(a, json_str(a, e), &row[mail->n_cc++]))
            return "cc has one that is no address";
    return NULL;
}

static const char *
take_headers(struct arena *a, struct json headers, struct mime_message *mail)
{
    struct mime_header *row;

    if (json_is(headers, JSON_ABSENT))
        return NULL;
    if (!json_is(headers, JSON_OBJECT) ||
        json_count(headers) > MIME_HEADERS_MAX)
        return "headers is no object of at most 20 headers";
    row = ARENA_ARRAY(a, struct mime_header, MIME_HEADERS_MAX);
    mail->headers = row;
    for (struct json v = json_first(headers); !json_is(v, JSON_ABSENT);
         v = json_next(headers, v))
        row[mail->n_headers++] =
            (struct mime_header){json_key(a, v), json_str(a, v)};
    return NULL;
}

/* What the sender asked for in overrides.email. */
static const char *
take_overrides(struct arena *a, struct str overrides, struct mime_message *mail)
{
    struct json_doc *doc = ARENA_NEW(a, struct json_doc);
    struct json_error error;
    struct json email, v;
    const char *fault;

    if (overrides.n == 0)
        return NULL;
    if (json_parse(a, overrides, doc, &error) != ERR_OK)
        return "overrides is no JSON";
    email = json_get(json_root(doc), "email");
    if (json_is(email, JSON_ABSENT) || json_is(email, JSON_NULL))
        return NULL;
    v = json_get(email, "from");
    if (!json_is(v, JSON_ABSENT) &&
        !mime_parse_address(a, json_str(a, v), &mail->from))
        return "from is no address";
    v = json_get(email, "reply_to");
    if (!json_is(v, JSON_ABSENT) &&
        !mime_parse_address(a, json_str(a, v), &mail->reply_to))
        return "reply_to is no address";
    fault = take_copies(a, json_get(email, "cc"), mail);
    return fault ? fault : take_headers(a, json_get(email, "headers"), mail);
}

/* ---- the whole ---- */

/* Where nobody has said it, what the words tell. */
static struct str
language_of(const struct channel_message *m)
{
    struct str guess = m->language;

    if (guess.n == 0)
        guess = language_of_text(m->body);
    return guess.n > 0 ? guess : language_of_text(m->title);
}

const char *
mail_compose(const struct channel_call *c, struct mime_message *ret)
{
    const struct channel_message *m = &c->messages[0];

    *ret = (struct mime_message){
        .subject = m->title,
        .text = m->body,
        .html = m->html,
        .language = language_of(m),
        .id = m->delivery_id,
        .unsubscribe_url = m->unsubscribe_url,
        .attachments = m->attachments,
        .n_attachments = m->n_attachments,
        .date_ms = c->now_ms,
    };
    if (!mime_parse_address(c->arena, json_str_of(c->arena, c->config, "from"),
                            &ret->from))
        return "the provider's from is no address";
    if (!mime_parse_address(c->arena, m->address, &ret->to))
        return "the user's address is no e-mail address";
    if (ret->to.name.n == 0)
        ret->to.name = m->user_name;
    return take_overrides(c->arena, m->overrides, ret);
}

struct str
mail_addressee(const struct mime_message *m)
{
    return m->n_cc > 0 ? m->to.spec : STR_NONE;
}

bool
mail_is_about(struct str addressee, struct str address)
{
    return addressee.n == 0 || str_ieq(addressee, address);
}

bool
mail_has_copies(const struct channel_call *c)
{
    struct mime_message mail = {0};

    take_overrides(c->arena, c->messages[0].overrides, &mail);
    return mail.n_cc > 0;
}

/* ---- for APIs that take the parts ---- */

static bool
is_named_before(const struct mime_message *m, size_t i)
{
    if (str_ieq(m->cc[i].spec, m->to.spec))
        return true;
    for (size_t j = 0; j < i; j++)
        if (str_ieq(m->cc[i].spec, m->cc[j].spec))
            return true;
    return false;
}

static void
drop_repetitions(struct arena *a, struct mime_message *m)
{
    struct mime_address *row =
        ARENA_ARRAY(a, struct mime_address, CHANNEL_RCPT_MAX);
    size_t n = 0;

    for (size_t i = 0; i < m->n_cc; i++)
        if (!is_named_before(m, i))
            row[n++] = m->cc[i];
    m->cc = row;
    m->n_cc = n;
}

bool
mail_is_wide(const struct mime_message *m)
{
    bool is_wide = mime_is_wide(&m->from) || mime_is_wide(&m->to);

    for (size_t i = 0; i < m->n_cc; i++)
        is_wide |= mime_is_wide(&m->cc[i]);
    return is_wide;
}

/* The providers' servers may take such addresses; their APIs do not. */
bool
mail_refuse_wide(struct channel_call *c, const struct mime_message *m)
{
    if (!mail_is_wide(m))
        return false;
    channel_conclude(
        c, &(struct channel_verdict){
               .verdict = VERDICT_REJECTED,
               .reason = reason_code(REASON_ADDRESS_SMTPUTF8),
               .detail = STR("an address has letters outside ASCII before the "
                             "@, which this provider does not take"),
           });
    return true;
}

bool
mail_take(struct channel_call *c, struct mime_message *ret)
{
    const char *fault = mail_compose(c, ret);

    if (!fault)
        fault = mime_fault(ret);
    if (fault) {
        channel_refuse(c, fault);
        return false;
    }
    if (mail_refuse_wide(c, ret))
        return false;
    if (ret->text.n == 0 && ret->html.n == 0)
        ret->text = ret->subject;
    drop_repetitions(c->arena, ret);
    return true;
}

struct str
mail_address(struct arena *a, const struct mime_address *address)
{
    struct buf b;

    if (address->name.n == 0)
        return address->spec;
    buf_init(&b, a);
    buf_put_char(&b, '"');
    for (size_t i = 0; i < address->name.n; i++) {
        if (address->name.p[i] == '"' || address->name.p[i] == '\\')
            buf_put_char(&b, '\\');
        buf_put_char(&b, address->name.p[i]);
    }
    buf_printf(&b, "\" <%.*s>", STR_ARG(address->spec));
    return buf_str(&b);
}

struct str
mail_addresses(struct arena *a, const struct mime_address *row, size_t n)
{
    struct buf b;

    buf_init(&b, a);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_put_cstr(&b, ", ");
        buf_put_str(&b, mail_address(a, &row[i]));
    }
    return buf_str(&b);
}

struct channel_verdict
mail_judge(struct channel_call *c, const struct field *config)
{
    struct channel_verdict v = channel_judge_http(c, config);

    if (v.status == 413)
        v.reason = reason_code(REASON_SIZE_TOO_LARGE);
    return v;
}
