/*
 * The gateway's own key: with it a vault's device entry holds the device's password in a form that
 * the gateway can read (proxy/auth/vault_entry.h), so that clients can be let in by APOP, CRAM-MD5
 * and SCRAM, which never send a password. A file of 32 random octets, STATE_DIR/held.key or where
 * the configuration says (state.held_key_file); whoever reads it and the vaults reads those
 * passwords.
 *
 * These functions block for a moment.
 */
#ifndef PROXY_AUTH_HELD_KEY_H
#define PROXY_AUTH_HELD_KEY_H

#include "proxy/auth/seal.h"
#include "translate/sasl/sasl_server.h"
#include "translate/text/failure.h"

/* What is made of the file's octets, each by an HMAC of its own. */
struct held_key {
    unsigned char seal[SEAL_KEY];         /* of the passwords */
    unsigned char decoy[SASL_SERVER_KEY]; /* see struct sasl_server_options */
};
void held_key_wipe(struct held_key *k);

/* Where it is: `file`, or the state directory's own when that is NULL. Owned; NULL when memory is
 * out. */
char *held_key_path(const char *state_dir, const char *file);

/* False with the reason: FAILURE_AUTH when there is no such file, FAILURE_PERMANENT when it holds
 * something else, both with the remedy; FAILURE_TEMPORARY. */
bool held_key_read(struct held_key *k, const char *path, struct failure *why);

/* The same, but a file that is not there is made (0600), and is on the disk before this returns;
 * several processes may do so at once. */
bool held_key_make(struct held_key *k, const char *path, struct failure *why);

#endif
