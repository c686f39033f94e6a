/*
 * What every command meets: states, errors, pipelining, literals, and the end of the session.
 */
#include "tests/unit/mailbox_fake.h"

#define CAPABILITIES                                                                             \
    "CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE IDLE NAMESPACE UNSELECT UIDPLUS " \
    "ESEARCH SEARCHRES LIST-EXTENDED LIST-STATUS MOVE BINARY CHILDREN SPECIAL-USE "              \
    "CREATE-SPECIAL-USE STATUS=SIZE CONDSTORE UTF8=ACCEPT APPENDLIMIT=1000"
#define SELECTED                                                                                \
    "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n"                               \
    "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] Flags that are " \
    "kept\r\n"

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
    says(&w, 0, "c SELECT inbox\r\n",
         SELECTED "* 2 EXISTS\r\n* 0 RECENT\r\n* OK [UNSEEN 1] The first that was not seen\r\n"
                  "* OK [UIDVALIDITY 1700000000] UIDs are valid\r\n"
                  "* OK [UIDNEXT 3] The next UID\r\n* OK [HIGHESTMODSEQ 3] The last change\r\n"
                  "c OK [READ-WRITE] The mailbox is selected\r\n");
    says(&w, 0, "d NOOP\r\n", "d OK NOOP done\r\n");
    assert_int_equal(w.account.polls, 1);
    says(&w, 0, "e LOGOUT\r\n", "* BYE Logging out\r\ne OK LOGOUT done\r\n");
    assert_true(w.sessions[0].ended);
    world_clear(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
