#include "app/device_doc.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/p256.h"
#include "base/url.h"
#include "domain/device.h"

#define AUTH_BYTES 16 /* RFC 8291, section 3.2 */

static const char *const kinds[] = {"web_push", "fcm", "apns", NULL};

static const struct field key_fields[] = {
    {.name = "p256dh",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .min = 1,
     .max = 128,
     .doc = "The browser's public key, base64url."},
    {.name = "auth",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .min = 1,
     .max = 64,
     .doc = "Its authentication secret, base64url."},
    {.type = FIELD_END},
};
static const struct field subscription_fields[] = {
    {.name = "endpoint",
     .type = FIELD_URL,
     .flags = FIELD_REQUIRED,
     .max = 2048,
     .doc = "Where the browser's push service takes messages for it."},
    {.name = "expirationTime",
     .type = FIELD_DECIMAL,
     .flags = FIELD_NULLABLE,
     .doc = "As browsers write it, a number or null; not looked at, as the "
            "push service tells when it has expired."},
    {.name = "keys",
     .type = FIELD_OBJECT,
     .flags = FIELD_REQUIRED,
     .of = key_fields,
     .doc = "What messages to it are encrypted with."},
    {.type = FIELD_END},
};

const struct field device_fields[] = {
    {.name = "name",
     .type = FIELD_KEY,
     .doc = "Its own among the user's devices."},
    {.name = "kind",
     .type = FIELD_ENUM,
     .flags = FIELD_REQUIRED,
     .values = kinds,
     .doc = "A browser (web_push), or an app's registration with Firebase "
            "(fcm) or Apple (apns)."},
    {.name = "subscription",
     .type = FIELD_OBJECT,
     .of = subscription_fields,
     .doc = "Of a browser: what its PushSubscription.toJSON() gives."},
    {.name = "token",
     .type = FIELD_STRING,
     .min = 1,
     .max = 1024,
     .doc = "Of an app: its registration token, or the device token in "
            "hexadecimal."},
    {.name = "version", .type = FIELD_INT, .flags = FIELD_READ_ONLY},
    {.name = "created_at", .type = FIELD_TIME, .flags = FIELD_READ_ONLY},
    {.name = "updated_at", .type = FIELD_TIME, .flags = FIELD_READ_ONLY},
    {.type = FIELD_END},
};

static struct str
decoded(struct arena *a, struct json keys, const char *name)
{
    struct buf raw;

    buf_init(&raw, a);
    return buf_get_base64(&raw, json_str_of(a, keys, name)) ? buf_str(&raw)
                                                            : STR_NONE;
}

static void
check_subscription(struct json s, struct problem *p)
{
    struct json keys = json_get(s, "keys");
    const char *fault = url_fault(json_str_of(p->arena, s, "endpoint"));

    if (fault)
        problem_add(p, ERR_INVALID, STR("/subscription/endpoint"), "%s", fault);
    if (!p256_is_point(decoded(p->arena, keys, "p256dh")))
        problem_add(p, ERR_INVALID, STR("/subscription/keys/p256dh"),
                    "must be a point of P-256: 65 bytes in base64url");
    if (decoded(p->arena, keys, "auth").n != AUTH_BYTES)
        problem_add(p, ERR_INVALID, STR("/subscription/keys/auth"),
                    "must be %d bytes in base64url", AUTH_BYTES);
}

static bool
is_hex(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (str_hex_digit(s.p[i]) < 0)
            return false;
    return s.n % 2 == 0;
}

/* One that would be cut off, or be more than one line of a header or path. */
static bool
is_graphic(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= 0x20 || s.p[i] >= 0x7f)
            return false;
    return true;
}

static void
check_token(enum device_kind kind, struct str token, struct problem *p)
{
    if (kind == DEVICE_APNS && !is_hex(token))
        problem_add(p, ERR_INVALID, STR("/token"),
                    "must be the device token in hexadecimal");
    else if (!is_graphic(token))
        problem_add(p, ERR_INVALID, STR("/token"),
                    "must be printable ASCII without blanks");
}

void
device_doc_check(struct json doc, struct problem *p)
{
    enum device_kind kind =
        device_kind_find(json_str_of(p->arena, doc, "kind"));
    bool is_browser = kind == DEVICE_WEB_PUSH;
    const char *needs = is_browser ? "subscription" : "token";
    const char *not = is_browser ? "token" : "subscription";

    if (kind == DEVICE_NONE || problem_is_set(p))
        return; /* the table says what is wrong */
    if (json_is(json_get(doc, needs), JSON_ABSENT))
        problem_add(p, ERR_INVALID, str_fmt(p->arena, "/%s", needs),
                    "is required of this kind");
    if (!json_is(json_get(doc, not ), JSON_ABSENT))
        problem_add(p, ERR_INVALID, str_fmt(p->arena, "/%s", not ),
                    "does not belong to this kind");
    if (problem_is_set(p))
        return;
    if (is_browser)
        check_subscription(json_get(doc, "subscription"), p);
    else
        check_token(kind, json_str_of(p->arena, doc, "token"), p);
}
