/*
 * `mailferry state`: what is remembered of accounts, shown, checked, taken out and put back. None
 * of it needs the network or a configuration, but for the place of the state directory and for
 * routes that tell which account a login leads to.
 *
 *     list              all accounts
 *     show USER         what is known of one; with --messages a line for each message
 *     verify [USER]     whether it is whole, of one or of all; status 1 when it is not
 *     export USER       one JSON document; --bodies DIR: and the messages that are nowhere else
 *     import USER FILE  such a document becomes the account's state
 *     compact USER      the journal is folded into a snapshot
 *
 * The first four only read, also beside a running server. The others hold the state directory as a
 * server does, and are refused while one has it.
 */
#ifndef PROXY_STATE_COMMAND_H
#define PROXY_STATE_COMMAND_H

#include "proxy/config.h"

struct state_request {
    const char *dir;         /* the state directory */
    const struct config *c;  /* NULL: none was given */
    const char *const *rest; /* arguments behind "state" */
    int count;
    bool json;
    bool messages;
    bool replace;
    const char *bodies; /* a directory, NULL: none; as is */
    const char *output; /* a file */
};

/* The process' exit status: 0 done, 1 not done or not whole, 2 a wrong command line. What went
 * wrong is told on stderr. */
int state_command_run(const struct state_request *request);

#endif
