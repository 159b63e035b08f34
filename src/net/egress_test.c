#include "net/egress.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <cmocka.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))

struct spelling {
    const char *host;
    const char *range; /* refused, and the range to allow; NULL: allowed */
};

static const struct spelling spellings[] = {
    /* loopback, in every way that a resolver takes */
    {"127.0.0.1", "127.0.0.0/8"},
    {"127.0.0.2", "127.0.0.0/8"},
    {"127.255.255.255", "127.0.0.0/8"},
    {"127.0.0.1.", "127.0.0.0/8"},
    {"127.1", "127.0.0.0/8"},
    {"127.0.1", "127.0.0.0/8"},
    {"127.65535", "127.0.0.0/8"},
    {"2130706433", "127.0.0.0/8"},
    {"2130706433.", "127.0.0.0/8"},
    {"0x7f000001", "127.0.0.0/8"},
    {"0X7F000001", "127.0.0.0/8"},
    {"0x7f.1", "127.0.0.0/8"},
    {"0x7f.0.0.1", "127.0.0.0/8"},
    {"0x7f.0x0.0x0.0x1", "127.0.0.0/8"},
    {"0x7F.0x000001", "127.0.0.0/8"},
    {"0177.0.0.1", "127.0.0.0/8"},
    {"0177.1", "127.0.0.0/8"},
    {"017700000001", "127.0.0.0/8"},
    {"00000000177.00.00.01", "127.0.0.0/8"},
    {"0177.0x0.0.01", "127.0.0.0/8"},
    {"127.0x1", "127.0.0.0/8"},
    {"%31%32%37.0.0.1", "127.0.0.0/8"},
    {"127%2e0%2E0%2e1", "127.0.0.0/8"},
    {"localhost", "127.0.0.0/8"},
    {"LOCALHOST", "127.0.0.0/8"},
    {"localhost.", "127.0.0.0/8"},
    {"LocalHost.", "127.0.0.0/8"},
    {"a.localhost", "127.0.0.0/8"},
    {"a.b.LOCALHOST.", "127.0.0.0/8"},
    {"%6cocalhost", "127.0.0.0/8"},
    {"localhost.localdomain", "127.0.0.0/8"},
    {"ip6-localhost", "127.0.0.0/8"},
    {"ip6-loopback", "127.0.0.0/8"},
    {"::1", "::1/128"},
    {"[::1]", "::1/128"},
    {"[0:0:0:0:0:0:0:1]", "::1/128"},
    {"[0000:0000:0000:0000:0000:0000:0000:0001]", "::1/128"},
    {"[::0.0.0.1]", "::1/128"},
    {"[::1%25lo]", "::1/128"},
    {"[::1%lo]", "::1/128"},
    {"[::127.0.0.1]", "::127.0.0.1/128"},
    {"[::ffff:127.0.0.1]", "127.0.0.0/8"},
    {"[::FFFF:127.0.0.1]", "127.0.0.0/8"},
    {"[::ffff:7f00:1]", "127.0.0.0/8"},
    {"[0:0:0:0:0:ffff:7f00:0001]", "127.0.0.0/8"},
    {"[::ffff:0:127.0.0.1]", "127.0.0.0/8"},
    {"[64:ff9b::127.0.0.1]", "127.0.0.0/8"},
    {"[64:ff9b::7f00:1]", "127.0.0.0/8"},
    {"[2002:7f00:0001::]", "127.0.0.0/8"},
    {"[2002:7f00:1::1]", "127.0.0.0/8"},
    /* this host, and nobody */
    {"0", "0.0.0.0/8"},
    {"0.0.0.0", "0.0.0.0/8"},
    {"0x0", "0.0.0.0/8"},
    {"00", "0.0.0.0/8"},
    {"0.1.2.3", "0.0.0.0/8"},
    {"0.255.255.255", "0.0.0.0/8"},
    {"::", "::/128"},
    {"[::]", "::/128"},
    {"[::ffff:0.0.0.0]", "0.0.0.0/8"},
    /* private networks and their edges */
    {"10.0.0.0", "10.0.0.0/8"},
    {"10.255.255.255", "10.0.0.0/8"},
    {"10.1", "10.0.0.0/8"},
    {"012.0.0.1", "10.0.0.0/8"},
    {"0xa.0.0.1", "10.0.0.0/8"},
    {"167772161", "10.0.0.0/8"},
    {"[::ffff:10.0.0.1]", "10.0.0.0/8"},
    {"[64:ff9b::10.0.0.1]", "10.0.0.0/8"},
    {"[2002:a00:1::1]", "10.0.0.0/8"},
    {"9.255.255.255", NULL},
    {"11.0.0.0", NULL},
    {"172.16.0.0", "172.16.0.0/12"},
    {"172.31.255.255", "172.16.0.0/12"},
    {"172.15.255.255", NULL},
    {"172.32.0.0", NULL},
    {"0xac100001", "172.16.0.0/12"},
    {"192.168.0.0", "192.168.0.0/16"},
    {"192.168.255.255", "192.168.0.0/16"},
    {"192.167.255.255", NULL},
    {"192.169.0.0", NULL},
    {"3232235777", "192.168.0.0/16"},
    {"0300.0250.1.1", "192.168.0.0/16"},
    {"192.168.257", "192.168.0.0/16"},
    {"100.64.0.0", "100.64.0.0/10"},
    {"100.127.255.255", "100.64.0.0/10"},
    {"100.63.255.255", NULL},
    {"100.128.0.0", NULL},
    {"[fc00::]", "fc00::/7"},
    {"[fdff:ffff::1]", "fc00::/7"},
    {"[fb00::1]", "fb00::1/128"},
    {"[fe80::1]", "fe80::/10"},
    {"[fe80::1%25eth0]", "fe80::/10"},
    {"[febf:ffff::1]", "fe80::/10"},
    {"[fec0::1]", "fec0::/10"},
    {"[feff::1]", "fec0::/10"},
    {"169.254.0.1", "169.254.0.0/16"},
    {"169.253.255.255", NULL},
    {"169.255.0.0", NULL},
    /* where clouds keep credentials */
    {"169.254.169.254", "169.254.169.254/32"},
    {"169.254.169.254.", "169.254.169.254/32"},
    {"2852039166", "169.254.169.254/32"},
    {"0xA9FEA9FE", "169.254.169.254/32"},
    {"0251.0376.0251.0376", "169.254.169.254/32"},
    {"169.254.43518", "169.254.169.254/32"},
    {"[::ffff:169.254.169.254]", "169.254.169.254/32"},
    {"[::ffff:a9fe:a9fe]", "169.254.169.254/32"},
    {"[64:ff9b::a9fe:a9fe]", "169.254.169.254/32"},
    {"[2002:a9fe:a9fe::]", "169.254.169.254/32"},
    {"metadata.google.internal", "169.254.169.254/32"},
    {"Metadata.Google.Internal.", "169.254.169.254/32"},
    {"169.254.170.2", "169.254.170.2/32"},
    {"169.254.170.23", "169.254.170.23/32"},
    {"100.100.100.200", "100.100.100.200/32"},
    {"168.63.129.16", "168.63.129.16/32"},
    {"0xa83f8110", "168.63.129.16/32"},
    {"192.0.0.192", "192.0.0.192/32"},
    {"[fd00:ec2::254]", "fd00:ec2::254/128"},
    {"[FD00:0EC2:0:0:0:0:0:0254]", "fd00:ec2::254/128"},
    {"[fd20:ce::254]", "fd20:ce::254/128"},
    {"168.63.129.15", NULL},
    /* special ranges and their edges */
    {"192.0.0.1", "192.0.0.0/24"},
    {"192.0.1.0", NULL},
    {"192.0.2.255", "192.0.2.0/24"},
    {"192.0.3.0", NULL},
    {"192.88.99.1", "192.88.99.0/24"},
    {"192.88.98.255", NULL},
    {"198.18.0.1", "198.18.0.0/15"},
    {"198.19.255.255", "198.18.0.0/15"},
    {"198.17.255.255", NULL},
    {"198.20.0.0", NULL},
    {"198.51.100.1", "198.51.100.0/24"},
    {"203.0.113.1", "203.0.113.0/24"},
    {"203.0.112.255", NULL},
    {"203.0.114.0", NULL},
    {"224.0.0.1", "224.0.0.0/4"},
    {"239.255.255.255", "224.0.0.0/4"},
    {"223.255.255.255", NULL},
    {"240.0.0.1", "240.0.0.0/4"},
    {"255.255.255.255", "240.0.0.0/4"},
    {"4294967295", "240.0.0.0/4"},
    {"0xffffffff", "240.0.0.0/4"},
    {"[64:ff9b:1::1]", "64:ff9b:1::/48"},
    {"[64:ff9b:1:ffff::8.8.8.8]", "64:ff9b:1::/48"},
    {"[64:ff9b:2::1]", "64:ff9b:2::1/128"},
    {"[100::1]", "100::/64"},
    {"[2001::1]", "2001::/23"},
    {"[2001:0:4136:e378:8000:63bf:3fff:fdd2]", "2001::/23"},
    {"[2001:10::1]", "2001::/23"},
    {"[2001:200::1]", NULL},
    {"[2001:db8::1]", "2001:db8::/32"},
    {"[2001:db9::1]", NULL},
    {"[3fff::1]", "3fff::/20"},
    {"[3fff:1000::1]", NULL},
    {"[5f00::1]", "5f00::/16"},
    {"[4000::1]", "4000::1/128"},
    {"[ff02::1]", "ff00::/8"},
    /* public ones, and what is no literal at all */
    {"8.8.8.8", NULL},
    {"134744072", NULL},
    {"[2606:4700::1111]", NULL},
    {"2606:4700::1111", NULL},
    {"[::ffff:8.8.8.8]", NULL},
    {"[64:ff9b::8.8.8.8]", NULL},
    {"[2002:808:808::1]", NULL},
    {"example.com", NULL},
    {"localhost.example.com", NULL},
    {"notlocalhost", NULL},
    {"127.0.0.1.example.com", NULL},
    {"127.0.0.256", NULL},
    {"127.0.0.0.1", NULL},
    {"4294967296", NULL},
    {"0x100000000", NULL},
    {"0189.0.0.1", NULL},
    {"1.2.3.", NULL},
    {"", NULL},
};

