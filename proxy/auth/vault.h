/*
 * What is needed to log in upstream for a user whose devices have passwords of their own: OAuth
 * tokens, or the upstream's password; encrypted at rest. One JSON file for each login,
 * STATE_DIR/vault/NAME.json (0600; NAME as in proxy/store/account_name.h):
 *
 *     {"version": 1, "login": "ann@example.com",
 *      "kdf": {"name": "scrypt", "n": 32768, "r": 8, "p": 1, "salt": B64},
 *      "devices": [{"name": "printer", "created": 1785000000, "limits": {...}, "key": SEALED,
 *                   "held": SEALED}],
 *      "secret": SEALED}
 *
 * A random data key seals the secret (proxy/auth/seal.h), bound to the login. Each device's
 * password seals the data key, bound to the login and to the device's entry, so that its limits
 * cannot be edited. So nobody reads the secret without a device's password, each device is revoked
 * alone, and tokens are renewed without a password as long as somebody is logged in. Logins are the
 * same whatever the case of their ASCII letters.
 *
 * "held" is there for one device at most: its password, sealed with the gateway's own key
 * (proxy/auth/held_key.h), for clients that prove that they know it and do not send it.
 *
 * Every change reads the file again under a lock (flock), writes a new one, syncs, renames: several
 * processes may use it at once. A damaged file is refused, never overwritten.
 *
 * These functions block (scrypt takes about 100 ms, files a moment): call them from the thread
 * pool.
 */
#ifndef PROXY_AUTH_VAULT_H
#define PROXY_AUTH_VAULT_H

#include <jansson.h>

#include "proxy/auth/held_key.h"
#include "proxy/store/file_stamp.h"
#include "translate/text/failure.h"
#include "translate/text/slice.h"

/* What a device may do. */
struct device_limits {
    bool pop3, imap;   /* by which protocols it may come */
    bool read_only;    /* nothing is changed upstream: no flag, no deletion, no message stored */
    bool never_delete; /* flags yes, deletions no */
    char *folder;      /* the only folder it sees; NULL: as the route says. Owned */
};
void device_limits_clear(struct device_limits *l);

enum {
    VAULT_KEY = 32,
    VAULT_DEVICE = 64, /* octets of a device's name, with NUL */
    VAULT_SEALED = 65, /* octets of the vault's key as a device's entry seals it, with NUL */
};

/* A device that is to be let in; all of it is borrowed. */
struct vault_device {
    const char *name;
    struct slice password;
    const struct device_limits *limits;
    const struct held_key *held; /* the gateway is to hold the password, sealed with this key; NULL:
                                    nobody can read it */
};

/* An open vault. */
struct vault_key {
    unsigned char octets[VAULT_KEY]; /* the data key; wiped by vault_key_wipe() */
};
void vault_key_wipe(struct vault_key *k);

/* A device that was let in. One that is revoked and made again by the same name is another. */
struct vault_entered {
    char device[VAULT_DEVICE];
    char sealed[VAULT_SEALED]; /* as it stands in its entry: no other's is the same */
};

/* Opens the user's vault with a device's password. `*key`, `*secret` (a JSON object, new reference)
 * and `*limits` are the receiver's; `*entered` says which device it was. False: FAILURE_AUTH
 * when no device has that password or there is no vault (both take the same time, CASES A4);
 * FAILURE_PERMANENT for a damaged file, with its name and the remedy; FAILURE_TEMPORARY. */
bool vault_open(const char *state_dir, struct slice login, struct slice password,
                struct vault_key *key, json_t **secret, struct device_limits *limits,
                struct vault_entered *entered, struct failure *why);

/* Appends the password of the user's device whose password is held. FAILURE_AUTH: there is none;
 * FAILURE_PERMANENT: the file is damaged, or the entry was not sealed with this key; the reason
 * names the file and the remedy. */
bool vault_held(const char *state_dir, struct slice login, const struct held_key *key,
                struct buf *password, struct failure *why);

/* Whether the user has a vault at all, damaged or not. One that cannot be looked at counts as one:
 * whoever reads it is told why, and no device's password goes upstream in the meantime. */
bool vault_exists(const char *state_dir, struct slice login);

/* The secret once more, with the key of an open vault: another process may have renewed it.
 * FAILURE_AUTH: the device that `entered` was revoked since. */
bool vault_read(const char *state_dir, struct slice login, const struct vault_key *key,
                const struct vault_entered *entered, json_t **secret, struct failure *why);

/*
 * Whether the device that `entered` is still there, without the key. FAILURE_AUTH: it was revoked;
 * else it cannot be told now. While the file has the stamp that it had before it was asked, the
 * answer is the same: vaults_open() gives the directory of all vaults (negative: there is none, or
 * it cannot be opened; to be closed), vault_stamp() the stamp of one, which may be that of a file
 * that is not there, or false when it cannot be taken.
 */
bool vault_has(const char *state_dir, struct slice login, const struct vault_entered *entered,
               struct failure *why);
int vaults_open(const char *state_dir);
bool vault_stamp(int vaults, struct slice login, struct file_stamp *stamp);

/* Puts another secret in its place (renewed tokens). */
bool vault_write(const char *state_dir, struct slice login, const struct vault_key *key,
                 const json_t *secret, struct failure *why);

/* A new vault, with a first device; one that is there is replaced only if `replace`. */
bool vault_create(const char *state_dir, struct slice login, const json_t *secret,
                  const struct vault_device *device, bool replace, struct failure *why);

/* Adds a device; a name that is taken is refused (revoke it first), and a second one whose password
 * is held. */
bool vault_add(const char *state_dir, struct slice login, const struct vault_key *key,
               const struct vault_device *device, struct failure *why);

/* Takes a device away; needs no password. With the last one the vault goes, as nobody could open
 * it: only if `last` permits. */
bool vault_revoke(const char *state_dir, struct slice login, const char *device, bool last,
                  struct failure *why);

/* The devices, without any secret: a JSON array of name, created, limits, held. NULL with the
 * reason. */
json_t *vault_devices(const char *state_dir, struct slice login, struct failure *why);

/* A password for a device that is easy to type on any keypad: 4 groups of 5 of letters and digits
 * that are not mistaken for each other, 100 bits of randomness. Writes VAULT_PASSWORD octets with
 * NUL. */
enum { VAULT_PASSWORD = 24 };
bool vault_make_password(char out[VAULT_PASSWORD]);

#endif
