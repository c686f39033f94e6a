/*
 * What every command meets: states, errors, pipelining, literals, ways the input is cut, time, and
 * the end of the session.
 */
#include "tests/unit/mailbox_fake.h"

#define CAPABILITIES                                                                             \
    "CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE IDLE NAMESPACE UNSELECT UIDPLUS " \
    "ESEARCH SEARCHRES LIST-EXTENDED LIST-STATUS MOVE BINARY CHILDREN SPECIAL-USE "              \
    "CREATE-SPECIAL-USE STATUS=SIZE CONDSTORE UTF8=ACCEPT APPENDLIMIT=1000"

static void test_session(void **state)
{
    struct world w;
    (void)state;

    world_init(&w, 2);
    world_open(&w, 0);
    hears(&w, 0,
          "* OK [CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE IDLE AUTH=PLAIN "
          "AUTH=LOGIN] mailferry ready\r\n");
    says(&w, 0, "a LOGIN u p\r\n", "a OK [" CAPABILITIES "] Logged in\r\n");
    says(&w, 0, "b LIST \"\" %\r\n",
         "* LIST (\\HasNoChildren) \"/\" \"INBOX\"\r\n"
         "* LIST (\\HasNoChildren \\Archive) \"/\" \"Archive\"\r\n"
         "* LIST (\\HasNoChildren \\Drafts) \"/\" \"Drafts\"\r\n"
         "* LIST (\\HasNoChildren \\Junk) \"/\" \"Junk\"\r\n"
         "* LIST (\\HasNoChildren \\Sent) \"/\" \"Sent\"\r\n"
         "* LIST (\\HasNoChildren \\Trash) \"/\" \"Trash\"\r\n"
         "b OK LIST done\r\n");
    says(&w, 0, "c SELECT inbox\r\n", SELECTED("2", "1", "3", "3"));
    says(&w, 0, "d NOOP\r\n", "d OK NOOP done\r\n");
    assert_int_equal(w.account.polls, 1);
    says(&w, 0, "e LOGOUT\r\n", "* BYE Logging out\r\ne OK LOGOUT done\r\n");
    assert_true(w.sessions[0].ended);
    world_clear(&w);
}

static void test_wrong_states(void **state)
{
    static const struct said before[] = {
        {"a SELECT INBOX\r\n", "a BAD Log in first\r\n"},
        {"b FETCH 1 FLAGS\r\n", "b BAD Log in first\r\n"},
        {"c APPEND INBOX {5+}\r\nhello\r\n", "c NO [TOOBIG] The message is too large\r\n"},
        {"d NOOP\r\n", "d OK NOOP done\r\n"},
    };
    static const struct said within[] = {
        {"a LOGIN u p\r\n", "a BAD You are logged in already\r\n"},
        {"b FETCH 1 FLAGS\r\n", "b BAD No mailbox is selected\r\n"},
        {"c XYZZY\r\n", "c BAD command: character 3: unknown command\r\n"},
        {"\r\n", "* BAD command: character 1: an empty line is no command\r\n"},
    };
    struct world w;
    (void)state;

    world_init(&w, 1);
    world_open(&w, 0);
    hears(&w, 0, GREETING);
    SAY_ALL(&w, 0, before);
    enter(&w, 1, "");
    SAY_ALL(&w, 1, within);
    says(&w, 1, "d NOPE\r\n",
         "d BAD command: character 3: unknown command\r\n* BYE Too many bad commands\r\n");
    assert_true(w.sessions[1].ended);
    world_clear(&w);
}

/* All at once, octet by octet, and in two pieces cut at every place: the same answers. */
static void test_cut(void **state)
{
    static const char lines[] = "a LOGIN {1}\r\nu {1+}\r\np\r\n"
                                "b SELECT INBOX\r\n"
                                "c STORE 1 +FLAGS (\\Seen $Junk)\r\n"
                                "d SEARCH ALL\r\n"
                                "e APPEND Sent (\\Seen) {7}\r\na: b\r\n\r\n"
                                "f COPY 1 Sent\r\n"
                                "g IDLE\r\nDONE\r\n"
                                "h LOGOUT\r\n";
    char *first = NULL;
    (void)state;

    for (size_t cut = 0; cut <= sizeof lines; cut++) {
        struct world w;
        struct speaker s = {&w, 0};
        struct buf log = BUF_INIT;
        bool each = cut == sizeof lines;
        world_init(&w, 2);
        world_open(&w, 0);
        feed_cut(speak, &s, slice_make(lines, sizeof lines - 1), each ? 1 : cut,
                 each ? 1 : sizeof lines, &log);
        assert_true(w.sessions[0].ended);
        buf_putc(&log, '\0');
        if (first)
            assert_string_equal(buf_slice(&log).p, first);
        else
            first = strdup(buf_slice(&log).p);
        buf_clear(&log);
        world_clear(&w);
    }
    assert_non_null(strstr(first, "* SEARCH 1 2\r\nd OK SEARCH done\r\n+ OK\r\n"
                                  "e OK [APPENDUID 1700000002 1] The message is there\r\n"
                                  "f OK [COPYUID 1700000002 1 2] Copied\r\n"
                                  "+ idling\r\ng OK IDLE done\r\n* BYE"));
    free(first);
}

