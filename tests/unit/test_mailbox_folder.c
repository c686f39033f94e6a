/*
 * CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, and folders that others have selected.
 */
#include "tests/unit/mailbox_fake.h"

static void test_create(void **state)
{
    static const struct said lines[] = {
        {"a CREATE Work\r\n", "a OK CREATE done\r\n"},
        {"b CREATE Work\r\n", "b NO [ALREADYEXISTS] There is a mailbox of that name\r\n"},
        {"c CREATE inbox\r\n", "c NO [ALREADYEXISTS] There is a mailbox of that name\r\n"},
        {"d CREATE A/B/C/\r\n", "d OK CREATE done\r\n"},
        {"e LIST \"\" A*\r\n", "* LIST (\\HasChildren) \"/\" \"A\"\r\n"
                               "* LIST (\\HasChildren) \"/\" \"A/B\"\r\n"
                               "* LIST (\\HasNoChildren) \"/\" \"A/B/C\"\r\n"
                               "* LIST (\\HasNoChildren \\Archive) \"/\" \"Archive\"\r\n"
                               "e OK LIST done\r\n"},
        {"f CREATE /x\r\n", "f NO [CANNOT] A level of the name is empty\r\n"},
        {"g CREATE x//y\r\n", "g NO [CANNOT] A level of the name is empty\r\n"},
        {"h CREATE S (USE (\\Sent))\r\n",
         "h NO [USEATTR] Another mailbox has that special use\r\n"},
        {"i DELETE Sent\r\n", "i OK DELETE done\r\n"},
        {"j CREATE S (USE (\\Sent))\r\n", "j OK CREATE done\r\n"},
        {"k LIST \"\" S\r\n", "* LIST (\\HasNoChildren \\Sent) \"/\" \"S\"\r\nk OK LIST done\r\n"},
        {"l CREATE F (USE (\\Flagged))\r\n",
         "l NO [USEATTR] \\Archive, \\Drafts, \\Junk, \\Sent and \\Trash are the special uses, one "
         "for a mailbox\r\n"},
    };
    struct world w;
    (void)state;

    world_init(&w, 0);
    enter(&w, 0, "");
    SAY_ALL(&w, 0, lines);
    world_clear(&w);
}

static void test_delete(void **state)
{
    static const struct said lines[] = {
        {"a DELETE INBOX\r\n", "a NO [CANNOT] INBOX cannot be deleted\r\n"},
        {"b DELETE None\r\n", "b NO [NONEXISTENT] There is no such mailbox\r\n"},
        {"c CREATE A/B\r\n", "c OK CREATE done\r\n"},
        {"d DELETE A\r\n", "d OK DELETE done\r\n"},
        {"e LIST \"\" A\r\n",
         "* LIST (\\Noselect \\HasChildren) \"/\" \"A\"\r\ne OK LIST done\r\n"},
        {"f SELECT A\r\n", "f NO [CANNOT] The mailbox is only a name, and holds no messages\r\n"},
        {"g DELETE A\r\n", "g NO [HASCHILDREN] There are mailboxes below this name\r\n"},
        {"h CREATE A\r\n", "h OK CREATE done\r\n"},
        {"i LIST \"\" A\r\n", "* LIST (\\HasChildren) \"/\" \"A\"\r\ni OK LIST done\r\n"},
    };
    struct world w;
    (void)state;

    world_init(&w, 0);
    enter(&w, 0, "");
    SAY_ALL(&w, 0, lines);
    world_clear(&w);
}

static void test_rename(void **state)
{
    static const struct said lines[] = {
        {"a CREATE A/B\r\n", "a OK CREATE done\r\n"},
        {"b RENAME None X\r\n", "b NO [NONEXISTENT] There is no such mailbox\r\n"},
        {"c RENAME A Trash\r\n", "c NO [ALREADYEXISTS] There is a mailbox of that name\r\n"},
        {"d RENAME A A/C\r\n", "d NO [CANNOT] A mailbox cannot come to be below itself\r\n"},
        {"e RENAME A X/Y\r\n", "e OK RENAME done\r\n"},
        {"f LIST \"\" (A A/* X*)\r\n", "* LIST (\\HasChildren) \"/\" \"X\"\r\n"
                                       "* LIST (\\HasChildren) \"/\" \"X/Y\"\r\n"
                                       "* LIST (\\HasNoChildren) \"/\" \"X/Y/B\"\r\n"
                                       "f OK LIST done\r\n"},
        {"g RENAME INBOX Was\r\n", "g OK RENAME done\r\n"},
        {"h STATUS INBOX (MESSAGES)\r\n",
         "* STATUS \"INBOX\" (MESSAGES 0)\r\nh OK STATUS done\r\n"},
        {"i STATUS Was (MESSAGES)\r\n", "* STATUS \"Was\" (MESSAGES 2)\r\ni OK STATUS done\r\n"},
        {"j CREATE P/Q\r\n", "j OK CREATE done\r\n"},
        {"k CREATE R/Q\r\n", "k OK CREATE done\r\n"},
        {"l DELETE R\r\n", "l OK DELETE done\r\n"},
        {"m RENAME P R\r\n",
         "m NO [ALREADYEXISTS] A mailbox below it would get another's name\r\n"},
    };
    struct world w;
    (void)state;

    world_init(&w, 2);
    enter(&w, 0, "");
    SAY_ALL(&w, 0, lines);
    world_clear(&w);
}

static void test_subscribe(void **state)
{
    static const struct said lines[] = {
        {"a SUBSCRIBE None\r\n", "a NO [NONEXISTENT] There is no such mailbox\r\n"},
        {"b SUBSCRIBE INBOX\r\n", "b OK SUBSCRIBE done\r\n"},
        {"c UNSUBSCRIBE None\r\n", "c OK UNSUBSCRIBE done\r\n"},
        {"d UNSUBSCRIBE Sent\r\n", "d OK UNSUBSCRIBE done\r\n"},
        {"e LSUB \"\" S%\r\n", "e OK LSUB done\r\n"},
    };
    struct world w;
    (void)state;

    world_init(&w, 0);
    enter(&w, 0, "");
    SAY_ALL(&w, 0, lines);
    world_clear(&w);
}

static void test_selected_folder_goes(void **state)
{
    struct world w;
    (void)state;

    world_init(&w, 2);
    enter(&w, 0, "a SELECT INBOX\r\nb COPY 1:2 Trash\r\nc SELECT Trash\r\n");
    enter(&w, 1, "");
    says(&w, 1, "a RENAME Trash Bin\r\n", "a OK RENAME done\r\n");
    says(&w, 0, "d NOOP\r\n", "d OK NOOP done\r\n");
    says(&w, 1, "b DELETE Bin\r\n", "b OK DELETE done\r\n");
    says(&w, 0, "e FETCH 1 FLAGS\r\n", "e NO [NONEXISTENT] The mailbox was deleted\r\n");
    says(&w, 0, "f NOOP\r\n", "* 1 EXPUNGE\r\n* 1 EXPUNGE\r\nf OK NOOP done\r\n");
    says(&w, 0, "g EXPUNGE\r\n", "g NO [NONEXISTENT] The mailbox was deleted\r\n");
    says(&w, 0, "h CLOSE\r\n", "h OK CLOSE done\r\n");
    world_clear(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create),
        cmocka_unit_test(test_delete),
        cmocka_unit_test(test_rename),
        cmocka_unit_test(test_subscribe),
        cmocka_unit_test(test_selected_folder_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
