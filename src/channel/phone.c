/* phone.c - see phone.h. */
#include "channel/phone.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "domain/sms_length.h"

#define DIGITS_MIN 7
#define DIGITS_MAX 15

static bool
is_between_digits(char c)
{
    return c == ' ' || c == '.' || c == '-' || c == '/' || c == '(' || c == ')';
}

struct str
phone_e164(struct arena *a, struct str s)
{
    struct buf b;

    s = str_trim(s);
    if (s.n == 0 || s.p[0] != '+')
        return STR_NONE;
    buf_init(&b, a);
    buf_put_char(&b, '+');
    for (size_t i = 1; i < s.n; i++) {
        if (s.p[i] >= '0' && s.p[i] <= '9')
            buf_put_char(&b, s.p[i]);
        else if (!is_between_digits(s.p[i]))
            return STR_NONE;
    }
    if (b.n < DIGITS_MIN + 1 || b.n > DIGITS_MAX + 1 || b.p[1] == '0')
        return STR_NONE;
    return buf_str(&b);
}

bool
phone_address(struct channel_call *c, struct str *ret)
{
    *ret = phone_e164(c->arena, c->messages[0].address);
    if (ret->n > 0)
        return true;
    channel_refuse(c, "the user's address is no telephone number as E.164 "
                      "has it: a plus, the country's code, and the rest, 7 "
                      "to 15 digits together");
    return false;
}

static size_t
count_units(struct str text)
{
    size_t units = 0;

    while (text.n > 0) {
        size_t n = str_utf8_char(text);

        units += n == 4 ? 2 : 1;
        text = str_sub(text, n > 0 ? n : 1, text.n);
    }
    return units;
}

static void
refuse_length(struct channel_call *c, const char *who, size_t max,
              struct str text)
{
    struct sms_length sms = sms_length_of(text);
    struct channel_verdict v = {
        .verdict = VERDICT_REJECTED,
        .reason = reason_code(REASON_SIZE_TOO_LARGE),
        .detail = str_fmt(c->arena, "the text is %zu characters long",
                          count_units(text)),
    };

    if (str_is(c->messages[0].channel, "sms"))
        v.detail =
            str_fmt(c->arena, "%.*s (%zu SMS in %s)", STR_ARG(v.detail),
                    sms.segments, sms.is_gsm7 ? "the GSM alphabet" : "UCS-2");
    v.detail = str_fmt(c->arena, "%.*s, and %s takes %zu", STR_ARG(v.detail),
                       who, max);
    channel_conclude(c, &v);
}

bool
phone_text(struct channel_call *c, const char *who, size_t max, struct str *ret)
{
    *ret = channel_text(c->arena, &c->messages[0]);
    if (ret->n == 0)
        channel_refuse(c, "the message has no text");
    else if (count_units(*ret) > max)
        refuse_length(c, who, max, *ret);
    else
        return true;
    return false;
}

/* Without what stands around it: blanks, the end of the line, a full stop. */
static struct str
bare_word(struct str s)
{
    while (s.n > 0 && strchr(" \t\r\n", s.p[0]))
        s = str_sub(s, 1, s.n);
    while (s.n > 0 && strchr(" \t\r\n.!", s.p[s.n - 1]))
        s.n--;
    return s;
}

bool
phone_keyword(struct str text, enum channel_event_kind *ret)
{
    static const struct {
        const char *word;
        enum channel_event_kind kind;
    } words[] = {
        {"STOP", CHANNEL_EVENT_UNSUBSCRIBED},
        {"STOPALL", CHANNEL_EVENT_UNSUBSCRIBED},
        {"UNSUBSCRIBE", CHANNEL_EVENT_UNSUBSCRIBED},
        {"CANCEL", CHANNEL_EVENT_UNSUBSCRIBED},
        {"END", CHANNEL_EVENT_UNSUBSCRIBED},
        {"QUIT", CHANNEL_EVENT_UNSUBSCRIBED},
        {"OPTOUT", CHANNEL_EVENT_UNSUBSCRIBED},
        {"REVOKE", CHANNEL_EVENT_UNSUBSCRIBED},
        {"START", CHANNEL_EVENT_RESUBSCRIBED},
        {"UNSTOP", CHANNEL_EVENT_RESUBSCRIBED},
    };

    text = bare_word(text);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (str_ieq(text, str_from(words[i].word))) {
            *ret = words[i].kind;
            return true;
        }
    return false;
}
