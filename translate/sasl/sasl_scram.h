/*
 * What a server that knows a password needs for SCRAM (RFC 5802 section 3), and what of it has to
 * look the same for users that there are not.
 */
#ifndef TRANSLATE_SASL_SASL_SCRAM_H
#define TRANSLATE_SASL_SASL_SCRAM_H

#include "translate/sasl/sasl_server.h"

enum { SASL_SCRAM_SALT = 16, SASL_SCRAM_KEY = 32 };

/* A secret: with the server key, a client is deceived. */
struct sasl_scram {
    unsigned char salt[SASL_SCRAM_SALT];
    unsigned char stored_key[SASL_SCRAM_KEY], server_key[SASL_SCRAM_KEY];
    size_t key_size; /* octets of both */
    unsigned iterations;
};
void sasl_scram_wipe(struct sasl_scram *s);

/* Octets that are always the same for this user (as the client names him) and mechanism, and that
 * nobody foretells without `key`. False when memory is out. */
bool sasl_scram_derive(const unsigned char key[SASL_SERVER_KEY], const char *what,
                       const char *mechanism, struct slice user,
                       unsigned char out[SASL_SERVER_KEY]);

/* The keys of a password. The salt is the one that sasl_server.h shows for a user of whom nothing
 * is kept. Takes milliseconds: not for an event loop. False when memory is out, the mechanism is no
 * SCRAM, or the password cannot be prepared (RFC 4013), as one with control characters. */
bool sasl_scram_make(struct sasl_scram *s, const unsigned char key[SASL_SERVER_KEY],
                     const char *mechanism, struct slice user, struct slice password,
                     unsigned iterations);

/* For sasl_server_secret(); borrows. */
struct sasl_secret sasl_scram_secret(const struct sasl_scram *s);

#endif
