/* smtp.c - mail through a submission server: one message to one user, with
 * the copies that the sender asked for. */
#include "base/arena.h"
#include "base/language.h"
#include "channel/driver.h"
#include "channel/mime.h"

#define HEADERS_MAX 20

static const char *const channels_served[] = {"email", NULL};
static const char *const tls_modes[] = {"none", "starttls", "tls", NULL};

static const struct field config_fields[] = {
    {.name = "host",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .min = 1,
     .max = 253,
     .doc = "The server's name or address."},
    {.name = "port",
     .type = FIELD_INT,
     .min = 1,
     .max = 65535,
     .doc = "Its port; 587 with starttls, 465 with tls, 25 with none when it "
            "is left out."},
    {.name = "from",
     .type = FIELD_EMAIL,
     .flags = FIELD_REQUIRED,
     .max = 512,
     .doc = "The sender, as \"mail@example.com\" or \"Name "
            "<mail@example.com>\"."},
    {.name = "username",
     .type = FIELD_STRING,
     .max = 255,
     .doc = "For servers that want a login."},
    {.name = "password",
     .type = FIELD_STRING,
     .flags = FIELD_SECRET,
     .max = 4096,
     .doc = "The password of that login."},
    {.name = "tls",
     .type = FIELD_ENUM,
     .values = tls_modes,
     .doc = "starttls (the default) refuses a server without it, tls is for "
            "port 465 (and the default there), none sends in the clear (and "
            "is the default to this machine without a login)."},
    {.type = FIELD_END},
};

/* ---- configuration ---- */

static bool
is_this_machine(struct str host)
{
    if (str_is(host, "localhost") || str_is(host, "::1"))
        return true;
    if (!str_starts(host, STR("127.")))
        return false;
    for (size_t i = 0; i < host.n; i++)
        if (host.p[i] != '.' && (host.p[i] < '0' || host.p[i] > '9'))
            return false;
    return true;
}

static const char *
tls_mode(struct arena *a, struct json config)
{
    struct str mode = json_str_of(a, config, "tls");
    int64_t port = 0;

    for (const char *const *m = tls_modes; *m; m++)
        if (str_is(mode, *m))
            return *m;
    if (json_int(json_get(config, "port"), &port) && port == 465)
        return "tls";
    if (is_this_machine(json_str_of(a, config, "host")) &&
        json_str_of(a, config, "username").n == 0)
        return "none";
    return "starttls";
}

static int
port_of(struct json config, const char *mode)
{
    int64_t port;

    if (json_int(json_get(config, "port"), &port))
        return (int)port;
    if (strcmp(mode, "tls") == 0)
        return 465;
    return strcmp(mode, "none") == 0 ? 25 : 587;
}

static bool
is_host(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
            !(c >= 'A' && c <= 'Z') && (c == 0 || !strchr(".-_:", c)))
            return false;
    }
    return s.n > 0;
}

static bool
has_control_byte(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return true;
    return false;
}

static void
check(struct json config, struct problem *p)
{
    struct str username = json_str_of(p->arena, config, "username");
    struct str password = json_str_of(p->arena, config, "password");
    struct mime_address from;

    if (!is_host(json_str_of(p->arena, config, "host")))
        problem_add(p, ERR_INVALID, STR("/host"),
                    "must be a host name or address, without scheme and port");
    if (!mime_parse_address(p->arena, json_str_of(p->arena, config, "from"),
                            &from))
        problem_add(p, ERR_INVALID, STR("/from"),
                    "must be an ASCII e-mail address, with a name or without");
    if (username.n > 0 && password.n == 0)
        problem_add(p, ERR_INVALID, STR("/password"),
                    "is required with a username");
    if (username.n == 0 && password.n > 0)
        problem_add(p, ERR_INVALID, STR("/username"),
                    "is required with a password");
    if (has_control_byte(username))
        problem_add(p, ERR_INVALID, STR("/username"),
                    "must not have control characters");
    if (has_control_byte(password))
        problem_add(p, ERR_INVALID, STR("/password"),
                    "must not have control characters");
}

