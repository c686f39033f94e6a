/* FETCH: the answers as RFC 9051 section 7.5.2 has them, and what is asked for to give them. */
#include "tests/unit/job_world.h"

#define PLAIN                                        \
    "Date: Wed, 17 Jul 1996 02:23:25 -0700\r\n"      \
    "From: Terry Gray <gray@cac.washington.edu>\r\n" \
    "Subject: IMAP4rev2 WG\r\n"                      \
    "To: imap@cac.washington.edu\r\n"                \
    "\r\n"                                           \
    "first line\r\nsecond line\r\n"

static struct world w;

static int setup(void **state)
{
    (void)state;
    world_init(&w);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_clear(&w);
    return 0;
}

static void test_state_items(void **state)
{
    (void)state;
    world_add_octets(&w, slice_of(PLAIN), BOX_SEEN | BOX_FLAGGED, 837596665, "$Forwarded");
    world_add(&w, "");
    world_select(&w);
    world_check(&w, "a FETCH 1:2 (FLAGS UID INTERNALDATE RFC822.SIZE)",
                "* 1 FETCH (FLAGS (\\Flagged \\Seen $Forwarded) UID 1 INTERNALDATE "
                "\"17-Jul-1996 09:24:25 +0000\" RFC822.SIZE 176)\r\n"
                "* 2 FETCH (FLAGS () UID 2 INTERNALDATE \"14-Nov-2023 22:13:20 +0000\" "
                "RFC822.SIZE 0)\r\n");
    assert_int_equal(w.tops + w.retrs, 0);
    assert_int_equal(w.numbers[ASKED_READ], 0);
    world_check(&w, "a UID FETCH 2:9 FLAGS", "* 2 FETCH (UID 2 FLAGS ())\r\n");
    world_check(&w, "a FETCH 2 MODSEQ", "* 2 FETCH (MODSEQ (3))\r\n");
    world_check(&w, "a FETCH 1:2 FLAGS (CHANGEDSINCE 2)", "* 2 FETCH (MODSEQ (3) FLAGS ())\r\n");
    w.host.condstore = true;
    world_check(&w, "a FETCH 2 FLAGS", "* 2 FETCH (MODSEQ (3) FLAGS ())\r\n");
}

static void test_whole(void **state)
{
    (void)state;
    world_add(&w, PLAIN);
    world_add(&w, "");
    world_add_octets(&w, slice_make("\0\n\0", 3), 0, 0, NULL);
    world_select(&w);
    world_check(&w, "a FETCH 1 BODY.PEEK[]", "* 1 FETCH (BODY[] {176}\r\n" PLAIN ")\r\n");
    assert_int_equal(w.result.seen_count, 0);
    world_check(&w, "a FETCH 1 RFC822", "* 1 FETCH (RFC822 {176}\r\n" PLAIN ")\r\n");
    assert_int_equal(w.result.seen_count, 1);
    world_check(&w, "a FETCH 2 (BODY[] UID)", "* 2 FETCH (BODY[] {0}\r\n UID 2)\r\n");
    world_check_octets(&w, "a FETCH 3 BODY[]",
                       slice_make("* 3 FETCH (BODY[] {3}\r\n\0\n\0)\r\n", 29));
    world_check(&w, "a FETCH 1 BODY[]<6.10>", "* 1 FETCH (BODY[]<6> {10}\r\nWed, 17 Ju)\r\n");
    world_check(&w, "a FETCH 1 BODY[]<170.10>", "* 1 FETCH (BODY[]<170> {6}\r\nline\r\n)\r\n");
    world_check(&w, "a FETCH 1 BODY[]<176.10>", "* 1 FETCH (BODY[]<176> {0}\r\n)\r\n");
    world_check(&w, "a FETCH 1 BODY[]<9223372036854775807.9223372036854775807>",
                "* 1 FETCH (BODY[]<9223372036854775807> {0}\r\n)\r\n");
}

static void test_header_only(void **state)
{
    (void)state;
    world_add(&w, PLAIN);
    world_select(&w);
    world_check(&w, "a FETCH 1 ENVELOPE",
                "* 1 FETCH (ENVELOPE (\"Wed, 17 Jul 1996 02:23:25 -0700\" \"IMAP4rev2 WG\" "
                "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
                "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
                "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
                "((NIL NIL \"imap\" \"cac.washington.edu\")) NIL NIL NIL NIL))\r\n");
    world_check(&w, "a FETCH 1 BODY[HEADER.FIELDS (subject)]",
                "* 1 FETCH (BODY[HEADER.FIELDS (subject)] {26}\r\n"
                "Subject: IMAP4rev2 WG\r\n\r\n)\r\n");
    world_check(&w, "a FETCH 1 BODY.PEEK[HEADER.FIELDS.NOT (Date From To)]<0.10>",
                "* 1 FETCH (BODY[HEADER.FIELDS.NOT (Date From To)]<0> {10}\r\nSubject: I)\r\n");
    world_check(&w, "a FETCH 1 RFC822.HEADER",
                "* 1 FETCH (RFC822.HEADER {149}\r\n"
                "Date: Wed, 17 Jul 1996 02:23:25 -0700\r\n"
                "From: Terry Gray <gray@cac.washington.edu>\r\n"
                "Subject: IMAP4rev2 WG\r\nTo: imap@cac.washington.edu\r\n\r\n)\r\n");
    world_forget(&w);
    world_run(&w, slice_of("a FETCH 1 (ENVELOPE BODY[HEADER])"));
    assert_int_equal(w.tops, 1);
    assert_int_equal(w.retrs, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_state_items, setup, teardown),
        cmocka_unit_test_setup_teardown(test_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(test_header_only, setup, teardown),
    };

    mime_setup();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mime_teardown();
    return failed;
}
