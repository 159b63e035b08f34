/* belfry/channel.h - how a shared object adds a driver, and channels, to
 * Belfry: ABI version 1. The one public header; it needs C11 or C++11.
 *
 * A plugin is one file NAME.so that exports one symbol, belfry_plugin_v1(). It
 * is loaded into a child process of its own, which has no network, no files and
 * no database. So a plugin does nothing by itself: it is asked what to do with
 * a message, and answers with an HTTP request, which Belfry makes, or with what
 * became of the message. Retries, rates, time-outs, secrets at rest and what is
 * logged are Belfry's business; a plugin is not asked when and where it is
 * tried again.
 *
 * What holds for everything here:
 * - Texts are a pointer and a length. None ends with a NUL, any may be empty
 *   (n is 0, p may then be NULL). They are UTF-8 without a NUL in it but for
 *   bodies and headers of HTTP, which are bytes.
 * - Times are milliseconds since 1970-01-01 UTC by the wall clock; 0 is "none".
 *   Durations are milliseconds.
 * - What a call hands in is borrowed until it returns. What a call hands out is
 *   constant, was handed in, or comes from host->alloc(); never free it.
 * - Calls come one at a time, on one thread. Keep nothing between them (what
 *   belongs to a provider goes into `memo`), start no thread, no process, set
 *   no signal, no locale; errno means nothing to anybody.
 * - A call that crashes, or takes longer than BELFRY_PLUGINS_TIMEOUT (2 s),
 * ends the child; another is started. A message that does so three times is
 * given up and kept for a person, as a dead letter "plugin.crash_loop".
 * - What does not hold the rules ends the child, too: unknown values of what
 *   has a list here, lengths above the limits named here.
 *
 * Each struct that may grow begins with its size as who made it knew it. A
 * later Belfry adds members at ends and changes none, so a plugin that was
 * built for an earlier one goes on working. Before you read or write a member
 * that was added after 1.0, ask BELFRY_HAS(). What is unset must be zero. */
#ifndef BELFRY_CHANNEL_H
#define BELFRY_CHANNEL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BELFRY_ABI_VERSION 1

/* Whether the struct that s points to is large enough to have the member. */
#define BELFRY_HAS(s, member)                                                  \
    ((s)->size >=                                                              \
     (size_t)((const char *)(&(s)->member + 1) - (const char *)(s)))

/* ---- values: these never grow ---- */

struct belfry_str {
    const char *p;
    size_t n; /* bytes */
};
/* An initialiser: struct belfry_str s = BELFRY_STR("text"); */
#define BELFRY_STR(literal)                                                    \
    {                                                                          \
        "" literal, sizeof(literal) - 1                                        \
    }

struct belfry_header {
    struct belfry_str name, value;
};

/* A setting of the provider that is called, as its row in the plugin's table
 * says; where the provider's configuration has none it is the row's default. */
struct belfry_value {
    struct belfry_str text; /* STRING, URL, CHOICE */
    int64_t number;         /* INTEGER; BOOLEAN: 0 or 1; DURATION: ms */
    uint32_t is_set;        /* 1; 0: neither configured nor with a default */
    uint32_t reserved;      /* 0 */
};

/* ---- what Belfry does for a plugin ---- */