static struct str
host(struct arena *a, struct json config)
{
    return json_str_of(a, config, "host");
}

/* ---- the message ---- */

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
    if (!json_is(headers, JSON_OBJECT) || json_count(headers) > HEADERS_MAX)
        return "headers is no object of at most 20 headers";
    row = ARENA_ARRAY(a, struct mime_header, HEADERS_MAX);
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

/* Where nobody has said it, what the words tell. */
static struct str
language_of(const struct channel_message *m)
{
    struct str guess = m->language;

    if (guess.n == 0)
        guess = language_of_text(m->body);
    return guess.n > 0 ? guess : language_of_text(m->title);
}

static const char *
compose(struct channel_call *c, struct mime_message *mail, struct buf *out)
{
    const struct channel_message *m = &c->messages[0];
    const char *fault;

    *mail = (struct mime_message){
        .subject = m->title,
        .text = m->body,
        .html = m->html,
        .language = language_of(m),
        .id = m->delivery_id,
        .unsubscribe_url = m->unsubscribe_url,
        .date_ms = c->now_ms,
    };
    if (!mime_parse_address(c->arena, json_str_of(c->arena, c->config, "from"),
                            &mail->from))
        return "the provider's from is no address";
    if (!mime_parse_address(c->arena, m->address, &mail->to))
        return "the user's address is no ASCII e-mail address";
    if (mail->to.name.n == 0)
        mail->to.name = m->user_name;
    fault = take_overrides(c->arena, m->overrides, mail);
    return fault ? fault : mime_build(c->arena, mail, out);
}

static void
ask(struct channel_call *c)
{
    const char *mode = tls_mode(c->arena, c->config);
    struct mime_message mail;
    struct buf text;
    const char *fault;

    buf_init(&text, c->arena);
    fault = compose(c, &mail, &text);
    if (fault) {
        channel_refuse(c, fault);
        return;
    }
    c->request = (struct channel_request){
        .kind = CHANNEL_REQUEST_SMTP,
        .host = json_str_of(c->arena, c->config, "host"),
        .port = port_of(c->config, mode),
        .tls = str_from(mode),
        .username = json_str_of(c->arena, c->config, "username"),
        .password = json_str_of(c->arena, c->config, "password"),
        .mail_from = mail.from.spec,
        .rcpt_to = {mail.to.spec},
        .n_rcpt_to = 1,
        .body = buf_str(&text),
    };
    for (size_t i = 0; i < mail.n_cc; i++)
        c->request.rcpt_to[c->request.n_rcpt_to++] = mail.cc[i].spec;
}

/* ---- the answer ---- */

/* "5.1.1" at the start of the reply's text; STR_NONE: there is none. */
static struct str
enhanced_code(struct str text)
{
    size_t dots = 0, n = 0;

    for (; n < text.n && n < 10; n++) {
        if (text.p[n] == '.')
            dots++;
        else if (text.p[n] < '0' || text.p[n] > '9')
            break;
    }
    return dots == 2 && n >= 5 ? str_sub(text, 0, n) : STR_NONE;
}

static bool
is_one_of(struct str s, const char *const *row)
{
    for (; *row; row++)
        if (str_is(s, *row))
            return true;
    return false;
}

static bool
has_word(struct arena *a, struct str text, const char *word)
{
    struct str lower = str_lower(a, text);

    return lower.n > 0 && memmem(lower.p, lower.n, word, strlen(word)) != NULL;
}

static bool
asks_to_slow_down(struct channel_call *c, int status, struct str text)
{
    struct str code = enhanced_code(text);

    if (status == 452 && (code.n == 0 || str_is(code, "4.5.3")))
        return true;
    if (status == 421 && str_is(code, "4.7.0"))
        return true;
    return str_starts(code, STR("4.7.")) &&
           (has_word(c->arena, text, "rate") ||
            has_word(c->arena, text, "too many"));
}

