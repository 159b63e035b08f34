/* dkim.c - see dkim.h. */
#include "channel/dkim.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/hmac.h"
#include "base/sign.h"

#define LINE 72

/* What is signed, whether it is there or not. */
static const char *const names_signed[] = {
    "from",
    "to",
    "cc",
    "reply-to",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "list-id",
    "list-unsubscribe",
    "list-unsubscribe-post",
};

/* ---- keys ---- */

static bool
find_algorithm(struct str pem, enum sign_algorithm *ret)
{
    *ret = SIGN_ED25519;
    if (!sign_key_fault(pem, SIGN_ED25519))
        return true;
    *ret = SIGN_RS256;
    return !sign_key_fault(pem, SIGN_RS256);
}

const char *
dkim_key_fault(struct str private_key)
{
    enum sign_algorithm alg;

    return find_algorithm(private_key, &alg)
               ? NULL
               : "must be an RSA key of 1024 bits or more, or an Ed25519 key, "
                 "in PEM without a password";
}

/* ---- canonical forms ---- */

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Each run of blanks as one, none at the end. */
static void
put_reduced(struct buf *out, struct str line)
{
    while (line.n > 0 && is_blank(line.p[line.n - 1]))
        line.n--;
    for (size_t i = 0; i < line.n; i++) {
        if (!is_blank(line.p[i]))
            buf_put_char(out, line.p[i]);
        else if (i == 0 || !is_blank(line.p[i - 1]))
            buf_put_char(out, ' ');
    }
}

struct str
dkim_relaxed_body(struct arena *a, struct str body)
{
    struct str line;
    struct buf b;
    size_t end = 0;

    buf_init(&b, a);
    while (str_split(&body, '\n', &line)) {
        size_t start = b.n;

        if (line.n > 0 && line.p[line.n - 1] == '\r')
            line.n--;
        put_reduced(&b, line);
        if (b.n > start)
            end = b.n + 2; /* behind this line's end */
        buf_put_cstr(&b, "\r\n");
    }
    return str_sub(buf_str(&b), 0, end);
}

/* A whole header with its folds and the line end: "name:value". */
static void
put_relaxed_header(struct buf *out, struct arena *a, struct str header)
{
    ptrdiff_t colon = str_find(header, ':');
    struct str name = str_sub(header, 0, colon < 0 ? 0 : (size_t)colon);
    struct str value = str_sub(header, (size_t)(colon + 1), header.n);
    struct buf flat;

    buf_init(&flat, a);
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] != '\r' && value.p[i] != '\n')
            buf_put_char(&flat, value.p[i]);
    buf_put_str(out, str_lower(a, str_trim(name)));
    buf_put_char(out, ':');
    put_reduced(out, str_trim(buf_str(&flat)));
}

/* ---- headers ---- */

/* The next whole header of *rest; false: there is none. */
static bool
take_header(struct str *rest, struct str *ret)
{
    size_t n = 0;

    if (rest->n == 0)
        return false;
    do {
        struct str left = str_sub(*rest, n, rest->n);
        ptrdiff_t end = str_find(left, '\n');

        n += end < 0 ? left.n : (size_t)end + 1;
    } while (n < rest->n && is_blank(rest->p[n]));
    *ret = str_sub(*rest, 0, n);
    *rest = str_sub(*rest, n, rest->n);
    return true;
}

static bool
is_named(struct str header, struct str name)
{
    ptrdiff_t colon = str_find(header, ':');

    return colon > 0 &&
           str_ieq(str_trim(str_sub(header, 0, (size_t)colon)), name);
}

static size_t
count_of(struct str headers, struct str name)
{
    struct str header;
    size_t n = 0;

    while (take_header(&headers, &header))
        n += is_named(header, name);
    return n;
}

/* Of several of one name, the i-th from below. */
static struct str
header_from_below(struct str headers, struct str name, size_t i)
{
    size_t n = count_of(headers, name), at = 0;
    struct str header;

    if (i >= n)
        return STR_NONE;
    while (take_header(&headers, &header))
        if (is_named(header, name) && ++at == n - i)
            return header;
    return STR_NONE;
}