static struct egress_policy *
policy_of(const char *allow)
{
    const char *why = NULL;
    struct str one = str_from(allow);
    struct egress_policy *p = egress_policy_new(&one, allow ? 1 : 0, &why);

    if (!p)
        fail_msg("%s", why);
    return p;
}

static void
no_spelling_of_a_special_address_gets_through(void **state)
{
    struct egress_policy *p = policy_of(NULL);

    (void)state;
    assert_true(COUNT(spellings) >= 120);
    for (size_t i = 0; i < COUNT(spellings); i++) {
        const struct spelling *s = &spellings[i];
        char range[64] = "";
        bool allowed = egress_allows_host(p, str_from(s->host), range);

        if (allowed != (s->range == NULL))
            fail_msg("%s: allowed is %d", s->host, allowed);
        if (s->range && strcmp(range, s->range) != 0)
            fail_msg("%s: %s, not %s", s->host, range, s->range);
    }
    egress_policy_free(p);
}

/* What a refusal says has to be true: with that range it is allowed. */
static void
the_range_that_is_named_would_do(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(spellings); i++) {
        struct egress_policy *p;
        char range[64] = "";

        if (!spellings[i].range)
            continue;
        p = policy_of(spellings[i].range);
        if (!egress_allows_host(p, str_from(spellings[i].host), range))
            fail_msg("%s is refused with %s", spellings[i].host,
                     spellings[i].range);
        egress_policy_free(p);
    }
}

