/*
 * A device that gets its own password, as `authorize` and `passwd` make one: what it is called,
 * what it may do, its password, and what its owner is to type into it.
 */
#ifndef PROXY_DEVICE_SETUP_H
#define PROXY_DEVICE_SETUP_H

#include <stdio.h>

#include "proxy/auth/vault.h"
#include "proxy/cli.h"
#include "translate/text/buf.h"

struct device_setup {
    const char *name;            /* of the options, as `limits.folder` is */
    struct device_limits limits; /* nothing to be cleared */
    struct buf password;
    bool generated;
    char *key_file; /* of the key that its password is held with; NULL: it is not held */
    struct held_key key;
};

/* Makes a password or reads one, as the options say, and the gateway's key where the password is to
 * be held: in `held_key`, as in held_key_path(); `state_dir` is there. False with the reason;
 * device_setup_clear() in any case. */
bool device_setup_make(struct device_setup *d, const struct cli_options *o, const char *state_dir,
                       const char *held_key, struct failure *why);
void device_setup_clear(struct device_setup *d);

/* As a vault takes it; borrows. */
struct vault_device device_setup_device(const struct device_setup *d);

/* For the owner: the servers of `c` that `user` reaches and the device may use (`c` NULL: not
 * told), his name, and the password if it was made here. */
void device_setup_print(const struct device_setup *d, const struct config *c, const char *user,
                        FILE *out);

#endif