struct str
dkim_signed_text(struct arena *a, struct str headers, struct str names,
                 struct str own)
{
    struct str before = STR_NONE, rest = names, name;
    struct buf b, seen;

    buf_init(&b, a);
    buf_init(&seen, a);
    while (str_split(&rest, ':', &name)) {
        struct str header;

        name = str_trim(name);
        header = header_from_below(headers, name, count_of(before, name));
        if (header.n > 0) {
            put_relaxed_header(&b, a, header);
            buf_put_cstr(&b, "\r\n");
        }
        buf_put_str(&seen, name); /* as a header of that name */
        buf_put_cstr(&seen, ":\n");
        before = buf_str(&seen);
    }
    put_relaxed_header(&b, a, own);
    return buf_str(&b);
}

/* ---- the signature ---- */

static struct str
base64(struct arena *a, struct str raw)
{
    struct buf b;

    buf_init(&b, a);
    buf_put_base64(&b, raw);
    return buf_str(&b);
}

struct str
dkim_signature_of(struct arena *a, const struct dkim_key *key,
                  struct str signed_text)
{
    enum sign_algorithm alg;

    if (!find_algorithm(key->private_key, &alg))
        return STR_NONE;
    /* Ed25519 signs the hash as its text (RFC 8463, 3). */
    if (alg == SIGN_ED25519)
        signed_text = hash_sha256(a, signed_text);
    return base64(a, sign(a, alg, key->private_key, signed_text));
}

static struct str
names_of(struct arena *a, struct str headers)
{
    size_t n_names = sizeof(names_signed) / sizeof(names_signed[0]);
    struct buf b;

    buf_init(&b, a);
    for (size_t i = 0; i < n_names; i++) {
        size_t n = count_of(headers, str_from(names_signed[i]));

        for (size_t j = 0; j <= n; j++)
            buf_printf(&b, "%s%s", b.n > 0 ? ":" : "", names_signed[i]);
    }
    return buf_str(&b);
}

/* In lines that begin with a blank; cut anywhere, or behind colons. */
static void
put_folded(struct buf *out, struct str text, bool at_colons)
{
    while (text.n > LINE) {
        size_t n = LINE;

        while (at_colons && n > 1 && text.p[n - 1] != ':')
            n--;
        buf_printf(out, "%.*s\r\n ", (int)n, text.p);
        text = str_sub(text, n, text.n);
    }
    buf_put_str(out, text);
}

static bool
split_message(struct str message, struct str *headers, struct str *body)
{
    const char *end =
        message.n > 0 ? memmem(message.p, message.n, "\r\n\r\n", 4) : NULL;

    if (!end)
        return false;
    *headers = str_sub(message, 0, (size_t)(end - message.p) + 2);
    *body = str_sub(message, headers->n + 2, message.n);
    return true;
}

struct str
dkim_sign(struct arena *a, const struct dkim_key *key, struct str message,
          int64_t wall_ms)
{
    struct str headers, body, names, signature;
    enum sign_algorithm alg;
    struct buf b;

    if (!split_message(message, &headers, &body) ||
        !find_algorithm(key->private_key, &alg))
        return STR_NONE;
    names = names_of(a, headers);
    body = base64(a, hash_sha256(a, dkim_relaxed_body(a, body)));
    buf_init(&b, a);
    buf_printf(&b,
               "DKIM-Signature: v=1; a=%s; c=relaxed/relaxed;\r\n"
               " d=%.*s;\r\n s=%.*s; t=%lld;\r\n h=",
               alg == SIGN_ED25519 ? "ed25519-sha256" : "rsa-sha256",
               STR_ARG(key->domain), STR_ARG(key->selector),
               (long long)(wall_ms / 1000));
    put_folded(&b, names, true);
    buf_printf(&b, ";\r\n bh=%.*s;\r\n b=", STR_ARG(body));
    signature = dkim_signature_of(
        a, key, dkim_signed_text(a, headers, names, buf_str(&b)));
    put_folded(&b, signature, false);
    buf_put_cstr(&b, "\r\n");
    return buf_str(&b);
}