static bool
allows_address(const char *allow, const char *address)
{
    struct egress_policy *p = policy_of(allow);
    union {
        struct sockaddr sa;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } u = {0};
    bool allowed;

    if (strchr(address, ':')) {
        u.in6.sin6_family = AF_INET6;
        assert_int_equal(inet_pton(AF_INET6, address, &u.in6.sin6_addr), 1);
    } else {
        u.in.sin_family = AF_INET;
        assert_int_equal(inet_pton(AF_INET, address, &u.in.sin_addr), 1);
    }
    allowed = egress_allows(p, &u.sa);
    egress_policy_free(p);
    return allowed;
}

static void
the_resolved_address_decides(void **state)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct egress_policy *p = policy_of("0.0.0.0/0");

    (void)state;
    assert_true(allows_address(NULL, "8.8.8.8"));
    assert_true(allows_address(NULL, "2606:4700::1111"));
    assert_false(allows_address(NULL, "127.0.0.1"));
    assert_false(allows_address(NULL, "::1"));
    assert_false(allows_address(NULL, "::ffff:192.168.1.1"));
    assert_false(allows_address(NULL, "169.254.169.254"));
    assert_false(egress_allows(p, (struct sockaddr *)&un));
    egress_policy_free(p);
}

static void
an_allowed_range_opens_itself_and_nothing_more(void **state)
{
    (void)state;
    assert_true(allows_address("127.0.0.0/8", "127.9.9.9"));
    assert_true(allows_address("127.0.0.1", "127.0.0.1"));
    assert_true(allows_address(" 127.0.0.1/8 ", "127.9.9.9"));
    assert_true(allows_address("127.0.0.0/8", "::ffff:127.0.0.1"));
    assert_true(allows_address("::ffff:127.0.0.0/104", "127.0.0.1"));
    assert_true(allows_address("64:ff9b:1::/48", "64:ff9b:1::5"));
    assert_true(allows_address("10.0.0.0/9", "10.127.0.1"));
    assert_false(allows_address("10.0.0.0/9", "10.128.0.1"));
    assert_false(allows_address("127.0.0.1", "127.0.0.2"));
    assert_false(allows_address("127.0.0.0/8", "::1"));
    assert_false(allows_address("127.0.0.0/8", "10.0.0.1"));
    assert_true(allows_address("0.0.0.0/0", "10.0.0.1"));
    assert_false(allows_address("0.0.0.0/0", "fd00::1"));
    assert_true(allows_address("::/0", "fd00::1"));
}

