/* egress.h - which addresses Belfry may call. The decision is made on the
 * resolved address, right before connect(), so no spelling and no DNS trick
 * gets around it. */
#pragma once

#include "base/str.h"

struct sockaddr;
struct egress_policy;

/* Everything public is allowed; loopback, private, link-local, multicast,
 * metadata and other special ranges are not, unless a CIDR of `allow` covers
 * them. NULL with a line in *ret_why if a CIDR does not parse. */
struct egress_policy *egress_policy_new(const struct str *allow, size_t n,
                                        const char **ret_why);
void egress_policy_free(struct egress_policy *p);
bool egress_allows(const struct egress_policy *p, const struct sockaddr *a);
/* False only if the host part is an address literal (any spelling that the
 * resolver takes) or a name such as "localhost" that is refused for certain;
 * ret_range then names the CIDR that would have to be allowed. */
bool egress_allows_host(const struct egress_policy *p, struct str host,
                        char ret_range[static 64]);
