/* smtp.c - mail through a submission server: one message to one user, with
 * the copies that the sender asked for. */
#include "base/arena.h"
#include "channel/dkim.h"
#include "channel/mail.h"

static const char *const tls_modes[] = {"none", "starttls", "tls", NULL};

static const struct field dkim_fields[] = {
    {.name = "domain",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .min = 1,
     .max = 253,
     .doc = "The domain that signs."},
    {.name = "selector",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .min = 1,
     .max = 63,
     .doc = "The public key is in DNS at selector._domainkey.domain."},
    {.name = "private_key",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_SECRET,
     .min = 1,
     .max = 16 * 1024,
     .doc = "RSA or Ed25519, as PEM."},
    {.type = FIELD_END},
};

static const struct field dkim_forms[] = {
    {.type = FIELD_OBJECT, .of = dkim_fields},
    {.type = FIELD_STRING, .min = 3, .max = 3}, /* "***", as it is shown */
    {.type = FIELD_END},
};

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
    MAIL_FROM_ROW,
    {.name = "username",
     .type = FIELD_STRING,
     .max = 255,
     .doc = "For servers that want a login."},
    {.name = "password",
     .type = FIELD_STRING,
     .flags = FIELD_SECRET,
     .max = 4096,
     .doc = "The password of that login."},
    {.name = "oauth_token",
     .type = FIELD_STRING,
     .flags = FIELD_SECRET,
     .min = 1,
     .max = 8 * 1024,
     .doc = "In place of a password: an OAuth 2.0 access token (XOAUTH2). It "
            "is used as it is; whoever renews it puts it here."},
    {.name = "dkim",
     .type = FIELD_ONE_OF,
     .flags = FIELD_SECRET,
     .of = dkim_forms,
     .doc = "Signs each mail (DKIM): domain, selector and private_key, RSA or "
            "Ed25519 as PEM. All of it is shown as ***."},
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

static void
check_login(struct json config, struct problem *p)
{
    struct str username = json_str_of(p->arena, config, "username");
    struct str password = json_str_of(p->arena, config, "password");
    struct str token = json_str_of(p->arena, config, "oauth_token");
    if (username.n > 0 && password.n == 0 && token.n == 0)
        problem_add(p, ERR_INVALID, STR("/password"),
                    "is required with a username");
    if (password.n > 0 && token.n > 0)
        problem_add(p, ERR_INVALID, STR("/oauth_token"),
                    "takes the place of a password: give one of them");
    if (username.n == 0 && token.n > 0)
        problem_add(p, ERR_INVALID, STR("/username"),
                    "is required with an oauth_token");
    if (username.n == 0 && password.n > 0)
        problem_add(p, ERR_INVALID, STR("/username"),
                    "is required with a password");
}

static struct dkim_key
dkim_of(struct arena *a, struct json config)
{
    struct json dkim = json_get(config, "dkim");

    return (struct dkim_key){
        .domain = json_str_of(a, dkim, "domain"),
        .selector = json_str_of(a, dkim, "selector"),
        .private_key = json_str_of(a, dkim, "private_key"),
    };
}

static void
check_dkim(struct json config, struct problem *p)
{
    struct json dkim = json_get(config, "dkim");
    struct dkim_key key = dkim_of(p->arena, config);
    const char *fault;

    if (json_is(dkim, JSON_ABSENT) ||
        str_is(json_str(p->arena, dkim), "***")) /* stands for the stored */
        return;
    if (!json_is(dkim, JSON_OBJECT)) {
        problem_add(p, ERR_INVALID, STR("/dkim"),
                    "must have domain, selector and private_key");
        return;
    }
    if (!mime_is_domain(key.domain))
        problem_add(p, ERR_INVALID, STR("/dkim/domain"),
                    "must be a domain name");
    if (!mime_is_domain(key.selector))
        problem_add(p, ERR_INVALID, STR("/dkim/selector"),
                    "must be a name below _domainkey");
    fault = dkim_key_fault(key.private_key);
    if (fault)
        problem_add(p, ERR_INVALID, STR("/dkim/private_key"), "%s", fault);
}

static void
check(struct json config, struct problem *p)
{
    if (!is_host(json_str_of(p->arena, config, "host")))
        problem_add(p, ERR_INVALID, STR("/host"),
                    "must be a host name or address, without scheme and port");
    mail_check_from(config, p);
    check_login(config, p);
    check_dkim(config, p);
}

static struct str
host(struct arena *a, struct json config)
{
    return json_str_of(a, config, "host");
}

/* ---- the message ---- */

/* The mail as bytes, signed where there is a key: the signature comes first,
 * and is made last. */
static const char *
write_mail(struct channel_call *c, struct mime_message *mail, struct buf *out)
{
    struct dkim_key key = dkim_of(c->arena, c->config);
    const char *fault = mail_compose(c, mail);
    struct buf text;

    if (fault)
        return fault;
    if (key.private_key.n == 0)
        return mime_build(c->arena, mail, out);
    buf_init(&text, c->arena);
    fault = mime_build(c->arena, mail, &text);
    if (fault)
        return fault;
    buf_put_str(out, dkim_sign(c->arena, &key, buf_str(&text), c->now_ms));
    buf_put_str(out, buf_str(&text));
    return NULL;
}

static void
ask(struct channel_call *c)
{
    const char *mode = tls_mode(c->arena, c->config);
    struct mime_message mail;
    struct buf text;
    const char *fault;

    buf_init(&text, c->arena);
    fault = write_mail(c, &mail, &text);
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
        .oauth_token = json_str_of(c->arena, c->config, "oauth_token"),
        .needs_smtputf8 = mail_is_wide(&mail),
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
    return is_one_of(code, gone) && !mail_has_copies(c) ? VERDICT_GONE
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

    if (a->cause == CHANNEL_CAUSE_SMTPUTF8) {
        v.verdict = VERDICT_REJECTED; /* another server might; this one is */
        v.reason = reason_code(REASON_ADDRESS_SMTPUTF8);
        return v;
    }
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

static void
probe(struct channel_call *c)
{
    const char *mode = tls_mode(c->arena, c->config);

    c->request = (struct channel_request){
        .kind = CHANNEL_REQUEST_SMTP,
        .is_probe = true,
        .host = json_str_of(c->arena, c->config, "host"),
        .port = port_of(c->config, mode),
        .tls = str_from(mode),
        .username = json_str_of(c->arena, c->config, "username"),
        .password = json_str_of(c->arena, c->config, "password"),
        .oauth_token = json_str_of(c->arena, c->config, "oauth_token"),
    };
}

const struct channel_driver channel_smtp = {
    .name = "smtp",
    .channels = mail_channels,
    .config = config_fields,
    .batch_max = 1,
    .calls_world = true,
    .takes_attachments = true,
    .has_target = channel_has_no_target,
    .check = check,
    .host = host,
    .step = step,
    .probe = probe,
    .probe_doc = "a session with the login and a `NOOP`, no mail.",
};
