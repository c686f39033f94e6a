/*
 * See tls.h. What OpenSSL could say about a bad file is put in the words of who has to mend it:
 * which file, what is wrong with it, what to do.
 */
#include "proxy/net/tls.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/net/tls_sessions.h"
#include "proxy/net/tls_verify.h"

struct tls_context {
    SSL_CTX *ssl;
    atomic_uint references;
    bool is_server;
    bool verify;
    struct tls_sessions *sessions; /* of a client */
};

/* Nobody is there to type a passphrase: that one is wanted is an error, which is noted. */
static int no_passphrase(char *out, int cap, int writing, void *wanted)
{
    (void)out;
    (void)cap;
    (void)writing;
    *(bool *)wanted = true;
    return -1;
}

static bool context_init(struct tls_context *t, const SSL_METHOD *method)
{
    t->ssl = SSL_CTX_new(method);
    if (!t->ssl)
        return false;
    SSL_CTX_set_min_proto_version(t->ssl, TLS1_2_VERSION);
    SSL_CTX_set_options(t->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(t->ssl, SSL_MODE_RELEASE_BUFFERS);
    return true;
}

static bool out_of_memory(struct failure *why)
{
    failure_set(why, FAILURE_TEMPORARY, "out of memory while setting up TLS");
    return false;
}

static struct tls_context *context_new(bool is_server, struct failure *why)
{
    struct tls_context *t = calloc(1, sizeof *t);

    if (t && context_init(t, is_server ? TLS_server_method() : TLS_client_method())) {
        t->is_server = is_server;
        atomic_init(&t->references, 1);
        return t;
    }
    free(t);
    ERR_clear_error();
    out_of_memory(why);
    return NULL;
}

void tls_context_free(struct tls_context *t)
{
    if (!t || atomic_fetch_sub(&t->references, 1) > 1)
        return;
    SSL_CTX_free(t->ssl);
    tls_sessions_free(t->sessions);
    free(t);
}

static bool file_readable(const char *path, const char *what, struct failure *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd >= 0) {
        close(fd);
        return true;
    }
    failure_set(why, FAILURE_PERMANENT, "cannot read the %s %s: %s", what, path, strerror(errno));
    return false;
}

/* What OpenSSL disliked first, which is nearest to the cause. */
static const char *first_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());

    return reason ? reason : "unknown format";
}

static bool use_certificate(SSL_CTX *ssl, const char *path, struct failure *why)
{
    if (!file_readable(path, "certificate", why))
        return false;
    if (SSL_CTX_use_certificate_chain_file(ssl, path) == 1)
        return true;
    if (ERR_GET_REASON(ERR_peek_error()) == PEM_R_NO_START_LINE)
        failure_set(why, FAILURE_PERMANENT,
                    "%s holds no PEM certificate (\"-----BEGIN CERTIFICATE-----\")", path);
    else
        failure_set(why, FAILURE_PERMANENT, "the certificate %s cannot be used: %s", path,
                    first_reason());
    return false;
}

static void explain_key(const char *path, bool encrypted, struct failure *why)
{
    int reason = ERR_GET_REASON(ERR_peek_error());

    if (encrypted)
        failure_set(why, FAILURE_PERMANENT,
                    "the key %s is encrypted; store it without a passphrase", path);
    else if (ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_PEM || reason == ERR_R_UNSUPPORTED)
        failure_set(why, FAILURE_PERMANENT,
                    "%s holds no PEM private key (\"-----BEGIN PRIVATE KEY-----\")", path);
    else
        failure_set(why, FAILURE_PERMANENT, "the key %s cannot be used: %s", path, first_reason());
}