static bool
has_copies(struct channel_call *c)
{
    struct mime_message mail = {0};

    take_overrides(c->arena, c->messages[0].overrides, &mail);
    return mail.n_cc > 0;
}

static enum verdict
verdict_of_reply(struct channel_call *c, int status, struct str text)
{
    static const char *const gone[] = {"5.1.1",  "5.1.2", "5.1.3", "5.1.6",
                                       "5.1.10", "5.2.1", NULL};
    static const char *const login[] = {"5.7.8", "5.7.9", "5.7.11", "5.7.13",
                                        NULL};
    struct str code = enhanced_code(text);

    if (status >= 200 && status < 300)
        return VERDICT_SENT;
    if (status >= 400 && status < 500)
        return asks_to_slow_down(c, status, text) ? VERDICT_RATE
                                                  : VERDICT_RETRY;
    if (status == 530 || status == 534 || status == 535 || status == 538 ||
        is_one_of(code, login))
        return VERDICT_CREDENTIALS;
    /* With copies in the envelope nobody knows whose address is gone. */
    return is_one_of(code, gone) && !has_copies(c) ? VERDICT_GONE
                                                   : VERDICT_REJECTED;
}

static struct str
queue_id(struct arena *a, struct str text)
{
    static const char mark[] = "queued as ";
    struct str lower = str_lower(a, text), id;
    const char *at;
    size_t n = 0;

    at = lower.n > 0 ? memmem(lower.p, lower.n, mark, sizeof(mark) - 1) : NULL;
    if (!at)
        return STR_NONE;
    id = str_sub(text, (size_t)(at - lower.p) + sizeof(mark) - 1, 128);
    while (n < id.n && id.p[n] > ' ' && id.p[n] < 0x7f)
        n++;
    return str_dup(a, str_sub(id, 0, n));
}

static struct channel_verdict
judge_answered(struct channel_call *c)
{
    const struct channel_answer *a = c->answer;
    struct channel_verdict v = {
        .status = a->status,
        .detail = channel_detail(
            c, config_fields,
            str_fmt(c->arena, "%d %.*s", a->status, STR_ARG(a->body))),
    };

    if (a->status < 200 || a->status > 599 ||
        (a->status >= 300 && a->status < 400)) {
        v.verdict = VERDICT_UNKNOWN; /* no reply that the protocol knows */
        return v;
    }
    v.verdict = verdict_of_reply(c, a->status, a->body);
    if (v.verdict == VERDICT_SENT)
        v.provider_message_id = queue_id(c->arena, a->body);
    return v;
}

static struct channel_verdict
judge_unanswered(struct channel_call *c)
{
    const struct channel_answer *a = c->answer;
    struct channel_verdict v = channel_unanswered(c, config_fields);

    if (v.verdict == VERDICT_RETRY &&
        (a->cause == CHANNEL_CAUSE_LOGIN || a->cause == CHANNEL_CAUSE_TLS)) {
        /* 454: they cannot tell now; anything else is for the operator. */
        if (a->status != 454)
            v.verdict = VERDICT_CREDENTIALS;
    } else if (v.verdict == VERDICT_RETRY && a->status >= 400 &&
               a->status < 500 && asks_to_slow_down(c, a->status, a->body)) {
        v.verdict = VERDICT_RATE;
    }
    return v;
}

static void
step(struct channel_call *c)
{
    struct channel_verdict v;

    if (!c->answer) {
        ask(c);
        return;
    }
    v = c->answer->outcome == CHANNEL_ANSWERED ? judge_answered(c)
                                               : judge_unanswered(c);
    channel_conclude(c, &v);
}

const struct channel_driver channel_smtp = {
    .name = "smtp",
    .channels = channels_served,
    .config = config_fields,
    .batch_max = 1,
    .calls_world = true,
    .has_target = channel_has_no_target,
    .check = check,
    .host = host,
    .step = step,
};
