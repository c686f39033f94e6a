/*
 * See tls_verify.h. OpenSSL decides; its verify callback is the one place where the certificate at
 * fault and the error are both at hand, so the sentence is made there.
 */
#include "proxy/net/tls_verify.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "proxy/net/tls_context.h"

enum { NAMES_SIZE = 120 };

bool tls_name_is_address(const char *name)
{
    unsigned char address[16];

    return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
}

static void date_text(const ASN1_TIME *t, char *out, size_t cap)
{
    struct tm tm;

    if (ASN1_TIME_to_tm(t, &tm) != 1 || strftime(out, cap, "%Y-%m-%d", &tm) == 0)
        *out = '\0';
}

static void append_name(char *out, size_t cap, const char *name, int n)
{
    size_t used = strlen(out);

    snprintf(out + used, cap - used, "%s%.*s", used ? ", " : "", n, name);
}

static void append_address(char *out, size_t cap, const ASN1_OCTET_STRING *address)
{
    char text[INET6_ADDRSTRLEN];
    int family = ASN1_STRING_length(address) == 4 ? AF_INET : AF_INET6;

    if (family == AF_INET6 && ASN1_STRING_length(address) != 16)
        return;
    inet_ntop(family, ASN1_STRING_get0_data(address), text, sizeof text);
    append_name(out, cap, text, (int)strlen(text));
}

/* The names that a certificate is valid for, as many as have room. */
static void names_text(X509 *certificate, char *out, size_t cap)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);

    *out = '\0';
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_DNS)
            append_name(out, cap, (const char *)ASN1_STRING_get0_data(name->d.dNSName),
                        ASN1_STRING_length(name->d.dNSName));
        else if (name->type == GEN_IPADD)
            append_address(out, cap, name->d.iPAddress);
    }
    GENERAL_NAMES_free(names);
}

static void explain_names(struct failure *why, const char *host, X509 *certificate)
{
    char names[NAMES_SIZE];

    names_text(certificate, names, sizeof names);
    if (*names)
        failure_set(why, FAILURE_PERMANENT,
                    "the certificate of %s is made out to another name: %s; connect by that name",
                    host, names);
    else
        failure_set(why, FAILURE_PERMANENT,
                    "the certificate of %s names no host in its subjectAltName (a common name is "
                    "not enough); it must be made anew",
                    host);
}

static void explain_dates(struct failure *why, const char *host, X509 *certificate, bool expired)
{
    char date[16];

    date_text(expired ? X509_get0_notAfter(certificate) : X509_get0_notBefore(certificate), date,
              sizeof date);
    if (expired)
        failure_set(why, FAILURE_PERMANENT,
                    "the certificate of %s expired on %s; it must be renewed", host, date);
    else
        failure_set(why, FAILURE_PERMANENT,
                    "the certificate of %s is not valid before %s; is this machine's clock right?",
                    host, date);
}

static void explain_trust(struct failure *why, const char *host, int error)
{
    bool unknown = error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT ||
                   error == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN ||
                   error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
                   error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
                   error == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE;

    failure_set(why, FAILURE_PERMANENT, "the certificate of %s is not trusted: %s%s", host,
                X509_verify_cert_error_string(error), unknown ? "; give its CA with ?ca=FILE" : "");
}

static void explain(struct failure *why, const char *host, X509_STORE_CTX *store)
{
    X509 *certificate = X509_STORE_CTX_get_current_cert(store);
    int error = X509_STORE_CTX_get_error(store);
    bool expired = error == X509_V_ERR_CERT_HAS_EXPIRED;
    bool mismatch =
        error == X509_V_ERR_HOSTNAME_MISMATCH || error == X509_V_ERR_IP_ADDRESS_MISMATCH;

    if (certificate && (expired || error == X509_V_ERR_CERT_NOT_YET_VALID))
        explain_dates(why, host, certificate, expired);
    else if (certificate && mismatch)
        explain_names(why, host, certificate);
    else
        explain_trust(why, host, error);
}

static struct tls_connection *connection_of(X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());

    return SSL_get_app_data(ssl);
}

int tls_verify_step(int ok, X509_STORE_CTX *store)
{
    struct tls_connection *c = connection_of(store);

    if (!ok)
        explain(&c->why, c->host, store);
    return ok;
}

/* Only a chain that was verified says whose keys are in it: anyone can send a certificate along
 * that is not his. So without that the server's own key counts, which the handshake proves. */
