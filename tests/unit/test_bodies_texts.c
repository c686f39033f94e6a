/*
 * ENVELOPE, and what SEARCH compares, as they are remembered: made from a header, kept over a
 * restart, never taken for another message's.
 */
#include "tests/unit/bodies_scene.h"

#include "translate/mime/mime_charset.h"

#define SUBJECT "Subject: gr\xc3\xbc\xc3\x9f\r\n\r\n"
#define REST    "\" NIL NIL NIL NIL NIL NIL NIL NIL)"

static struct mailbox_texts *texts; /* what came last */

static void on_header(void *owner, enum bodies_outcome outcome, struct slice octets,
                      const struct failure *why)
{
    (void)owner;
    (void)octets;
    (void)why;
    assert_int_equal(outcome, BODIES_DONE);
}

/* A header that was written and read once, as a first scan does. */
static void know(uint32_t content, const char *header)
{
    struct bodies_range what = {.content = content, .part = ACCOUNT_HEADER, .length = FOREVER};

    put(content, ACCOUNT_HEADER, header);
    assert_non_null(bodies_small(it.ann, &what, on_header, NULL));
    run();
}

/* Without the NUL that a digest ends with. */
static struct slice slice_trim_nul(struct slice text)
{
    text.n -= text.n && text.p[text.n - 1] == '\0';
    return text;
}

static void on_texts(void *owner, struct mailbox_texts *t)
{
    (void)owner;
    texts = t;
}

/* Says that text, or nothing where `expected` is NULL. */
static void check_kind(enum mailbox_text kind, uint32_t content, bool utf8, const char *expected)
{
    struct mailbox_texts *t = mailbox_texts_new();

    *t = (struct mailbox_texts){.kinds = 1U << kind, .utf8 = utf8, .count = 1};
    t->of[0].content = content;
    texts = NULL;
    assert_non_null(bodies_texts(it.ann, t, on_texts, NULL));
    assert_null(texts);
    run();
    assert_ptr_equal(texts, t);
    assert_int_equal(t->looked, 1);
    assert_int_equal(t->of[0].there, expected != NULL);
    if (expected)
        assert_true(slice_is(slice_trim_nul(buf_slice(&t->octets)), expected));
    mailbox_texts_free(t);
}

static void check(uint32_t content, bool utf8, const char *expected)
{
    check_kind(MAILBOX_TEXT_ENVELOPE, content, utf8, expected);
}

static void it_is_made_for_each_client(void **state)
{
    (void)state;
    check(1, false, NULL);
    know(1, SUBJECT);
    for (int i = 0; i < 3; i++) {
        check(1, true, "(NIL \"gr\xc3\xbc\xc3\x9f" REST);
        check(1, false, "(NIL {6}\r\ngr\xc3\xbc\xc3\x9f NIL NIL NIL NIL NIL NIL NIL NIL)");
        if (i == 1)
            reopen(FOREVER, false);
    }
    check(2, false, NULL);
}

/* Without the header it was made from; a damaged one is made again, where that can be. */
static void it_is_checked(void **state)
{
    (void)state;
    know(1, "Subject: a\r\n\r\n");
    check(1, false, "(NIL \"a" REST);
    FILE *f = fopen(file("1.envelope"), "r+");
    assert_non_null(f);
    assert_int_equal(fseek(f, -20, SEEK_END), 0);
    fputc('x', f);
    fclose(f);
    check(1, false, "(NIL \"a" REST);
    assert_int_equal(unlink(file("1.heads")), 0);
    check(1, false, "(NIL \"a" REST);
    assert_int_equal(unlink(file("2.envelope")), 0);
    check(1, false, NULL);
}

/* Contents are numbered anew. */
static void a_newborn_account_has_none(void **state)
{
    (void)state;
    know(1, "Subject: a\r\n\r\n");
    check(1, false, "(NIL \"a" REST);
    reopen(FOREVER, true);
    check(1, false, NULL);
    know(1, "Subject: b\r\n\r\n");
    check(1, false, "(NIL \"b" REST);
}

/* The same for all clients; made once, and kept when the header is gone. */
static void a_digest(void **state)
{
    (void)state;
    check_kind(MAILBOX_TEXT_DIGEST, 1, false, NULL);
    know(1, "X: y\r\nSubject: =?utf-8?q?=C3=BC?=\r\n\r\n");
    check_kind(MAILBOX_TEXT_DIGEST, 1, false, "B\xc3\xbc");
    check_kind(MAILBOX_TEXT_DIGEST, 1, true, "B\xc3\xbc");
    assert_int_equal(unlink(file("1.heads")), 0);
    reopen(FOREVER, false);
    check_kind(MAILBOX_TEXT_DIGEST, 1, false, "B\xc3\xbc");
    check_kind(MAILBOX_TEXT_DIGEST, 2, false, NULL);
    know(3, "X: of no field that is in it\r\n\r\n");
    check_kind(MAILBOX_TEXT_DIGEST, 3, false, "");
}

static void one_is_cancelled(void **state)
{
    struct mailbox_texts *t = mailbox_texts_new();

    (void)state;
    know(1, "Subject: a\r\n\r\n");
    t->kinds = 1U << MAILBOX_TEXT_ENVELOPE;
    t->count = 1;
    t->of[0].content = 1;
    texts = NULL;
    bodies_texts_cancel(bodies_texts(it.ann, t, on_texts, NULL));
    check(1, false, "(NIL \"a" REST);
}

static int group_begin(void **state)
{
    (void)state;
    mime_setup();
    return 0;
}

static int group_end(void **state)
{
    (void)state;
    mime_teardown();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_made_for_each_client, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_is_checked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_newborn_account_has_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_digest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_is_cancelled, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, group_begin, group_end);
}
