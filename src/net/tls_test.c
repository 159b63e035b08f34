#include "net/http_test.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <setjmp.h>
#include <cmocka.h>

static char cert_path[] = "/tmp/belfry-tls-cert-XXXXXX";
static char key_path[] = "/tmp/belfry-tls-key-XXXXXX";

/* A new key and a certificate of its own, with that serial number. */
static void
write_pair(long serial)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    FILE *f;

    ASN1_INTEGER_set(X509_get_serialNumber(cert), serial);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               (const unsigned char *)"localhost", -1, -1, 0);
    X509_set_issuer_name(cert, name);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    f = fopen(cert_path, "w");
    PEM_write_X509(f, cert);
    fclose(f);
    f = fopen(key_path, "w");
    PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
    fclose(f);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static int
make_files(void **state)
{
    const int cert = mkstemp(cert_path), key = mkstemp(key_path);

    (void)state;
    assert_true(cert >= 0 && key >= 0);
    close(cert);
    close(key);
    write_pair(1);
    return 0;
}

static int
remove_files(void **state)
{
    (void)state;
    unlink(cert_path);
    unlink(key_path);
    return 0;
}

struct tls_client {
    struct client c;
    SSL_CTX *ctx;
    SSL *ssl;
};

static void
tls_open(struct tls_client *t, struct fixture *f, int max_version)
{
    client_open(&t->c, f);
    t->ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_max_proto_version(t->ctx, max_version);
    t->ssl = SSL_new(t->ctx);
    SSL_set_fd(t->ssl, t->c.fd);
}

static void
tls_close(struct tls_client *t)
{
    SSL_free(t->ssl);
    SSL_CTX_free(t->ctx);
    client_close(&t->c);
}