static void
metadata_needs_its_own_line(void **state)
{
    (void)state;
    assert_false(allows_address("0.0.0.0/0", "169.254.169.254"));
    assert_false(allows_address("169.254.0.0/16", "169.254.169.254"));
    assert_false(allows_address("169.254.169.254/31", "169.254.169.254"));
    assert_false(allows_address("::/0", "fd00:ec2::254"));
    assert_false(allows_address("::/0", "::ffff:169.254.169.254"));
    assert_false(allows_address("0.0.0.0/0", "168.63.129.16"));
    assert_true(allows_address("169.254.169.254", "169.254.169.254"));
    assert_true(allows_address("169.254.169.254/32", "169.254.169.254"));
    assert_true(allows_address("fd00:ec2::254", "fd00:ec2::254"));
}

static void
a_range_that_does_not_parse_is_told(void **state)
{
    static const char *const bad[] = {
        "10.0.0.0/33", "10.0.0/8",  "10.0.0.0/",    "10.0.0.0/-1",
        "fd00::/129",  "localhost", "/8",           "10.0.0.0/8x",
        "127.1",       "[::1]",     "10.0.0.0/8 b", "010.0.0.0/8"};
    char range[64];
    const char *why;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct str s = str_from(bad[i]);

        why = NULL;
        assert_null(egress_policy_new(&s, 1, &why));
        assert_non_null(strstr(why, bad[i]));
    }
    {
        struct str row[] = {STR(""), STR("127.0.0.0/8"), STR("  ")};
        struct egress_policy *p = egress_policy_new(row, 3, &why);

        assert_non_null(p);
        assert_true(egress_allows_host(p, STR("localhost"), range));
        egress_policy_free(p);
    }
    egress_policy_free(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_spelling_of_a_special_address_gets_through),
        cmocka_unit_test(the_range_that_is_named_would_do),
        cmocka_unit_test(the_resolved_address_decides),
        cmocka_unit_test(an_allowed_range_opens_itself_and_nothing_more),
        cmocka_unit_test(metadata_needs_its_own_line),
        cmocka_unit_test(a_range_that_does_not_parse_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
