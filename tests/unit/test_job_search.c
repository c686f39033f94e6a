/* SEARCH: every key, what is read for it, and the answers in all of their forms. */
#include "tests/unit/job_scene.h"

#define DAY INT64_C(86400)

enum { CHUNK = 256 << 10 };

/* 1: plain, \Seen. 2: encoded words, \Flagged, two days later. 3: parts, $Junk, large. 4: empty. */
static const char *const texts[] = {
    "Date: Wed, 17 Jul 1996 02:23:25 -0700\r\nFrom: Terry Gray <gray@cac.washington.edu>\r\n"
    "Subject: IMAP4rev2 WG\r\nTo: imap@cac.washington.edu\r\nCc: one@example.com\r\n\r\n"
    "first line\r\n",
    "Date: 18 Jul 96 23:00 +1400 (a \\( comment)\r\nFrom: =?utf-8?q?J=C3=BCrgen?= "
    "<j@example.com>\r\n"
    "Subject: =?iso-8859-1?q?Gr=FC=DFe?=\r\n aus =?utf-8?b?S8O2bG4=?=\r\nBcc: "
    "secret@example.com\r\n"
    "X-Empty:\r\n\r\nsecond line\r\n",
    "Subject: parts\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    "preamble\r\n--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n\r\nSch=F6=\r\nne Gr=FC=DFe\r\n"
    "--b\r\nContent-Type: image/png; name=picture\r\n\r\nneedle\r\n"
    "--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    "w4RybWVs\r\n"
    "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: embedded\r\n\r\nwithin\r\n--b--\r\n",
    "",
};

static int four_texts(void **state)
{
    setup(state);
    world_add_octets(&w, slice_of(texts[0]), BOX_SEEN | BOX_ANSWERED, 20000 * DAY, NULL);
    world_add_octets(&w, slice_of(texts[1]), BOX_FLAGGED | BOX_DRAFT, 20002 * DAY - 1, NULL);
    world_add_octets(&w, slice_of(texts[2]), BOX_DELETED, 20002 * DAY, "$Junk");
    world_add_octets(&w, slice_of(texts[3]), 0, -1, NULL);
    world_select(&w);
    return 0;
}

/* The keys find just these. */
static void find(const char *keys, const char *numbers)
{
    char command[600];
    char expected[200];

    snprintf(command, sizeof command, "a SEARCH %s", keys);
    snprintf(expected, sizeof expected, "* SEARCH%s%s\r\n", *numbers ? " " : "", numbers);
    world_check(&w, command, expected);
    assert_int_equal(w.result.failure.kind, FAILURE_NONE);
}

/* And need nothing but the state for it. */
static void find_at_once(const char *keys, const char *numbers)
{
    uint32_t reads = w.numbers[ASKED_READ];

    find(keys, numbers);
    assert_int_equal(w.numbers[ASKED_READ], reads);
}

static void test_state_keys(void **state)
{
    (void)state;
    find_at_once("ALL", "1 2 3 4");
    find_at_once("SEEN", "1");
    find_at_once("UNSEEN", "2 3 4");
    find_at_once("ANSWERED", "1");
    find_at_once("UNANSWERED FLAGGED", "2");
    find_at_once("UNFLAGGED", "1 3 4");
    find_at_once("DRAFT", "2");
    find_at_once("UNDRAFT", "1 3 4");
    find_at_once("DELETED", "3");
    find_at_once("UNDELETED", "1 2 4");
    find_at_once("KEYWORD $junk", "3");
    find_at_once("UNKEYWORD $Junk", "1 2 4");
    find_at_once("KEYWORD Other", "");
    find_at_once("RECENT", "");
    find_at_once("NEW", "");
    find_at_once("OLD", "1 2 3 4");
    find_at_once("2:3", "2 3");
    find_at_once("*", "4");
    find_at_once("UID 3:*", "3 4");
    find_at_once("NOT 2", "1 3 4");
    find_at_once("OR SEEN OR DELETED 4", "1 3 4");
    find_at_once("NOT (OR SEEN DELETED)", "2 4");
    find_at_once("SMALLER 1", "4");
    find_at_once("LARGER 0 SMALLER 300", "1 2");
    find_at_once("MODSEQ 4 UNSEEN", "3 4 (MODSEQ 5)");
    find_at_once("BODY \"\"", "1 2 3 4");
    find_at_once("TEXT \"\"", "1 2 3 4");
}

