/*
 * A client of either protocol on its way in: what it has shown and given, and the exchange under
 * way. Most of its life a session is past that, and has none.
 *
 * All zero is nothing. A `service`, a `key` and `iterations` are given in `options`, with the
 * channel binding where there is one; then sasl_login_offer(), and again when TLS has begun.
 */
#ifndef TRANSLATE_SASL_SASL_LOGIN_H
#define TRANSLATE_SASL_SASL_LOGIN_H

#include "translate/sasl/sasl_server.h"
#include "translate/text/buf.h"

struct sasl_login {
    struct buf password;
    struct buf authzid;     /* whom the user acts for */
    bool proved;            /* the user knows the secret that is kept here; there is no password */
    bool certified;         /* nor is there one for a user by his certificate */
    struct buf certificate; /* whose the client has shown, where that lets him in; else empty */
    struct sasl_server sasl;
    struct sasl_server_options options;
};

/* What may be done from now on: as sasl_server_offer(). Without `tls` no certificate counts. */
void sasl_login_offer(struct sasl_login *l, bool password, bool proof, bool tls);

/* Whose certificate the client has shown; copied. False when memory is out. */
bool sasl_login_certify(struct sasl_login *l, struct slice user);

/* Wipes what is secret, and frees the rest. */
void sasl_login_clear(struct sasl_login *l);

#endif
