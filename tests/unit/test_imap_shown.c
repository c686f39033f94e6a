/*
 * What the debug log shows of an IMAP server's responses: no octet of mail, of a literal, of a
 * challenge; however the input is cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "translate/imap/imap_response.h"
#include "translate/text/buf.h"

static void add_line(void *owner, struct slice line)
{
    buf_put(owner, line);
    buf_puts(owner, "\n");
}

static void feed(struct imap_response *r, struct slice in)
{
    struct imap_event ev;
    struct failure why;

    while (imap_response_next(r, &in, &ev, &why) == IMAP_PARSE_EVENT)
        continue;
}

static void assert_shown(const char *response, const char *shown)
{
    size_t n = strlen(response);

    for (size_t cut = 0; cut <= n; cut++) {
        struct imap_response *r = imap_response_new();
        struct buf lines = BUF_INIT;
        const struct trace trace = {.says = add_line, .owner = &lines};

        assert_true(imap_response_trace(r, &trace));
        feed(r, slice_make(response, cut));
        feed(r, slice_make(response + cut, n - cut));
        buf_putc(&lines, '\0');
        assert_string_equal(buf_slice(&lines).p, shown);
        buf_clear(&lines);
        imap_response_free(r);
    }
}

static void test_no_mail(void **state)
{
    (void)state;
    assert_shown("* 1 FETCH (UID 7 BODY[] {6}\r\nsecret RFC822.SIZE 6)\r\n* 2 EXISTS\r\n",
                 "* 1 FETCH (UID 7 BODY[] {6} RFC822.SIZE 6)\n* 2 EXISTS\n");
    assert_shown("* 1 FETCH (BODY[HEADER] \"Subject: secret\" UID 7)\r\n",
                 "* 1 FETCH (BODY[HEADER] \"...\" UID 7)\n");
}

static void test_words_of_the_server(void **state)
{
    (void)state;
    assert_shown("* OK [ALERT] the disk is full {3}\r\n* 4 EXISTS\r\n",
                 "* OK [ALERT] the disk is full {3}\n* 4 EXISTS\n");
    assert_shown("* LIST (\\Trash) \"/\" \"Old mail\"\r\n", "* LIST (\\Trash) / Old mail\n");
    assert_shown("m1 NO [AUTHENTICATIONFAILED] no\r\n", "m1 NO [AUTHENTICATIONFAILED] no\n");
}

static void test_no_challenge(void **state)
{
    (void)state;
    assert_shown("+ c2VjcmV0\r\n", "+\n");
}

static void test_length_is_bounded(void **state)
{
    char response[1000];
    char shown[300];

    (void)state;
    snprintf(response, sizeof response, "* OK %0900d\r\n", 1);
    snprintf(shown, sizeof shown, "%.240s\n", response);
    assert_shown(response, shown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_mail),
        cmocka_unit_test(test_words_of_the_server),
        cmocka_unit_test(test_no_challenge),
        cmocka_unit_test(test_length_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