static void test_dates(void **state)
{
    (void)state;
    /* Day 20000 is 2024-10-04. */
    find_at_once("ON 4-Oct-2024", "1");
    find_at_once("ON 5-Oct-2024", "2");
    find_at_once("SINCE 5-Oct-2024", "2 3");
    find_at_once("BEFORE 5-Oct-2024", "1 4");
    find_at_once("ON 31-Dec-1969", "4");
    /* As written, whatever the zone; without a Date: none. */
    find("SENTON 17-Jul-1996", "1");
    find("SENTON 18-Jul-1996", "2");
    find("SENTSINCE 17-Jul-1996", "1 2");
    find("SENTBEFORE 18-Jul-1996", "1");
    find("NOT SENTSINCE 1-Jan-1990", "3 4");
}

static void test_header_keys(void **state)
{
    (void)state;
    find("FROM gray", "1");
    find("SUBJECT rev2", "1");
    find("TO CAC", "1");
    find("CC one@", "1");
    find("BCC secret", "2");
    find("HEADER x-empty \"\"", "2");
    find("HEADER X-None \"\"", "");
    find("HEADER Content-Type multipart", "3");
    find("HEADER SUBJECT embedded", "");
    find("NOT SUBJECT rev2", "2 3 4");
    assert_int_equal(w.retrs, 0);
}

static void test_charsets(void **state)
{
    struct imapd_command cmd;
    struct failure why;

    (void)state;
    find("CHARSET UTF-8 SUBJECT {5}\r\nGR\xc3\x9c\x73", "");
    find("CHARSET UTF-8 SUBJECT {4}\r\nGR\xc3\x9c", "2");
    find("CHARSET ISO-8859-1 SUBJECT {3}\r\ngR\xdc", "2");
    find("CHARSET UTF-8 FROM {7}\r\nj\xc3\x9cRGEN", "2");
    find("CHARSET UTF-8 SUBJECT {9}\r\nAUS K\xc3\x96LN", "2");
    find("CHARSET UTF-8 BODY {7}\r\nSCH\xc3\x96NE", "3");
    find("CHARSET US-ASCII BODY rmel", "3");
    assert_true(imapd_command_parse(&cmd, slice_of("a SEARCH CHARSET X-NONE TEXT a"), false, &why));
    assert_null(job_search(&w.host, &cmd.search, false, cmd.tag, &why));
    assert_int_equal(why.kind, FAILURE_PERMANENT);
    imapd_command_clear(&cmd);
}

static void test_text_keys(void **state)
{
    (void)state;
    find("BODY line", "1 2");
    find("BODY washington", "");
    find("TEXT washington", "1");
    find("TEXT \"subject: imap\"", "1");
    find("BODY needle", "");
    find("TEXT needle", "");
    find("TEXT picture", "3");
    find("BODY picture", "");
    find("TEXT embedded", "3");
    find("BODY embedded", "");
    find("BODY within", "3");
    find("NOT BODY line", "3 4");
    find("OR FROM gray BODY within", "1 3");
    find("SUBJECT parts TEXT parts BODY within NOT BODY line", "3");
    find("OR (SUBJECT parts BODY none) (FROM gray TEXT washington)", "1");
}

/* Octets are read only of messages that are undecided, whole ones only when the header leaves it
 * open. */
static void test_short_circuit(void **state)
{
    (void)state;
    world_forget(&w);
    world_run(&w, slice_of("a SEARCH SEEN BODY first"));
    assert_int_equal(w.tops, 0);
    assert_int_equal(w.retrs, 1);
    world_forget(&w);
    world_run(&w, slice_of("a SEARCH OR SEEN SUBJECT parts"));
    assert_int_equal(w.tops, 3);
    assert_int_equal(w.retrs, 0);
    world_forget(&w);
    world_run(&w, slice_of("a SEARCH FROM gray BODY first"));
    assert_int_equal(w.tops, 4);
    assert_int_equal(w.retrs, 1);
    world_forget(&w);
    world_run(&w, slice_of("a SEARCH FROM gray TEXT washington"));
    assert_int_equal(w.retrs, 0);
}