/* The client's socket blocks, so it is only used when bytes are there. */
static bool
has_bytes(struct tls_client *t)
{
    char byte;

    return SSL_has_pending(t->ssl) ||
           recv(t->c.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

static bool
shake_hands(struct tls_client *t)
{
    const int flags = fcntl(t->c.fd, F_GETFL);
    int rc = -1, e = SSL_ERROR_WANT_READ;

    fcntl(t->c.fd, F_SETFL, flags | O_NONBLOCK);
    for (int i = 0; i < 1000 && rc != 1; i++) {
        rc = SSL_connect(t->ssl);
        e = rc == 1 ? 0 : SSL_get_error(t->ssl, rc);
        if (rc != 1 && e != SSL_ERROR_WANT_READ && e != SSL_ERROR_WANT_WRITE)
            return false;
        loop_turn(t->c.f->loop, 1);
    }
    return rc == 1;
}

static void
tls_pump(struct tls_client *t)
{
    int n;

    loop_turn(t->c.f->loop, 1);
    while (has_bytes(t)) {
        buf_reserve(&t->c.got, 16384);
        n = SSL_read(t->ssl, t->c.got.p + t->c.got.n, 16384);
        if (n <= 0)
            t->c.is_closed = SSL_get_error(t->ssl, n) == SSL_ERROR_ZERO_RETURN;
        if (n <= 0)
            return;
        t->c.got.n += (size_t)n;
    }
}

static void
tls_send(struct tls_client *t, struct str bytes)
{
    while (bytes.n) {
        const int n = SSL_write(t->ssl, bytes.p, (int)bytes.n);

        if (n > 0)
            bytes = str_sub(bytes, (size_t)n, bytes.n);
        else
            tls_pump(t);
    }
}

#define TLS_EXPECT(t, text)                                                    \
    TURN_UNTIL((t)->c.f,                                                       \
               (tls_pump(t), count_of(buf_str(&(t)->c.got), (text)) > 0))

static struct fixture
tls_fixture(void)
{
    return (struct fixture){.cert_file = str_from(cert_path),
                            .key_file = str_from(key_path)};
}

static void
requests_and_large_bodies_pass_through_tls(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    static char body[300000];

    (void)state;
    memset(body, 'q', sizeof body);
    for (int i = 0; i < 2; i++) {
        struct fixture f = tls_fixture();
        struct tls_client t;

        fixture_start(&f);
        tls_open(&t, &f, versions[i]);
        assert_true(shake_hands(&t));
        tls_send(&t, STR("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"
                         "GET /later HTTP/1.1\r\nHost: h\r\n\r\n"));
        TLS_EXPECT(&t, "\r\n\r\n/1");
        TURN_UNTIL(&f, f.n_later == 1);
        tls_send(&t, STR("POST /2 HTTP/1.1\r\nHost: h\r\n"
                         "Content-Length: 300000\r\n\r\n"));
        loop_turn(f.loop, 1);
        http_reply(f.later[0], &(struct http_response){.status = 202});
        tls_send(&t, (struct str){body, sizeof body});
        TLS_EXPECT(&t, "HTTP/1.1 202 Accepted");
        TURN_UNTIL(
            &f, (tls_pump(&t),
                 str_ends(buf_str(&t.c.got), (struct str){body, sizeof body})));
        tls_close(&t);
        TURN_UNTIL(&f, http_server_connections(f.server) == 0);
        fixture_stop(&f);
    }
}

static void
tls_1_1_and_plain_text_are_turned_away(void **state)
{
    struct fixture f = tls_fixture();
    struct tls_client t;
    struct client plain;

    (void)state;
    fixture_start(&f);
    tls_open(&t, &f, TLS1_1_VERSION);
    SSL_set_security_level(t.ssl, 0);
    assert_false(shake_hands(&t));
    tls_close(&t);
    client_open(&plain, &f);
    client_send(&plain, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    client_expect_close(&plain);
    assert_int_equal(f.n_requests, 0);
    client_close(&plain);
    fixture_stop(&f);
}

static void
alpn_chooses_http_1_1_or_ends_the_handshake(void **state)
{
    static const unsigned char both[] = "\x02h2\x08http/1.1", h2[] = "\x02h2";
    struct fixture f = tls_fixture();
    const unsigned char *chosen;
    struct tls_client t;
    unsigned n;

    (void)state;
    fixture_start(&f);
    tls_open(&t, &f, TLS1_3_VERSION);
    SSL_set_alpn_protos(t.ssl, both, sizeof both - 1);
    assert_true(shake_hands(&t));
    SSL_get0_alpn_selected(t.ssl, &chosen, &n);
    assert_int_equal(n, 8);
    assert_memory_equal(chosen, "http/1.1", 8);
    tls_close(&t);
    tls_open(&t, &f, TLS1_3_VERSION);
    SSL_set_alpn_protos(t.ssl, h2, sizeof h2 - 1);
    assert_false(shake_hands(&t));
    tls_close(&t);
    fixture_stop(&f);
}

static void
a_handshake_has_a_deadline(void **state)
{
    struct fixture f = tls_fixture();
    struct client c;

    (void)state;
    f.limits = (struct http_limits){100, 5000, 5000, 0};
    fixture_start(&f);
    client_open(&c, &f);
    client_send(&c, "\x16\x03\x01");
    client_expect_close(&c);
    client_close(&c);
    fixture_stop(&f);
}

static void
streams_and_back_pressure_work_under_tls(void **state)
{
    static char block[64 * 1024];
    struct fixture f = tls_fixture();
    struct tls_client t;
    struct http_frame *frame;
    size_t n = 0;

    (void)state;
    memset(block, 's', sizeof block);
    fixture_start(&f);
    tls_open(&t, &f, TLS1_3_VERSION);
    assert_true(shake_hands(&t));
    tls_send(&t, STR("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n"));
    TURN_UNTIL(&f, f.stream);
    frame = http_frame_new((struct str){block, sizeof block});
    for (; http_stream_queued_frames(f.stream) < 4; n++)
        http_stream_send(f.stream, frame);
    http_frame_put(frame);
    TURN_UNTIL(&f, (tls_pump(&t), f.n_drains == 1));
    http_stream_end(f.stream);
    TLS_EXPECT(&t, "\r\n0\r\n\r\n");
    assert_int_equal(count_of(buf_str(&t.c.got), "10000\r\nsss"), n);
    TURN_UNTIL(&f, (tls_pump(&t), t.c.is_closed)); /* with close_notify */
    tls_close(&t);
    fixture_stop(&f);
}

static long
served_serial(struct fixture *f)
{
    struct tls_client t;
    X509 *cert;
    long serial;

    tls_open(&t, f, TLS1_3_VERSION);
    assert_true(shake_hands(&t));
    cert = SSL_get1_peer_certificate(t.ssl);
    serial = ASN1_INTEGER_get(X509_get0_serialNumber(cert));
    X509_free(cert);
    tls_close(&t);
    return serial;
}

static void
a_reload_takes_new_files_and_keeps_the_old_when_they_are_bad(void **state)
{
    struct fixture f = tls_fixture();
    const char *why = NULL;
    FILE *file;

    (void)state;
    fixture_start(&f);
    assert_int_equal(served_serial(&f), 1);
    write_pair(2);
    assert_int_equal(http_server_reload_tls(f.server, &why), ERR_OK);
    assert_int_equal(served_serial(&f), 2);
    file = fopen(cert_path, "w");
    fputs("garbage\n", file);
    fclose(file);
    assert_int_equal(http_server_reload_tls(f.server, &why), ERR_IO);
    assert_non_null(why);
    assert_int_equal(served_serial(&f), 2);
    write_pair(3);
    fixture_stop(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_and_large_bodies_pass_through_tls),
        cmocka_unit_test(tls_1_1_and_plain_text_are_turned_away),
        cmocka_unit_test(alpn_chooses_http_1_1_or_ends_the_handshake),
        cmocka_unit_test(a_handshake_has_a_deadline),
        cmocka_unit_test(streams_and_back_pressure_work_under_tls),
        cmocka_unit_test(
            a_reload_takes_new_files_and_keeps_the_old_when_they_are_bad),
    };

    return cmocka_run_group_tests(tests, make_files, remove_files);
}
