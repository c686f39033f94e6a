/*
 * For tests: makes a vault, or gives another device a password for one.
 *
 *     vault_make STATE_DIR LOGIN DEVICE PASSWORD LIMITS SECRET
 *
 * LIMITS: words of "pop3 imap read_only never_delete folder=NAME". SECRET: JSON, for a new vault;
 * or "+PASSWORD", the password of a device that is there already.
 */
#include <stdio.h>
#include <string.h>

#include "proxy/auth/vault.h"

static void read_limits(struct device_limits *l, char *words)
{
    for (char *w = strtok(words, " "); w; w = strtok(NULL, " ")) {
        l->pop3 = l->pop3 || strcmp(w, "pop3") == 0;
        l->imap = l->imap || strcmp(w, "imap") == 0;
        l->read_only = l->read_only || strcmp(w, "read_only") == 0;
        l->never_delete = l->never_delete || strcmp(w, "never_delete") == 0;
        if (strncmp(w, "folder=", 7) == 0)
            l->folder = w + 7;
    }
}

static bool add(char **argv, const struct device_limits *limits, struct failure *why)
{
    struct device_limits its = {.folder = NULL};
    struct slice login = slice_of(argv[2]);
    struct vault_entered entered;
    struct vault_key key;
    json_t *secret;

    if (!vault_open(argv[1], login, slice_of(argv[6] + 1), &key, &secret, &its, &entered, why))
        return false;
    json_decref(secret);
    device_limits_clear(&its);
    struct vault_device made = {argv[3], slice_of(argv[4]), limits, NULL};
    return vault_add(argv[1], login, &key, &made, why);
}

int main(int argc, char **argv)
{
    struct device_limits limits = {.folder = NULL};
    struct failure why = {.text = "usage"};
    bool made = false;

    if (argc == 7)
        read_limits(&limits, argv[5]);
    if (argc == 7 && argv[6][0] == '+') {
        made = add(argv, &limits, &why);
    } else if (argc == 7) {
        struct vault_device device_made = {argv[3], slice_of(argv[4]), &limits, NULL};
        json_t *secret = json_loads(argv[6], 0, NULL);
        made = secret && vault_create(argv[1], slice_of(argv[2]), secret, &device_made, true, &why);
        json_decref(secret);
    }
    if (!made)
        fprintf(stderr, "%s\n", why.text);
    return made ? 0 : 1;
}
