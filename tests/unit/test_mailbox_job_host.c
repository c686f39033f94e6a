/*
 * FETCH and SEARCH with the program's own jobs: what they ask for comes through the session, and
 * what they find is answered.
 */
#define WITH_REAL_JOBS
#include "tests/unit/mailbox_fake.h"
#include "translate/mime/mime_charset.h"

static void test_fetch(void **state)
{
    static const struct said lines[] = {
        {"a FETCH 1:2 (UID FLAGS RFC822.SIZE INTERNALDATE)\r\n",
         "* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 20 INTERNALDATE \"13-Sep-2020 12:26:40 +0000\")\r\n"
         "* 2 FETCH (UID 2 FLAGS () RFC822.SIZE 20 INTERNALDATE \"13-Sep-2020 12:26:40 +0000\")\r\n"
         "a OK FETCH done\r\n"},
        {"b UID FETCH 2 BODY[]\r\n",
         "* 2 FETCH (UID 2 BODY[] {20}\r\nSubject: a\r\n\r\nbody\r\n)\r\n"
         "* 2 FETCH (UID 2 FLAGS (\\Seen))\r\nb OK UID FETCH done\r\n"},
        {"c UID FETCH 1 (BODY.PEEK[]<0.7> MODSEQ)\r\n",
         "* 1 FETCH (UID 1 BODY[]<0> {7}\r\nSubject MODSEQ (2))\r\nc OK UID FETCH done\r\n"},
        {"d FETCH 1:* (FLAGS) (CHANGEDSINCE 3)\r\n",
         "* 2 FETCH (MODSEQ (4) FLAGS (\\Seen))\r\nd OK FETCH done\r\n"},
        {"e SEARCH SEEN\r\n", "* SEARCH 2\r\ne OK SEARCH done\r\n"},
        {"f UID SEARCH RETURN (SAVE MIN ALL) UNSEEN\r\n",
         "* ESEARCH (TAG \"f\") UID MIN 1 ALL 1\r\nf OK UID SEARCH done\r\n"},
        {"g UID STORE $ +FLAGS (\\Flagged)\r\n",
         "* 1 FETCH (UID 1 FLAGS (\\Flagged) MODSEQ (5))\r\ng OK UID STORE done\r\n"},
        {"h SEARCH CHARSET NONE SUBJECT a\r\n",
         "h NO [BADCHARSET (UTF-8)] The charset is not known\r\n"},
    };
    struct world w;
    (void)state;

    world_init(&w, 0);
    world_see(&w, "a", 20);
    world_see(&w, "b", 20);
    w.absent = true;
    enter(&w, 0, "s SELECT INBOX\r\n");
    SAY_ALL(&w, 0, lines);
    world_clear(&w);
}

/* A message goes while a client enumerates the others: no refusal, by which it would give up. */
static void test_fetch_of_what_is_gone(void **state)
{
    struct world w;
    (void)state;

    world_init(&w, 0);
    world_see(&w, "a", 20);
    world_see(&w, "b", 20);
    enter(&w, 0, "s SELECT INBOX\r\n");
    enter(&w, 1, "s SELECT INBOX\r\na STORE 1 +FLAGS (\\Deleted)\r\nb EXPUNGE\r\n");
    says(&w, 0, "c FETCH 1:2 UID\r\n",
         "* 2 FETCH (UID 2)\r\nc OK [EXPUNGEISSUED] Some of the messages are gone\r\n");
    says(&w, 0, "d FETCH 1:2 (UID) (CHANGEDSINCE 100)\r\n",
         "d OK [EXPUNGEISSUED] Some of the messages are gone\r\n");
    says(&w, 0, "e FETCH 1 BODY[]\r\n", "e NO [EXPUNGEISSUED] The messages are gone\r\n");
    says(&w, 0, "f UID FETCH 1:2 UID\r\n",
         "* 2 FETCH (UID 2)\r\n* 1 EXPUNGE\r\nf OK [EXPUNGEISSUED] Some of the messages "
         "are gone\r\n");
    world_clear(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fetch),
        cmocka_unit_test(test_fetch_of_what_is_gone),
    };
    mime_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