static void test_numbers(void **state)
{
    static const struct said lines[] = {
        {"a FETCH 3 FLAGS\r\n", "a BAD There is no message of that number\r\n"},
        {"b STORE 2:9 FLAGS ()\r\n", "b BAD There is no message of that number\r\n"},
        {"c UID FETCH 9 FLAGS\r\n", "c OK UID FETCH done\r\n"},
        {"d FETCH 2:* FLAGS\r\n", "* 2 FETCH (UID 2 FLAGS ())\r\nd OK FETCH done\r\n"},
        {"e FETCH $ FLAGS\r\n", "e OK FETCH done\r\n"},
        {"f SEARCH RETURN (SAVE COUNT) ALL\r\n",
         "* ESEARCH (TAG \"f\") COUNT 2\r\nf OK SEARCH done\r\n"},
        {"g FETCH $ FLAGS\r\n",
         "* 1 FETCH (UID 1 FLAGS ())\r\n* 2 FETCH (UID 2 FLAGS ())\r\ng OK FETCH done\r\n"},
        {"h SEARCH RETURN (SAVE) CHARSET X ALL\r\n",
         "h NO [BADCHARSET (UTF-8)] The charset is not known\r\n"},
        {"i FETCH $ FLAGS\r\n", "i OK FETCH done\r\n"},
        {"j UID SEARCH ALL\r\n", "* SEARCH 1 2\r\nj OK UID SEARCH done\r\n"},
    };
    struct world w;
    (void)state;

    world_init(&w, 2);
    enter(&w, 0, "s SELECT INBOX\r\n");
    SAY_ALL(&w, 0, lines);
    says(&w, 0, "k SELECT Sent\r\nl FETCH 1:* FLAGS\r\n",
         "* OK [CLOSED] The mailbox before is closed\r\n" FLAGS_LINES "* 0 EXISTS\r\n* 0 RECENT\r\n"
         "* OK [UIDVALIDITY 1700000002] UIDs are valid\r\n* OK [UIDNEXT 1] The next UID\r\n"
         "* OK [HIGHESTMODSEQ 1] The last change\r\nk OK [READ-WRITE] The mailbox is selected\r\n"
         "l BAD There is no message of that number\r\n");
    world_clear(&w);
}

static void test_fetch_marks_seen(void **state)
{
    static const char body[] = "* 1 FETCH (UID 1 BODY[] {20}\r\nSubject: a\r\n\r\nbody\r\n)\r\n";
    char expected[300];
    struct world w;
    (void)state;

    world_init(&w, 1);
    enter(&w, 0, "s SELECT INBOX\r\n");
    enter(&w, 1, "s SELECT INBOX\r\n");
    w.absent = true;
    snprintf(expected, sizeof expected, "%s* 1 FETCH (FLAGS (\\Seen))\r\na OK FETCH done\r\n",
             body);
    says(&w, 0, "a FETCH 1 BODY[]\r\n", expected);
    says(&w, 1, "b NOOP\r\n", "* 1 FETCH (FLAGS (\\Seen))\r\nb OK NOOP done\r\n");
    snprintf(expected, sizeof expected, "%sc OK FETCH done\r\n", body);
    says(&w, 0, "c FETCH 1 BODY[]\r\n", expected);
    says(&w, 0, "d STORE 1 -FLAGS.SILENT (\\Seen)\r\n", "d OK STORE done\r\n");
    snprintf(expected, sizeof expected, "%se OK FETCH done\r\n", body);
    says(&w, 0, "e FETCH 1 BODY.PEEK[]\r\n", expected);
    world_clear(&w);
}

