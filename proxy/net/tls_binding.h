/*
 * What SASL can be tied to in a TLS connection (RFC 5056).
 */
#ifndef PROXY_NET_TLS_BINDING_H
#define PROXY_NET_TLS_BINDING_H

#include <openssl/ssl.h>

#include "translate/sasl/sasl_binding.h"

/* After the handshake: tls-exporter with TLS 1.3, tls-unique with TLS 1.2 where that is unique;
 * else of type NONE. */
void tls_binding(SSL *ssl, struct sasl_binding *binding);

#endif