static void test_answers(void **state)
{
    (void)state;
    world_check(&w, "t SEARCH RETURN () UNSEEN", "* ESEARCH (TAG \"t\") ALL 2:4\r\n");
    world_check(&w, "t UID SEARCH RETURN (ALL COUNT) NOT 3",
                "* ESEARCH (TAG \"t\") UID ALL 1:2,4 COUNT 3\r\n");
    world_check(&w, "t SEARCH RETURN (MIN MAX ALL COUNT) UNSEEN",
                "* ESEARCH (TAG \"t\") MIN 2 MAX 4 ALL 2:4 COUNT 3\r\n");
    world_check(&w, "t SEARCH RETURN (MIN MAX ALL COUNT) SEEN UNSEEN",
                "* ESEARCH (TAG \"t\") COUNT 0\r\n");
    world_check(&w, "t SEARCH RETURN (MIN) BODY line", "* ESEARCH (TAG \"t\") MIN 1\r\n");
    world_check(&w, "t SEARCH RETURN (MAX) BODY line", "* ESEARCH (TAG \"t\") MAX 2\r\n");
    world_check(&w, "t SEARCH RETURN (MIN MAX) BODY line", "* ESEARCH (TAG \"t\") MIN 1 MAX 2\r\n");
    world_check(&w, "t SEARCH RETURN (MIN MAX) 3", "* ESEARCH (TAG \"t\") MIN 3 MAX 3\r\n");
    world_check(&w, "t SEARCH RETURN (MIN MAX) DRAFT SEEN", "* ESEARCH (TAG \"t\")\r\n");
    world_check(&w, "t SEARCH RETURN (MIN) MODSEQ 3", "* ESEARCH (TAG \"t\") MIN 2 MODSEQ 3\r\n");
    world_check(&w, "t SEARCH RETURN (MIN MAX) MODSEQ 3",
                "* ESEARCH (TAG \"t\") MIN 2 MAX 4 MODSEQ 5\r\n");
    world_check(&w, "t SEARCH RETURN (ALL) MODSEQ 9", "* ESEARCH (TAG \"t\")\r\n");
    world_check(&w, "t UID SEARCH UNSEEN", "* SEARCH 2 3 4\r\n");
    world_check(&w, "t SEARCH MODSEQ 9", "* SEARCH\r\n");
}

static void test_saved(void **state)
{
    (void)state;
    world_check(&w, "t SEARCH RETURN (SAVE) UNSEEN", "");
    assert_int_equal(w.view.saved_count, 3);
    find_at_once("$ NOT DRAFT", "3 4");
    find_at_once("UID $ DRAFT", "2");
    world_check(&w, "t FETCH $ UID",
                "* 2 FETCH (UID 2)\r\n* 3 FETCH (UID 3)\r\n* 4 FETCH (UID 4)\r\n");
    world_check(&w, "t SEARCH RETURN (SAVE MIN MAX) UNSEEN",
                "* ESEARCH (TAG \"t\") MIN 2 MAX 4\r\n");
    find_at_once("$", "2 4");
    world_check(&w, "t SEARCH RETURN (SAVE MIN COUNT) UNSEEN",
                "* ESEARCH (TAG \"t\") MIN 2 COUNT 3\r\n");
    find_at_once("$", "2 3 4");
    world_check(&w, "t SEARCH RETURN (SAVE) SEEN UNSEEN", "");
    find_at_once("$", "");
}

/* A message that cannot be read does not match, whichever way the keys are; others do. */
static void test_missing(void **state)
{
    (void)state;
    w.bodies[2].gone = true;
    world_run(&w, slice_of("a SEARCH NOT BODY none"));
    assert_log(&w.text, "* SEARCH 1 3 4\r\n");
    assert_int_equal(w.result.failure.kind, FAILURE_PERMANENT);
    world_run(&w, slice_of("a SEARCH NOT FROM none"));
    assert_log(&w.text, "* SEARCH 1 3 4\r\n");
    w.bodies[3].torn = true;
    world_run(&w, slice_of("a SEARCH NOT BODY none"));
    assert_log(&w.text, "* SEARCH 1 4\r\n");
    assert_int_equal(w.result.failure.kind, FAILURE_PERMANENT);
    w.bodies[3].torn = false;
    world_run(&w, slice_of("a SEARCH OR FLAGGED FROM gray"));
    assert_log(&w.text, "* SEARCH 1 2\r\n");
    assert_int_equal(w.result.failure.kind, FAILURE_NONE);
    account_expunges(w.state, BOX_INBOX, 1);
    account_hears(w.state, "gone", 1);
    world_run(&w, slice_of("a SEARCH ALL"));
    assert_log(&w.text, "* SEARCH 2 3 4\r\n");
}

static void test_window(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++)
        world_add(&w, texts[i % 3]);
    world_select(&w);
    world_forget(&w);
    world_run(&w, slice_of("a SEARCH RETURN (COUNT) FROM gray"));
    assert_log(&w.text, "* ESEARCH (TAG \"a\") COUNT 101\r\n");
    assert_int_equal(w.tops, 304);
    assert_true(w.most > 32);
    world_forget(&w);
    world_run(&w, slice_of("a SEARCH RETURN (COUNT) FROM gray BODY first"));
    assert_log(&w.text, "* ESEARCH (TAG \"a\") COUNT 101\r\n");
    assert_int_equal(w.retrs, 101);
    world_forget(&w);
    world_run(&w, slice_of("a SEARCH RETURN (MAX) BODY line"));
    assert_log(&w.text, "* ESEARCH (TAG \"a\") MAX 303\r\n");
    assert_true(w.retrs <= 16);
}

