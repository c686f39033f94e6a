/* One table says what each option is called, who takes it, what it sets and how it is explained. */
#include "proxy/cli.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/config_fault.h"

enum {
    WORKERS_MAX = 1024,
    DEVICES = CLI_AUTHORIZE | CLI_PASSWD, /* that give a device its password */
    EVERY = CLI_SERVE | CLI_CHECK | CLI_HEALTHCHECK | CLI_STATE | DEVICES,
    RUNNING = CLI_SERVE | CLI_CHECK,
    ROUTING = RUNNING | CLI_AUTHORIZE,
    ARGUMENTS = CLI_STATE | DEVICES, /* take arguments that are no options */
};

void cli_error(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("mailferry: ", stderr);
    vfprintf(stderr, format, args);
    fputs("; see mailferry --help\n", stderr);
    va_end(args);
}

static bool set_config_file(struct cli_options *o, const char *value)
{
    o->config_file = value;
    return true;
}

static bool set_route(struct cli_options *o, const char *value)
{
    const char **routes = reallocarray(o->routes, o->route_count + 1, sizeof *routes);

    if (!routes)
        return false;
    o->routes = routes;
    o->routes[o->route_count++] = value;
    return true;
}

static bool add_argument(struct cli_options *o, const char *value)
{
    const char **arguments =
        reallocarray(o->arguments, (size_t)o->argument_count + 1, sizeof *arguments);

    if (!arguments) {
        fputs("mailferry: out of memory\n", stderr);
        return false;
    }
    o->arguments = arguments;
    o->arguments[o->argument_count++] = value;
    return true;
}

static bool set_certificate(struct cli_options *o, const char *value)
{
    o->certificate = value;
    return true;
}

static bool set_key(struct cli_options *o, const char *value)
{
    o->key = value;
    return true;
}

static bool set_state_dir(struct cli_options *o, const char *value)
{
    o->state_dir = value;
    return *value != '\0';
}

static bool set_workers(struct cli_options *o, const char *value)
{
    uint64_t workers;

    if (!slice_number(slice_of(value), WORKERS_MAX, &workers))
        return false;
    o->workers = (int)workers;
    return true;
}

static bool set_log_format(struct cli_options *o, const char *value)
{
    o->log_json = strcmp(value, "json") == 0;
    return o->log_json || strcmp(value, "text") == 0;
}

static bool set_log_level(struct cli_options *o, const char *value)
{
    o->log_level = config_log_level(value);
    return o->log_level >= 0;
}

/* Options that are there or not, and names. */
#define SET_FLAG(field)                                               \
    static bool set_##field(struct cli_options *o, const char *value) \
    {                                                                 \
        (void)value;                                                  \
        o->field = true;                                              \
        return true;                                                  \
    }
#define SET_NAME(field)                                               \
    static bool set_##field(struct cli_options *o, const char *value) \
    {                                                                 \
        o->field = value;                                             \
        return *value != '\0';                                        \
    }

SET_FLAG(allow_cleartext)
SET_FLAG(json)
SET_FLAG(messages)
SET_FLAG(replace)
SET_FLAG(pop3_only)
SET_FLAG(imap_only)
SET_FLAG(read_only)
SET_FLAG(never_delete)
SET_FLAG(held)
SET_FLAG(password_stdin)
SET_FLAG(ask_password)
SET_FLAG(list)
SET_FLAG(last)
SET_FLAG(help)
SET_NAME(bodies)
SET_NAME(output)
SET_NAME(device)
SET_NAME(folder)
SET_NAME(revoke)

