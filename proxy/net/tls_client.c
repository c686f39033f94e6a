/*
 * The client's side of tls.h: whom it trusts, what it shows, and the sessions that it resumes.
 */
#include <openssl/err.h>
#include <stdlib.h>

#include "proxy/net/tls_context.h"
#include "proxy/net/tls_verify.h"

static int remember_session(SSL *ssl, SSL_SESSION *session)
{
    struct tls_connection *c = SSL_get_app_data(ssl);

    if (!c->asked)
        tls_sessions_put(c->context->sessions, c->server_name, session);
    return 0; /* the reference stays OpenSSL's: a copy was taken */
}

/* Comes when the server asks for a certificate. Many such servers break the handshake off when
 * they are to resume a session that they gave themselves, Dovecot 2.3 among them: OpenSSL wants
 * them to have said which sessions are theirs (SSL_CTX_set_session_id_context()). */
static int note_request(SSL *ssl, void *unused)
{
    struct tls_connection *c = SSL_get_app_data(ssl);

    (void)unused;
    c->asked = true;
    return 1;
}

static bool remember_sessions(struct tls_context *t, struct failure *why)
{
    t->sessions = tls_sessions_new();
    if (!t->sessions)
        return tls_out_of_memory(why);
    SSL_CTX_set_session_cache_mode(t->ssl,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(t->ssl, remember_session);
    SSL_CTX_set_cert_cb(t->ssl, note_request, NULL);
    return true;
}

static bool use_pins(struct tls_context *t, const struct tls_client_options *options,
                     struct failure *why)
{
    if (options->pin_count == 0)
        return true;
    t->pins = calloc(options->pin_count, sizeof *t->pins);
    if (!t->pins)
        return tls_out_of_memory(why);
    for (; t->pin_count < options->pin_count; t->pin_count++)
        if (!tls_pin_parse(&t->pins[t->pin_count], slice_of(options->pins[t->pin_count]))) {
            failure_set(why, FAILURE_PERMANENT,
                        "the pin %s is not sha256/ and 44 characters of "
                        "base64",
                        options->pins[t->pin_count]);
            return false;
        }
    return true;
}

static bool use_identity(struct tls_context *t, const struct tls_client_options *options,
                         struct failure *why)
{
    if (!options->files.certificate)
        return true;
    struct tls_identity *id =
        tls_identity_load(&options->files, tls_minimum_is_old(options->minimum), why);
    bool installed = id && (tls_identity_install(id, t->ssl) || tls_out_of_memory(why));
    tls_identity_free(id);
    return installed;
}

static bool use_authorities(struct tls_context *t, const char *ca, struct failure *why)
{
    if (ca)
        return tls_context_trust(t, ca, why);
    return SSL_CTX_set_default_verify_paths(t->ssl) == 1 || tls_out_of_memory(why);
}

/* A session is resumed without a look at the certificate: only where one was looked at. */
static bool set_up(struct tls_context *t, const struct tls_client_options *options,
                   struct failure *why)
{
    bool looks = t->verify || options->pin_count;

    if (looks) {
        SSL_CTX_set_verify(t->ssl, SSL_VERIFY_PEER, tls_verify_step);
        SSL_CTX_set_cert_verify_callback(t->ssl, tls_verify_server, NULL);
    }
    return use_authorities(t, options->ca, why) && use_pins(t, options, why) &&
           use_identity(t, options, why) && (!looks || remember_sessions(t, why));
}

struct tls_context *tls_client_new(const struct tls_client_options *options, struct failure *why)
{
    struct tls_context *t = tls_context_new(false, options->minimum, options->protocol, why);

    if (!t)
        return NULL;
    t->verify = !options->unverified;
    ERR_clear_error();
    if (set_up(t, options, why))
        return t;
    ERR_clear_error();
    tls_context_free(t);
    return NULL;
}

bool tls_client_prepare(struct tls_connection *c)
{
    struct tls_context *t = c->context;

    SSL_set_connect_state(c->ssl);
    if (!tls_name_is_address(c->host) && SSL_set_tlsext_host_name(c->ssl, c->host) != 1)
        return false;
    if (t->alpn[0] && SSL_set_alpn_protos(c->ssl, t->alpn, 1U + t->alpn[0]) != 0)
        return false;
    if (t->sessions)
        tls_sessions_offer(t->sessions, c->server_name, c->ssl);
    return !t->verify || tls_verify_name(c->ssl, c->server_name);
}
