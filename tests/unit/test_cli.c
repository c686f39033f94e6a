/* The command line: what is taken, what is refused and in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/cli.h"

enum { ARGUMENTS_MAX = 20 };

/* Parses "serve" and the words of `line`, which it cuts up. */
static bool parse(struct cli_options *o, enum cli_command command, char *line)
{
    char *argv[ARGUMENTS_MAX + 1] = {(char *)"serve"};
    int argc = 1;

    for (char *word = strtok(line, " "); word && argc < ARGUMENTS_MAX; word = strtok(NULL, " "))
        argv[argc++] = word;
    return cli_options_parse(o, command, argc, argv);
}

/* What was said on stderr, owned. */
static char *refusal(enum cli_command command, const char *line)
{
    char *copy = strdup(line);
    char *text = NULL;
    size_t size;
    FILE *saved = stderr;
    struct cli_options o;

    stderr = open_memstream(&text, &size);
    bool taken = parse(&o, command, copy);
    fclose(stderr);
    stderr = saved;
    cli_options_clear(&o);
    free(copy);
    if (taken)
        fail_msg("%s is taken", line);
    return text;
}

static void options_are_taken(void **state)
{
    (void)state;
    char line[] = "--route A=B -r C=D --state-dir /s --workers=0 --certificate c --key k "
                  "--log-format json";
    struct cli_options o;

    assert_true(parse(&o, CLI_SERVE, line));
    assert_int_equal(o.route_count, 2);
    assert_string_equal(o.routes[0], "A=B");
    assert_string_equal(o.routes[1], "C=D");
    assert_string_equal(o.state_dir, "/s");
    assert_string_equal(o.certificate, "c");
    assert_string_equal(o.key, "k");
    assert_int_equal(o.workers, 0);
    assert_int_equal(o.log_json, 1);
    assert_int_equal(o.log_level, -1);
    assert_false(o.allow_cleartext || o.help);
    cli_options_clear(&o);

    char file[] = "-c F --log-level debug --log-format text";
    assert_true(parse(&o, CLI_CHECK, file));
    assert_string_equal(o.config_file, "F");
    assert_int_equal(o.log_level, 3);
    assert_int_equal(o.log_json, 0);
    assert_int_equal(o.workers, -1);
    cli_options_clear(&o);
}

static void healthcheck_needs_nothing(void **state)
{
    (void)state;
    char nothing[] = "";
    struct cli_options o;

    assert_true(parse(&o, CLI_HEALTHCHECK, nothing));
    cli_options_clear(&o);
}

static void state_has_arguments_among_its_options(void **state)
{
    (void)state;
    char line[] = "show --json ann INBOX --state-dir /s -o F --bodies=B --replace --messages -- -x";
    struct cli_options o;

    assert_true(parse(&o, CLI_STATE, line));
    assert_int_equal(o.argument_count, 4);
    assert_string_equal(o.arguments[0], "show");
    assert_string_equal(o.arguments[1], "ann");
    assert_string_equal(o.arguments[2], "INBOX");
    assert_string_equal(o.arguments[3], "-x");
    assert_string_equal(o.state_dir, "/s");
    assert_string_equal(o.output, "F");
    assert_string_equal(o.bodies, "B");
    assert_true(o.json && o.replace && o.messages);
    cli_options_clear(&o);
}

static void help_comes_before_what_is_missing(void **state)
{
    (void)state;
    char line[] = "-c F --route A=B --help rest";
    struct cli_options o;

    assert_true(parse(&o, CLI_SERVE, line));
    assert_true(o.help);
    cli_options_clear(&o);
}

