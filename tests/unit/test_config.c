/*
 * The configuration as its users meet it: tests/config/ holds broken files and, beside each, what
 * is said about it; config/ holds examples, which must load.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glob.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/config.h"

enum { CASES_MIN = 40 };

/* What a function that writes to a stream wrote. */
struct capture {
    FILE *stream;
    char *text;
    size_t size;
};

static struct capture capture_open(void)
{
    struct capture c = {0};

    return c;
}

static FILE *capture_stream(struct capture *c)
{
    c->stream = open_memstream(&c->text, &c->size);
    assert_non_null(c->stream);
    return c->stream;
}

static const char *capture_text(struct capture *c)
{
    fflush(c->stream);
    return c->text;
}

static void capture_close(struct capture *c)
{
    fclose(c->stream);
    free(c->text);
}

static char *file_text(const char *path)
{
    FILE *in = fopen(path, "re");
    char *text = calloc(1, 1 << 20);

    if (!in)
        fail_msg("%s cannot be opened", path);
    assert_non_null(text);
    size_t n = fread(text, 1, (1 << 20) - 1, in);
    text[n] = '\0';
    fclose(in);
    return text;
}

/* A new file under the temporary directory; unlink() and free() it. */
static char *file_with(const char *text)
{
    char *path = strdup("/tmp/mailferry-test-XXXXXX");
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return path;
}

static struct config *load_text(const char *text, FILE *errors)
{
    char *path = file_with(text);
    struct config *c = config_load(path, errors);

    unlink(path);
    free(path);
    return c;
}

/* What was found wrong ends up in the test's output. */
static struct config *load_good(const char *text)
{
    struct config *c = load_text(text, stderr);

    assert_non_null(c);
    return c;
}

static void check_broken_file(const char *path)
{
    struct capture errors = capture_open();
    char expected_path[256];

    snprintf(expected_path, sizeof expected_path, "%.*s.expected", (int)strlen(path) - 5, path);
    char *expected = file_text(expected_path);
    if (config_load(path, capture_stream(&errors)))
        fail_msg("%s is accepted", path);
    assert_true(expected[0]);
    if (strcmp(capture_text(&errors), expected) != 0)
        fail_msg("%s says:\n%sbut should say:\n%s", path, errors.text, expected);
    assert_null(strstr(errors.text, "s3cret"));
    free(expected);
    capture_close(&errors);
}

static void broken_files_are_explained(void **state)
{
    (void)state;
    glob_t found;

    assert_int_equal(chdir(SOURCE_DIR "/tests/config"), 0);
    assert_int_equal(glob("*.json", 0, NULL, &found), 0);
    assert_true(found.gl_pathc >= CASES_MIN);
    for (size_t i = 0; i < found.gl_pathc; i++)
        check_broken_file(found.gl_pathv[i]);
    globfree(&found);
}

static void missing_and_huge_files_are_refused(void **state)
{
    (void)state;
    struct capture errors = capture_open();
    char *path = file_with("");

    assert_null(config_load("/nonexistent/mailferry.json", capture_stream(&errors)));
    assert_non_null(strstr(capture_text(&errors), "/nonexistent/mailferry.json: cannot be read: No "
                                                  "such file or directory; check its path and "
                                                  "permissions"));
    assert_int_equal(truncate(path, (4 << 20) + 1), 0);
    assert_null(config_load(path, errors.stream));
    assert_non_null(strstr(capture_text(&errors), "larger than 4 MiB"));
    unlink(path);
    free(path);
    capture_close(&errors);
}

/* A hundred faults are told; a file that has more is not what it claims to be. */
static void faults_are_bounded(void **state)
{
    (void)state;
    struct capture errors = capture_open();
    struct capture text = capture_open();
    FILE *out = capture_stream(&text);

    fputc('{', out);
    for (int i = 0; i < 5000; i++)
        fprintf(out, "\"%d-unknown\": [[[0]]],\n", i);
    fputs("\"workers\": 1, \"workers\": 2}", out);
    assert_null(load_text(capture_text(&text), capture_stream(&errors)));
    assert_non_null(strstr(capture_text(&errors), ": and 4903 more\n"));
    capture_close(&text);
    capture_close(&errors);
}

