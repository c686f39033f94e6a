/*
 * Logging in by a password, for tests and fuzzers that need no more of a credential.
 */
#ifndef TESTS_UNIT_CREDENTIALS_H
#define TESTS_UNIT_CREDENTIALS_H

#include <stdlib.h>

#include "translate/imap/imap_client.h"
#include "translate/mailbox/account.h"
#include "translate/pop3/pop3_client.h"

/* credential_clear() it. */
static inline struct credential password_credential(struct slice user, struct slice password)
{
    struct credential c = {0};

    if (!credential_set(&c, CREDENTIAL_PASSWORD, user, password))
        abort();
    return c;
}

static inline bool pop3_password_login(struct pop3_client *client, struct slice user,
                                       struct slice password, struct failure *why)
{
    struct credential c = password_credential(user, password);
    bool taken = pop3_client_login(client, &c, why);

    credential_clear(&c);
    return taken;
}

static inline bool imap_password_login(struct imap_client *client, struct slice user,
                                       struct slice password, struct failure *why)
{
    struct credential c = password_credential(user, password);
    bool taken = imap_client_login(client, &c, why);

    credential_clear(&c);
    return taken;
}

static inline uint32_t account_password_login(struct account_client *client, struct slice user,
                                              struct slice password)
{
    struct credential c = password_credential(user, password);
    uint32_t request = account_login(client, &c);

    credential_clear(&c);
    return request;
}

#endif
