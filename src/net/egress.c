/* egress.c - two small tables and a walk through them. Nothing here is changed
 * after egress_policy_new(), so any thread may ask. */
#include "net/egress.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/arena.h"

#define HOST_MAX 255

/* An address as it is judged: IPv4 in the first four bytes, or IPv6. */
struct address {
    bool is_v6;
    uint8_t bytes[16];
};

struct cidr {
    struct address base;
    int bits;
};

struct egress_policy {
    struct cidr *allow;
    size_t n_allow;
};

/* Not public by the IANA special-purpose registries. */
static const struct {
    uint8_t bytes[4];
    int bits;
    const char *name;
} denied_v4[] = {
    {{0}, 8, "0.0.0.0/8"},
    {{10}, 8, "10.0.0.0/8"},
    {{100, 64}, 10, "100.64.0.0/10"},
    {{127}, 8, "127.0.0.0/8"},
    {{169, 254}, 16, "169.254.0.0/16"},
    {{172, 16}, 12, "172.16.0.0/12"},
    {{192, 0, 0}, 24, "192.0.0.0/24"},
    {{192, 0, 2}, 24, "192.0.2.0/24"},
    {{192, 88, 99}, 24, "192.88.99.0/24"},
    {{192, 168}, 16, "192.168.0.0/16"},
    {{198, 18}, 15, "198.18.0.0/15"},
    {{198, 51, 100}, 24, "198.51.100.0/24"},
    {{203, 0, 113}, 24, "203.0.113.0/24"},
    {{224}, 4, "224.0.0.0/4"},
    {{240}, 4, "240.0.0.0/4"},
};

/* What lies outside 2000::/3 is refused without a row of its own; the rows
 * for it are here for their names. No name: each address by itself. */
static const struct {
    uint8_t bytes[6];
    int bits;
    const char *name;
} denied_v6[] = {
    {{0}, 96, NULL}, /* unspecified, loopback, IPv4-compatible */
    {{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48, "64:ff9b:1::/48"},
    {{0x01, 0x00}, 64, "100::/64"},
    {{0x20, 0x01}, 23, "2001::/23"}, /* Teredo, ORCHID, benchmarks */
    {{0x20, 0x01, 0x0d, 0xb8}, 32, "2001:db8::/32"},
    {{0x3f, 0xff}, 20, "3fff::/20"},
    {{0x5f, 0x00}, 16, "5f00::/16"},
    {{0xfc}, 7, "fc00::/7"},
    {{0xfe, 0x80}, 10, "fe80::/10"},
    {{0xfe, 0xc0}, 10, "fec0::/10"},
    {{0xff}, 8, "ff00::/8"},
};

/* Where clouds hand out credentials to whoever asks: refused even inside an
 * allowed network, unless the very address is allowed. */
static const char *const metadata[] = {
    "169.254.169.254", /* AWS, GCP, Azure, and others after them */
    "169.254.170.2",   /* AWS ECS */
    "169.254.170.23",  /* AWS EKS */
    "100.100.100.200", /* Alibaba */
    "168.63.129.16",   /* Azure */
    "192.0.0.192",     /* Oracle */
    "fd00:ec2::254",   /* AWS */
    "fd00:ec2::23",    /* AWS EKS */
    "fd20:ce::254",    /* GCP */
};

static bool
has_prefix(const uint8_t *bytes, const uint8_t *prefix, int bits)
{
    int whole = bits / 8, rest = bits % 8;

    if (memcmp(bytes, prefix, (size_t)whole) != 0)
        return false;
    return rest == 0 || (bytes[whole] ^ prefix[whole]) >> (8 - rest) == 0;
}

static bool
cidr_covers(const struct cidr *c, const struct address *a)
{
    return c->base.is_v6 == a->is_v6 &&
           has_prefix(a->bytes, c->base.bytes, c->bits);
}

static int
width(const struct address *a)
{
    return a->is_v6 ? 128 : 32;
}

/* An IPv6 address that stands for an IPv4 one is judged as that one. */
static struct address
unwrapped(const struct address *a)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    static const uint8_t translated[12] = {[8] = 0xff, [9] = 0xff};
    static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};
    static const uint8_t six_to_four[2] = {0x20, 0x02};
    struct address v4 = {0};

    if (!a->is_v6)
        return *a;
    if (has_prefix(a->bytes, mapped, 96) ||
        has_prefix(a->bytes, translated, 96) || has_prefix(a->bytes, nat64, 96))
        memcpy(v4.bytes, a->bytes + 12, 4);
    else if (has_prefix(a->bytes, six_to_four, 16))
        memcpy(v4.bytes, a->bytes + 2, 4);
    else
        return *a;
    return v4;
}

