/*
 * The files of the vaults: found by login, read and checked, changed under a lock. What is in them
 * proxy/auth/vault.c knows.
 */
#ifndef PROXY_AUTH_VAULT_FILE_H
#define PROXY_AUTH_VAULT_FILE_H

#include <jansson.h>

#include "proxy/auth/seal.h"
#include "proxy/store/file_stamp.h"
#include "translate/text/failure.h"

struct vault_file {
    int dir;    /* STATE_DIR/vault */
    int lock;   /* -1: only read */
    char *path; /* for people */
    char *name;
    json_t *document; /* NULL: there is none */
    struct seal_cost cost;
    unsigned char salt[SEAL_SALT];
};

enum vault_file_use {
    VAULT_FILE_READ,
    VAULT_FILE_CHANGE,  /* under the lock, which is waited for; the directory is made */
    VAULT_FILE_REPLACE, /* the same; what is there is not read, as it may be damaged */
};

/* Opens the directory of all of them. Negative with errno. */
int vault_file_open_all(const char *state_dir);

/* What one sees of a user's file there; false when that cannot be told. */
bool vault_file_stamp(int all, struct slice login, struct file_stamp *stamp);

/* Opens and reads it; one that is not there is no failure. False: nothing to close. */
bool vault_file_open(struct vault_file *f, const char *state_dir, struct slice login,
                     enum vault_file_use use, struct failure *why);
void vault_file_close(struct vault_file *f);

/* The document is on the disk, whole, or the old one still is. */
bool vault_file_save(const struct vault_file *f, struct failure *why);

/* The file is gone. */
bool vault_file_remove(const struct vault_file *f, struct failure *why);

#endif
