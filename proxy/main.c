/* The command line: finds the command in a table and runs it. */
#include <stdlib.h>
#include <string.h>

#include "proxy/admin/healthcheck.h"
#include "proxy/authorize_command.h"
#include "proxy/cli.h"
#include "proxy/config_fault.h"
#include "proxy/passwd_command.h"
#include "proxy/process.h"
#include "proxy/serve.h"
#include "proxy/state_command.h"

/* SIGHUP: the same options, read again. */
static struct config *reload(void *owner)
{
    struct config *c = cli_config(owner);

    if (c)
        config_warn(c, stderr);
    return c;
}

static int run_serve(const struct cli_options *o)
{
    struct cli_options again = *o;
    const struct serve_options options = {.reload = reload, .owner = &again};
    struct config *c;

    process_prepare(); /* what is said of the configuration may go to a pipe without a reader */
    c = reload(&again);
    return c ? serve_run(c, &options) : CLI_USAGE_ERROR;
}

static int run_check(const struct cli_options *o)
{
    struct config *c = cli_config(o);

    if (!c)
        return CLI_USAGE_ERROR;
    config_print(c, stdout);
    bool told = fflush(stdout) == 0 && !ferror(stdout);
    config_warn(c, stderr);
    config_free(c);
    return told ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* What is done with a state directory; `c` is NULL without a configuration. */
typedef int (*dir_use)(const struct cli_options *o, const char *dir, const struct config *c);

/* With neither a file nor a directory, the directory where a server without either keeps its state.
 */
static int with_state_dir(const struct cli_options *o, dir_use use)
{
    struct config *c = o->config_file ? cli_config(o) : NULL;
    char *fallback = o->state_dir || c ? NULL : config_default_state_dir();
    const char *dir = c ? c->state_dir : o->state_dir ? o->state_dir : fallback;
    int status = CLI_USAGE_ERROR;

    if (c || !o->config_file)
        status = dir ? use(o, dir, c) : EXIT_FAILURE;
    free(fallback);
    config_free(c);
    return status;
}

static int use_for_healthcheck(const struct cli_options *o, const char *dir, const struct config *c)
{
    (void)o;
    (void)c;
    return healthcheck_run(dir);
}

static int run_healthcheck(const struct cli_options *o)
{
    return with_state_dir(o, use_for_healthcheck);
}

static int use_for_state(const struct cli_options *o, const char *dir, const struct config *c)
{
    struct state_request request = {
        .dir = dir,
        .c = c,
        .rest = o->arguments,
        .count = o->argument_count,
        .json = o->json,
        .messages = o->messages,
        .replace = o->replace,
        .bodies = o->bodies,
        .output = o->output,
    };

    return state_command_run(&request);
}

static int run_state(const struct cli_options *o)
{
    return with_state_dir(o, use_for_state);
}

static int run_authorize(const struct cli_options *o)
{
    struct config *c = cli_config(o);

    return c ? authorize_run(o, c) : CLI_USAGE_ERROR;
}

static int run_passwd(const struct cli_options *o)
{
    return with_state_dir(o, passwd_run);
}

static const struct command {
    const char *name;
    enum cli_command bit;
    int (*run)(const struct cli_options *o);
    const char *arguments; /* as its usage names them */
    const char *help;
    const char *examples;
} commands[] = {
    {"serve", CLI_SERVE, run_serve, "[OPTION]...", "listen for clients and serve them",
     "  mailferry serve --route pop3://127.0.0.1:1110=imaps://imap.example.com\n"
     "  mailferry serve --route imap://127.0.0.1:1143=pop3s://pop.example.org\n"
     "  mailferry serve --route pop3s://=imaps://imap.example.com \\\n"
     "      --certificate /etc/ssl/mail.pem --key /etc/ssl/mail.key\n"
     "  mailferry serve -c /etc/mailferry.json\n"},
    {"check", CLI_CHECK, run_check, "[OPTION]...",
     "validate a configuration and print what it means",
     "  mailferry check -c /etc/mailferry.json\n"},
    {"healthcheck", CLI_HEALTHCHECK, run_healthcheck, "[OPTION]...",
     "ask a running server whether it is well",
     "  mailferry healthcheck --state-dir /var/lib/mailferry\n"},
    {"state", CLI_STATE, run_state, "COMMAND [USER] [OPTION]...",
     "show, check, export and import what is kept of an account",
     "  mailferry state list\n"
     "  mailferry state show ann@example.com [FOLDER] [--messages] [--json]\n"
     "  mailferry state verify [ann@example.com]\n"
     "  mailferry state export ann@example.com --output ann.json --bodies ann.bodies\n"
     "  mailferry state import ann@example.com ann.json --bodies ann.bodies [--replace]\n"
     "  mailferry state compact ann@example.com\n"},
    {"authorize", CLI_AUTHORIZE, run_authorize, "USER [OPTION]...",
     "obtain a user's authorization, and a password for a device",
     "  mailferry authorize ann@example.com -c /etc/mailferry.json --device scanner --pop3-only\n"},
    {"passwd", CLI_PASSWD, run_passwd, "USER [OPTION]...",
     "give devices passwords of their own, or take them away",
     "  mailferry passwd ann@example.com --device printer --never-delete\n"
     "  mailferry passwd ann@example.com --list\n"
     "  mailferry passwd ann@example.com --revoke printer [--last]\n"},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

static void print_help(FILE *out)
{
    fputs("mailferry " MAILFERRY_VERSION ": reads an IMAP mailbox for a POP3 client,\n"
          "and a POP3 maildrop for an IMAP client\n\n"
          "usage: mailferry COMMAND [OPTION]...\n\ncommands:\n",
          out);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(out, "  %-12s %s\n", commands[i].name, commands[i].help);
    fputs("\nmailferry COMMAND --help lists a command's options; mailferry --version tells which "
          "one this is.\n\nexamples:\n",
          out);
    for (size_t i = 0; i < COMMANDS; i++)
        fputs(commands[i].examples, out);
    fputs("\nURLs (a pop3 listener has an imap upstream, an imap listener a pop3 upstream):\n"
          "  pop3://HOST[:PORT]   imap://HOST[:PORT]    STARTTLS where both ends can\n"
          "  pop3s://HOST[:PORT]  imaps://HOST[:PORT]   TLS from the first octet\n"
          "  pop3+unix:/PATH      imap+unix:/PATH       a unix socket\n"
          "  ?tls=starttls demands it, ?tls=off never uses it; ?ca=FILE, ?verify=off: see the "
          "README\n",
          out);
}

static void print_command_help(const struct command *c, FILE *out)
{
    fprintf(out, "mailferry %s: %s\n\nusage: mailferry %s %s\n\n", c->name, c->help, c->name,
            c->arguments);
    cli_options_help(c->bit, out);
    fprintf(out, "\nexamples:\n%s", c->examples);
}

static const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static int refuse_command(const char *name)
{
    const char *names[COMMANDS + 1] = {NULL};

    for (size_t i = 0; i < COMMANDS; i++)
        names[i] = commands[i].name;
    const char *nearest = config_nearest(name, names);
    if (nearest)
        cli_error("no command %s (did you mean %s?)", name, nearest);
    else
        cli_error("the first argument is not a command");
    return CLI_USAGE_ERROR;
}

static int run_command(const struct command *command, int argc, char **argv)
{
    struct cli_options options;
    int status = CLI_USAGE_ERROR;

    if (cli_options_parse(&options, command->bit, argc, argv)) {
        if (options.help)
            print_command_help(command, stdout);
        status = options.help ? EXIT_SUCCESS : command->run(&options);
    }
    cli_options_clear(&options);
    return status;
}

int main(int argc, char **argv)
{
    const char *first = argc > 1 ? argv[1] : "";
    const struct command *command = command_find(first);

    process_fill_standard();
    if (command)
        return run_command(command, argc - 1, argv + 1);
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0 || strcmp(first, "help") == 0) {
        print_help(stdout);
        return EXIT_SUCCESS;
    }
    if (strcmp(first, "--version") == 0) {
        puts("mailferry " MAILFERRY_VERSION);
        return EXIT_SUCCESS;
    }
    if (argc > 1)
        return refuse_command(first);
    print_help(stderr);
    return CLI_USAGE_ERROR;
}
