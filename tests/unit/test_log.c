/* proxy/log.c: the shape of lines, and that no input can forge one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants the four above */

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "proxy/log.h"

static char logged[16384];

/* What is logged of the fields, read back from a pipe in the place of standard error. */
static const char *capture(bool json, const char *session, const char *event,
                           const struct log_field *fields)
{
    int ends[2];
    int saved = dup(STDERR_FILENO);

    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    log_setup(json, LOG_INFO);
    log_event(LOG_INFO, session, event, fields);
    log_event(LOG_DEBUG, session, "hidden", fields);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[1]);
    ssize_t n = read(ends[0], logged, sizeof logged - 1);
    close(ends[0]);
    assert_true(n > 0);
    logged[n] = '\0';
    assert_ptr_equal(strchr(logged, '\n'), logged + n - 1); /* one line */
    return logged;
}

/* The text line of one field, without time, level, session and event. */
static const char *text_of(const char *value, size_t n)
{
    const struct log_field fields[] = {LOG_FIELD("user", slice_make(value, n)), LOG_FIELD_END};
    const char *line = capture(false, "8f3a2c", "login", fields);
    const char *head = " info    8f3a2c login user=";

    assert_memory_equal(line + 24, head, strlen(head));
    return line + 24 + strlen(head);
}

static json_t *json_of(const char *value, size_t n)
{
    const struct log_field fields[] = {LOG_FIELD("user", slice_make(value, n)),
                                       LOG_FIELD_NUMBER("octets", -5), LOG_FIELD_END};
    json_t *line =
        json_loads(capture(true, "8f3a2c", "login", fields), JSON_REJECT_DUPLICATES, NULL);

    assert_non_null(line);
    return line;
}

#define TEXT_OF(literal_) text_of("" literal_, sizeof(literal_) - 1)

static void writes_a_time(void **state)
{
    const char *line = capture(false, NULL, "started", NULL);
    const char *shape = "dddd-dd-ddTdd:dd:dd.dddZ info    - started\n";

    (void)state;
    assert_int_equal(strlen(line), strlen(shape));
    for (size_t i = 0; shape[i]; i++)
        if (shape[i] == 'd' && i < 24)
            assert_in_range(line[i], '0', '9');
        else
            assert_int_equal(line[i], shape[i]);
}

static void quotes_where_needed(void **state)
{
    (void)state;
    assert_string_equal(TEXT_OF("ann"), "ann\n");
    assert_string_equal(TEXT_OF("imaps://imap.example.com"), "imaps://imap.example.com\n");
    assert_string_equal(TEXT_OF("J\xc3\xbcrgen"), "J\xc3\xbcrgen\n");
    assert_string_equal(TEXT_OF(""), "\"\"\n");
    assert_string_equal(TEXT_OF("a b"), "\"a b\"\n");
    assert_string_equal(TEXT_OF("a\"b\\c"), "\"a\\\"b\\\\c\"\n");
}

static void cannot_be_forged(void **state)
{
    (void)state;
    assert_string_equal(TEXT_OF("ann level=error"), "\"ann level=error\"\n");
    assert_string_equal(TEXT_OF("x=y"), "\"x=y\"\n");
    assert_string_equal(TEXT_OF("\" level=error \""), "\"\\\" level=error \\\"\"\n");
    assert_string_equal(TEXT_OF("ann\r\n2026-11-21T09:00:00.123Z error"),
                        "\"ann  2026-11-21T09:00:00.123Z error\"\n");
    assert_string_equal(TEXT_OF("a\0b\x1b[2Jc\x7f"), "\"a b [2Jc \"\n");
    assert_string_equal(TEXT_OF("a\xc2\x9b"
                                "2J"),
                        "\"a 2J\"\n");
    assert_string_equal(TEXT_OF("a\xe2\x80\xa8z"), "\"a   z\"\n");
    assert_string_equal(TEXT_OF("\xff\xc0\xafz"), "???z\n");
    capture(false, "a b=c\n", "x\ny", NULL);
    assert_string_equal(logged + 24, " info    \"a b=c \" \"x y\"\n");
}

static void json_is_json(void **state)
{
    static const char nasty[] = "a\"b\\c\n{}\x01\xff\xc3\xbc\",\"level\":\"error";
    json_t *line = json_of(nasty, sizeof nasty - 1);

    (void)state;
    assert_string_equal(json_string_value(json_object_get(line, "level")), "info");
    assert_string_equal(json_string_value(json_object_get(line, "session")), "8f3a2c");
    assert_string_equal(json_string_value(json_object_get(line, "event")), "login");
    assert_string_equal(json_string_value(json_object_get(line, "user")),
                        "a\"b\\c {} ?\xc3\xbc\",\"level\":\"error");
    assert_int_equal(json_integer_value(json_object_get(line, "octets")), -5);
    assert_int_equal(strlen(json_string_value(json_object_get(line, "time"))), 24);
    json_decref(line);
}

static void is_never_cut(void **state)
{
    char value[5000];
    char names[20][2];
    struct log_field fields[21];

    (void)state;
    memset(value, '"', sizeof value);
    for (int i = 0; i < 20; i++) {
        names[i][0] = (char)('a' + i);
        names[i][1] = '\0';
        fields[i] = LOG_FIELD(names[i], slice_make(value, sizeof value));
    }
    fields[20] = LOG_FIELD_END;
    json_t *line = json_loads(capture(true, NULL, "x", fields), JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(line);
    assert_true(strlen(logged) <= 4096);
    assert_non_null(json_object_get(line, "c"));
    assert_null(json_object_get(line, "t"));
    json_decref(line);
    assert_true(strlen(capture(false, NULL, "x", fields)) <= 4096);
}

static void survives_a_lost_stderr(void **state)
{
    int saved = dup(STDERR_FILENO);
    int ends[2];

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    errno = ENOENT;
    log_message(LOG_ERROR, "lost", "%s", "nobody reads this");
    assert_int_equal(errno, ENOENT);
    close(STDERR_FILENO);
    log_message(LOG_ERROR, "lost", "%s", "nobody reads this");
    assert_int_equal(errno, ENOENT);
    dup2(saved, STDERR_FILENO);
    close(saved);
}

static void knows_levels(void **state)
{
    enum log_level level = LOG_INFO;

    (void)state;
    assert_true(log_level_parse("warning", &level));
    assert_int_equal(level, LOG_WARNING);
    assert_false(log_level_parse("loud", &level));
    assert_int_equal(level, LOG_WARNING);
    log_setup(false, LOG_WARNING);
    assert_true(log_enabled(LOG_ERROR));
    assert_false(log_enabled(LOG_INFO));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_a_time),    cmocka_unit_test(quotes_where_needed),
        cmocka_unit_test(cannot_be_forged), cmocka_unit_test(json_is_json),
        cmocka_unit_test(is_never_cut),     cmocka_unit_test(survives_a_lost_stderr),
        cmocka_unit_test(knows_levels),
    };

    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
