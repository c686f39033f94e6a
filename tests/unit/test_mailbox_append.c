/*
 * APPEND: what is refused before it is sent, what is kept, and what comes of failures.
 */
#include "tests/unit/mailbox_fake.h"

static void test_append(void **state)
{
    static const struct said lines[] = {
        {"a APPEND Sent (\\Seen $Junk) \"01-Jan-2020 00:00:00 +0000\" {5+}\r\nhello\r\n",
         "a OK [APPENDUID 1700000002 1] The message is there\r\n"},
        {"b APPEND None {5}\r\n", "b NO [TRYCREATE] There is no such mailbox\r\n"},
        {"c APPEND None {5+}\r\nhello\r\n", "c NO [TRYCREATE] There is no such mailbox\r\n"},
        {"d APPEND Sent {1001}\r\n", "d NO [TOOBIG] At most 1000 octets are taken\r\n"},
        {"e APPEND Sent {0}\r\n", "e NO The message is empty\r\n"},
        {"f APPEND Sent UTF8 (~{5}\r\n",
         "f BAD APPEND: UTF8 must be enabled before it is used\r\n"},
        {"g NOOP\r\n", "g OK NOOP done\r\n"},
        {"h ENABLE UTF8=ACCEPT\r\n", "* ENABLED UTF8=ACCEPT\r\nh OK ENABLE done\r\n"},
        {"i APPEND Sent UTF8 (~{5}\r\nhello)\r\n",
         "+ OK\r\ni OK [APPENDUID 1700000002 2] The message is there\r\n"},
        {"j SEARCH CHARSET UTF-8 ALL\r\n", "j BAD No mailbox is selected\r\n"},
        {"k STATUS Sent (MESSAGES UNSEEN SIZE)\r\n",
         "* STATUS \"Sent\" (MESSAGES 2 UNSEEN 1 SIZE 10)\r\nk OK STATUS done\r\n"},
    };
    struct world w;
    (void)state;

    world_init(&w, 0);
    enter(&w, 0, "");
    SAY_ALL(&w, 0, lines);
    assert_true(slice_is(buf_slice(&w.sessions[0].stored), "hello"));
    assert_false(w.sessions[0].aborted);
    const struct box_folder *f = box_state_folder(w.account.state, slice_of("Sent"));
    assert_int_equal(f->messages[0].date, 1577836800);
    assert_int_equal(f->messages[0].flags, BOX_SEEN | BOX_KEYWORD);
    assert_int_equal(f->messages[1].date, 1700000000);
    const struct box_content *c = box_state_content(w.account.state, f->messages[0].content);
    assert_string_equal(c->key, "the key");
    assert_string_equal(c->digest, "digest");
    assert_false(c->upstream);
    world_clear(&w);
}

static void test_selected(void **state)
{
    struct world w;
    (void)state;

    world_init(&w, 1);
    enter(&w, 0, "s SELECT INBOX\r\n");
    enter(&w, 1, "s SELECT INBOX\r\ni IDLE\r\n");
    says(&w, 0, "a APPEND INBOX {5+}\r\nhello\r\n",
         "* 2 EXISTS\r\na OK [APPENDUID 1700000000 2] The message is there\r\n");
    hears(&w, 1, "* 2 EXISTS\r\n");
    world_clear(&w);
}

static void test_failures(void **state)
{
    struct failure broken = {.kind = FAILURE_TEMPORARY, .text = "reset"};
    struct world w;
    (void)state;

    world_init(&w, 0);
    enter(&w, 0, "");
    failure_set(&w.store_fails, FAILURE_TEMPORARY, "The disk is full");
    says(&w, 0, "a APPEND Sent {5+}\r\nhello\r\n", "a NO [UNAVAILABLE] The disk is full\r\n");
    assert_false(w.sessions[0].aborted);
    w.store_fails.kind = FAILURE_NONE;
    /* Kept, but the record cannot be: the body goes again. */
    failure_set(&w.account.commit_fails, FAILURE_TEMPORARY, "The disk is full");
    says(&w, 0, "b APPEND Sent {5+}\r\nhello\r\n", "b NO [UNAVAILABLE] The disk is full\r\n");
    assert_true(w.sessions[0].aborted);
    w.sessions[0].aborted = false;
    says(&w, 0, "c APPEND Sent {5+}\r\nhello {3}\r\n",
         "c BAD APPEND: nothing more was expected behind the message\r\n");
    assert_true(w.sessions[0].aborted);
    w.sessions[0].aborted = false;
    /* The connection breaks within the message. */
    says(&w, 0, "d APPEND Sent {5}\r\nhe", "+ OK\r\n");
    mailbox_client_closed(w.sessions[0].m, &broken);
    pump(&w);
    assert_true(w.sessions[0].aborted && w.sessions[0].ended);
    assert_int_equal(box_state_folder(w.account.state, slice_of("Sent"))->count, 0);
    world_clear(&w);
}

/* What a plain literal may not hold is refused once the whole of it was passed over. */
static void test_nul(void **state)
{
    struct world w;
    (void)state;

    world_init(&w, 0);
    enter(&w, 0, "");
    says(&w, 0, "a APPEND Sent {5}\r\n", "+ OK\r\n");
    says_octets(&w, 0, slice_make("h\0llo\r\n", 7),
                "a NO [CANNOT] A NUL octet can only be in a binary literal, ~{n}\r\n");
    assert_true(w.sessions[0].aborted);
    says(&w, 0, "b APPEND Sent ~{5}\r\n", "+ OK\r\n");
    says_octets(&w, 0, slice_make("h\0llo\r\n", 7),
                "b OK [APPENDUID 1700000002 1] The message is there\r\n");
    world_clear(&w);
}

/* A failure is told when the client has sent what it announced. */
static void test_early_failure(void **state)
{
    struct failure why;
    struct world w;
    (void)state;

    world_init(&w, 0);
    enter(&w, 0, "");
    says(&w, 0, "a APPEND Sent {5}\r\nhe", "+ OK\r\n");
    failure_set(&why, FAILURE_TEMPORARY, "The disk is full");
    mailbox_stored(w.sessions[0].m, w.sessions[0].storing, NULL, NULL, &why);
    hears(&w, 0, "");
    says(&w, 0, "llo\r\n", "a NO [UNAVAILABLE] The disk is full\r\n");
    says(&w, 0, "b APPEND Sent {5}\r\nhello\r\n",
         "+ OK\r\nb OK [APPENDUID 1700000002 1] The message is there\r\n");
    mailbox_store_queued(w.sessions[0].m, 1 << 20);
    says(&w, 0, "c APPEND Sent {5}\r\n", "");
    assert_false(mailbox_wants_client(w.sessions[0].m));
    mailbox_store_queued(w.sessions[0].m, 0);
    says(&w, 0, "hello\r\n", "+ OK\r\nc OK [APPENDUID 1700000002 2] The message is there\r\n");
    world_clear(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append),        cmocka_unit_test(test_selected),
        cmocka_unit_test(test_failures),      cmocka_unit_test(test_nul),
        cmocka_unit_test(test_early_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
