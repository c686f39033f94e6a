/*
 * STORE, and what two sessions on one account hear of each other.
 */
#include "tests/unit/mailbox_fake.h"

#define JUNK_FLAGS                                                                                \
    "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Junk)\r\n"                           \
    "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Junk \\*)] Flags that " \
    "are kept\r\n"

static void test_store(void **state)
{
    static const struct said lines[] = {
        {"a STORE 1 +FLAGS (\\Seen)\r\n", "* 1 FETCH (FLAGS (\\Seen))\r\na OK STORE done\r\n"},
        {"b STORE 1:2 FLAGS \\Flagged $Junk\r\n",
         JUNK_FLAGS "* 1 FETCH (FLAGS (\\Flagged $Junk))\r\n"
                    "* 2 FETCH (FLAGS (\\Flagged $Junk))\r\nb OK STORE done\r\n"},
        {"c UID STORE 2 -FLAGS ($junk \\Draft)\r\n",
         "* 2 FETCH (UID 2 FLAGS (\\Flagged))\r\nc OK UID STORE done\r\n"},
        {"d STORE 2 +FLAGS.SILENT (\\Answered)\r\n", "d OK STORE done\r\n"},
        {"e STORE 2 +FLAGS (\\Answered)\r\n",
         "* 2 FETCH (FLAGS (\\Answered \\Flagged))\r\ne OK STORE done\r\n"},
        {"f UID STORE 77 FLAGS (\\Seen)\r\n", "f OK UID STORE done\r\n"},
        {"g STORE 1 FLAGS (\\Recent)\r\n", "* 1 FETCH (FLAGS ())\r\ng OK STORE done\r\n"},
        {"h STORE 1 FLAGS (\\Strange)\r\n",
         "h BAD STORE: character 18: unknown flag \"\\Strange\"\r\n"},
        {"i EXAMINE Sent\r\n",
         "* OK [CLOSED] The mailbox before is closed\r\n"
         "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Junk)\r\n"
         "* OK [PERMANENTFLAGS ()] No flags can be changed\r\n* 0 EXISTS\r\n* 0 RECENT\r\n"
         "* OK [UIDVALIDITY 1700000002] UIDs are valid\r\n* OK [UIDNEXT 1] The next UID\r\n"
         "* OK [HIGHESTMODSEQ 1] The last change\r\n"
         "i OK [READ-ONLY] The mailbox is selected\r\n"},
        {"j UID STORE 1 FLAGS ()\r\n", "j NO [READ-ONLY] The mailbox was opened by EXAMINE\r\n"},
    };
    struct world w;
    (void)state;

    world_init(&w, 2);
    enter(&w, 0, "s SELECT INBOX\r\n");
    SAY_ALL(&w, 0, lines);
    world_clear(&w);
}

/* RFC 7162 section 3.1.3 */
static void test_unchanged_since(void **state)
{
    static const struct said lines[] = {
        {"a UID STORE 1 (UNCHANGEDSINCE 4) +FLAGS.SILENT (\\Seen)\r\n",
         "* 1 FETCH (UID 1 MODSEQ (5))\r\na OK UID STORE done\r\n"},
        {"b STORE 1:3 (UNCHANGEDSINCE 4) +FLAGS (\\Flagged)\r\n",
         "* 2 FETCH (FLAGS (\\Flagged) MODSEQ (6))\r\n* 3 FETCH (FLAGS (\\Flagged) MODSEQ (6))\r\n"
         "b OK [MODIFIED 1] Some were changed by others\r\n"},
        {"c UID STORE 1:3 (UNCHANGEDSINCE 0) FLAGS ()\r\n",
         "c OK [MODIFIED 1:3] Some were changed by others\r\n"},
        {"d STORE 3 FLAGS.SILENT ()\r\n", "* 3 FETCH (MODSEQ (7))\r\nd OK STORE done\r\n"},
    };
    struct world w;
    (void)state;

    world_init(&w, 3);
    enter(&w, 0, "s SELECT INBOX\r\n");
    SAY_ALL(&w, 0, lines);
    world_clear(&w);
}