static const struct cli_option {
    const char *name;
    char letter;          /* short form, or 0 */
    const char *argument; /* what it is called in the help; NULL: none */
    unsigned commands;    /* bits of enum cli_command */
    bool (*set)(struct cli_options *o, const char *value); /* false: `wanted` was not given */
    const char *wanted;
    const char *help;
} options[] = {
    {"config", 'c', "FILE", EVERY, set_config_file, "a file", "JSON configuration"},
    {"route", 'r', "LISTENER=UPSTREAM", ROUTING, set_route, "two URLs",
     "serve without a file; may be repeated"},
    {"certificate", 0, "FILE", ROUTING, set_certificate, "a file",
     "PEM certificate chain for clients (with --route)"},
    {"key", 0, "FILE", ROUTING, set_key, "a file", "its private key (with --route)"},
    {"allow-cleartext", 0, NULL, ROUTING, set_allow_cleartext, "",
     "let passwords cross a network unencrypted (with --route)"},
    {"state-dir", 0, "DIR", EVERY, set_state_dir, "a directory", "where state is kept"},
    {"workers", 0, "N", RUNNING, set_workers, "a number from 0 to 1024",
     "event loops; 0: one for each core"},
    {"log-format", 0, "text|json", RUNNING, set_log_format, "text or json", "default: text"},
    {"log-level", 0, "LEVEL", RUNNING, set_log_level, "error, warning, info or debug",
     "error, warning, info or debug; default: info"},
    {"json", 0, NULL, CLI_STATE | CLI_PASSWD, set_json, "",
     "list, show, verify, --list: for programs"},
    {"messages", 0, NULL, CLI_STATE, set_messages, "", "show: a line for each message"},
    {"bodies", 0, "DIR", CLI_STATE, set_bodies, "a directory",
     "export, import: messages that are kept whole, as files"},
    {"output", 'o', "FILE", CLI_STATE, set_output, "a file", "export: not to standard output"},
    {"replace", 0, NULL, CLI_STATE, set_replace, "",
     "import: in place of a state, which is put aside"},
    {"replace", 0, NULL, CLI_AUTHORIZE, set_replace, "",
     "in place of an authorization and all of its devices"},
    {"device", 0, "NAME", DEVICES, set_device, "a name", "what the device is called"},
    {"password-stdin", 0, NULL, DEVICES, set_password_stdin, "",
     "its new password is a line of standard input; else one is made"},
    {"ask-password", 0, NULL, DEVICES, set_ask_password, "",
     "its new password is asked for, twice"},
    {"pop3-only", 0, NULL, DEVICES, set_pop3_only, "", "it may use POP3 only"},
    {"imap-only", 0, NULL, DEVICES, set_imap_only, "", "it may use IMAP only"},
    {"folder", 0, "NAME", DEVICES, set_folder, "a folder", "it sees this folder only"},
    {"read-only", 0, NULL, DEVICES, set_read_only, "", "it changes nothing upstream"},
    {"never-delete", 0, NULL, DEVICES, set_never_delete, "", "it deletes nothing upstream"},
    {"held", 0, NULL, DEVICES, set_held, "",
     "the gateway holds its password: for APOP, CRAM-MD5 and SCRAM"},
    {"list", 0, NULL, CLI_PASSWD, set_list, "", "show the devices"},
    {"revoke", 0, "NAME", CLI_PASSWD, set_revoke, "a device's name", "let a device in no more"},
    {"last", 0, NULL, CLI_PASSWD, set_last, "",
     "with --revoke: though it is the last, and the authorization goes with it"},
    {"help", 'h', NULL, EVERY, set_help, "", "this text"},
};

enum { OPTIONS = sizeof options / sizeof *options, LONG_BASE = 256, ARGUMENT = 1 };

struct getopt_tables {
    struct option longs[OPTIONS + 1];
    char shorts[2 * OPTIONS + 3];
};

/* What getopt_long wants to know; it then returns LONG_BASE + index, or a letter. */
static void tables_fill(struct getopt_tables *t, enum cli_command command)
{
    size_t letters = 0;
    size_t count = 0;

    *t = (struct getopt_tables){0};
    /* Options end at the first other argument, or that is given as ARGUMENT. */
    t->shorts[letters++] = command & ARGUMENTS ? '-' : '+';
    t->shorts[letters++] = ':'; /* a missing argument is told apart from an unknown option */
    for (size_t i = 0; i < OPTIONS; i++) {
        const struct cli_option *o = &options[i];
        if (!(o->commands & command))
            continue;
        t->longs[count++] = (struct option){
            .name = o->name, .has_arg = o->argument != NULL, .val = LONG_BASE + (int)i};
        if (o->letter)
            t->shorts[letters++] = o->letter;
        if (o->letter && o->argument)
            t->shorts[letters++] = ':';
    }
}

static const struct cli_option *option_find(int value)
{
    for (size_t i = 0; i < OPTIONS; i++)
        if (value == LONG_BASE + (int)i || (value && value == options[i].letter))
            return &options[i];
    return NULL;
}

/* The name that an unknown "--nmae=value" was probably meant to be. */
static const char *option_nearest(const char *argument, enum cli_command command)
{
    const char *names[OPTIONS + 1] = {NULL};
    char name[64];
    size_t count = 0;

    for (size_t i = 0; i < OPTIONS; i++)
        if (options[i].commands & command)
            names[count++] = options[i].name;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(argument, "="), argument);
    return config_nearest(name, names);
}

/* An unknown option is named without its value: that may be a password. */
static void refuse_option(const char *argument, enum cli_command command)
{
    bool is_long = strncmp(argument, "--", 2) == 0;
    const char *name = argument + strspn(argument, "-");
    const char *nearest = is_long ? option_nearest(name, command) : NULL;

    if (strncmp(name, "pass", 4) == 0)
        cli_error("a password is never given on the command line, where every user can read it: "
                  "mail clients send their own");
    else if (nearest)
        cli_error("no option --%.*s here (did you mean --%s?)", (int)strcspn(name, "="), name,
                  nearest);
    else if (is_long)
        cli_error("no option --%.*s here", (int)strcspn(name, "="), name);
    else
        cli_error("no option -%c here", optopt);
}

