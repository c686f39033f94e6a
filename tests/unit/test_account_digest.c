/* Which headers are the same message's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "translate/mailbox/account_internal.h"

static bool same(const char *one, const char *other)
{
    char digests[2][LISTED_DIGEST + 1];

    assert_true(digest_of_header(slice_of(one), digests[0]));
    assert_true(digest_of_header(slice_of(other), digests[1]));
    return strcmp(digests[0], digests[1]) == 0;
}

static bool is_own(const char *header)
{
    char digest[LISTED_DIGEST + 1];

    assert_true(digest_of_header(slice_of(header), digest));
    assert_int_equal(strlen(digest), LISTED_DIGEST);
    assert_false(digest_is_provisional(digest));
    return box_digest_is_own(digest);
}

static void header_that_no_other_message_has(void **state)
{
    (void)state;
    assert_true(is_own("Subject: a\r\nMessage-Id: <1@x>\r\n\r\n"));
    assert_true(is_own("Received: by x; today\r\n\r\n"));
    assert_false(is_own("Subject: a\r\nFrom: printer\r\n\r\n"));
    assert_false(is_own("no field\r\n\r\n"));
    assert_false(is_own(""));
}

static void fields_that_are_written_anew_do_not_count(void **state)
{
    (void)state;
    assert_true(same("Message-ID: <1@x>\r\n\r\n",
                     "status: RO\r\nMessage-ID: <1@x>\r\nX-Scanned: now\r\n again\r\n\r\n"));
    assert_true(same("From: a\r\n\r\n", "From: a\r\nStatus: O\r\nX-UID: 7\r\n\r\n"));
    assert_true(same("Message-ID: <1@x>\r\n\r\n", "Message-ID: <1@x> \r\n"));
}

static void headers_of_other_messages(void **state)
{
    (void)state;
    assert_false(same("Message-ID: <1@x>\r\n\r\n", "Message-ID: <2@x>\r\n\r\n"));
    assert_false(same("Message-ID: <1@x>\r\nSubject: a\r\n", "Message-ID: <1@x>\r\n"));
    assert_false(same("Received: 1\r\nTo: b\r\n", "Received: 2\r\nTo: b\r\n"));
    assert_false(same("From: a\r\nX-Number: 1\r\n\r\n", "From: a\r\nX-Number: 2\r\n\r\n"));
    assert_false(same("one\r\n\r\n", "two\r\n\r\n"));
}

/* Message by message, over versions: what is in states on disks. */
static void digest_stays_as_it_is(void **state)
{
    char digest[LISTED_DIGEST + 1];

    (void)state;
    assert_true(digest_of_header(slice_of("Message-ID: <1@x>\r\nStatus: O\r\n\r\n"), digest));
    assert_string_equal(digest, "3b2a90161cdcb3d61c183069ffc35472");
    assert_true(digest_of_header(slice_of("From: a\r\nStatus: O\r\n\r\n"), digest));
    assert_string_equal(digest, "?911a4ba3f5341b68f0c0243487099b0");
}

static void stand_in_for_a_digest(void **state)
{
    char digest[LISTED_DIGEST + 1];

    (void)state;
    digest_of_size(UINT64_MAX, digest);
    assert_string_equal(digest, "?octets:18446744073709551615");
    assert_true(digest_is_provisional(digest));
    assert_false(box_digest_is_own(digest));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_that_no_other_message_has),
        cmocka_unit_test(fields_that_are_written_anew_do_not_count),
        cmocka_unit_test(headers_of_other_messages),
        cmocka_unit_test(digest_stays_as_it_is),
        cmocka_unit_test(stand_in_for_a_digest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
