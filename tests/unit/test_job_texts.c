/* What is remembered of many messages is said as if each had been asked for by itself. */
#include "tests/unit/job_scene.h"

#define MIXED                                                                    \
    "Subject: m\xc3\xbc\r\nFrom: a@example.com\r\nMIME-Version: 1.0\r\n"         \
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\n" \
    "Content-Type: application/pdf; name=x\r\n\r\ntwo\r\n--b--\r\n"

/* More than are asked for at once, of three kinds. */
static void many(void)
{
    for (int i = 0; i < 130; i++) {
        world_add(&w, "Subject: plain\r\nTo: b@example.com\r\n\r\ntext\r\n");
        world_add(&w, MIXED);
        world_add(&w, "");
    }
    world_select(&w);
}

static void test_fetch(void **state)
{
    (void)state;
    many();
    world_check_texts(&w, "a FETCH 1:* (UID FLAGS ENVELOPE)");
    world_check_texts(&w, "a UID FETCH 2:300 (BODYSTRUCTURE)");
    world_check_texts(&w, "a FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)] ENVELOPE)");
    world_check_texts(&w, "a FETCH 5,7,390 (BODYSTRUCTURE BODY.PEEK[HEADER] RFC822.SIZE ENVELOPE)");
    world_check_texts(&w, "a FETCH 1:* (BODY ENVELOPE)");
    world_check_texts(&w, "a FETCH 3:9 (BODYSTRUCTURE BODY.PEEK[1])");
    w.host.utf8 = true;
    world_check_texts(&w, "a FETCH 1:* (ENVELOPE BODYSTRUCTURE)");
}

static void test_search(void **state)
{
    (void)state;
    many();
    world_check_texts(&w, "a SEARCH SUBJECT plain");
    world_check_texts(&w, "a SEARCH SUBJECT m OR TO b@example.com NOT BODY two");
    world_check_texts(&w, "a SEARCH RETURN (MIN COUNT) UID 5:300 SUBJECT m");
    world_check_texts(&w, "a SEARCH RETURN (MIN MAX) SUBJECT m");
    world_check_texts(&w, "a SEARCH OR 1:200 FROM a@example.com");
    world_check_texts(&w, "a SEARCH TEXT plain");
}

/* Neither the store nor the upstream is asked for anything else. */
static void test_nothing_else_is_read(void **state)
{
    (void)state;
    many();
    w.keeps = true;
    w.host.texts = world_texts;
    w.texts_at_once = MAILBOX_TEXTS_MAX;
    world_run(&w, slice_of("a FETCH 1:* (ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER])"));
    assert_int_equal(w.numbers[ASKED_TEXTS], 2);
    assert_int_equal(w.numbers[ASKED_READ] + w.numbers[ASKED_PARSE] + w.numbers[ASKED_WANT], 0);
}

/* A header that sets \Seen does so from memory too. */
static void test_seen(void **state)
{
    (void)state;
    world_add(&w, MIXED);
    world_select(&w);
    w.keeps = true;
    w.host.texts = world_texts;
    w.texts_at_once = MAILBOX_TEXTS_MAX;
    world_run(&w, slice_of("a FETCH 1 (BODY[HEADER])"));
    assert_int_equal(w.result.seen_count, 1);
}

static void test_changed_since(void **state)
{
    (void)state;
    many();
    world_check_texts(&w, "a FETCH 1:* (ENVELOPE) (CHANGEDSINCE 200)");
    assert_true(w.result.found);
}

/* At any time; what was taken to be looked up comes back to nobody. */
static void test_freed(void **state)
{
    struct imapd_command cmd;
    struct failure why;

    (void)state;
    many();
    w.keeps = true;
    w.host.texts = world_texts;
    w.texts_at_once = 20;
    w.room = 400;
    assert_true(imapd_command_parse(&cmd, slice_of("a FETCH 1:* (ENVELOPE)"), false, &why));
    for (unsigned steps = 0; steps < 200; steps += 1 + steps / 8) {
        struct job *j = job_fetch(&w.host, &cmd.fetch, &cmd.set, cmd.uid);
        enum job_state now = job_run(j);
        for (unsigned i = 0; i < steps && now == JOB_WAITS; i++) {
            world_step(&w, j);
            now = job_run(j);
        }
        struct mailbox_texts *t = NULL;
        for (size_t i = 0; i < w.count && !t; i++)
            t = job_texts_take(j, w.asked[(w.first + i) % WORLD_ASKED].number);
        job_free(j);
        mailbox_texts_free(t);
        w.count = 0;
        buf_clear(&w.out);
    }
    imapd_command_clear(&cmd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_fetch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_search, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_else_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(test_changed_since, setup, teardown),
        cmocka_unit_test_setup_teardown(test_freed, setup, teardown),
    };

    mime_setup();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mime_teardown();
    return failed;
}
