/*
 * Why a server's certificate was refused, in words, with what to do (CASES T4).
 */
#ifndef PROXY_NET_TLS_VERIFY_H
#define PROXY_NET_TLS_VERIFY_H

#include <openssl/ssl.h>
#include <stdbool.h>

/* Makes the connection verify that the certificate is valid for `names`: an IP address, or host
 * names with a space between them, of which one suffices. When it is not, the reason is written to
 * the `why` of the struct tls_connection that is the SSL's app data. False when memory is out. */
bool tls_verify_name(SSL *ssl, const char *names);

/* Whether `name` is an IPv4 or IPv6 address. */
bool tls_name_is_address(const char *name);

#endif