static bool
parse_plain(struct str s, struct address *ret)
{
    struct address a = {0};
    char text[INET6_ADDRSTRLEN];

    if (s.n == 0 || s.n >= sizeof(text) || memchr(s.p, 0, s.n))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = 0;
    a.is_v6 = str_find(s, ':') >= 0;
    if (inet_pton(a.is_v6 ? AF_INET6 : AF_INET, text, a.bytes) != 1)
        return false;
    *ret = a;
    return true;
}

static bool
is_metadata(const struct address *a)
{
    struct address m;

    for (size_t i = 0; i < sizeof(metadata) / sizeof(metadata[0]); i++)
        if (parse_plain(str_from(metadata[i]), &m) && m.is_v6 == a->is_v6 &&
            memcmp(m.bytes, a->bytes, sizeof(m.bytes)) == 0)
            return true;
    return false;
}

/* Whether it is no public address; *ret_name is of the range, or NULL. */
static bool
is_denied(const struct address *a, const char **ret_name)
{
    *ret_name = NULL;
    if (!a->is_v6) {
        for (size_t i = 0; i < sizeof(denied_v4) / sizeof(denied_v4[0]); i++)
            if (has_prefix(a->bytes, denied_v4[i].bytes, denied_v4[i].bits)) {
                *ret_name = denied_v4[i].name;
                return true;
            }
        return false;
    }
    for (size_t i = 0; i < sizeof(denied_v6) / sizeof(denied_v6[0]); i++) {
        uint8_t prefix[16] = {0};

        memcpy(prefix, denied_v6[i].bytes, sizeof(denied_v6[i].bytes));
        if (has_prefix(a->bytes, prefix, denied_v6[i].bits)) {
            *ret_name = denied_v6[i].name;
            return true;
        }
    }
    return a->bytes[0] >> 5 != 1;
}

static bool
is_allowed(const struct egress_policy *p, const struct address *a,
           bool has_to_be_exact)
{
    for (size_t i = 0; i < p->n_allow; i++)
        if (cidr_covers(&p->allow[i], a) &&
            (!has_to_be_exact || p->allow[i].bits == width(a)))
            return true;
    return false;
}

static void
name_range(const struct address *a, const char *range, char ret[static 64])
{
    char text[INET6_ADDRSTRLEN];

    if (range) {
        snprintf(ret, 64, "%s", range);
        return;
    }
    inet_ntop(a->is_v6 ? AF_INET6 : AF_INET, a->bytes, text, sizeof(text));
    snprintf(ret, 64, "%s/%d", text, width(a));
}

static bool
judge(const struct egress_policy *p, const struct address *given,
      char ret_range[static 64])
{
    struct address a = unwrapped(given);
    const char *range;

    if (is_metadata(&a)) {
        name_range(&a, NULL, ret_range);
        return is_allowed(p, &a, true);
    }
    if (!is_denied(&a, &range))
        return true;
    /* Also as it was written: an operator who routes a wrapped range may
     * allow that range. */
    if (is_allowed(p, &a, false) || is_allowed(p, given, false))
        return true;
    name_range(&a, range, ret_range);
    return false;
}

/* ---- the policy ---- */

static void
clear_host_bits(struct cidr *c)
{
    for (int i = 0; i < 16; i++) {
        int left = c->bits - i * 8;

        if (left <= 0)
            c->base.bytes[i] = 0;
        else if (left < 8)
            c->base.bytes[i] &= (uint8_t)(0xff << (8 - left));
    }
}

static bool
parse_cidr(struct str s, struct cidr *ret)
{
    struct str rest = str_trim(s), host;
    struct cidr c;
    uint64_t bits;

    if (!str_split(&rest, '/', &host) || !parse_plain(host, &c.base))
        return false;
    bits = (uint64_t)width(&c.base);
    if (rest.p && (!str_to_u64(rest, &bits) || bits > (uint64_t)width(&c.base)))
        return false;
    c.bits = (int)bits;
    if (c.base.is_v6 && c.bits >= 96) {
        struct address v4 = unwrapped(&c.base);

        if (!v4.is_v6 && c.base.bytes[0] == 0 && c.base.bytes[1] == 0) {
            c.base = v4;
            c.bits -= 96;
        }
    }
    clear_host_bits(&c);
    *ret = c;
    return true;
}

struct egress_policy *
egress_policy_new(const struct str *allow, size_t n, const char **ret_why)
{
    static _Thread_local char why[192];
    struct egress_policy *p = xcalloc(1, sizeof(*p));

    p->allow = xcalloc(n ? n : 1, sizeof(*p->allow));
    for (size_t i = 0; i < n; i++) {
        if (str_trim(allow[i]).n == 0)
            continue;
        if (!parse_cidr(allow[i], &p->allow[p->n_allow])) {
            struct str shown = str_utf8_clip(allow[i], 64);

            snprintf(why, sizeof(why),
                     "\"%.*s\" is no address range such as 10.0.0.0/8 or "
                     "fd00::/8",
                     STR_ARG(shown));
            *ret_why = why;
            egress_policy_free(p);
            return NULL;
        }
        p->n_allow++;
    }
    return p;
}