static void defaults_are_in_force(void **state)
{
    (void)state;
    struct config *c = load_good("{\"listeners\": [{\"url\": \"pop3://127.0.0.1\"}],"
                                 " \"routes\": [{\"upstream\": \"imaps://h\"}]}");
    const struct config_route *r = &c->routes[0];

    assert_int_equal(c->listener_count, 1);
    assert_int_equal(c->route_count, 1);
    assert_string_equal(r->name, "imaps://h:993");
    assert_string_equal(r->match, "*");
    assert_string_equal(r->login, "%u");
    assert_int_equal(r->listener, -1);
    assert_false(r->allow_cleartext);
    assert_string_equal(r->pop3.uidl, "%08Xu%08Xv");
    assert_int_equal(r->pop3.folder_count, 1);
    assert_string_equal(r->pop3.folders[0], "INBOX");
    assert_int_equal(r->pop3.folder_separator, 0);
    assert_int_equal(r->pop3.deletion, MAILDROP_EXPUNGE);
    assert_null(r->pop3.move_to);
    assert_true(r->pop3.seen);
    assert_true(r->pop3.compress);
    assert_false(r->pop3.unseen_only || r->pop3.allow_preauth);
    assert_int_equal(r->pop3.prefetch, 2097152);
    assert_int_equal(c->limits.connections, 10000);
    assert_int_equal(c->limits.idle_seconds, 600);
    assert_int_equal(c->limits.drain_seconds, 8);
    assert_int_equal(c->workers, 0);
    assert_false(c->log_json);
    assert_int_equal(c->log_level, config_log_level("info"));
    config_free(c);
}

static void every_key_reaches_its_member(void **state)
{
    (void)state;
    struct config *c = load_good(
        "{\"listeners\": [{\"url\": \"pop3://\"},"
        "  {\"url\": \"pop3s://:1995\", \"certificate\": \"/dev/null\", \"key\": \"/dev/null\","
        "   \"allow_cleartext\": true}],"
        " \"tls\": {\"certificate\": \"/etc/passwd\", \"key\": \"/etc/hosts\"},"
        " \"state\": {\"dir\": \"/s\"}, \"log\": {\"format\": \"json\", \"level\": \"debug\"},"
        " \"workers\": 3, \"limits\": {\"connections\": 11, \"connections_per_address\": 12,"
        "  \"unauthenticated_per_address\": 26, \"login_seconds\": 13, \"idle_seconds\": 614, "
        "\"write_seconds\": 15,"
        "  \"connect_seconds\": 16, \"response_seconds\": 17, \"errors\": 18,"
        "  \"login_attempts\": 19, \"drain_seconds\": 20},"
        " \"routes\": [{\"name\": \"n\", \"match\": \"m\", \"listener\": \"pop3s://*:1995\","
        "   \"upstream\": \"imaps://h\", \"login\": \"%n\", \"allow_cleartext\": true,"
        "   \"pop3\": {\"uidl\": \"%v.%u\", \"folders\": [\"A\", \"B\"],"
        "    \"folder_separator\": \"+\", \"deletion\": \"keep-days\", \"keep_days\": 21,"
        "    \"seen\": false, \"unseen_only\": true, \"last_days\": 22, \"last_messages\": 23,"
        "    \"prefetch\": 24, \"login_delay\": 25, \"allow_preauth\": true,"
        "    \"compress\": false}},"
        "  {\"upstream\": \"imaps://i\", \"pop3\": {\"deletion\": \"move\", \"move_to\": "
        "\"T\"}}]}");
    const struct config_limits *l = &c->limits;
    const struct config_route *r = &c->routes[0];
    const struct maildrop_options *o = &r->pop3;

    assert_null(c->listeners[0].certificates.first.certificate);
    assert_string_equal(c->listeners[1].certificates.first.certificate, "/dev/null");
    assert_string_equal(c->listeners[1].certificates.first.key, "/dev/null");
    assert_true(c->listeners[1].allow_cleartext && !c->listeners[0].allow_cleartext);
    assert_string_equal(c->certificates.first.certificate, "/etc/passwd");
    assert_string_equal(c->certificates.first.key, "/etc/hosts");
    assert_string_equal(c->state_dir, "/s");
    assert_true(c->log_json);
    assert_int_equal(c->log_level, 3);
    assert_int_equal(c->workers, 3);
    assert_int_equal(l->connections, 11);
    assert_int_equal(l->connections_per_address, 12);
    assert_int_equal(l->unauthenticated_per_address, 26);
    assert_int_equal(l->login_seconds, 13);
    assert_int_equal(l->idle_seconds, 614);
    assert_int_equal(l->write_seconds, 15);
    assert_int_equal(l->connect_seconds, 16);
    assert_int_equal(l->response_seconds, 17);
    assert_int_equal(l->errors, 18);
    assert_int_equal(l->login_attempts, 19);
    assert_int_equal(l->drain_seconds, 20);
    assert_string_equal(r->name, "n");
    assert_string_equal(r->match, "m");
    assert_int_equal(r->listener, 1);
    assert_string_equal(r->login, "%n");
    assert_true(r->allow_cleartext && !c->routes[1].allow_cleartext);
    assert_string_equal(o->uidl, "%v.%u");
    assert_int_equal(o->folder_count, 2);
    assert_string_equal(o->folders[1], "B");
    assert_int_equal(o->folder_separator, '+');
    assert_int_equal(o->deletion, MAILDROP_KEEP_DAYS);
    assert_int_equal(o->keep_days, 21);
    assert_true(!o->seen && o->unseen_only && o->allow_preauth && !o->compress);
    assert_int_equal(o->last_days, 22);
    assert_int_equal(o->last_messages, 23);
    assert_int_equal(o->prefetch, 24);
    assert_int_equal(o->login_delay, 25);
    assert_int_equal(c->routes[1].pop3.deletion, MAILDROP_MOVE);
    assert_string_equal(c->routes[1].pop3.move_to, "T");
    config_free(c);
}