static void test_time(void **state)
{
    struct world w;
    (void)state;

    world_init(&w, 1);
    world_open(&w, 0);
    hears(&w, 0, GREETING);
    assert_int_equal(mailbox_deadline(w.sessions[0].m), w.now + 60000);
    w.now += 60000;
    mailbox_now(w.sessions[0].m, w.now, 1700000060);
    mailbox_tick(w.sessions[0].m);
    hears(&w, 0, "* BYE No login for too long\r\n");
    assert_true(w.sessions[0].ended);
    enter(&w, 1, "s SELECT INBOX\r\ni IDLE\r\n");
    assert_int_equal(mailbox_deadline(w.sessions[1].m), w.now + 1800000);
    w.now += 1800000;
    mailbox_now(w.sessions[1].m, w.now, 1700002000);
    mailbox_tick(w.sessions[1].m);
    hears(&w, 1, "* BYE Nothing was said for too long\r\n");
    assert_true(w.sessions[1].ended);
    world_clear(&w);
}

static void test_drain(void **state)
{
    struct world w;
    (void)state;

    world_init(&w, 1);
    enter(&w, 0, "s SELECT INBOX\r\ni IDLE\r\n");
    mailbox_drain(w.sessions[0].m);
    hears(&w, 0, "* BYE [UNAVAILABLE] mailferry is being stopped\r\n");
    assert_true(w.sessions[0].ended);
    enter(&w, 1, "s SELECT INBOX\r\n");
    w.account.silent = true;
    says(&w, 1, "n NOOP\r\n", "");
    mailbox_drain(w.sessions[1].m);
    assert_false(w.sessions[1].ended);
    fake_tell(w.account.clients,
              (struct account_event){.type = ACCOUNT_EV_POLLED, .request = w.account.last_request});
    hears(&w, 1, "n OK NOOP done\r\n* BYE [UNAVAILABLE] mailferry is being stopped\r\n");
    assert_true(w.sessions[1].ended);
    world_clear(&w);
}

#define REVOKED "* BYE [EXPIRED] This device's password was revoked\r\n"

static uint64_t flags_of_first(const struct world *w)
{
    return box_state_folder_by_id(w->account.state, BOX_INBOX)->messages[0].flags;
}

/* What waits, and what was not begun, is not gone on with. */
static void test_revoked(void **state)
{
    struct slice line = slice_of("a STORE 1 +FLAGS (\\Flagged)\r\n");
    struct world w;
    (void)state;

    world_init(&w, 1);
    enter(&w, 0, "s SELECT INBOX\r\ni IDLE\r\n");
    mailbox_revoke(w.sessions[0].m);
    hears(&w, 0, REVOKED);
    assert_true(w.sessions[0].ended);
    enter(&w, 1, "s SELECT INBOX\r\n");
    w.account.silent = true;
    says(&w, 1, "n NOOP\r\n", "");
    mailbox_revoke(w.sessions[1].m);
    hears(&w, 1, REVOKED);
    assert_true(w.sessions[1].ended);
    enter(&w, 2, "s SELECT INBOX\r\n");
    mailbox_client_data(w.sessions[2].m, &line);
    mailbox_revoke(w.sessions[2].m);
    hears(&w, 2, REVOKED);
    assert_true(w.sessions[2].ended);
    assert_int_equal(flags_of_first(&w), 0);
    world_clear(&w);
}

static void test_revoked_in_mid_append(void **state)
{
    struct world w;
    (void)state;

    world_init(&w, 1);
    enter(&w, 0, "");
    says(&w, 0, "a APPEND INBOX {10}\r\nSub", "+ OK\r\n");
    mailbox_revoke(w.sessions[0].m);
    hears(&w, 0, REVOKED);
    assert_true(w.sessions[0].ended && w.sessions[0].aborted);
    world_clear(&w);
}

/* What is being made durable is told before; and so is what the upstream deletes for an EXPUNGE. */
static void test_revoked_too_late(void **state)
{
    struct slice line = slice_of("a STORE 1 +FLAGS (\\Deleted)\r\n");
    struct world w;
    (void)state;

    world_init(&w, 2);
    enter(&w, 0, "s SELECT INBOX\r\n");
    mailbox_client_data(w.sessions[0].m, &line);
    assert_true(fake_step(&w.account));
    mailbox_account(w.sessions[0].m);
    assert_true(w.account.committing);
    mailbox_revoke(w.sessions[0].m);
    assert_false(w.sessions[0].ended);
    hears(&w, 0, "* 1 FETCH (FLAGS (\\Deleted))\r\na OK STORE done\r\n" REVOKED);
    assert_true(w.sessions[0].ended);
    assert_int_equal(flags_of_first(&w), BOX_DELETED);
    w.account.spares = true;
    enter(&w, 1, "s SELECT INBOX\r\n");
    says(&w, 1, "b EXPUNGE\r\n", "");
    mailbox_revoke(w.sessions[1].m);
    assert_false(w.sessions[1].ended);
    w.account.spares = false;
    hears(&w, 1, "* 1 EXPUNGE\r\nb OK EXPUNGE done\r\n" REVOKED);
    assert_true(w.sessions[1].ended);
    world_clear(&w);
}

