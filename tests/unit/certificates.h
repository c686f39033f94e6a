/*
 * Certificates for tests, made with OpenSSL into a temporary directory. All faults are assertions.
 */
#ifndef TESTS_UNIT_CERTIFICATES_H
#define TESTS_UNIT_CERTIFICATES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants the four above */
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/net/tls.h"

enum { DAY = 24 * 60 * 60 };

struct identity {
    EVP_PKEY *key;
    X509 *certificate;
    char certificate_path[PATH_MAX];
    char key_path[PATH_MAX];
};

struct identity_wish {
    const char *common_name;
    const char *alt_names; /* "DNS:a.example,IP:127.0.0.1", or NULL */
    bool is_ca;
    long from;  /* days from now */
    long until; /* days from now */
};

static inline void add_extension(X509 *x, int nid, const char *value)
{
    X509V3_CTX context;

    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, x, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(e);
    assert_int_equal(X509_add_ext(x, e, -1), 1);
    X509_EXTENSION_free(e);
}

static inline X509 *certificate_make(EVP_PKEY *key, const struct identity_wish *wish,
                                     const struct identity *issuer)
{
    static long serial = 1;
    X509 *x = X509_new();
    X509_NAME *name = X509_get_subject_name(x);

    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(x), wish->from * DAY);
    X509_gmtime_adj(X509_getm_notAfter(x), wish->until * DAY);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)wish->common_name,
                               -1, -1, 0);
    X509_set_issuer_name(x, issuer ? X509_get_subject_name(issuer->certificate) : name);
    X509_set_pubkey(x, key);
    add_extension(x, NID_basic_constraints, wish->is_ca ? "critical,CA:TRUE" : "CA:FALSE");
    if (wish->alt_names)
        add_extension(x, NID_subject_alt_name, wish->alt_names);
    assert_true(X509_sign(x, issuer ? issuer->key : key, EVP_sha256()) > 0);
    return x;
}

/* Files DIR/NAME.pem and DIR/NAME.key; `issuer` NULL: signed by itself. Takes over the key. */
static inline void identity_make_of(EVP_PKEY *key, struct identity *id, const char *dir,
                                    const char *name, const struct identity_wish *wish,
                                    const struct identity *issuer)
{
    assert_non_null(key);
    id->key = key;
    id->certificate = certificate_make(id->key, wish, issuer);
    assert_true(snprintf(id->certificate_path, PATH_MAX, "%s/%s.pem", dir, name) < PATH_MAX);
    assert_true(snprintf(id->key_path, PATH_MAX, "%s/%s.key", dir, name) < PATH_MAX);
    FILE *f = fopen(id->certificate_path, "w");
    assert_non_null(f);
    assert_int_equal(PEM_write_X509(f, id->certificate), 1);
    fclose(f);
    f = fopen(id->key_path, "w");
    assert_non_null(f);
    assert_int_equal(PEM_write_PrivateKey(f, id->key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(f);
}

static inline void identity_make(struct identity *id, const char *dir, const char *name,
                                 const struct identity_wish *wish, const struct identity *issuer)
{
    identity_make_of(EVP_EC_gen("P-256"), id, dir, name, wish, issuer);
}

/* A server that shows it. */
static inline struct tls_context *identity_server(const struct identity *id)
{
    const struct tls_files files = {id->certificate_path, id->key_path};
    struct failure why;
    struct tls_context *t =
        tls_server_new(&(struct tls_server_options){.files = &files, .file_count = 1}, &why);

    assert_non_null(t);
    return t;
}

/* A client that trusts what is in `ca`. */
static inline struct tls_context *client_trusting(const char *ca)
{
    struct failure why;
    struct tls_context *t = tls_client_new(&(struct tls_client_options){.ca = ca}, &why);

    assert_non_null(t);
    return t;
}

/* Frees it, and removes the files. */
static inline void identity_clear(struct identity *id)
{
    EVP_PKEY_free(id->key);
    X509_free(id->certificate);
    unlink(id->certificate_path);
    unlink(id->key_path);
}

#endif
