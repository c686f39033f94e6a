/*
 * The options of the commands: read, checked and explained. What a command does with them is its
 * own.
 *
 * There is no option for a password: a command line is readable by every user of the machine.
 */
#ifndef PROXY_CLI_H
#define PROXY_CLI_H

#include <stdio.h>

#include "proxy/config.h"

/* Which command takes an option; bits. */
enum cli_command {
    CLI_SERVE = 1 << 0,
    CLI_CHECK = 1 << 1,
    CLI_HEALTHCHECK = 1 << 2,
    CLI_STATE = 1 << 3,
    CLI_AUTHORIZE = 1 << 4,
    CLI_PASSWD = 1 << 5,
};

enum { CLI_USAGE_ERROR = 2 }; /* exit status of a wrong command line or configuration */

/* Strings are those of argv. NULL, false, or -1 for numbers: not given. */
struct cli_options {
    const char *config_file;
    const char **routes; /* owned: cli_options_clear() */
    size_t route_count;
    const char *state_dir;
    const char *certificate;
    const char *key;
    int workers;
    int log_json;
    int log_level;
    const char *bodies;
    const char *output;
    const char **arguments; /* of `state`, `authorize`, `passwd`: what is no option; owned, as
                               routes are */
    int argument_count;
    bool json;
    bool messages;
    bool replace;
    const char *device; /* the name of one */
    const char *folder;
    const char *revoke; /* a device's name */
    bool pop3_only;
    bool imap_only;
    bool read_only;
    bool never_delete;
    bool held;
    bool password_stdin;
    bool ask_password;
    bool list;
    bool last;
    bool allow_cleartext;
    bool help;
};

/* Reads what follows the command's name; argv[0] is that name. False after a line on stderr. */
bool cli_options_parse(struct cli_options *o, enum cli_command command, int argc, char **argv);
void cli_options_clear(struct cli_options *o);

/* The configuration that the options describe, with what they override in the file. NULL after its
 * faults were written to stderr. Owned by the caller: config_free(). */
struct config *cli_config(const struct cli_options *o);

/* The options that a command takes, a line each. */
void cli_options_help(enum cli_command command, FILE *out);

/* One line on stderr and where to read more. */
void cli_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