void
egress_policy_free(struct egress_policy *p)
{
    if (!p)
        return;
    free(p->allow);
    free(p);
}

bool
egress_allows(const struct egress_policy *p, const struct sockaddr *sa)
{
    struct address a = {0};
    char range[64];

    if (sa->sa_family == AF_INET) {
        struct sockaddr_in in;

        memcpy(&in, sa, sizeof(in));
        memcpy(a.bytes, &in.sin_addr, 4);
    } else if (sa->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;

        memcpy(&in6, sa, sizeof(in6));
        memcpy(a.bytes, &in6.sin6_addr, 16);
        a.is_v6 = true;
    } else {
        return false;
    }
    return judge(p, &a, range);
}

/* ---- host literals ---- */

/* One part of an IPv4 literal: decimal, octal (0...) or hex (0x...). */
static bool
parse_part(struct str s, uint64_t *ret)
{
    uint64_t v = 0;
    int base = 10;

    if (s.n == 0 || s.n > 32)
        return false;
    if (s.n >= 2 && s.p[0] == '0' && (s.p[1] == 'x' || s.p[1] == 'X')) {
        base = 16;
        s = str_sub(s, 2, s.n);
    } else if (s.n >= 2 && s.p[0] == '0') {
        base = 8;
    }
    for (size_t i = 0; i < s.n; i++) {
        int d = str_hex_digit(s.p[i]);

        if (d < 0 || d >= base)
            return false;
        v = v * (uint64_t)base + (uint64_t)d;
        if (v > UINT32_MAX)
            return false;
    }
    *ret = v;
    return true;
}

/* As inet_aton() reads it: one to four parts, the last fills what is left. */
static bool
parse_v4_any(struct str s, struct address *ret)
{
    struct address a = {0};
    uint64_t parts[4];
    struct str part;
    size_t n = 0;

    while (str_split(&s, '.', &part))
        if (n == 4 || !parse_part(part, &parts[n++]))
            return false;
    if (n == 0)
        return false;
    for (size_t i = 0; i + 1 < n; i++) {
        if (parts[i] > 255)
            return false;
        a.bytes[i] = (uint8_t)parts[i];
    }
    if (parts[n - 1] >> (8 * (5 - n)) != 0)
        return false;
    for (size_t i = n - 1; i < 4; i++)
        a.bytes[i] = (uint8_t)(parts[n - 1] >> (8 * (3 - i)));
    *ret = a;
    return true;
}

/* What a URL host may be wrapped in: percent signs, brackets, a zone, a final
 * dot. Lower case comes out. */
static struct str
bare_host(struct str host, char text[static HOST_MAX + 1])
{
    struct str s = {text, 0};
    ptrdiff_t zone;

    for (size_t i = 0; i < host.n && s.n < HOST_MAX; i++) {
        char c = host.p[i];
        const bool is_escape = c == '%' && i + 2 < host.n;
        const int high = is_escape ? str_hex_digit(host.p[i + 1]) : -1;
        const int low = is_escape ? str_hex_digit(host.p[i + 2]) : -1;

        if (high >= 0 && low >= 0) {
            c = (char)(high << 4 | low);
            i += 2;
        }
        text[s.n++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    if (s.n >= 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
        s = str_sub(s, 1, s.n - 2);
    zone = str_find(s, '%');
    if (zone >= 0 && str_find(s, ':') >= 0)
        s.n = (size_t)zone;
    if (s.n > 0 && s.p[s.n - 1] == '.')
        s.n--;
    return s;
}

static bool
is_loopback_name(struct str s)
{
    return str_is(s, "localhost") || str_ends(s, STR(".localhost")) ||
           str_is(s, "localhost.localdomain") || str_is(s, "ip6-localhost") ||
           str_is(s, "ip6-loopback");
}

bool
egress_allows_host(const struct egress_policy *p, struct str host,
                   char ret_range[static 64])
{
    static const struct address loopback_v4 = {false, {127, 0, 0, 1}};
    static const struct address loopback_v6 = {true, {[15] = 1}};
    static const struct address cloud = {false, {169, 254, 169, 254}};
    char text[HOST_MAX + 1];
    struct str s = bare_host(host, text);
    struct address a;

    if (is_loopback_name(s))
        return judge(p, &loopback_v6, ret_range) ||
               judge(p, &loopback_v4, ret_range);
    if (str_is(s, "metadata.google.internal"))
        return judge(p, &cloud, ret_range);
    if (parse_v4_any(s, &a) || (str_find(s, ':') >= 0 && parse_plain(s, &a)))
        return judge(p, &a, ret_range);
    return true;
}
