/*
 * A pin: the SHA-256 of a public key (SubjectPublicKeyInfo, as in RFC 7469 section 2.4), written
 * "sha256/BASE64". A server that shows none of the pinned keys is not the one that was meant,
 * whatever authority has signed its certificate.
 */
#ifndef PROXY_NET_TLS_PIN_H
#define PROXY_NET_TLS_PIN_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

#include "translate/text/slice.h"

enum { TLS_PIN_SIZE = 32, TLS_PIN_TEXT = 56 };

struct tls_pin {
    unsigned char digest[TLS_PIN_SIZE];
};

/* Reads one; curl's "sha256//BASE64" is taken too. False when it is not one. */
bool tls_pin_parse(struct tls_pin *pin, struct slice text);

/* That of a certificate's key; false when memory is out. */
bool tls_pin_of(struct tls_pin *pin, const X509 *certificate);

bool tls_pin_among(const struct tls_pin *pin, const struct tls_pin *pins, size_t count);

void tls_pin_print(const struct tls_pin *pin, char out[TLS_PIN_TEXT]);

#endif
