/* http_peer.h - who is at the other end: addresses, ranges of them, and whom
 * the forwarding header of a trusted proxy names. */
#pragma once

#include "net/http_server.h"

struct sockaddr;

/* IPv4 is held as ::ffff:a.b.c.d, so that both families compare alike. */
struct ip {
    uint8_t bytes[16];
};
struct ip_range {
    struct ip ip;
    unsigned bits;
};

#define IP_TEXT_SIZE 46

struct ip ip_from_sockaddr(const struct sockaddr *a);
bool ip_parse(struct str text, struct ip *ret);
struct str ip_format(const struct ip *ip, char text[static IP_TEXT_SIZE]);
bool ip_is_loopback(const struct ip *ip);
bool ip_range_parse(struct str text, struct ip_range *ret); /* or one address */
bool ip_range_holds(const struct ip_range *r, const struct ip *ip);

struct trusted_proxies {
    struct ip_range *ranges;
    size_t n;
};
/* Fills r->peer and r->is_loopback; r's headers are there. `from` is the
 * address that the connection comes from. */
void http_peer_find(struct http_request *r, const struct trusted_proxies *t,
                    const struct ip *from);
