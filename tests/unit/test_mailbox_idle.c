/*
 * NOOP, CHECK, IDLE, ENABLE, ID, and the upstream's comings and goings.
 */
#include "tests/unit/mailbox_fake.h"

static void test_small_ones(void **state)
{
    static const struct said lines[] = {
        {"a NOOP\r\n", "a OK NOOP done\r\n"},
        {"b ID NIL\r\n", "* ID (\"name\" \"mailferry\" \"version\" \"" MAILFERRY_VERSION "\")\r\n"
                         "b OK ID done\r\n"},
        {"c ENABLE CONDSTORE CONDSTORE X\r\n", "* ENABLED CONDSTORE\r\nc OK ENABLE done\r\n"},
        {"d ENABLE CONDSTORE\r\n", "* ENABLED\r\nd OK ENABLE done\r\n"},
        {"e CHECK\r\n", "e BAD No mailbox is selected\r\n"},
        {"f IDLE\r\nDONE\r\n", "+ idling\r\nf OK IDLE done\r\n"},
        {"g IDLE\r\nFETCH\r\n", "+ idling\r\ng BAD IDLE: DONE was expected\r\n"},
    };
    struct world w;
    (void)state;

    world_init(&w, 0);
    enter(&w, 0, "");
    SAY_ALL(&w, 0, lines);
    assert_int_equal(w.account.polls, 0);
    says(&w, 0, "h SELECT Sent\r\ni CHECK\r\nj NOOP\r\n",
         FLAGS_LINES "* 0 EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 1700000002] UIDs are valid\r\n"
                     "* OK [UIDNEXT 1] The next UID\r\n* OK [HIGHESTMODSEQ 1] The last change\r\n"
                     "h OK [READ-WRITE] The mailbox is selected\r\ni OK CHECK done\r\n"
                     "j OK NOOP done\r\n");
    assert_int_equal(w.account.polls, 1);
    world_clear(&w);
}

static void test_notice(void **state)
{
    struct account_event away = {.type = ACCOUNT_EV_NOTICE};
    struct world w;
    (void)state;

    world_init(&w, 1);
    enter(&w, 0, "s SELECT INBOX\r\n");
    failure_set(&away.failure, FAILURE_IN_USE, "The maildrop\r\n* BYE is locked");
    fake_tell(w.account.clients, away);
    hears(&w, 0, "");
    says(&w, 0, "a FETCH 1 FLAGS\r\n",
         "* 1 FETCH (UID 1 FLAGS ())\r\n* NO [INUSE] The maildrop  * BYE is locked\r\n"
         "a OK FETCH done\r\n");
    says(&w, 0, "b NOOP\r\n", "b OK NOOP done\r\n");
    world_clear(&w);
}

/* While the client takes nothing, nothing is piled up for it. */
static void test_idle_without_room(void **state)
{
    struct world w;
    (void)state;

    world_init(&w, 0);
    enter(&w, 0, "s SELECT INBOX\r\ni IDLE\r\n");
    mailbox_client_queued(w.sessions[0].m, 100000);
    world_see(&w, "a", 5);
    pump(&w);
    world_see(&w, "b", 5);
    pump(&w);
    assert_int_equal(buf_size(mailbox_client_out(w.sessions[0].m)), 0);
    mailbox_client_queued(w.sessions[0].m, 0);
    hears(&w, 0, "* 2 EXISTS\r\n");
    world_clear(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_ones),
        cmocka_unit_test(test_notice),
        cmocka_unit_test(test_idle_without_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
