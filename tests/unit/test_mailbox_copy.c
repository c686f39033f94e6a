/*
 * COPY, MOVE, EXPUNGE, UID EXPUNGE, CLOSE, UNSELECT.
 */
#include "tests/unit/mailbox_fake.h"

static void test_copy(void **state)
{
    static const struct said lines[] = {
        {"a COPY 1 None\r\n", "a NO [TRYCREATE] There is no such mailbox\r\n"},
        {"b COPY 1:2 Sent\r\n", "b OK [COPYUID 1700000002 1:2 1:2] Copied\r\n"},
        {"c UID COPY 3,77 Sent\r\n", "c OK [COPYUID 1700000002 3 3] Copied\r\n"},
        {"d UID COPY 77 Sent\r\n", "d OK None of the messages is there\r\n"},
        {"e COPY 1 INBOX\r\n", "* 4 EXISTS\r\ne OK [COPYUID 1700000000 1 4] Copied\r\n"},
        {"f CREATE A/B\r\n", "f OK CREATE done\r\n"},
        {"g DELETE A\r\n", "g OK DELETE done\r\n"},
        {"h COPY 1 A\r\n", "h NO [CANNOT] The mailbox is only a name, and holds no messages\r\n"},
    };
    struct world w;
    (void)state;

    world_init(&w, 3);
    enter(&w, 0, "s SELECT INBOX\r\n");
    SAY_ALL(&w, 0, lines);
    world_clear(&w);
}

static void test_move(void **state)
{
    static const struct said lines[] = {
        {"a MOVE 1 None\r\n", "a NO [TRYCREATE] There is no such mailbox\r\n"},
        {"b MOVE 1,3 Trash\r\n", "* OK [COPYUID 1700000003 1,3 1:2] Moved\r\n* 1 EXPUNGE\r\n"
                                 "* 2 EXPUNGE\r\nb OK MOVE done\r\n"},
        {"c UID MOVE 1 Trash\r\n", "c OK None of the messages is there\r\n"},
        {"d UID MOVE 2 Trash\r\n", "* OK [COPYUID 1700000003 2 3] Moved\r\n* 1 EXPUNGE\r\n"
                                   "d OK UID MOVE done\r\n"},
        {"e STATUS Trash (MESSAGES)\r\n",
         "* STATUS \"Trash\" (MESSAGES 3)\r\ne OK STATUS done\r\n"},
    };
    struct world w;
    (void)state;

    world_init(&w, 3);
    enter(&w, 0, "s SELECT INBOX\r\n");
    SAY_ALL(&w, 0, lines);
    world_clear(&w);
}

static void test_expunge(void **state)
{
    static const struct said lines[] = {
        {"a EXPUNGE\r\n", "a OK EXPUNGE done\r\n"},
        {"b STORE 1:3 +FLAGS.SILENT (\\Deleted)\r\n", "b OK STORE done\r\n"},
        {"c UID EXPUNGE 2,4\r\n", "* 2 EXPUNGE\r\nc OK UID EXPUNGE done\r\n"},
        {"d EXPUNGE\r\n", "* 1 EXPUNGE\r\n* 1 EXPUNGE\r\nd OK EXPUNGE done\r\n"},
        {"e STORE 1 +FLAGS.SILENT (\\Deleted)\r\n", "e OK STORE done\r\n"},
        {"f UNSELECT\r\n", "f OK UNSELECT done\r\n"},
        {"g CLOSE\r\n", "g BAD No mailbox is selected\r\n"},
        {"h STATUS INBOX (MESSAGES DELETED)\r\n",
         "* STATUS \"INBOX\" (MESSAGES 1 DELETED 1)\r\nh OK STATUS done\r\n"},
    };
    struct world w;
    (void)state;

    world_init(&w, 4);
    enter(&w, 0, "s SELECT INBOX\r\n");
    SAY_ALL(&w, 0, lines);
    enter(&w, 1, "s EXAMINE INBOX\r\n");
    says(&w, 1, "a EXPUNGE\r\n", "a NO [READ-ONLY] The mailbox was opened by EXAMINE\r\n");
    says(&w, 1, "b CLOSE\r\n", "b OK CLOSE done\r\n");
    enter(&w, 2, "s SELECT INBOX\r\n");
    says(&w, 2, "a CLOSE\r\nb STATUS INBOX (MESSAGES)\r\n",
         "a OK CLOSE done\r\n* STATUS \"INBOX\" (MESSAGES 0)\r\nb OK STATUS done\r\n");
    world_clear(&w);
}

/* The upstream is away: the intent is durable, the messages go when it is there again. */
static void test_expunge_without_upstream(void **state)
{
    struct account_event away = {.type = ACCOUNT_EV_NOTICE};
    struct world w;
    (void)state;

    world_init(&w, 2);
    w.account.spares = true;
    enter(&w, 0, "s SELECT INBOX\r\na STORE 1 +FLAGS (\\Deleted)\r\n");
    says(&w, 0, "b EXPUNGE\r\n", "");
    w.now += 10000;
    mailbox_now(w.sessions[0].m, w.now, 1700000010);
    hears(&w, 0, "b OK The upstream server is still to delete some of the messages\r\n");
    says(&w, 0, "c COPY 1 Trash\r\n", "c NO [EXPUNGEISSUED] Some of the messages are gone\r\n");
    says(&w, 0, "d EXPUNGE\r\n", "");
    failure_set(&away.failure, FAILURE_TEMPORARY, "The upstream server cannot be reached");
    fake_tell(w.account.clients, away);
    hears(&w, 0,
          "* NO [UNAVAILABLE] The upstream server cannot be reached\r\n"
          "d OK The upstream server is still to delete some of the messages\r\n");
    w.account.away = true; /* as everybody knows now: it is not waited for */
    says(&w, 0, "d EXPUNGE\r\n",
         "d OK The upstream server is still to delete some of the messages\r\n");
    w.account.away = w.account.spares = false;
    says(&w, 0, "e IDLE\r\n", "+ idling\r\n* 1 EXPUNGE\r\n");
    fake_tell(w.account.clients, (struct account_event){.type = ACCOUNT_EV_NOTICE});
    hears(&w, 0, "* OK The upstream server is there again\r\n");
    says(&w, 0, "done\r\n", "e OK IDLE done\r\n");
    world_clear(&w);
}

/* Refused for good: nobody is told that it will be done. */
static void test_expunge_that_is_refused(void **state)
{
    struct account_event refused = {.type = ACCOUNT_EV_NOTICE};
    struct box_draft d;
    struct world w;
    (void)state;

    world_init(&w, 2);
    w.account.spares = true;
    enter(&w, 0, "s SELECT INBOX\r\na STORE 1 +FLAGS (\\Deleted)\r\n");
    says(&w, 0, "b EXPUNGE\r\n", "");
    box_draft_begin(&d, w.account.state, "sent");
    box_draft_set(&d, "spared", (uint32_t[]){1}, 1);
    fake_apply(&w.account, box_draft_end(&d));
    failure_set(&refused.failure, FAILURE_PERMANENT, "The mail server did not delete 1 messages");
    fake_tell(w.account.clients, refused);
    hears(&w, 0,
          "* NO [CANNOT] The mail server did not delete 1 messages\r\n"
          "b NO [CANNOT] The upstream server refuses to delete some of the messages\r\n");
    says(&w, 0, "c COPY 1 Trash\r\n", "c OK [COPYUID 1700000003 1 1] Copied\r\n");
    world_clear(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_move),
        cmocka_unit_test(test_expunge),
        cmocka_unit_test(test_expunge_without_upstream),
        cmocka_unit_test(test_expunge_that_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