static bool is_pinned(const struct tls_context *t, X509_STORE_CTX *store)
{
    STACK_OF(X509) *chain = t->verify ? X509_STORE_CTX_get0_chain(store) : NULL;
    struct tls_pin pin;

    for (int i = 0; i < sk_X509_num(chain); i++)
        if (tls_pin_of(&pin, sk_X509_value(chain, i)) && tls_pin_among(&pin, t->pins, t->pin_count))
            return true;
    return !t->verify && tls_pin_of(&pin, X509_STORE_CTX_get0_cert(store)) &&
           tls_pin_among(&pin, t->pins, t->pin_count);
}

static void explain_pins(struct failure *why, const char *host, X509_STORE_CTX *store)
{
    char text[TLS_PIN_TEXT] = "unknown";
    struct tls_pin pin;

    if (tls_pin_of(&pin, X509_STORE_CTX_get0_cert(store)))
        tls_pin_print(&pin, text);
    failure_set(why, FAILURE_PERMANENT,
                "the certificate of %s has none of the pinned keys; its key is %s: if that is "
                "right, add it to the route's pins",
                host, text);
}

int tls_verify_server(X509_STORE_CTX *store, void *unused)
{
    struct tls_connection *c = connection_of(store);
    const struct tls_context *t = c->context;

    (void)unused;
    if (t->verify && X509_verify_cert(store) <= 0)
        return 0;
    if (t->pin_count && !is_pinned(t, store)) {
        explain_pins(&c->why, c->host, store);
        X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
        return 0;
    }
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
}

int tls_verify_client(X509_STORE_CTX *store, void *unused)
{
    struct tls_connection *c = connection_of(store);

    (void)unused;
    if (X509_verify_cert(store) > 0)
        return 1;
    failure_set(&c->why, FAILURE_PERMANENT, "the client's certificate is not trusted: %s",
                X509_verify_cert_error_string(X509_STORE_CTX_get_error(store)));
    return 0;
}

static bool verify_hosts(X509_VERIFY_PARAM *param, const char *names)
{
    bool set = true;

    for (const char *p = names; *p && set; p += strspn(p, " ")) {
        size_t n = strcspn(p, " ");
        set = X509_VERIFY_PARAM_add1_host(param, p, n) == 1;
        p += n;
    }
    return set;
}

bool tls_verify_name(SSL *ssl, const char *names)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                               X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (tls_name_is_address(names))
        return X509_VERIFY_PARAM_set1_ip_asc(param, names) == 1;
    return verify_hosts(param, names);
}

/* One that holds NUL would be read as another. */
static bool put_text(struct buf *name, const unsigned char *text, int n)
{
    if (n <= 0 || memchr(text, '\0', (size_t)n))
        return false;
    buf_put(name, slice_make((const char *)text, (size_t)n));
    return !buf_failed(name);
}

static bool put_mail(X509 *certificate, struct buf *name)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    const ASN1_IA5STRING *mail = NULL;

    for (int i = 0; i < sk_GENERAL_NAME_num(names) && !mail; i++)
        if (sk_GENERAL_NAME_value(names, i)->type == GEN_EMAIL)
            mail = sk_GENERAL_NAME_value(names, i)->d.rfc822Name;
    bool put = mail && put_text(name, ASN1_STRING_get0_data(mail), ASN1_STRING_length(mail));
    GENERAL_NAMES_free(names);
    return put;
}

/* Of several it would be anybody's guess who is meant. */
static bool put_common(X509 *certificate, struct buf *name)
{
    const X509_NAME *subject = X509_get_subject_name(certificate);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    unsigned char *text = NULL;

    if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
        return false;
    int n = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    bool put = put_text(name, text, n);
    OPENSSL_free(text);
    return put;
}

/* An address of the subject or the subjectAltName (RFC 8550 section 3). */
static bool put_any_mail(X509 *certificate, struct buf *name)
{
    STACK_OF(OPENSSL_STRING) *addresses = X509_get1_email(certificate);
    bool found = sk_OPENSSL_STRING_num(addresses) > 0;

    if (found)
        buf_puts(name, sk_OPENSSL_STRING_value(addresses, 0));
    X509_email_free(addresses);
    return found && !buf_failed(name);
}

static bool put_name(X509 *certificate, enum tls_name which, struct buf *name)
{
    switch (which) {
    case TLS_NAME_MAIL:
        return put_mail(certificate, name);
    case TLS_NAME_COMMON:
        return put_common(certificate, name);
    case TLS_NAME_ANY:
        return put_any_mail(certificate, name) || put_common(certificate, name);
    case TLS_NAME_NONE:
        break;
    }
    return false;
}

bool tls_client_name(SSL *ssl, enum tls_name which, struct buf *name)
{
    X509 *certificate = SSL_get1_peer_certificate(ssl);
    bool named = certificate && SSL_get_verify_result(ssl) == X509_V_OK &&
                 (SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER) && put_name(certificate, which, name);

    X509_free(certificate);
    return named;
}
