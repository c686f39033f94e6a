/*
 * What ties an exchange to the TLS connection that it goes over (RFC 5056): whoever relays it over
 * another connection is found out. The process takes it from TLS; here it is only octets.
 */
#ifndef TRANSLATE_SASL_SASL_BINDING_H
#define TRANSLATE_SASL_SASL_BINDING_H

#include <stddef.h>

enum sasl_binding_type {
    SASL_BINDING_NONE,     /* no TLS, or none that has such octets */
    SASL_BINDING_EXPORTER, /* tls-exporter, of TLS 1.3 (RFC 9266) */
    SASL_BINDING_UNIQUE,   /* tls-unique, of TLS 1.2 (RFC 5929 section 3) */
};

enum { SASL_BINDING_MAX = 64 };

struct sasl_binding {
    enum sasl_binding_type type;
    size_t n;
    unsigned char octets[SASL_BINDING_MAX];
};

#endif