/* The certificates that an example names are not on this machine: others stand in for them. */
static void load_example(const char *path)
{
    json_t *example = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    json_t *tls = json_object_get(example, "tls");

    assert_non_null(example);
    assert_non_null(json_object_get(example, "$schema"));
    if (tls) {
        json_object_set_new(tls, "certificate", json_string("/dev/null"));
        json_object_set_new(tls, "key", json_string("/dev/null"));
    }
    char *text = json_dumps(example, 0);
    config_free(load_good(text));
    free(text);
    json_decref(example);
}

static void examples_load(void **state)
{
    (void)state;
    glob_t found;

    assert_int_equal(glob(SOURCE_DIR "/config/examples/*.json", 0, NULL, &found), 0);
    assert_true(found.gl_pathc >= 3);
    for (size_t i = 0; i < found.gl_pathc; i++)
        load_example(found.gl_pathv[i]);
    globfree(&found);
}

/* A file that was cut anywhere is no configuration, and says so in one line. */
static void cut_files_are_refused(void **state)
{
    (void)state;
    char *text = file_text(SOURCE_DIR "/config/examples/provider.json");

    for (size_t n = strlen(text) - 2; n > 0; n -= n > 7 ? 7 : n) {
        struct capture errors = capture_open();
        text[n] = '\0';
        assert_null(load_text(text, capture_stream(&errors)));
        assert_non_null(strstr(capture_text(&errors), ": is not JSON: "));
        assert_ptr_equal(strchr(errors.text, '\n'), errors.text + errors.size - 1);
        capture_close(&errors);
    }
    free(text);
}

static void arguments_make_a_configuration(void **state)
{
    (void)state;
    static const char *const routes[] = {
        "pop3://127.0.0.1:1110=imaps://a?ca=/dev/null",
        "pop3+unix:/run/a=b=IMAP+unix:/run/c=d",
    };
    struct config *c = config_from_routes(routes, 2, "/dev/null", "/dev/null", true, stderr);

    assert_non_null(c);
    assert_int_equal(c->listener_count, 2);
    assert_int_equal(c->route_count, 2);
    assert_int_equal(c->listeners[0].endpoint.port, 1110);
    assert_string_equal(c->listeners[1].endpoint.unix_path, "/run/a=b");
    assert_string_equal(c->routes[0].upstream.ca, "/dev/null");
    assert_string_equal(c->routes[1].upstream.unix_path, "/run/c=d");
    assert_int_equal(c->routes[0].listener, 0);
    assert_int_equal(c->routes[1].listener, 1);
    assert_string_equal(c->certificates.first.certificate, "/dev/null");
    assert_true(c->listeners[0].allow_cleartext && c->routes[1].allow_cleartext);
    assert_string_equal(c->routes[0].pop3.uidl, "%08Xu%08Xv");
    config_free(c);
}