static bool option_take(struct cli_options *o, int value, const char *argument)
{
    const struct cli_option *option = option_find(value);

    if (option->set(o, argument))
        return true;
    cli_error("--%s needs %s", option->name, option->wanted);
    return false;
}

/* The same for `authorize` and `passwd`. */
static bool device_options_agree(const struct cli_options *o, enum cli_command command)
{
    bool limited = o->pop3_only || o->imap_only || o->folder || o->read_only || o->never_delete;
    bool adds = o->device || limited || o->held || o->password_stdin || o->ask_password;
    int what = o->list + (o->revoke != NULL) + adds;

    if (o->argument_count != 1)
        cli_error("give one user, as the login that devices use: ann@example.com");
    else if (o->pop3_only && o->imap_only)
        cli_error("--pop3-only and --imap-only leave nothing: give one of them");
    else if (o->password_stdin && o->ask_password)
        cli_error("--password-stdin and --ask-password exclude each other: give one of them");
    else if (command == CLI_PASSWD && what != 1)
        cli_error("give one of --list, --device NAME and --revoke NAME");
    else if (command == CLI_PASSWD && adds && !o->device)
        cli_error("give the new device a name: --device NAME");
    else if (o->last && !o->revoke)
        cli_error("--last belongs to --revoke NAME");
    else
        return true;
    return false;
}

/* Combinations that contradict each other. */
static bool options_agree(const struct cli_options *o, enum cli_command command)
{
    if (o->help)
        return true;
    if (o->config_file && o->route_count)
        cli_error("-c and --route exclude each other: write the routes into the file, or leave -c "
                  "out");
    else if (o->config_file && (o->certificate || o->key))
        cli_error("--certificate and --key belong to --route: with -c, write them into the file, "
                  "under \"tls\"");
    else if (o->config_file && o->allow_cleartext)
        cli_error("--allow-cleartext belongs to --route: with -c, write it into the file, at a "
                  "listener or route");
    else if (command & ROUTING && !o->config_file && !o->route_count)
        cli_error("no routes: give -c FILE or --route LISTENER=UPSTREAM");
    else if (!o->certificate != !o->key)
        cli_error("--certificate and --key come together: give both");
    else
        return !(command & DEVICES) || device_options_agree(o, command);
    return false;
}

bool cli_options_parse(struct cli_options *o, enum cli_command command, int argc, char **argv)
{
    struct getopt_tables tables;

    *o = (struct cli_options){.workers = -1, .log_json = -1, .log_level = -1};
    tables_fill(&tables, command);
    optind = 0; /* glibc: begin anew, also when called a second time */
    opterr = 0;
    for (;;) {
        int before = optind ? optind : 1;
        int value = getopt_long(argc, argv, tables.shorts, tables.longs, NULL);
        if (value == -1)
            break;
        if (value == '?' || value == ':') {
            if (value == '?')
                refuse_option(argv[before], command);
            else
                cli_error("%s needs a value behind it", argv[before]);
            return false;
        }
        if (value == ARGUMENT ? !add_argument(o, optarg) : !option_take(o, value, optarg))
            return false;
    }
    while (command & ARGUMENTS && optind < argc)
        if (!add_argument(o, argv[optind++]))
            return false;
    if (optind < argc && !o->help) {
        cli_error("one argument too many, number %d: options begin with --", optind);
        return false;
    }
    return options_agree(o, command);
}

void cli_options_clear(struct cli_options *o)
{
    free(o->routes);
    free(o->arguments);
    *o = (struct cli_options){0};
}

static bool override_state_dir(struct config *c, const char *dir)
{
    char *copy = strdup(dir);

    if (!copy) {
        fputs("mailferry: out of memory\n", stderr);
        return false;
    }
    free(c->state_dir);
    c->state_dir = copy;
    return true;
}

struct config *cli_config(const struct cli_options *o)
{
    struct config *c = o->config_file
                           ? config_load(o->config_file, stderr)
                           : config_from_routes(o->routes, o->route_count, o->certificate, o->key,
                                                o->allow_cleartext, stderr);

    if (!c)
        return NULL;
    if (o->workers >= 0)
        c->workers = (unsigned)o->workers;
    if (o->log_json >= 0)
        c->log_json = o->log_json != 0;
    if (o->log_level >= 0)
        c->log_level = o->log_level;
    if (o->state_dir && !override_state_dir(c, o->state_dir)) {
        config_free(c);
        return NULL;
    }
    return c;
}

void cli_options_help(enum cli_command command, FILE *out)
{
    for (size_t i = 0; i < OPTIONS; i++) {
        const struct cli_option *o = &options[i];
        char left[48];
        if (!(o->commands & command))
            continue;
        snprintf(left, sizeof left, "%c%c%c --%s%s%s", o->letter ? '-' : ' ',
                 o->letter ? o->letter : ' ', o->letter ? ',' : ' ', o->name,
                 o->argument ? " " : "", o->argument ? o->argument : "");
        fprintf(out, "  %-32s %s\n", left, o->help);
    }
}