static void test_two_sessions(void **state)
{
    struct world w;
    (void)state;

    world_init(&w, 3);
    enter(&w, 0, "s SELECT INBOX\r\n");
    enter(&w, 1, "s SELECT INBOX\r\n");
    enter(&w, 2, "e ENABLE IMAP4rev2 CONDSTORE\r\ns SELECT INBOX\r\ni IDLE\r\n");
    says(&w, 0, "a STORE 1 +FLAGS.SILENT (\\Seen)\r\n", "a OK STORE done\r\n");
    hears(&w, 2, "* 1 FETCH (UID 1 FLAGS (\\Seen) MODSEQ (5))\r\n");
    says(&w, 1, "b STORE 1 +FLAGS.SILENT ($Junk)\r\n",
         "* 1 FETCH (FLAGS (\\Seen))\r\n" JUNK_FLAGS "b OK STORE done\r\n");
    hears(&w, 2, JUNK_FLAGS "* 1 FETCH (UID 1 FLAGS (\\Seen $Junk) MODSEQ (6))\r\n");
    says(&w, 0, "c NOOP\r\n", JUNK_FLAGS "* 1 FETCH (FLAGS (\\Seen $Junk))\r\nc OK NOOP done\r\n");
    /* New mail, and messages that go: numbers stay while they are used. */
    world_see(&w, "new", 5);
    hears(&w, 2, "* 4 EXISTS\r\n");
    says(&w, 1, "d UID STORE 2 +FLAGS.SILENT (\\Deleted)\r\ne EXPUNGE\r\n",
         "* 4 EXISTS\r\nd OK UID STORE done\r\n* 2 EXPUNGE\r\ne OK EXPUNGE done\r\n");
    hears(&w, 2, "* 2 FETCH (UID 2 FLAGS (\\Deleted) MODSEQ (8))\r\n* 2 EXPUNGE\r\n");
    says(&w, 0, "f FETCH 2 FLAGS\r\n",
         "* 4 EXISTS\r\nf NO [EXPUNGEISSUED] The messages are gone\r\n");
    says(&w, 0, "f FETCH 1:2 FLAGS\r\n",
         "* 1 FETCH (UID 1 FLAGS (\\Seen $Junk))\r\n"
         "f OK [EXPUNGEISSUED] Some of the messages are gone\r\n");
    says(&w, 0, "g STORE 2:3 +FLAGS (\\Flagged)\r\n",
         "* 3 FETCH (FLAGS (\\Flagged))\r\ng NO [EXPUNGEISSUED] Some of the messages are gone\r\n");
    says(&w, 0, "h COPY 2 Sent\r\n",
         "* 2 EXPUNGE\r\nh NO [EXPUNGEISSUED] Some of the messages are gone\r\n");
    says(&w, 0, "i FETCH 2 FLAGS\r\n",
         "* 2 FETCH (UID 3 FLAGS (\\Flagged))\r\ni OK FETCH done\r\n");
    hears(&w, 2, "* 2 FETCH (UID 3 FLAGS (\\Flagged) MODSEQ (11))\r\n");
    says(&w, 2, "DONE\r\nj SEARCH ALL\r\n",
         "i OK IDLE done\r\n* ESEARCH (TAG \"j\") COUNT 3\r\nj OK SEARCH done\r\n");
    world_clear(&w);
}

/* A STORE that changes nothing takes no part in what the next change of another is told as. */
static void test_store_of_nothing(void **state)
{
    struct world w;
    (void)state;

    world_init(&w, 3);
    enter(&w, 0, "s SELECT INBOX\r\n");
    enter(&w, 1, "s SELECT INBOX\r\n");
    says(&w, 0, "a STORE 1 -FLAGS.SILENT (\\Seen)\r\n", "a OK STORE done\r\n");
    says(&w, 1, "b STORE 1 +FLAGS.SILENT (\\Flagged)\r\n", "b OK STORE done\r\n");
    says(&w, 0, "c NOOP\r\n", "* 1 FETCH (FLAGS (\\Flagged))\r\nc OK NOOP done\r\n");
    world_clear(&w);
}

/* Two sessions that ask at once get their turns one after the other. */
static void test_turns(void **state)
{
    struct slice a = slice_of("a STORE 1 +FLAGS.SILENT (\\Seen)\r\n");
    struct slice b = slice_of("b STORE 1 +FLAGS.SILENT (\\Flagged)\r\n");
    struct world w;
    (void)state;

    world_init(&w, 1);
    enter(&w, 0, "s SELECT INBOX\r\n");
    enter(&w, 1, "s SELECT INBOX\r\n");
    mailbox_client_data(w.sessions[0].m, &a);
    mailbox_client_data(w.sessions[1].m, &b);
    hears(&w, 0, "a OK STORE done\r\n");
    hears(&w, 1, "* 1 FETCH (FLAGS (\\Seen))\r\nb OK STORE done\r\n");
    says(&w, 0, "c NOOP\r\n", "* 1 FETCH (FLAGS (\\Flagged \\Seen))\r\nc OK NOOP done\r\n");
    world_clear(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_store),        cmocka_unit_test(test_unchanged_since),
        cmocka_unit_test(test_two_sessions), cmocka_unit_test(test_store_of_nothing),
        cmocka_unit_test(test_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
