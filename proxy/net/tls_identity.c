/*
 * See tls_identity.h. What OpenSSL could say about a bad file is put in the words of who has to
 * mend it: which file, what is wrong with it, what to do. An SSL_CTX of its own reads and holds the
 * pair, as it is the one thing in OpenSSL that takes a chain from a file and compares the key with
 * it.
 */
#include "proxy/net/tls_identity.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct tls_identity {
    SSL_CTX *holder;
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

bool tls_file_readable(const char *path, const char *what, struct failure *why)
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

static bool read_certificate(SSL_CTX *ssl, const char *path, struct failure *why)
{
    if (!tls_file_readable(path, "certificate", why))
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

static bool read_key(SSL_CTX *ssl, const char *path, const char *certificate, struct failure *why)
{
    bool encrypted = false;

    if (!tls_file_readable(path, "key", why))
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

static struct tls_identity *identity_new(bool old)
{
    struct tls_identity *id = calloc(1, sizeof *id);

    if (!id)
        return NULL;
    id->holder = SSL_CTX_new(TLS_method());
    if (!id->holder) {
        free(id);
        return NULL;
    }
    if (old)
        SSL_CTX_set_security_level(id->holder, 0);
    return id;
}

struct tls_identity *tls_identity_load(const struct tls_files *files, bool old, struct failure *why)
{
    struct tls_identity *id = identity_new(old);

    ERR_clear_error();
    if (!id)
        failure_set(why, FAILURE_TEMPORARY, "out of memory while setting up TLS");
    else if (read_certificate(id->holder, files->certificate, why) &&
             read_key(id->holder, files->key, files->certificate, why))
        return id;
    ERR_clear_error();
    tls_identity_free(id);
    return NULL;
}

void tls_identity_free(struct tls_identity *id)
{
    if (!id)
        return;
    SSL_CTX_free(id->holder);
    free(id);
}

bool tls_identity_serves(const struct tls_identity *id, const char *host, bool wildcards)
{
    unsigned flags =
        wildcards ? X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS : X509_CHECK_FLAG_NO_WILDCARDS;

    return X509_check_host(SSL_CTX_get0_certificate(id->holder), host, 0, flags, NULL) == 1;
}

bool tls_identity_shares_name(const struct tls_identity *id, const struct tls_identity *other)
{
    GENERAL_NAMES *names =
        X509_get_ext_d2i(SSL_CTX_get0_certificate(other->holder), NID_subject_alt_name, NULL, NULL);
    bool shares = false;

    for (int i = 0; i < sk_GENERAL_NAME_num(names) && !shares; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        shares =
            name->type == GEN_DNS &&
            tls_identity_serves(id, (const char *)ASN1_STRING_get0_data(name->d.dNSName), false);
    }
    GENERAL_NAMES_free(names);
    return shares;
}

bool tls_identity_install(const struct tls_identity *id, SSL_CTX *ssl)
{
    STACK_OF(X509) *chain = NULL;

    SSL_CTX_get0_chain_certs(id->holder, &chain);
    return SSL_CTX_use_cert_and_key(ssl, SSL_CTX_get0_certificate(id->holder),
                                    SSL_CTX_get0_privatekey(id->holder), chain, 1) == 1;
}

bool tls_identity_use(const struct tls_identity *id, SSL *ssl)
{
    STACK_OF(X509) *chain = NULL;

    SSL_CTX_get0_chain_certs(id->holder, &chain);
    return SSL_use_cert_and_key(ssl, SSL_CTX_get0_certificate(id->holder),
                                SSL_CTX_get0_privatekey(id->holder), chain, 1) == 1;
}
