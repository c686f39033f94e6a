/*
 * The server's side of tls.h: which certificate a client is shown, and what it must show itself.
 */
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/net/tls_context.h"
#include "proxy/net/tls_verify.h"

/* ---- certificates ---- */

/* From the last to the first, so that of those with the same type of key the first one stays. When
 * memory is out none is shown, which ends the handshake. */
static bool show_those_of(SSL *ssl, const struct tls_context *t, const char *host, bool wildcards)
{
    bool found = false;

    for (size_t i = t->identity_count; i-- > 0;) {
        if (!tls_identity_serves(t->identities[i], host, wildcards))
            continue;
        if (!found)
            SSL_certs_clear(ssl);
        found = true;
        tls_identity_use(t->identities[i], ssl);
    }
    return found;
}

/* Comes with the client's first message; a name that is nobody's is shown the default, whose name
 * then tells the client what is wrong. */
static int choose_identity(SSL *ssl, void *context)
{
    const struct tls_context *t = context;
    const char *host = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

    if (host && !show_those_of(ssl, t, host, false))
        show_those_of(ssl, t, host, true);
    return 1;
}

static bool install_default(struct tls_context *t, struct failure *why)
{
    const struct tls_identity *first = t->identities[0];

    for (size_t i = t->identity_count; i-- > 1;)
        if (tls_identity_shares_name(t->identities[i], first) &&
            !tls_identity_install(t->identities[i], t->ssl))
            return tls_out_of_memory(why);
    return tls_identity_install(first, t->ssl) || tls_out_of_memory(why);
}

static bool use_identities(struct tls_context *t, const struct tls_server_options *options,
                           struct failure *why)
{
    bool old = tls_minimum_is_old(options->minimum);

    t->identities = calloc(options->file_count, sizeof(struct tls_identity *));
    if (!t->identities)
        return tls_out_of_memory(why);
    while (t->identity_count < options->file_count) {
        struct tls_identity *id = tls_identity_load(&options->files[t->identity_count], old, why);
        if (!id)
            return false;
        t->identities[t->identity_count++] = id;
    }
    if (t->identity_count > 1)
        SSL_CTX_set_cert_cb(t->ssl, choose_identity, t);
    return install_default(t, why);
}

/* ---- clients' certificates ---- */

/* A client with several certificates chooses by these names. Of a directory none are told. */
static void name_authorities(SSL_CTX *ssl, const char *ca)
{
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(ca);

    if (names)
        SSL_CTX_set_client_CA_list(ssl, names);
}

static bool ask_clients(struct tls_context *t, const struct tls_server_options *options,
                        struct failure *why)
{
    int demand = options->client_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;

    if (!tls_context_trust(t, options->client_ca, why))
        return false;
    name_authorities(t->ssl, options->client_ca);
    SSL_CTX_set_verify(t->ssl, SSL_VERIFY_PEER | demand, NULL);
    SSL_CTX_set_cert_verify_callback(t->ssl, tls_verify_client, NULL);
    return true;
}

/* ---- tickets ---- */

static int ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                      EVP_MAC_CTX *mac, int sealing)
{
    const struct tls_connection *c = SSL_get_app_data(ssl);

    return tls_tickets_key(c->context->tickets, name, iv, cipher, mac, sealing);
}

/* Tickets carry the sessions; nothing is remembered here. */
static bool set_tickets(struct tls_context *t, struct tls_tickets *tickets)
{
    SSL_CTX_set_session_cache_mode(t->ssl, SSL_SESS_CACHE_OFF);
    if (!tickets) {
        SSL_CTX_set_options(t->ssl, SSL_OP_NO_TICKET);
        return SSL_CTX_set_num_tickets(t->ssl, 0) == 1;
    }
    t->tickets = tls_tickets_hold(tickets);
    /* A ticket of POP3's is of no use for IMAP, though the keys are the same. */
    return SSL_CTX_set_session_id_context(t->ssl, t->alpn, 1U + t->alpn[0]) == 1 &&
           SSL_CTX_set_tlsext_ticket_key_evp_cb(t->ssl, ticket_key) == 1;
}

/* ---- ALPN ---- */

/* RFC 7301 section 3.2. A client that wants HTTP was led here by somebody in between, who hopes
 * that an answer of ours means something to it (ALPACA). */
static int choose_protocol(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_n,
                           const unsigned char *offered, unsigned offered_n, void *context)
{
    const struct tls_context *t = context;
    struct tls_connection *c = SSL_get_app_data(ssl);
    unsigned char *found;

    if (SSL_select_next_proto(&found, chosen_n, t->alpn, 1U + t->alpn[0], offered, offered_n) ==
        OPENSSL_NPN_NEGOTIATED) {
        *chosen = found;
        return SSL_TLSEXT_ERR_OK;
    }
    failure_set(&c->why, FAILURE_PERMANENT, "the client wants another protocol than %.*s (ALPN)",
                t->alpn[0], (const char *)t->alpn + 1);
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

struct tls_context *tls_server_new(const struct tls_server_options *options, struct failure *why)
{
    struct tls_context *t = tls_context_new(true, options->minimum, options->protocol, why);

    if (!t)
        return NULL;
    ERR_clear_error();
    SSL_CTX_set_options(t->ssl, SSL_OP_CIPHER_SERVER_PREFERENCE);
    if (t->alpn[0])
        SSL_CTX_set_alpn_select_cb(t->ssl, choose_protocol, t);
    bool resumes = options->tickets && !options->client_ca;
    if (use_identities(t, options, why) && (!options->client_ca || ask_clients(t, options, why)) &&
        (set_tickets(t, resumes ? options->tickets : NULL) || tls_out_of_memory(why))) {
        ERR_clear_error();
        return t;
    }
    ERR_clear_error();
    tls_context_free(t);
    return NULL;
}

bool tls_server_prepare(struct tls_connection *c)
{
    SSL_set_accept_state(c->ssl);
    return true;
}
