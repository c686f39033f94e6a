/*
 * See tls_verify.h. OpenSSL decides; its verify callback is the one place where the certificate at
 * fault and the error are both at hand, so the sentence is made there.
 */
#include "proxy/net/tls_verify.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "proxy/net/tls.h"

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

static int verify_step(int ok, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_connection *c = SSL_get_app_data(ssl);

    if (!ok)
        explain(&c->why, c->host, store);
    return ok;
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
    SSL_set_verify(ssl, SSL_VERIFY_PEER, verify_step);
    if (tls_name_is_address(names))
        return X509_VERIFY_PARAM_set1_ip_asc(param, names) == 1;
    return verify_hosts(param, names);
}