struct belfry_host {
    size_t size;
    /* Zeroed memory for any type, until the call returns. Never NULL: more
     * than 64 MiB in one call ends the child. */
    void *(*alloc)(const struct belfry_host *h, size_t n);
    /* The text as a JSON string, with its quotes. */
    struct belfry_str (*json_quote)(const struct belfry_host *h,
                                    struct belfry_str text);
    /* The value that a JSON pointer (RFC 6901: "/result/0/id") leads to: a
     * string unescaped, anything else as it is written. 1; 0: there is none,
     * or `json` is not RFC 8259 JSON; then *ret is empty. */
    uint32_t (*json_get)(const struct belfry_host *h, struct belfry_str json,
                         struct belfry_str pointer, struct belfry_str *ret);
    /* HMAC-SHA256 (RFC 2104), 32 bytes, to check signatures of webhooks... */
    void (*hmac_sha256)(const struct belfry_host *h, struct belfry_str key,
                        struct belfry_str text, unsigned char ret[32]);
    /* ...and to compare them: 1 if they are the same, in constant time. */
    uint32_t (*is_same)(const struct belfry_host *h, struct belfry_str a,
                        struct belfry_str b);
    /* The bytes in lower-case hexadecimal. */
    struct belfry_str (*hex)(const struct belfry_host *h,
                             struct belfry_str bytes);
    /* A line for Belfry's log, at level info, for who looks for a fault: at
     * most 300 bytes, 20 lines a call. Secrets of the configuration are struck
     * out; say no other ones, no addresses, no texts. */
    void (*log)(const struct belfry_host *h, struct belfry_str line);
};

/* ---- what a plugin says of itself ---- */

/* Of a setting. */
#define BELFRY_TYPE_STRING 1u   /* min, max: bytes */
#define BELFRY_TYPE_INTEGER 2u  /* min, max: of the value */
#define BELFRY_TYPE_BOOLEAN 3u  /* */
#define BELFRY_TYPE_DURATION 4u /* "30s" in the provider; min, max: ms */
#define BELFRY_TYPE_URL 5u      /* http or https, absolute */
#define BELFRY_TYPE_CHOICE 6u   /* one of `choices` */

#define BELFRY_SETTING_REQUIRED 1u
/* Of a STRING: encrypted at rest, shown as "***", and struck out of whatever
 * the other side says before anybody sees it. */
#define BELFRY_SETTING_SECRET 2u

/* A row of the table by which PUT /v1/providers/{name} checks "config". */
struct belfry_setting {
    size_t size;
    /* [a-z][a-z0-9_]{0,31}, unlike all others of the table. The name base_url
     * is that of a URL below which all calls of the provider go, and which the
     * egress rules are checked against at PUT. Whoever changes the scheme, host
     * or port of a URL, whatever it is called, has to give the secrets anew. */
    struct belfry_str name;
    uint32_t type;               /* BELFRY_TYPE_... */
    uint32_t flags;              /* BELFRY_SETTING_... */
    int64_t min, max;            /* 0, 0: no bounds but 64 KiB of text */
    struct belfry_str otherwise; /* the default as one would write it; empty:
                                    none. Not with REQUIRED */
    struct belfry_str choices;   /* of a CHOICE, blanks between: "html text" */
    struct belfry_str doc;       /* a sentence for people, 1 to 500 bytes */
};

/* Users without an address on the channel are left out; without the flag
 * the provider's own target is written to. */
#define BELFRY_CHANNEL_NEEDS_ADDRESS 1u
/* The channel shows titles. Without it the title is the first line of the body
 * for who asks for a preview; a message has both in any case. */
#define BELFRY_CHANNEL_HAS_TITLE 2u

/* A channel that the driver serves. Where Belfry has one of that name already,
 * that one counts and the rest here is not looked at. */
struct belfry_channel {
    size_t size;
    struct belfry_str name; /* [a-z][a-z0-9_]{0,31}; not "in_app" */
    uint32_t flags;         /* BELFRY_CHANNEL_... */
    uint32_t reserved;      /* 0 */
    /* The member of a user, or of a recipient in a send, that is the address:
     * "email", "phone", "whatsapp", "telegram", "webhook", "slack" or
     * "discord". Empty: users have none. */
    struct belfry_str address;
};

struct belfry_step;
struct belfry_receipt;

/* The provider's configuration may name a target of its own, or its URL is one:
 * users without an address are written to there. */
#define BELFRY_PLUGIN_HAS_TARGET 1u