/* A client that closes behind its last command has it carried out; a broken one changes nothing
 * that was not asked for before. */
static void test_closed(void **state)
{
    struct failure none = {.kind = FAILURE_NONE};
    struct failure broken = {.kind = FAILURE_TEMPORARY, .text = "reset"};
    struct slice line = slice_of("a STORE 1 +FLAGS (\\Flagged)\r\n");
    struct world w;
    (void)state;

    world_init(&w, 1);
    enter(&w, 0, "s SELECT INBOX\r\n");
    mailbox_client_data(w.sessions[0].m, &line);
    mailbox_client_closed(w.sessions[0].m, &none);
    assert_false(w.sessions[0].ended);
    pump(&w);
    assert_true(w.sessions[0].ended);
    assert_int_equal(flags_of_first(&w), BOX_FLAGGED);
    enter(&w, 1, "s SELECT INBOX\r\n");
    line = slice_of("a STORE 1 -FLAGS (\\Flagged)\r\n");
    mailbox_client_data(w.sessions[1].m, &line);
    mailbox_client_closed(w.sessions[1].m, &broken);
    pump(&w);
    assert_true(w.sessions[1].ended);
    assert_int_equal(flags_of_first(&w), BOX_FLAGGED);
    world_clear(&w);
}

static void test_commit_fails(void **state)
{
    struct world w;
    (void)state;

    world_init(&w, 1);
    enter(&w, 0, "s SELECT INBOX\r\n");
    failure_set(&w.account.commit_fails, FAILURE_TEMPORARY, "The disk is full");
    says(&w, 0, "a STORE 1 FLAGS (\\Seen)\r\n", "a NO [UNAVAILABLE] The disk is full\r\n");
    says(&w, 0, "b FETCH 1 FLAGS\r\n", "* 1 FETCH (UID 1 FLAGS ())\r\nb OK FETCH done\r\n");
    world_clear(&w);
}

static void test_fetch_fails(void **state)
{
    struct world w;
    (void)state;

    world_init(&w, 1);
    enter(&w, 0, "s SELECT INBOX\r\n");
    failure_set(&w.account.commit_fails, FAILURE_TEMPORARY, "The disk is full");
    says(&w, 0, "a FETCH 1 BODY[]\r\n",
         "* 1 FETCH (UID 1 BODY[] {20}\r\nSubject: a\r\n\r\nbody\r\n)\r\n"
         "a NO [UNAVAILABLE] The disk is full\r\n");
    says(&w, 0, "b NOOP\r\n", "b OK NOOP done\r\n");
    /* Octets that end too early: whatever was said next would be taken for some of them. */
    w.breaks = true;
    world_see(&w, "new", 5);
    says(&w, 0, "c FETCH 1 BODY[]\r\n",
         "* 1 FETCH (UID 1 BODY[] {20}\r\nSubject: a\r\n\r\nbody\r\n)\r\n");
    assert_true(w.sessions[0].ended);
    world_clear(&w);
}

static void test_slow_client(void **state)
{
    struct slice line = slice_of("a FETCH 1:2 FLAGS\r\nb NOOP\r\n");
    struct mailbox *m;
    struct world w;
    (void)state;

    world_init(&w, 2);
    enter(&w, 0, "s SELECT INBOX\r\n");
    m = w.sessions[0].m;
    mailbox_client_queued(m, 70000);
    assert_false(mailbox_wants_client(m));
    mailbox_client_queued(m, 0);
    mailbox_client_data(m, &line);
    assert_int_equal(line.n, 0);
    hears(&w, 0,
          "* 1 FETCH (UID 1 FLAGS ())\r\n* 2 FETCH (UID 2 FLAGS ())\r\na OK FETCH done\r\n"
          "b OK NOOP done\r\n");
    world_clear(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_session),
        cmocka_unit_test(test_wrong_states),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_fetch_marks_seen),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_revoked),
        cmocka_unit_test(test_revoked_in_mid_append),
        cmocka_unit_test(test_revoked_too_late),
        cmocka_unit_test(test_closed),
        cmocka_unit_test(test_commit_fails),
        cmocka_unit_test(test_fetch_fails),
        cmocka_unit_test(test_slow_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
