/*
 * LIST, LSUB, NAMESPACE, STATUS.
 */
#include "tests/unit/mailbox_fake.h"

/* Work/2024 and Work/2025 with Work above them; only Work/2024 and a name that is gone are
 * subscribed beside INBOX. */
static void world_with_folders(struct world *w)
{
    world_init(w, 2);
    enter(w, 0,
          "a CREATE Work/2024\r\nb CREATE Work/2025\r\nc SUBSCRIBE Work/2024\r\n"
          "d UNSUBSCRIBE Drafts\r\ne UNSUBSCRIBE Sent\r\nf UNSUBSCRIBE Trash\r\n"
          "g UNSUBSCRIBE Junk\r\nh UNSUBSCRIBE Archive\r\n"
          "i CREATE Old/Deep\r\nj SUBSCRIBE Old/Deep\r\nk DELETE Old/Deep\r\nl DELETE Old\r\n");
}

static void test_list(void **state)
{
    static const struct said lines[] = {
        {"a LIST \"\" \"\"\r\n", "* LIST (\\Noselect) \"/\" \"\"\r\na OK LIST done\r\n"},
        {"b LIST \"\" INBOX\r\n", "* LIST (\\HasNoChildren) \"/\" \"INBOX\"\r\nb OK LIST done\r\n"},
        {"c LIST Work/ %\r\n",
         "* LIST (\\HasNoChildren) \"/\" \"Work/2024\"\r\n"
         "* LIST (\\HasNoChildren) \"/\" \"Work/2025\"\r\nc OK LIST done\r\n"},
        {"d LIST \"\" W*4\r\n",
         "* LIST (\\HasNoChildren) \"/\" \"Work/2024\"\r\nd OK LIST done\r\n"},
        {"e LIST \"\" nothing\r\n", "e OK LIST done\r\n"},
        {"f LIST (SUBSCRIBED) \"\" *\r\n",
         "* LIST (\\HasNoChildren \\Subscribed) \"/\" \"INBOX\"\r\n"
         "* LIST (\\NonExistent \\HasNoChildren \\Subscribed) \"/\" \"Old/Deep\"\r\n"
         "* LIST (\\HasNoChildren \\Subscribed) \"/\" \"Work/2024\"\r\nf OK LIST done\r\n"},
        {"g LIST (SUBSCRIBED RECURSIVEMATCH) \"\" %\r\n",
         "* LIST (\\HasNoChildren \\Subscribed) \"/\" \"INBOX\"\r\n"
         "* LIST (\\NonExistent \\HasNoChildren) \"/\" \"Old\" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n"
         "* LIST (\\HasChildren) \"/\" \"Work\" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n"
         "g OK LIST done\r\n"},
        {"h LIST (SPECIAL-USE) \"\" (T* J*)\r\n",
         "* LIST (\\HasNoChildren \\Junk) \"/\" \"Junk\"\r\n"
         "* LIST (\\HasNoChildren \\Trash) \"/\" \"Trash\"\r\nh OK LIST done\r\n"},
        {"i LIST \"\" (Work INBOX) RETURN (SUBSCRIBED CHILDREN STATUS (MESSAGES UNSEEN))\r\n",
         "* LIST (\\HasNoChildren \\Subscribed) \"/\" \"INBOX\"\r\n"
         "* STATUS \"INBOX\" (MESSAGES 2 UNSEEN 2)\r\n"
         "* LIST (\\HasChildren) \"/\" \"Work\"\r\n"
         "* STATUS \"Work\" (MESSAGES 0 UNSEEN 0)\r\ni OK LIST done\r\n"},
        {"j LSUB \"\" %\r\n", "* LSUB () \"/\" \"INBOX\"\r\n* LSUB (\\Noselect) \"/\" \"Old\"\r\n"
                              "* LSUB (\\Noselect) \"/\" \"Work\"\r\nj OK LSUB done\r\n"},
        {"k LSUB \"\" *\r\n",
         "* LSUB () \"/\" \"INBOX\"\r\n* LSUB (\\Noselect) \"/\" \"Old/Deep\"\r\n"
         "* LSUB () \"/\" \"Work/2024\"\r\nk OK LSUB done\r\n"},
        {"l NAMESPACE\r\n", "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\nl OK NAMESPACE done\r\n"},
    };
    struct world w;
    (void)state;

    world_with_folders(&w);
    SAY_ALL(&w, 0, lines);
    world_clear(&w);
}

