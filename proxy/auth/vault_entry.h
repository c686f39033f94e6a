/*
 * A device's entry in a vault's file, as proxy/auth/vault.c uses it: its name and limits, the
 * vault's key sealed with its password, and, for a device whose password is held, that password
 * sealed with the gateway's key (proxy/auth/held_key.h). Both are bound to the login and to all of
 * the entry but themselves: no entry is of use in another's place, and its limits cannot be edited.
 */
#ifndef PROXY_AUTH_VAULT_ENTRY_H
#define PROXY_AUTH_VAULT_ENTRY_H

#include "proxy/auth/vault.h"
#include "proxy/auth/vault_file.h"

/* The octets that a sealed thing of this vault's login is bound to; `what` it is. False when memory
 * is out. */
bool vault_bind(struct buf *out, const struct vault_file *f, const char *what, struct failure *why);

/* FAILURE_PERMANENT when it cannot be one. */
bool vault_entry_name_is_good(const char *name, struct failure *why);

/* New reference; NULL with the reason. */
json_t *vault_entry_new(const struct vault_file *f, const struct vault_key *key,
                        const struct vault_device *device, struct failure *why);

/* "" when it has none. */
const char *vault_entry_name(const json_t *entry);

/* Who is let in by it. */
struct vault_entered vault_entry_entered(const json_t *entry);

/* Whether this device's password made `derived`; then the vault's key is in `*key`. */
bool vault_entry_opens(const struct vault_file *f, const json_t *entry,
                       const unsigned char derived[SEAL_KEY], struct vault_key *key);

/* A limit that cannot be read limits all the same. False when memory is out. */
bool vault_entry_limits(const json_t *entry, struct device_limits *l);

bool vault_entry_is_held(const json_t *entry);

/* Appends the password of one that is held. False when `key` did not seal it, or it was changed. */
bool vault_entry_password(const struct vault_file *f, const json_t *entry,
                          const struct held_key *key, struct buf *password);

#endif