static void broken_arguments_are_all_explained(void **state)
{
    (void)state;
    static const char *const routes[] = {
        "pop3://127.0.0.1",
        "pop3://h:0=imaps://ann:s3cret@h",
        "ann:s3cret=imaps://h",
    };
    struct capture errors = capture_open();

    assert_null(config_from_routes(routes, 3, NULL, NULL, false, capture_stream(&errors)));
    const char *text = capture_text(&errors);
    assert_non_null(strstr(text, "--route: route 1 is not LISTENER=UPSTREAM"));
    assert_non_null(strstr(text, "--route: the listener of route 2: the port"));
    assert_non_null(strstr(text, "--route: the upstream of route 2: a URL here holds no user"));
    assert_non_null(strstr(text, "--route: the listener of route 3: it does not begin with"));
    assert_null(strstr(text, "s3cret"));
    capture_close(&errors);
}

static void arguments_are_checked_as_a_whole(void **state)
{
    (void)state;
    static const struct {
        const char *routes[2];
        size_t count;
        const char *certificate;
        const char *reason;
    } cases[] = {
        {{NULL}, 0, NULL, "--route: is empty; it needs"},
        {{"pop3s://=imaps://h"}, 1, NULL, "--route: pop3s://*:995 has no certificate"},
        {{"pop3://=imaps://h", "pop3://=imaps://i"}, 2, NULL, "another listener's address"},
        {{"pop3://=imap://h?tls=off"}, 1, NULL, "set allow_cleartext"},
        {{"pop3://=imaps://h"}, 1, "/nonexistent", "/nonexistent cannot be read"},
        {{"pop3+unix:/\xff=imaps://h"}, 1, NULL, "not UTF-8"},
        {{"pop3://=imaps://h"}, 1, "\xff", "not UTF-8"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct capture errors = capture_open();
        struct config *c = config_from_routes(cases[i].routes, cases[i].count, cases[i].certificate,
                                              cases[i].certificate, false, capture_stream(&errors));
        assert_null(c);
        if (!strstr(capture_text(&errors), cases[i].reason))
            fail_msg("%s", errors.text);
        capture_close(&errors);
    }
}

static void state_directory_follows_the_environment(void **state)
{
    (void)state;
    char *dir;

    unsetenv("STATE_DIRECTORY");
    setenv("XDG_STATE_HOME", "/x", 1);
    setenv("HOME", "/h", 1);
    dir = config_default_state_dir();
    assert_string_equal(dir, geteuid() == 0 ? "/var/lib/mailferry" : "/x/mailferry");
    free(dir);
    setenv("XDG_STATE_HOME", "", 1);
    dir = config_default_state_dir();
    assert_string_equal(dir, geteuid() == 0 ? "/var/lib/mailferry" : "/h/.local/state/mailferry");
    free(dir);
    setenv("STATE_DIRECTORY", "/s/one:/s/two", 1);
    dir = config_default_state_dir();
    assert_string_equal(dir, "/s/one");
    free(dir);
    struct config *c = load_good("{\"listeners\": [{\"url\": \"pop3://127.0.0.1\"}],"
                                 " \"routes\": [{\"upstream\": \"imaps://h\"}]}");
    assert_string_equal(c->state_dir, "/s/one");
    config_free(c);
    unsetenv("STATE_DIRECTORY");
}

/* The lines of config_warn() for one route of arguments. */
static void check_warning(const char *route, const char *file, bool allow_cleartext, size_t lines,
                          const char *expected)
{
    struct capture out = capture_open();
    struct config *c = config_from_routes(&route, 1, file, file, allow_cleartext, stderr);

    assert_non_null(c);
    assert_int_equal(config_warn(c, capture_stream(&out)), lines);
    if (!strstr(capture_text(&out), expected) || (lines == 0 && out.size))
        fail_msg("%s: %s", route, out.text);
    config_free(c);
    capture_close(&out);
}

static void dangers_are_told(void **state)
{
    (void)state;
    char *key = file_with("key"); /* mkstemp: nobody else can read it */

    check_warning("pop3://127.0.0.1=imaps://h", NULL, false, 0, "");
    check_warning("pop3://=imaps://h", NULL, false, 1, "warning: pop3://*:110: passwords from");
    check_warning("pop3://=imaps://h", key, false, 0, "");
    check_warning("pop3://?tls=off=imaps://h", key, false, 1, "will be refused");
    check_warning("pop3://?tls=starttls=imaps://h", key, false, 0, "");
    check_warning("pop3s://=imaps://h", key, true, 0, "");
    check_warning("pop3://=imaps://h", key, true, 1, "in the clear");
    check_warning("pop3://[::1]=imap://h", NULL, true, 1, "imap://h:143: passwords may");
    check_warning("pop3://[::1]=imap://localhost", NULL, true, 0, "");
    check_warning("pop3://[::1]=imaps://h?verify=off", NULL, false, 1, "WARNING: imaps://h:993");
    check_warning("pop3://[::1]=imap://[::1]?tls=off&verify=off", NULL, false, 0, "");
    assert_int_equal(chmod(key, 0644), 0);
    check_warning("pop3s://=imaps://h", key, false, 1, "private key");
    unlink(key);
    free(key);
}

static void print_tells_what_is_in_force(void **state)
{
    (void)state;
    struct capture out = capture_open();
    struct config *c = load_good(
        "{\"listeners\": [{\"url\": \"pop3://[::1]:1110\"}, {\"url\": \"imap://[::1]\"}],"
        " \"state\": {\"dir\": \"/s\"},"
        " \"routes\": [{\"name\": \"printer\", \"match\": \"p*\", \"upstream\":"
        "  \"imap://h?verify=off\", \"pop3\": {\"folders\": [\"INBOX\", \"Fax\"],"
        "  \"deletion\": \"keep-days\", \"keep_days\": 9, \"last_days\": 30, \"seen\": false}},"
        " {\"upstream\": \"imap://i?tls=starttls&ca=/dev/null\", \"pop3\": {\"prefetch\": 0,"
        "  \"deletion\": \"move\", \"folder_separator\": \"+\", \"unseen_only\": true}},"
        " {\"upstream\": \"pop3://p?tls=starttls\", \"imap\": {\"unlisted\": \"stays\","
        "  \"archive\": true, \"idle_seconds\": 7, \"poll_seconds\": 90, \"noop_seconds\": 3, "
        "\"cache\": 1234,"
        "  \"allow_apop\": true, \"append_limit\": 4096}}]}");
    static const char *const told[] = {
        "listener pop3://[::1]:1110\n",
        "route 1: printer\n",
        "p*, upstream as %u\n",
        "imap://h:143, STARTTLS, no password without it, certificate NOT VERIFIED\n",
        "INBOX, Fax\n",
        "all, of the last 30 days; RETR leaves \\Seen alone\n",
        "keep-days: hidden from this login, deleted upstream 9 days later\n",
        "route 2: imap://i:143\n",
        "imap://i:143, STARTTLS demanded, certificate verified by /dev/null\n",
        "INBOX; others by login as user+Folder\n",
        "unseen; RETR sets \\Seen\n",
        "move: moved to the folder marked \\Trash\n",
        "prefetch      off\n",
        "pop3://p:110, STLS demanded, certificate verified by the system's CAs\n",
        "stays: kept here\n",
        "every 90 s, for NOOP after 3 s, the upstream let go of after 7 s\n",
        "kept for ever once seen; cache of 1234 octets for each user\n",
        "at most 4096 octets\n",
        "APOP          used where offered\n",
        "state         /s\n",
        "10000, 100 for each address, 30 of these without a login\n",
        "600 s idle (IMAP: 1800 s)",
    };

    config_print(c, capture_stream(&out));
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        if (!strstr(capture_text(&out), told[i]))
            fail_msg("\"%s\" is not in\n%s", told[i], out.text);
    config_free(c);
    capture_close(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_files_are_explained),
        cmocka_unit_test(missing_and_huge_files_are_refused),
        cmocka_unit_test(faults_are_bounded),
        cmocka_unit_test(defaults_are_in_force),
        cmocka_unit_test(every_key_reaches_its_member),
        cmocka_unit_test(examples_load),
        cmocka_unit_test(cut_files_are_refused),
        cmocka_unit_test(arguments_make_a_configuration),
        cmocka_unit_test(broken_arguments_are_all_explained),
        cmocka_unit_test(arguments_are_checked_as_a_whole),
        cmocka_unit_test(state_directory_follows_the_environment),
        cmocka_unit_test(dangers_are_told),
        cmocka_unit_test(print_tells_what_is_in_force),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