static bool use_key(SSL_CTX *ssl, const char *path, const char *certificate, struct failure *why)
{
    bool encrypted = false;

    if (!file_readable(path, "key", why))
        return false;
    SSL_CTX_set_default_passwd_cb(ssl, no_passphrase);
    SSL_CTX_set_default_passwd_cb_userdata(ssl, &encrypted);
    bool used = SSL_CTX_use_PrivateKey_file(ssl, path, SSL_FILETYPE_PEM) == 1;
    SSL_CTX_set_default_passwd_cb_userdata(ssl, NULL);
    if (used && SSL_CTX_check_private_key(ssl) == 1)
        return true;
    if (used || ERR_GET_LIB(ERR_peek_last_error()) == ERR_LIB_X509)
        failure_set(why, FAILURE_PERMANENT,
                    "the key %s does not belong to the certificate %s; give the pair that was made "
                    "together, the server's own certificate first in its file",
                    path, certificate);
    else
        explain_key(path, encrypted, why);
    return false;
}

struct tls_context *tls_server_new(const char *certificate, const char *key, struct failure *why)
{
    struct tls_context *t = context_new(true, why);

    if (!t)
        return NULL;
    /* Tickets carry the sessions; nothing is remembered here. */
    SSL_CTX_set_session_cache_mode(t->ssl, SSL_SESS_CACHE_OFF);
    ERR_clear_error();
    if (use_certificate(t->ssl, certificate, why) && use_key(t->ssl, key, certificate, why))
        return t;
    ERR_clear_error();
    tls_context_free(t);
    return NULL;
}

static bool use_authorities(SSL_CTX *ssl, const char *ca, struct failure *why)
{
    struct stat st;

    if (!ca)
        return SSL_CTX_set_default_verify_paths(ssl) == 1 || out_of_memory(why);
    if (!file_readable(ca, "CA", why))
        return false;
    X509_STORE_set_flags(SSL_CTX_get_cert_store(ssl), X509_V_FLAG_PARTIAL_CHAIN);
    if (stat(ca, &st) == 0 && S_ISDIR(st.st_mode))
        return SSL_CTX_load_verify_dir(ssl, ca) == 1 || out_of_memory(why);
    if (SSL_CTX_load_verify_file(ssl, ca) == 1)
        return true;
    failure_set(why, FAILURE_PERMANENT,
                "the CA file %s holds no PEM certificate (\"-----BEGIN CERTIFICATE-----\")", ca);
    return false;
}

static int remember_session(SSL *ssl, SSL_SESSION *session)
{
    struct tls_connection *c = SSL_get_app_data(ssl);

    tls_sessions_put(c->context->sessions, c->server_name, session);
    return 0; /* the reference stays OpenSSL's: a copy was taken */
}

static bool remember_sessions(struct tls_context *t, struct failure *why)
{
    t->sessions = tls_sessions_new();
    if (!t->sessions)
        return out_of_memory(why);
    SSL_CTX_set_session_cache_mode(t->ssl,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(t->ssl, remember_session);
    return true;
}

struct tls_context *tls_client_new(const char *ca, bool verify, struct failure *why)
{
    struct tls_context *t = context_new(false, why);

    if (!t)
        return NULL;
    t->verify = verify;
    ERR_clear_error();
    /* A session is resumed without a look at the certificate: only what was verified is. */
    if (use_authorities(t->ssl, ca, why) && (!verify || remember_sessions(t, why)))
        return t;
    ERR_clear_error();
    tls_context_free(t);
    return NULL;
}

static bool connection_prepare(struct tls_connection *c, struct tls_context *t)
{
    SSL_set_app_data(c->ssl, c);
    if (t->is_server) {
        SSL_set_accept_state(c->ssl);
        return true;
    }
    SSL_set_connect_state(c->ssl);
    c->host = strndup(c->server_name, strcspn(c->server_name, " "));
    if (!c->host ||
        (!tls_name_is_address(c->host) && SSL_set_tlsext_host_name(c->ssl, c->host) != 1))
        return false;
    if (!t->verify)
        return true;
    tls_sessions_offer(t->sessions, c->server_name, c->ssl);
    return tls_verify_name(c->ssl, c->server_name);
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
    c->ssl = SSL_new(t->ssl);
    if (c->ssl && (c->server_name || t->is_server) && connection_prepare(c, t))
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
    free(c->host);
    free(c);
}
