/* sns.c - see sns.h. */
#include "channel/sns.h"

#include "base/arena.h"
#include "base/sign.h"
#include "base/url.h"
#include "channel/hook.h"

#define CERTIFICATES_MAX 4
#define PEM_MAX (16 * 1024)

static const struct field certificate_row[] = {
    {.type = FIELD_STRING, .min = 1, .max = PEM_MAX}, {.type = FIELD_END}};

const struct field sns_certificate_forms[] = {
    {.type = FIELD_STRING, .min = 1, .max = PEM_MAX},
    {.type = FIELD_ARRAY,
     .min = 1,
     .max = CERTIFICATES_MAX,
     .of = certificate_row},
    {.type = FIELD_END}};

/* ---- configuration ---- */

/* The i-th certificate; STR_NONE: there are no more. */
static struct str
certificate_at(struct arena *a, struct json config, uint32_t i)
{
    struct json v = json_get(config, "sns_certificate");

    if (json_is(v, JSON_STRING))
        return i == 0 ? json_str(a, v) : STR_NONE;
    return i < json_count(v) ? json_str(a, json_at(v, i)) : STR_NONE;
}

void
sns_check(struct json config, struct problem *p)
{
    struct str topic = json_str_of(p->arena, config, "sns_topic_arn"), pem;
    bool has_certificate =
        !json_is(json_get(config, "sns_certificate"), JSON_ABSENT);

    if (topic.n > 0 && !str_starts(topic, STR("arn:")))
        problem_add(p, ERR_INVALID, STR("/sns_topic_arn"),
                    "must be the ARN of a topic");
    if ((topic.n > 0) != has_certificate)
        problem_add(p, ERR_INVALID,
                    topic.n > 0 ? STR("/sns_certificate")
                                : STR("/sns_topic_arn"),
                    "a topic and its certificate belong together");
    for (uint32_t i = 0; (pem = certificate_at(p->arena, config, i)).n > 0; i++)
        if (sign_public_key_fault(pem, SIGN_RS256))
            problem_add(p, ERR_INVALID, STR("/sns_certificate"),
                        "must be certificates with RSA keys, as PEM");
}

/* ---- the signature ---- */

static bool
is_host_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z') || c == '-';
}

/* sns.REGION.amazonaws.com, or .com.cn. */
static bool
is_amazon(struct str url)
{
    struct str host = url_host(url), region;

    if (!str_starts(url, STR("https://")) || url_fault(url) ||
        !str_starts(host, STR("sns.")))
        return false;
    if (str_ends(host, STR(".cn")))
        host.n -= 3;
    if (!str_ends(host, STR(".amazonaws.com")))
        return false;
    region = str_sub(host, 4, host.n > 18 ? host.n - 18 : 0);
    for (size_t i = 0; i < region.n; i++)
        if (!is_host_char(region.p[i]))
            return false;
    return region.n >= 3;
}

struct str
sns_signed_text(struct arena *a, struct json envelope)
{
    static const char *const notification[] = {
        "Message",  "MessageId", "Subject", "Timestamp",
        "TopicArn", "Type",      NULL};
    static const char *const confirmation[] = {
        "Message", "MessageId", "SubscribeURL", "Timestamp",
        "Token",   "TopicArn",  "Type",         NULL};
    bool is_plain = str_is(json_str_of(a, envelope, "Type"), "Notification");
    struct buf b;

    buf_init(&b, a);
    for (const char *const *k = is_plain ? notification : confirmation; *k; k++)
        if (json_is(json_get(envelope, *k), JSON_STRING))
            buf_printf(&b, "%s\n%.*s\n", *k,
                       STR_ARG(json_str_of(a, envelope, *k)));
    return buf_str(&b);
}

static bool
is_signed(const struct channel_receipt *r, struct json envelope)
{
    struct arena *a = r->arena;
    struct str text = sns_signed_text(a, envelope), pem;
    struct str version = json_str_of(a, envelope, "SignatureVersion");
    enum sign_algorithm alg = str_is(version, "2") ? SIGN_RS256 : SIGN_RS1;
    struct buf signature;

    buf_init(&signature, a);
    if ((alg == SIGN_RS1 && !str_is(version, "1")) ||
        !is_amazon(json_str_of(a, envelope, "SigningCertURL")) ||
        !buf_get_base64(&signature, json_str_of(a, envelope, "Signature")))
        return false;
    for (uint32_t i = 0; (pem = certificate_at(a, r->config, i)).n > 0; i++)
        if (sign_is_by(alg, pem, text, buf_str(&signature)))
            return true;
    return false;
}

/* ---- what it says ---- */

static void
confirm(struct channel_receipt *r, struct json envelope)
{
    struct str url = json_str_of(r->arena, envelope, "SubscribeURL");

    if (!is_amazon(url)) {
        r->outcome = CHANNEL_RECEIPT_MALFORMED;
        return;
    }
    r->request = (struct channel_request){
        .kind = CHANNEL_REQUEST_HTTP, .method = STR("GET"), .url = url};
}

struct str
sns_open(struct channel_receipt *r, struct str *ret_id)
{
    struct arena *a = r->arena;
    struct json envelope = hook_json(r);
    struct str topic = json_str_of(a, r->config, "sns_topic_arn");
    struct str type = json_str_of(a, envelope, "Type");

    *ret_id = json_str_of(a, envelope, "MessageId");
    r->outcome = CHANNEL_RECEIPT_UNSIGNED;
    if (topic.n == 0 || !str_eq(json_str_of(a, envelope, "TopicArn"), topic) ||
        !str_eq(hook_header(r, "x-amz-sns-message-type"), type) ||
        !is_signed(r, envelope))
        return STR_NONE;
    r->outcome = CHANNEL_RECEIPT_TAKEN;
    if (str_is(type, "Notification"))
        return json_str_of(a, envelope, "Message");
    if (str_is(type, "SubscriptionConfirmation"))
        confirm(r, envelope);
    return STR_NONE;
}
