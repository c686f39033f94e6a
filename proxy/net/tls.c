/*
 * See tls.h. This is what servers and clients have in common; the rest of a context is made in
 * tls_server.c and tls_client.c.
 */
#include "proxy/net/tls.h"

#include <assert.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "proxy/net/tls_context.h"

static const struct {
    int version;
    const char *text;
} minimums[] = {
    [TLS_MINIMUM_1_2] = {TLS1_2_VERSION, "1.2"},
    [TLS_MINIMUM_1_3] = {TLS1_3_VERSION, "1.3"},
    [TLS_MINIMUM_1_1] = {TLS1_1_VERSION, "1.1"},
    [TLS_MINIMUM_1_0] = {TLS1_VERSION, "1.0"},
};

bool tls_minimum_is_old(enum tls_minimum minimum)
{
    return minimum == TLS_MINIMUM_1_1 || minimum == TLS_MINIMUM_1_0;
}

const char *tls_minimum_text(enum tls_minimum minimum)
{
    return minimums[minimum].text;
}

bool tls_out_of_memory(struct failure *why)
{
    failure_set(why, FAILURE_TEMPORARY, "out of memory while setting up TLS");
    return false;
}

/* OpenSSL 3 speaks TLS 1.0 and 1.1 at security level 0 only, as their handshake is signed with
 * SHA-1. Peers so old may have 1024 bit keys and groups, and not know of RFC 5746. */
static bool open_to_old(SSL_CTX *ssl)
{
    SSL_CTX_set_security_level(ssl, 0);
    SSL_CTX_set_options(ssl, SSL_OP_LEGACY_SERVER_CONNECT);
    SSL_CTX_set_dh_auto(ssl, 1);
    return SSL_CTX_set_cipher_list(ssl, "DEFAULT:@SECLEVEL=0") == 1;
}

static bool context_init(struct tls_context *t, const SSL_METHOD *method)
{
    t->ssl = SSL_CTX_new(method);
    if (!t->ssl)
        return false;
    SSL_CTX_set_min_proto_version(t->ssl, minimums[t->minimum].version);
    SSL_CTX_set_options(t->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(t->ssl, SSL_MODE_RELEASE_BUFFERS);
    return !tls_minimum_is_old(t->minimum) || open_to_old(t->ssl);
}

static void set_protocol(struct tls_context *t, const char *protocol)
{
    size_t n = protocol ? strlen(protocol) : 0;

    assert(n < sizeof t->alpn);
    t->alpn[0] = (unsigned char)n;
    if (n)
        memcpy(t->alpn + 1, protocol, n);
}

struct tls_context *tls_context_new(bool is_server, enum tls_minimum minimum, const char *protocol,
                                    struct failure *why)
{
    struct tls_context *t = calloc(1, sizeof *t);

    if (t) {
        atomic_init(&t->references, 1);
        t->is_server = is_server;
        t->minimum = minimum;
        set_protocol(t, protocol);
    }
    if (t && context_init(t, is_server ? TLS_server_method() : TLS_client_method()))
        return t;
    tls_context_free(t);
    ERR_clear_error();
    tls_out_of_memory(why);
    return NULL;
}

void tls_context_free(struct tls_context *t)
{
    if (!t || atomic_fetch_sub(&t->references, 1) > 1)
        return;
    SSL_CTX_free(t->ssl);
    for (size_t i = 0; i < t->identity_count; i++)
        tls_identity_free(t->identities[i]);
    free(t->identities);
    tls_tickets_release(t->tickets);
    free(t->pins);
    tls_sessions_free(t->sessions);
    free(t);
}

bool tls_context_trust(struct tls_context *t, const char *ca, struct failure *why)
{
    struct stat st;

    if (!tls_file_readable(ca, "CA", why))
        return false;
    X509_STORE_set_flags(SSL_CTX_get_cert_store(t->ssl), X509_V_FLAG_PARTIAL_CHAIN);
    if (stat(ca, &st) == 0 && S_ISDIR(st.st_mode))
        return SSL_CTX_load_verify_dir(t->ssl, ca) == 1 || tls_out_of_memory(why);
    if (SSL_CTX_load_verify_file(t->ssl, ca) == 1)
        return true;
    failure_set(why, FAILURE_PERMANENT,
                "the CA file %s holds no PEM certificate (\"-----BEGIN CERTIFICATE-----\")", ca);
    return false;
}

struct tls_connection *tls_connection_new(struct tls_context *t, const char *server_name)
{
    struct tls_connection *c = calloc(1, sizeof *c);

    assert(t->is_server == (server_name == NULL));
    if (!c)
        return NULL;
    atomic_fetch_add(&t->references, 1);
    c->context = t;
    c->server_name = server_name ? strdup(server_name) : NULL;
    c->ssl = c->server_name || t->is_server ? SSL_new(t->ssl) : NULL;
    if (c->ssl && SSL_set_app_data(c->ssl, c) == 1 &&
        (t->is_server ? tls_server_prepare(c) : tls_client_prepare(c)))
        return c;
    tls_connection_free(c);
    return NULL;
}

void tls_connection_free(struct tls_connection *c)
{
    if (!c)
        return;
    SSL_free(c->ssl);
    tls_context_free(c->context);
    free(c->server_name);
    free(c);
}
