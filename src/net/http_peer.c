/* http_peer.c - see http_peer.h. */
#include "net/http_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool
is_v4(const struct ip *ip)
{
    return memcmp(ip->bytes, v4_prefix, sizeof v4_prefix) == 0;
}

struct ip
ip_from_sockaddr(const struct sockaddr *a)
{
    struct ip ip = {0};

    if (a->sa_family == AF_INET6) {
        struct sockaddr_in6 six;

        memcpy(&six, a, sizeof six);
        memcpy(ip.bytes, &six.sin6_addr, sizeof ip.bytes);
    } else if (a->sa_family == AF_INET) {
        struct sockaddr_in four;

        memcpy(&four, a, sizeof four);
        memcpy(ip.bytes, v4_prefix, sizeof v4_prefix);
        memcpy(ip.bytes + sizeof v4_prefix, &four.sin_addr, 4);
    }
    return ip;
}

bool
ip_parse(struct str text, struct ip *ret)
{
    char copy[IP_TEXT_SIZE];
    struct ip ip = {0};

    if (text.n == 0 || text.n >= sizeof copy || memchr(text.p, 0, text.n))
        return false;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    if (inet_pton(AF_INET6, copy, ip.bytes) != 1) {
        memcpy(ip.bytes, v4_prefix, sizeof v4_prefix);
        if (inet_pton(AF_INET, copy, ip.bytes + sizeof v4_prefix) != 1)
            return false;
    }
    *ret = ip;
    return true;
}

struct str
ip_format(const struct ip *ip, char text[static IP_TEXT_SIZE])
{
    const bool four = is_v4(ip);
    const char *p = inet_ntop(four ? AF_INET : AF_INET6,
                              ip->bytes + (four ? sizeof v4_prefix : 0), text,
                              IP_TEXT_SIZE);

    return str_from(p);
}

bool
ip_is_loopback(const struct ip *ip)
{
    static const struct ip one = {.bytes = {[15] = 1}};

    if (is_v4(ip))
        return ip->bytes[12] == 127;
    return memcmp(ip->bytes, one.bytes, sizeof one.bytes) == 0;
}

bool
ip_range_parse(struct str text, struct ip_range *ret)
{
    const ptrdiff_t slash = str_find(text, '/');
    struct str address = text;
    struct ip_range range = {.bits = 128};
    uint64_t bits, max;

    if (slash >= 0)
        address.n = (size_t)slash;
    if (!ip_parse(address, &range.ip))
        return false;
    if (slash >= 0) {
        const struct str digits = {text.p + slash + 1,
                                   text.n - (size_t)slash - 1};

        max = is_v4(&range.ip) && str_find(address, ':') < 0 ? 32 : 128;
        if (!str_to_u64(digits, &bits) || bits > max)
            return false;
        range.bits = (unsigned)(bits + 128 - max);
    }
    *ret = range;
    return true;
}

bool
ip_range_holds(const struct ip_range *r, const struct ip *ip)
{
    const size_t whole = r->bits / 8;
    const unsigned rest = r->bits % 8;

    if (memcmp(r->ip.bytes, ip->bytes, whole) != 0)
        return false;
    return rest == 0 ||
           (r->ip.bytes[whole] ^ ip->bytes[whole]) >> (8 - rest) == 0;
}

static bool
is_trusted(const struct trusted_proxies *t, const struct ip *ip)
{
    for (size_t i = 0; i < t->n; i++)
        if (ip_range_holds(&t->ranges[i], ip))
            return true;
    return false;
}

/* "192.0.2.1", "192.0.2.1:4711", "2001:db8::1", "[2001:db8::1]:4711". */
static bool
parse_hop(struct str hop, struct ip *ret)
{
    const ptrdiff_t colon = str_find(hop, ':');

    if (hop.n && hop.p[0] == '[') {
        const ptrdiff_t close = str_find(hop, ']');

        return close > 0 &&
               ip_parse((struct str){hop.p + 1, (size_t)close - 1}, ret);
    }
    if (colon >= 0 &&
        memchr(hop.p + colon + 1, ':', hop.n - (size_t)colon - 1) == NULL)
        hop.n = (size_t)colon;
    return ip_parse(hop, ret);
}

/* The last part of *rest is taken off it. */
static bool
take_last_hop(struct str *rest, struct str *ret)
{
    size_t at = rest->n;

    if (!rest->p)
        return false;
    while (at && rest->p[at - 1] != ',')
        at--;
    *ret = str_trim((struct str){rest->p + at, rest->n - at});
    *rest = at ? (struct str){rest->p, at - 1} : STR_NONE;
    return true;
}

/* From the nearest hop outwards, until one is not a proxy of ours. A hop that
 * is no address ends the walk: nothing beyond it can be believed. */
static struct ip
walk_outwards(const struct http_request *r, const struct trusted_proxies *t,
              struct ip at)
{
    for (size_t i = r->n_headers; i-- > 0;) {
        struct str rest = r->headers[i].value, hop;
        struct ip next;

        if (!str_ieq(r->headers[i].name, STR("X-Forwarded-For")))
            continue;
        while (take_last_hop(&rest, &hop)) {
            if (!parse_hop(hop, &next))
                return at;
            at = next;
            if (!is_trusted(t, &at))
                return at;
        }
    }
    return at;
}

static bool
is_forwarded(const struct http_request *r)
{
    static const char *const names[] = {"X-Forwarded-For", "Forwarded",
                                        "X-Forwarded-Host", "X-Forwarded-Proto",
                                        "X-Real-IP"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (http_request_header(r, names[i]).p)
            return true;
    return false;
}

void
http_peer_find(struct http_request *r, const struct trusted_proxies *t,
               const struct ip *from)
{
    struct ip peer = *from;
    char text[IP_TEXT_SIZE];

    if (is_trusted(t, from))
        peer = walk_outwards(r, t, peer);
    r->peer = str_dup(r->arena, ip_format(&peer, text));
    r->is_loopback = ip_is_loopback(from) && !is_forwarded(r);
}
