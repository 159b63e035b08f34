#include "net/http_peer.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

static const struct trusted_proxies nobody = {NULL, 0};

static void
ranges_hold_what_they_say(void **state)
{
    static const struct {
        const char *range, *ip;
        bool holds;
    } cases[] = {
        {"10.0.0.0/8", "10.255.0.1", true},
        {"10.0.0.0/8", "11.0.0.1", false},
        {"192.0.2.128/25", "192.0.2.127", false},
        {"192.0.2.128/25", "192.0.2.200", true},
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "::1", false},
        {"::/0", "203.0.113.9", true},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"10.0.0.0/8", "::ffff:10.1.2.3", true},
        {"::ffff:10.0.0.0/104", "10.1.2.3", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ip_range range;
        struct ip ip;

        assert_true(ip_range_parse(str_from(cases[i].range), &range));
        assert_true(ip_parse(str_from(cases[i].ip), &ip));
        assert_int_equal(ip_range_holds(&range, &ip), cases[i].holds);
    }
}

static void
what_is_no_range_is_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "/",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0/8",
        "::1/129",
        "10.0.0.0/8/8",
        "10.0.0.0/-1",
        "10.0.0.0 /8",
        "localhost",
        "10.0.0.0/ 8",
        "aaaa:aaaa:aaaa:aaaa:aaaa:aaaa:aaaa:aaaa:aaaa:aaaa",
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct ip_range range;

        assert_false(ip_range_parse(str_from(wrong[i]), &range));
    }
}

struct hop_case {
    const char *from, *first, *second; /* two X-Forwarded-For headers */
    const char *peer;
};

static void
the_peer_is_the_nearest_hop_that_is_no_proxy(void **state)
{
    static const struct hop_case cases[] = {
        {"203.0.113.5", "192.0.2.1", NULL, "203.0.113.5"}, /* not trusted */
        {"10.0.0.1", NULL, NULL, "10.0.0.1"},
        {"10.0.0.1", "192.0.2.1", NULL, "192.0.2.1"},
        {"10.0.0.1", "6.6.6.6, 192.0.2.1", NULL, "192.0.2.1"},
        {"10.0.0.1", "192.0.2.1,10.0.0.9 , 10.0.0.8", NULL, "192.0.2.1"},
        {"10.0.0.1", "192.0.2.1", "10.0.0.8", "192.0.2.1"},
        {"10.0.0.1", "192.0.2.1", "192.0.2.7", "192.0.2.7"},
        {"10.0.0.1", "10.0.0.7", NULL, "10.0.0.7"}, /* a proxy asks */
        {"10.0.0.1", "192.0.2.1:4711", NULL, "192.0.2.1"},
        {"10.0.0.1", "[2001:db8::1]:80", NULL, "2001:db8::1"},
        {"10.0.0.1", "2001:db8::1", NULL, "2001:db8::1"},
        {"10.0.0.1", "192.0.2.1, unknown", NULL, "10.0.0.1"},
        {"10.0.0.1", "192.0.2.1, [::1", NULL, "10.0.0.1"},
        {"10.0.0.1", "", NULL, "10.0.0.1"},
        {"10.0.0.1", ",", NULL, "10.0.0.1"},
        {"::ffff:10.0.0.1", "192.0.2.1", NULL, "192.0.2.1"},
    };
    struct ip_range range;
    const struct trusted_proxies trusted = {&range, 1};

    (void)state;
    assert_true(ip_range_parse(STR("10.0.0.0/8"), &range));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct http_header headers[] = {
            {STR("x-forwarded-for"), str_from(cases[i].first)},
            {STR("X-Forwarded-For"), str_from(cases[i].second)},
        };
        struct http_request r = {.arena = arena_new(), .headers = headers};
        struct ip from;

        print_message("# %zu\n", i);
        r.n_headers = cases[i].second ? 2 : cases[i].first ? 1 : 0;
        assert_true(ip_parse(str_from(cases[i].from), &from));
        http_peer_find(&r, &trusted, &from);
        assert_true(str_is(r.peer, cases[i].peer));
        arena_free(r.arena);
    }
}

static void
loopback_counts_only_without_a_forwarding_header(void **state)
{
    static const struct {
        const char *from, *header;
        bool is_loopback;
    } cases[] = {
        {"127.0.0.1", NULL, true},     {"127.8.9.1", NULL, true},
        {"::1", NULL, true},           {"192.0.2.1", NULL, false},
        {"::2", NULL, false},          {"127.0.0.1", "X-Forwarded-For", false},
        {"::1", "Forwarded", false},   {"::1", "x-real-ip", false},
        {"127.0.0.1", "Accept", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct http_header header = {str_from(cases[i].header),
                                           STR("192.0.2.1")};
        struct http_request r = {.arena = arena_new(),
                                 .headers = &header,
                                 .n_headers = cases[i].header != NULL};
        struct ip from;

        assert_true(ip_parse(str_from(cases[i].from), &from));
        http_peer_find(&r, &nobody, &from);
        assert_int_equal(r.is_loopback, cases[i].is_loopback);
        arena_free(r.arena);
    }
}

static void
parameters_are_found_and_decoded(void **state)
{
    struct http_request r = {
        .arena = arena_new(),
        .query = STR("a=1&b=x+y%2Fz&flag&a=2&c=%zz&d=%4&e=%41%&k%65y=v&=n&&"),
    };
    static const struct {
        const char *name, *value;
    } there[] = {{"a", "1"}, {"b", "x y/z"}, {"flag", ""}, {"c", ""},
                 {"d", ""},  {"e", ""},      {"key", "v"}, {"", "n"}};
    struct str value;

    (void)state;
    for (size_t i = 0; i < sizeof there / sizeof there[0]; i++) {
        print_message("# %s\n", there[i].name);
        assert_true(http_request_param(&r, there[i].name, &value));
        assert_true(str_is(value, there[i].value));
    }
    assert_false(http_request_param(&r, "k%65y", &value));
    assert_false(http_request_param(&r, "A", &value));
    r.query = STR_NONE;
    assert_false(http_request_param(&r, "a", &value));
    arena_free(r.arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_hold_what_they_say),
        cmocka_unit_test(what_is_no_range_is_refused),
        cmocka_unit_test(the_peer_is_the_nearest_hop_that_is_no_proxy),
        cmocka_unit_test(loopback_counts_only_without_a_forwarding_header),
        cmocka_unit_test(parameters_are_found_and_decoded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