static void wrong_usage_is_explained_in_one_line(void **state)
{
    (void)state;
    static const struct {
        enum cli_command command;
        const char *line;
        const char *reason;
    } cases[] = {
        {CLI_SERVE, "", "no routes"},
        {CLI_CHECK, "", "no routes"},
        {CLI_SERVE, "-c F --route A=B", "exclude each other"},
        {CLI_SERVE, "-c F --key K", "belong to --route"},
        {CLI_SERVE, "-c F --allow-cleartext", "belongs to --route"},
        {CLI_SERVE, "--route A=B --key K", "come together"},
        {CLI_SERVE, "-c", "-c needs a value"},
        {CLI_SERVE, "--route", "--route needs a value"},
        {CLI_SERVE, "-c F --workers many", "--workers needs a number"},
        {CLI_SERVE, "-c F --workers 1025", "--workers needs a number"},
        {CLI_SERVE, "-c F --log-level loud", "--log-level needs"},
        {CLI_SERVE, "-c F --log-format xml", "--log-format needs"},
        {CLI_SERVE, "-c F --state-dir=", "--state-dir needs"},
        {CLI_SERVE, "-c F --state-dri=/x", "did you mean --state-dir?"},
        {CLI_SERVE, "-c F --zzz=s3cret", "no option --zzz here"},
        {CLI_SERVE, "-c F -zs3cret", "no option -z here"},
        {CLI_SERVE, "-c F s3cret", "one argument too many"},
        {CLI_SERVE, "-c F --password=s3cret", "a password is never given"},
        {CLI_SERVE, "-c F --pass s3cret", "a password is never given"},
        {CLI_HEALTHCHECK, "--route A=B", "no option --route here"},
        {CLI_HEALTHCHECK, "show", "one argument too many"},
        {CLI_SERVE, "-c F --json", "no option --json here"},
        {CLI_STATE, "show ann --jsno", "did you mean --json?"},
        {CLI_STATE, "show ann --bodies", "--bodies needs a value"},
        {CLI_STATE, "import ann F --bodies=", "--bodies needs a directory"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = refusal(cases[i].command, cases[i].line);
        if (!strstr(text, cases[i].reason) || !strstr(text, "see mailferry --help\n") ||
            strchr(text, '\n') != text + strlen(text) - 1 || strstr(text, "s3cret"))
            fail_msg("%s: %s", cases[i].line, text);
        free(text);
    }
}

static void options_override_the_file(void **state)
{
    (void)state;
    char line[] = "--route pop3://127.0.0.1=imaps://h --state-dir /s --workers 7 --log-format json "
                  "--log-level error --allow-cleartext";
    struct cli_options o;

    assert_true(parse(&o, CLI_SERVE, line));
    struct config *c = cli_config(&o);
    assert_non_null(c);
    assert_string_equal(c->state_dir, "/s");
    assert_int_equal(c->workers, 7);
    assert_true(c->log_json);
    assert_int_equal(c->log_level, 0);
    assert_true(c->routes[0].allow_cleartext);
    config_free(c);
    cli_options_clear(&o);

    char file[] = "-c " SOURCE_DIR "/config/examples/container.json --state-dir /elsewhere "
                  "--log-format text";
    assert_true(parse(&o, CLI_SERVE, file));
    c = cli_config(&o);
    assert_non_null(c);
    assert_string_equal(c->state_dir, "/elsewhere");
    assert_false(c->log_json);
    assert_int_equal(c->log_level, 2);
    config_free(c);
    cli_options_clear(&o);
}

static void help_lists_a_commands_own_options(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    cli_options_help(CLI_HEALTHCHECK, out);
    fclose(out);
    assert_non_null(strstr(text, "--state-dir DIR"));
    assert_non_null(strstr(text, "-c, --config FILE"));
    assert_null(strstr(text, "--route"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_taken),
        cmocka_unit_test(healthcheck_needs_nothing),
        cmocka_unit_test(state_has_arguments_among_its_options),
        cmocka_unit_test(help_comes_before_what_is_missing),
        cmocka_unit_test(wrong_usage_is_explained_in_one_line),
        cmocka_unit_test(options_override_the_file),
        cmocka_unit_test(help_lists_a_commands_own_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