struct belfry_plugin {
    size_t size;
    uint32_t abi;              /* BELFRY_ABI_VERSION; another is refused */
    uint32_t flags;            /* BELFRY_PLUGIN_... */
    struct belfry_str name;    /* [a-z][a-z0-9_]{0,31}; of the file NAME.so, and
                                  of the driver in a provider's configuration */
    struct belfry_str version; /* for people, 1 to 64 bytes */
    const struct belfry_channel *const *channels; /* 1 to 8 */
    size_t n_channels;
    const struct belfry_setting *const *settings; /* 0 to 32 */
    size_t n_settings;
    /* Limits of the other side, in UTF-16 units, which is how most count: what
     * is longer is cut before the plugin sees it, and ends with an ellipsis.
     * 0: none. */
    uint32_t title_max, body_max;
    /* BELFRY_ASK with *s->request, or BELFRY_DONE with *s->verdict. At most
     * eight steps a message. */
    uint32_t (*step)(struct belfry_step *s);
    /* A webhook of the provider: BELFRY_RECEIPT_... NULL: it has none. */
    uint32_t (*receipt)(struct belfry_receipt *r);
};

/* ---- a message on its way out ---- */

struct belfry_message {
    size_t size;
    /* Public ids, the same at each attempt: give the first to the other side
     * where it takes a key against duplicates. */
    struct belfry_str delivery_id, notification_id;
    struct belfry_str user, user_name;   /* may be empty */
    struct belfry_str channel, category; /* category may be empty */
    struct belfry_str priority; /* "critical", "high", "normal", "low" */
    struct belfry_str language; /* BCP 47 of the text; may be empty */
    struct belfry_str title, body, html; /* rendered; each may be empty */
    struct belfry_str actions;   /* JSON array of buttons, or empty: objects
                                    with id, label, url */
    struct belfry_str data;      /* the sender's JSON as it came, or empty */
    struct belfry_str overrides; /* the sender's JSON object, or empty */
    struct belfry_str address;   /* the user's; empty: the provider's target */
    struct belfry_str unsubscribe_url; /* empty: none */
    int64_t created_ms;                /* of the notification */
    int64_t expires_ms; /* nobody wants it after that; 0: never */
    uint32_t attempt;   /* 1 at the first call of this delivery */
    uint32_t reserved;  /* 0 */
};

/* What the other side answered. Where nothing came Belfry judges by itself: not
 * sent, or perhaps. */
struct belfry_answer {
    size_t size;
    uint32_t status;   /* 100 to 599 */
    uint32_t reserved; /* 0 */
    const struct belfry_header *headers;
    size_t n_headers;
    struct belfry_str body; /* the first 64 KiB */
};

/* Nothing is sent by the request, as it fetches a token or so: where no answer
 * comes, or its step crashes, the message was surely not sent. */
#define BELFRY_REQUEST_PREPARES 1u

struct belfry_request {
    size_t size;
    struct belfry_str method; /* GET, POST, PUT, PATCH or DELETE */
    struct belfry_str url;    /* http or https, absolute, at most 8 KiB */
    /* At most 16, of 8 KiB each, and none of how the request goes over its
     * connection: Belfry says Host, Content-Length and the like. */
    const struct belfry_header *headers;
    size_t n_headers;
    struct belfry_str body; /* at most 4 MiB */
    uint32_t flags;         /* BELFRY_REQUEST_... */
    uint32_t reserved;      /* 0 */
};

/* What became of the message. */
#define BELFRY_VERDICT_DELIVERED 1u   /* the answer proves that it arrived */
#define BELFRY_VERDICT_SENT 2u        /* the other side took it */
#define BELFRY_VERDICT_RETRY 3u       /* surely not sent; later perhaps */
#define BELFRY_VERDICT_RATE 4u        /* too many; again after retry_after_ms */
#define BELFRY_VERDICT_MAYBE 5u       /* it may have been sent */
#define BELFRY_VERDICT_GONE 6u        /* the address is dead: never again */
#define BELFRY_VERDICT_REJECTED 7u    /* this message never; others may go */
#define BELFRY_VERDICT_CREDENTIALS 8u /* the configuration: nothing goes */