/* Structures take memory: many are asked for ahead while the messages have few octets together. */
static void test_structures_ahead(void **state)
{
    struct buf text = BUF_INIT;

    (void)state;
    buf_puts(&text, "Subject: s\r\n\r\n");
    while (buf_size(&text) < (100 << 10))
        buf_putc(&text, 'x');
    for (int i = 0; i < 60; i++)
        world_add_octets(&w, buf_slice(&text), 0, 0, NULL);
    world_select(&w);
    world_run(&w, slice_of("a SEARCH RETURN (COUNT) 5:* BODY none"));
    assert_log(&w.text, "* ESEARCH (TAG \"a\") COUNT 0\r\n");
    assert_true(w.most_parses > 16 && w.most_parses <= 21);
    buf_clear(&text);
}

/* A text that is found early is not read to its end, and one that lies across two chunks is found.
 */
static void test_large_text(void **state)
{
    struct buf text = BUF_INIT;

    (void)state;
    buf_puts(&text, "Subject: s\r\n\r\nearly");
    while (buf_size(&text) < 14 + CHUNK - 2)
        buf_putc(&text, 'x');
    buf_puts(&text, "late");
    while (buf_size(&text) < (4 << 20))
        buf_putc(&text, 'y');
    buf_puts(&text, "end");
    world_add_octets(&w, buf_slice(&text), 0, 0, NULL);
    world_select(&w);
    world_run(&w, slice_of("a SEARCH 5 BODY early"));
    assert_log(&w.text, "* SEARCH 5\r\n");
    assert_true(w.read <= 1 << 20);
    world_run(&w, slice_of("a SEARCH 5 BODY xlatey"));
    assert_log(&w.text, "* SEARCH 5\r\n");
    world_run(&w, slice_of("a SEARCH 5 TEXT yyend"));
    assert_log(&w.text, "* SEARCH 5\r\n");
    buf_clear(&text);
}

/* CASES R7: many keys on a large text are many short turns. */
static void test_many_keys(void **state)
{
    struct buf command = BUF_INIT;
    struct buf text = BUF_INIT;

    (void)state;
    buf_puts(&text, "Subject: s\r\n\r\n");
    while (buf_size(&text) < 20000)
        buf_puts(&text, "0123456789 abcdefghijklmnopqrstuvwxyz\r\n");
    world_add_octets(&w, buf_slice(&text), 0, 0, NULL);
    world_select(&w);
    buf_puts(&command, "a SEARCH 5");
    for (int i = 0; i < 500; i++)
        buf_printf(&command, " NOT BODY x%d NOT SUBJECT y%d", i, i);
    world_run(&w, buf_slice(&command));
    assert_log(&w.text, "* SEARCH 5\r\n");
    assert_true(w.turns > 20);
    buf_clear(&command);
    buf_clear(&text);
}

static void test_freed(void **state)
{
    struct imapd_command cmd;
    struct failure why;

    (void)state;
    w.piece = 2;
    assert_true(imapd_command_parse(
        &cmd, slice_of("a SEARCH OR SUBJECT none TEXT none NOT BODY needle"), false, &why));
    for (unsigned steps = 0; steps < 1500; steps += 1 + steps / 20)
        world_free_after(&w, job_search(&w.host, &cmd.search, cmd.uid, cmd.tag, &why), steps);
    imapd_command_clear(&cmd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_state_keys, four_texts, teardown),
        cmocka_unit_test_setup_teardown(test_dates, four_texts, teardown),
        cmocka_unit_test_setup_teardown(test_header_keys, four_texts, teardown),
        cmocka_unit_test_setup_teardown(test_charsets, four_texts, teardown),
        cmocka_unit_test_setup_teardown(test_text_keys, four_texts, teardown),
        cmocka_unit_test_setup_teardown(test_short_circuit, four_texts, teardown),
        cmocka_unit_test_setup_teardown(test_answers, four_texts, teardown),
        cmocka_unit_test_setup_teardown(test_saved, four_texts, teardown),
        cmocka_unit_test_setup_teardown(test_missing, four_texts, teardown),
        cmocka_unit_test_setup_teardown(test_window, four_texts, teardown),
        cmocka_unit_test_setup_teardown(test_structures_ahead, four_texts, teardown),
        cmocka_unit_test_setup_teardown(test_large_text, four_texts, teardown),
        cmocka_unit_test_setup_teardown(test_many_keys, four_texts, teardown),
        cmocka_unit_test_setup_teardown(test_freed, four_texts, teardown),
    };

    mime_setup();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mime_teardown();
    return failed;
}