static void test_status(void **state)
{
    static const struct said lines[] = {
        {"a STATUS INBOX (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN)\r\n",
         "* STATUS \"INBOX\" (MESSAGES 2 RECENT 0 UIDNEXT 3 UIDVALIDITY 1700000000 UNSEEN 2)\r\n"
         "a OK STATUS done\r\n"},
        {"b STATUS inbox (DELETED SIZE HIGHESTMODSEQ APPENDLIMIT)\r\n",
         "* STATUS \"INBOX\" (DELETED 0 SIZE 300 HIGHESTMODSEQ 3 APPENDLIMIT 1000)\r\n"
         "b OK STATUS done\r\n"},
        {"c STATUS None (MESSAGES)\r\n", "c NO [NONEXISTENT] There is no such mailbox\r\n"},
        {"d STATUS INBOX (XYZZY)\r\n",
         "d BAD STATUS: character 17: unknown status item \"XYZZY\"\r\n"},
    };
    struct world w;
    (void)state;

    world_init(&w, 2);
    enter(&w, 0, "");
    SAY_ALL(&w, 0, lines);
    world_clear(&w);
}

/* Names are modified UTF-7 for rev1 and UTF-8 for rev2; none of them breaks a line. */
static void test_names(void **state)
{
    static const struct said lines[] = {
        {"a CREATE \"Entw&APw-rfe\"\r\n", "a OK CREATE done\r\n"},
        {"b LIST \"\" E*\r\n",
         "* LIST (\\HasNoChildren) \"/\" \"Entw&APw-rfe\"\r\nb OK LIST done\r\n"},
        {"c CREATE {9}\r\nQ\"\\ {3}*%\r\n", "+ OK\r\nc OK CREATE done\r\n"},
        {"d LIST \"\" Q*\r\n",
         "* LIST (\\HasNoChildren) \"/\" \"Q\\\"\\\\ {3}*%\"\r\nd OK LIST done\r\n"},
        {"e ENABLE IMAP4rev2 XYZZY\r\n", "* ENABLED IMAP4rev2\r\ne OK ENABLE done\r\n"},
        {"f LIST \"\" E*\r\n",
         "* LIST (\\HasNoChildren) \"/\" \"Entw\xC3\xBCrfe\"\r\nf OK LIST done\r\n"},
        {"g EXAMINE \"Entw\xC3\xBCrfe\"\r\n",
         "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n"
         "* OK [PERMANENTFLAGS ()] No flags can be changed\r\n"
         "* 0 EXISTS\r\n* LIST (\\HasNoChildren) \"/\" \"Entw\xC3\xBCrfe\"\r\n"
         "* OK [UIDVALIDITY 1700000006] UIDs are valid\r\n* OK [UIDNEXT 1] The next UID\r\n"
         "* OK [HIGHESTMODSEQ 2] The last change\r\n"
         "g OK [READ-ONLY] The mailbox is selected\r\n"},
    };
    struct world w;
    (void)state;

    world_init(&w, 0);
    enter(&w, 0, "");
    SAY_ALL(&w, 0, lines);
    says(&w, 0, "h CREATE {7}\r\na\r\nb OK\r\n",
         "+ OK\r\nh BAD CREATE: character 10: a mailbox name with control characters or broken "
         "UTF-8\r\n");
    world_clear(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