struct belfry_verdict {
    size_t size;
    uint32_t verdict;         /* BELFRY_VERDICT_... */
    uint32_t status;          /* of the answer, for people; 0: none */
    int64_t retry_after_ms;   /* RATE, RETRY: as the other side says, at most a
                                 day; 0: it named no time */
    int64_t gone_ms;          /* GONE: since when; 0: not told */
    struct belfry_str detail; /* what the other side said; 8 KiB of it are
                                 looked at, and secrets struck out */
    struct belfry_str provider_message_id; /* at most 255 bytes, or empty */
};

#define BELFRY_ASK 1u
#define BELFRY_DONE 2u

struct belfry_step {
    size_t size;
    const struct belfry_host *host;
    struct belfry_str provider;        /* its name */
    const struct belfry_value *config; /* one for each row of the table */
    const struct belfry_message *message;
    const struct belfry_answer *answer; /* NULL at the first step */
    int64_t now_ms;
    const unsigned char *random; /* 32 bytes that nobody can guess */
    /* in and out */
    uint32_t stage;         /* 0 at the first step, then what the last one left:
                               0 to 1,000,000 */
    uint32_t reserved;      /* 0 */
    struct belfry_str memo; /* what is kept between calls of this provider, such
                               as an access token, in memory only: at most 8 KiB
                               until memo_expires_ms, or until its configuration
                               changes; empty: nothing */
    int64_t memo_expires_ms;
    /* out; size is set, the rest zero */
    struct belfry_request *request;
    struct belfry_verdict *verdict;
};

/* ---- what the other side tells later ---- */

#define BELFRY_EVENT_DELIVERED 1u
#define BELFRY_EVENT_DEFERRED 2u /* it goes on trying */
#define BELFRY_EVENT_BOUNCED 3u  /* for good: the address is dead */
#define BELFRY_EVENT_FAILED 4u   /* for good; the address may be right */
#define BELFRY_EVENT_COMPLAINED 5u
#define BELFRY_EVENT_UNSUBSCRIBED 6u
#define BELFRY_EVENT_OPENED 7u
#define BELFRY_EVENT_CLICKED 8u /* url */
#define BELFRY_EVENT_ACTION 9u  /* action: the id of the button */

struct belfry_event {
    size_t size;
    uint32_t kind;        /* BELFRY_EVENT_... */
    uint32_t reserved;    /* 0 */
    struct belfry_str id; /* the other side's own of this event: what is told
                             twice counts once; empty: it has none */
    /* Which delivery it is about: the first where it was sent, else the other
     * side's id. */
    struct belfry_str delivery_id, provider_message_id;
    struct belfry_str address; /* whom it names; may be empty */
    struct belfry_str detail;  /* why, for people; may be empty */
    struct belfry_str url, action;
    int64_t at_ms; /* by their clock; 0: not told */
};

#define BELFRY_RECEIPT_TAKEN 1u     /* events, maybe none */
#define BELFRY_RECEIPT_UNSIGNED 2u  /* no signature, a wrong one, too old */
#define BELFRY_RECEIPT_MALFORMED 3u /* signed, but not what is sent */

struct belfry_receipt {
    size_t size;
    const struct belfry_host *host;
    struct belfry_str provider;        /* its name */
    const struct belfry_value *config; /* one for each row of the table */
    struct belfry_str method;          /* "POST"; "GET" for a handshake */
    struct belfry_str url, query; /* as called; the query without its mark */
    const struct belfry_header *headers;
    size_t n_headers;
    struct belfry_str body; /* raw, as it was signed */
    int64_t now_ms;
    /* out */
    const struct belfry_event *const *events; /* at most 1,000 */
    size_t n_events;
    struct belfry_str reply, reply_type; /* of the 200, at most 64 KiB and 100
                                            bytes; empty: nothing */
};

#if defined(__GNUC__)
#define BELFRY_EXPORT __attribute__((visibility("default")))
#else
#define BELFRY_EXPORT
#endif

/* The one symbol. Called once, before anything else; what it returns stays. It
 * may open nothing: the child is closed off already. */
BELFRY_EXPORT const struct belfry_plugin *belfry_plugin_v1(void);

#ifdef __cplusplus
}
#endif

#endif
