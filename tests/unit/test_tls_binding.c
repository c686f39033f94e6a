/*
 * Both ends of a TLS connection must see the same binding, and no other connection has it.
 */
#include "tests/unit/certificates.h"

#include <openssl/ssl.h>

#include "proxy/net/tls_binding.h"

static char dir[] = "/tmp/mailferry-test-XXXXXX";
static struct identity identity;
static SSL_CTX *server_context, *client_context;

static int set_up(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(dir));
    identity_make(&identity, dir, "server",
                  &(struct identity_wish){"localhost", "DNS:localhost", false, -1, 30}, NULL);
    server_context = SSL_CTX_new(TLS_server_method());
    client_context = SSL_CTX_new(TLS_client_method());
    assert_int_equal(SSL_CTX_use_certificate(server_context, identity.certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(server_context, identity.key), 1);
    SSL_CTX_set_session_id_context(server_context, (const unsigned char *)"t", 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    SSL_CTX_free(server_context);
    SSL_CTX_free(client_context);
    identity_clear(&identity);
    return rmdir(dir);
}

/* A connection in memory, up; `session` is resumed unless it is NULL. */
struct connection {
    SSL *client, *server;
};

static struct connection connect_with(int version, SSL_SESSION *session)
{
    struct connection c = {SSL_new(client_context), SSL_new(server_context)};
    BIO *near = NULL;
    BIO *far = NULL;

    assert_int_equal(BIO_new_bio_pair(&near, 0, &far, 0), 1);
    SSL_set_bio(c.client, near, near);
    SSL_set_bio(c.server, far, far);
    assert_int_equal(SSL_set_max_proto_version(c.client, version), 1);
    assert_int_equal(SSL_set_min_proto_version(c.client, version), 1);
    if (session)
        assert_int_equal(SSL_set_session(c.client, session), 1);
    SSL_set_connect_state(c.client);
    SSL_set_accept_state(c.server);
    for (int i = 0; i < 10 && (SSL_in_init(c.client) || SSL_in_init(c.server)); i++) {
        SSL_do_handshake(c.client);
        SSL_do_handshake(c.server);
    }
    assert_false(SSL_in_init(c.client) || SSL_in_init(c.server));
    return c;
}

static void disconnect(struct connection *c)
{
    SSL_shutdown(c->client);
    SSL_shutdown(c->server);
    SSL_free(c->client);
    SSL_free(c->server);
}

static void expect_same(const struct connection *c, enum sasl_binding_type type,
                        struct sasl_binding *binding)
{
    struct sasl_binding other;

    tls_binding(c->client, binding);
    tls_binding(c->server, &other);
    assert_int_equal(binding->type, type);
    assert_int_equal(other.type, type);
    assert_int_equal(binding->n, other.n);
    assert_true(binding->n >= 12);
    assert_memory_equal(binding->octets, other.octets, other.n);
}

static void test_each_version(void **state)
{
    static const struct {
        int version;
        enum sasl_binding_type type;
    } cases[] = {{TLS1_3_VERSION, SASL_BINDING_EXPORTER}, {TLS1_2_VERSION, SASL_BINDING_UNIQUE}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct connection first = connect_with(cases[i].version, NULL);
        struct connection second = connect_with(cases[i].version, NULL);
        struct sasl_binding a, b;
        expect_same(&first, cases[i].type, &a);
        expect_same(&second, cases[i].type, &b);
        assert_memory_not_equal(a.octets, b.octets, a.n);
        disconnect(&first);
        disconnect(&second);
    }
}

/* The first Finished of a resumed handshake is the server's. */
static void test_resumed(void **state)
{
    struct connection first = connect_with(TLS1_2_VERSION, NULL);
    SSL_SESSION *session = SSL_get1_session(first.client);
    struct sasl_binding binding;

    (void)state;
    disconnect(&first);
    struct connection again = connect_with(TLS1_2_VERSION, session);
    assert_int_equal(SSL_session_reused(again.client), 1);
    expect_same(&again, SASL_BINDING_UNIQUE, &binding);
    unsigned char finished[SASL_BINDING_MAX];
    assert_int_equal(SSL_get_finished(again.server, finished, sizeof finished), binding.n);
    assert_memory_equal(finished, binding.octets, binding.n);
    disconnect(&again);
    SSL_SESSION_free(session);
}

static void test_before_the_handshake(void **state)
{
    SSL *ssl = SSL_new(client_context);
    struct sasl_binding binding;

    (void)state;
    SSL_set_connect_state(ssl);
    tls_binding(ssl, &binding);
    assert_int_equal(binding.type, SASL_BINDING_NONE);
    SSL_free(ssl);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_version),
        cmocka_unit_test(test_resumed),
        cmocka_unit_test(test_before_the_handshake),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
