#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/box_steps.h"
#include "translate/state/box_listing.h"

enum { MANY = 40 };

static struct box_entry entry(const char *uidl, const char *digest, uint64_t size)
{
    return (struct box_entry){.uidl = slice_of(uidl), .digest = slice_of(digest), .size = size};
}

static size_t match(const struct box_state *s, struct box_listing *l)
{
    size_t asked = 0;

    assert_true(box_listing_match(s, l, &asked));
    return asked;
}

/* Matches, and applies what follows for contents that are known. */
static bool look(struct box_state *s, struct box_entry *entries, size_t count, bool doubtful,
                 enum box_policy policy)
{
    struct box_listing l = {entries, count, doubtful, policy};
    struct box_draft d;
    bool suspicious = false;

    match(s, &l);
    box_draft_begin(&d, s, "poll");
    box_listing_draft(&d, &l, &suspicious);
    step(s, &d);
    assert_survives(s);
    return suspicious;
}

static size_t count_in(const struct box_state *s, uint32_t folder)
{
    return box_state_folder_by_id(s, folder)->count;
}

static void known_by_their_uidl(void **state)
{
    struct box_state *s = account_born();
    struct box_entry e[] = {entry("new", NULL, 5), entry("b", NULL, 2), entry("a", NULL, 1)};
    struct box_listing l = {.entries = e, .count = 3};

    (void)state;
    uint32_t a = account_sees(s, "a", NULL, 1);
    uint32_t b = account_sees(s, "b", NULL, 2);
    assert_int_equal(match(s, &l), 0);
    assert_true(e[0].fresh);
    assert_int_equal(e[1].content, b);
    assert_int_equal(e[2].content, a);
    assert_false(e[2].fresh);
    box_state_free(s);
}

static void without_uidl_the_digest_is_asked(void **state)
{
    struct box_state *s = account_born();
    struct box_entry e[] = {entry(NULL, NULL, 1), entry(NULL, NULL, 1), entry(NULL, NULL, 1)};
    struct box_listing l = {.entries = e, .count = 3};

    (void)state;
    uint32_t first = account_sees(s, NULL, "same", 1);
    uint32_t second = account_sees(s, NULL, "same", 1);
    assert_int_equal(match(s, &l), 3);
    assert_false(e[0].fresh);
    e[0].digest = e[1].digest = e[2].digest = slice_of("same");
    assert_int_equal(match(s, &l), 0);
    assert_int_equal(e[0].content, first);
    assert_int_equal(e[1].content, second);
    assert_true(e[2].fresh);
    box_state_free(s);
}

/* CASES D9, D11: of two messages alike one was expunged, and perhaps deleted: what is left is the
 * other one. */
static void of_two_alike_the_kept_one_is_left(void **state)
{
    struct box_state *s = account_born();
    struct box_entry e[] = {entry(NULL, "same", 1), entry(NULL, "same", 1)};
    struct box_listing l = {.entries = e, .count = 2};

    (void)state;
    uint32_t first = account_sees(s, NULL, "same", 1);
    uint32_t second = account_sees(s, NULL, "same", 1);
    account_expunges(s, BOX_INBOX, 1);
    account_hears(s, "sent", first);
    assert_int_equal(match(s, &l), 0);
    assert_int_equal(e[0].content, first);
    assert_int_equal(e[1].content, second);
    look(s, e + 1, 1, false, BOX_VANISHED_GONE);
    assert_null(box_state_content(s, first));
    assert_non_null(box_state_content(s, second));
    assert_int_equal(count_in(s, BOX_INBOX), 1);
    box_state_free(s);
}

/* CASES D11 */
static void one_uidl_for_two_messages(void **state)
{
    struct box_state *s = account_born();
    struct box_entry e[] = {entry("x", NULL, 1), entry("x", NULL, 1)};
    struct box_listing l = {.entries = e, .count = 2};

    (void)state;
    uint32_t one = account_sees(s, "x", "one", 1);
    assert_int_equal(match(s, &l), 2);
    e[0].digest = slice_of("two");
    assert_int_equal(match(s, &l), 1);
    assert_true(e[0].fresh);
    e[1].digest = slice_of("one");
    assert_int_equal(match(s, &l), 0);
    assert_int_equal(e[1].content, one);
    box_state_free(s);
}

static void a_uidl_given_to_another_message(void **state)
{
    struct box_state *s = account_born();
    struct box_entry e[] = {entry("x", NULL, 2), entry("y", NULL, 1)};
    struct box_listing l = {.entries = e, .count = 2};

    (void)state;
    uint32_t old = account_sees(s, "x", "one", 1);
    account_sees(s, "y", NULL, 1);
    assert_int_equal(match(s, &l), 1);
    assert_true(e[0].ask);
    e[0].digest = slice_of("two");
    assert_int_equal(match(s, &l), 0);
    assert_true(e[0].fresh);
    account_expunges(s, BOX_INBOX, 1);
    assert_int_equal(box_state_content(s, old)->deletion, BOX_INTENDED);
    look(s, e, 2, false, BOX_VANISHED_GONE);
    assert_null(box_state_content(s, old));
    box_state_free(s);
}

/* The digest is asked for before DELE, though UIDL and size fit. */
static void never_the_wrong_one_deleted(void **state)
{
    struct box_state *s = account_born();
    struct box_entry e[] = {entry("x", NULL, 1)};
    struct box_listing l = {.entries = e, .count = 1};

    (void)state;
    uint32_t id = account_sees(s, "x", "one", 1);
    assert_int_equal(match(s, &l), 0);
    account_expunges(s, BOX_INBOX, 1);
    assert_int_equal(match(s, &l), 1);
    assert_int_equal(e[0].content, 0);
    e[0].digest = slice_of("other");
    assert_int_equal(match(s, &l), 0);
    assert_true(e[0].fresh);
    e[0].digest = slice_of("one");
    match(s, &l);
    assert_int_equal(e[0].content, id);
    box_state_free(s);
}

/* Among two with one UIDL, what is to be deleted and has no digest is neither. */
static void no_guess_about_what_is_to_be_deleted(void **state)
{
    struct box_state *s = account_born();
    struct box_entry e[] = {entry("x", "one", 1), entry("x", "two", 2)};
    struct box_listing l = {.entries = e, .count = 2};

    (void)state;
    uint32_t id = account_sees(s, "x", NULL, 1);
    match(s, &l);
    assert_int_equal(e[0].content, id);
    account_expunges(s, BOX_INBOX, 1);
    match(s, &l);
    assert_true(e[0].fresh && e[1].fresh);
    box_state_free(s);
}

static void a_digest_that_was_asked_for_is_remembered(void **state)
{
    struct box_state *s = account_born();
    struct box_entry e[] = {entry("x", "one", 1), entry("x", "two", 2)};

    (void)state;
    uint32_t id = account_sees(s, "x", NULL, 1);
    look(s, e, 2, false, BOX_VANISHED_GONE);
    assert_string_equal(box_state_content(s, id)->digest, "one");
    box_state_free(s);
}

/* Servers count anew: with CRLF for LF, exactly instead of roughly. The header tells. */
static void another_size_and_the_same_header(void **state)
{
    struct box_state *s = account_born();
    struct box_entry e[] = {entry("x", NULL, 3)};
    struct box_listing l = {.entries = e, .count = 1};

    (void)state;
    uint32_t id = account_sees(s, "x", "one", 1);
    assert_int_equal(match(s, &l), 1);
    e[0].digest = slice_of("one");
    look(s, e, 1, false, BOX_VANISHED_GONE);
    assert_int_equal(e[0].content, id);
    assert_int_equal(box_state_content(s, id)->listed, 3);
    assert_int_equal(box_state_content(s, id)->size, 1);
    e[0] = entry("x", NULL, 3);
    assert_int_equal(match(s, &l), 0);
    assert_int_equal(e[0].content, id);
    box_state_free(s);
}

/* Many messages of a device may have that header. */
static void another_size_and_a_header_like_others(void **state)
{
    struct box_state *s = account_born();
    struct box_entry e[] = {entry("x", "?one", 3)};
    struct box_listing l = {.entries = e, .count = 1};

    (void)state;
    account_sees(s, "x", "?one", 1);
    assert_int_equal(match(s, &l), 0);
    assert_true(e[0].fresh);
    box_state_free(s);
}

/* CASES D11: nobody knows whether it is the same, and nothing is deleted in its place. */
static void another_size_and_no_header_that_was_seen(void **state)
{
    struct box_state *s = account_born();
    struct box_entry e[] = {entry("x", NULL, 2), entry("y", NULL, 1)};
    struct box_listing l = {.entries = e, .count = 2};

    (void)state;
    uint32_t id = account_sees(s, "x", NULL, 1);
    account_sees(s, "y", NULL, 1);
    assert_int_equal(match(s, &l), 0);
    assert_true(e[0].fresh);
    account_expunges(s, BOX_INBOX, 1);
    assert_int_equal(match(s, &l), 0);
    assert_true(e[0].fresh);
    look(s, e, 2, false, BOX_VANISHED_GONE);
    assert_null(box_state_content(s, id));
    box_state_free(s);
}

/* UIDL and size have to do, one of them does not. */
static void a_header_that_cannot_be_had(void **state)
{
    struct box_state *s = account_born();
    struct box_entry e[] = {entry("x", "?octets:1", 1), entry("y", "?octets:2", 2)};
    struct box_listing l = {.entries = e, .count = 2};

    (void)state;
    uint32_t x = account_sees(s, "x", "one", 1);
    account_sees(s, "y", "two", 1);
    account_expunges(s, BOX_INBOX, 1);
    e[0].mute = e[1].mute = true;
    assert_int_equal(match(s, &l), 0);
    assert_int_equal(e[0].content, x);
    assert_true(e[1].fresh);
    look(s, e, 2, false, BOX_VANISHED_GONE);
    assert_string_equal(box_state_content(s, x)->digest, "one");
    box_state_free(s);
}

/* A provider has moved: every message has another UIDL. */
static void known_by_its_header_under_another_uidl(void **state)
{
    struct box_state *s = account_born();
    struct box_entry e[] = {entry("new b", NULL, 2), entry("\xe4 a", NULL, 1), entry("c", NULL, 3)};
    struct box_listing l = {.entries = e, .count = 3};

    (void)state;
    uint32_t a = account_sees(s, "a", "one", 1);
    uint32_t b = account_sees(s, "b", "two", 2);
    assert_int_equal(match(s, &l), 2);
    assert_true(e[2].fresh);
    e[0].digest = slice_of("two");
    e[1].digest = slice_of("one");
    assert_false(look(s, e, 3, false, BOX_VANISHED_GONE));
    assert_int_equal(e[0].content, b);
    assert_int_equal(e[1].content, a);
    assert_string_equal(box_state_content(s, a)->uidl, "\xe4 a");
    assert_int_equal(count_in(s, BOX_INBOX), 2);
    e[0].digest = e[1].digest = slice_of("");
    assert_int_equal(match(s, &l), 0);
    assert_int_equal(e[0].content, b);
    box_state_free(s);
}

/* What is to be deleted, what was never looked at, what has the header of others: not so. */
static void not_known_under_another_uidl(void **state)
{
    struct box_state *s = account_born();
    struct box_entry e[] = {entry("d", "one", 1), entry("e", "two", 1), entry("f", "?three", 1)};
    struct box_listing l = {.entries = e, .count = 3};

    (void)state;
    account_sees(s, "a", "one", 1);
    account_sees(s, "b", NULL, 1);
    account_sees(s, "c", "?three", 1);
    account_expunges(s, BOX_INBOX, 1);
    assert_int_equal(match(s, &l), 0);
    assert_true(e[0].fresh && e[1].fresh && e[2].fresh);
    box_state_free(s);
}

/* Each of several copies is one of them, in their order. */
static void copies_under_other_uidls(void **state)
{
    struct box_state *s = account_born();
    struct box_entry e[] = {entry("d", "one", 1), entry("e", "one", 1), entry("f", "one", 1)};
    struct box_listing l = {.entries = e, .count = 3};

    (void)state;
    uint32_t a = account_sees(s, "a", "one", 1);
    uint32_t b = account_sees(s, "b", "one", 1);
    assert_int_equal(match(s, &l), 0);
    assert_int_equal(e[0].content, a);
    assert_int_equal(e[1].content, b);
    assert_true(e[2].fresh);
    box_state_free(s);
}

static void fill(struct box_state *s, struct box_entry e[MANY], char names[MANY][16])
{
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], 16, "m%d", i);
        account_sees(s, names[i], NULL, 1);
        e[i] = entry(names[i], NULL, 1);
    }
}

static void vanished_is_gone_or_only_not_listed(void **state)
{
    (void)state;
    for (int unlisted = 0; unlisted < 2; unlisted++) {
        struct box_state *s = account_born();
        struct box_entry e[MANY];
        char names[MANY][16];
        fill(s, e, names);
        assert_false(
            look(s, e + 3, MANY - 3, false, unlisted ? BOX_VANISHED_UNLISTED : BOX_VANISHED_GONE));
        assert_int_equal(count_in(s, BOX_INBOX), unlisted ? MANY : MANY - 3);
        if (unlisted) {
            assert_true(s->contents[2].unlisted);
            look(s, e + 2, MANY - 2, false, BOX_VANISHED_UNLISTED);
            assert_false(s->contents[2].unlisted);
        }
        box_state_free(s);
    }
}

/* CASES D12 */
static void an_empty_listing_is_looked_at_twice(void **state)
{
    struct box_state *s = account_born();
    struct box_entry e[MANY];
    char names[MANY][16];

    (void)state;
    fill(s, e, names);
    assert_true(look(s, e, 0, false, BOX_VANISHED_GONE));
    assert_int_equal(count_in(s, BOX_INBOX), MANY);
    assert_true(look(s, e, 0, true, BOX_VANISHED_GONE));
    assert_int_equal(count_in(s, BOX_INBOX), MANY);
    look(s, e, 1, false, BOX_VANISHED_GONE); /* one is back */
    assert_int_equal(count_in(s, BOX_INBOX), 1);
    assert_false(s->contents[0].suspect);
    box_state_free(s);
}

static void what_came_back_is_no_longer_suspect(void **state)
{
    struct box_state *s = account_born();
    struct box_entry e[MANY];
    char names[MANY][16];

    (void)state;
    fill(s, e, names);
    assert_true(look(s, e, MANY / 2, false, BOX_VANISHED_GONE));
    assert_true(s->contents[MANY - 1].suspect);
    assert_false(look(s, e, MANY, false, BOX_VANISHED_GONE));
    assert_false(s->contents[MANY - 1].suspect);
    assert_true(look(s, e + MANY / 2, MANY / 2, false, BOX_VANISHED_GONE));
    assert_int_equal(count_in(s, BOX_INBOX), MANY);
    box_state_free(s);
}

static void a_doubtful_listing_says_nothing(void **state)
{
    struct box_state *s = account_born();
    struct box_entry e[MANY];
    char names[MANY][16];

    (void)state;
    fill(s, e, names);
    for (int i = 0; i < 3; i++) {
        assert_true(look(s, e, MANY - 1, true, BOX_VANISHED_GONE));
        assert_int_equal(count_in(s, BOX_INBOX), MANY);
    }
    e[0].uidl = slice_of(""); /* a digest that could not be had */
    look(s, e, MANY, false, BOX_VANISHED_GONE);
    assert_int_equal(count_in(s, BOX_INBOX), MANY);
    box_state_free(s);
}

/* CASES D8, D9: after a crash the listing tells. */
static void deletions_after_a_restart(void **state)
{
    struct box_state *s = account_born();
    struct box_entry e[MANY];
    char names[MANY][16];

    (void)state;
    fill(s, e, names);
    account_expunges(s, BOX_INBOX, 1);
    account_expunges(s, BOX_INBOX, 2);
    account_expunges(s, BOX_INBOX, 3);
    account_hears(s, "sent", 1);
    account_hears(s, "sent", 2);
    look(s, e + 1, MANY - 1, false, BOX_VANISHED_GONE); /* QUIT deleted the first only */
    assert_null(box_state_content(s, 1));
    assert_int_equal(box_state_content(s, 2)->deletion, BOX_INTENDED);
    assert_int_equal(box_state_content(s, 3)->deletion, BOX_INTENDED);
    assert_int_equal(count_in(s, BOX_INBOX), MANY - 1);
    look(s, e + 3, MANY - 3, false, BOX_VANISHED_GONE);
    assert_int_equal(count_in(s, BOX_INBOX), MANY - 3);
    box_state_free(s);
}

static void everything_was_deleted(void **state)
{
    struct box_state *s = account_born();

    (void)state;
    account_sees(s, "a", NULL, 1);
    account_expunges(s, BOX_INBOX, 1);
    account_hears(s, "sent", 1);
    assert_false(look(s, NULL, 0, false, BOX_VANISHED_GONE));
    assert_int_equal(count_in(s, BOX_INBOX), 0);
    box_state_free(s);
}

/* Gmail: what was expunged while not listed is deleted when it is listed again. */
static void nothing_comes_back(void **state)
{
    struct box_state *s = account_born();
    struct box_entry e[] = {entry("a", NULL, 1), entry("b", NULL, 1), entry("c", NULL, 1)};
    struct box_listing l = {.entries = e, .count = 3};

    (void)state;
    for (int i = 0; i < 3; i++)
        account_sees(s, (const char *[]){"a", "b", "c"}[i], NULL, 1);
    account_expunges(s, BOX_INBOX, 1);
    look(s, e + 1, 2, false, BOX_VANISHED_UNLISTED);
    assert_int_equal(count_in(s, BOX_INBOX), 2);
    match(s, &l);
    assert_false(e[0].fresh);
    assert_int_equal(e[0].content, 1);
    look(s, e, 3, false, BOX_VANISHED_UNLISTED);
    assert_int_equal(box_state_content(s, 1)->deletion, BOX_INTENDED);
    assert_false(box_state_content(s, 1)->unlisted);
    box_state_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_by_their_uidl),
        cmocka_unit_test(without_uidl_the_digest_is_asked),
        cmocka_unit_test(of_two_alike_the_kept_one_is_left),
        cmocka_unit_test(one_uidl_for_two_messages),
        cmocka_unit_test(a_uidl_given_to_another_message),
        cmocka_unit_test(never_the_wrong_one_deleted),
        cmocka_unit_test(no_guess_about_what_is_to_be_deleted),
        cmocka_unit_test(a_digest_that_was_asked_for_is_remembered),
        cmocka_unit_test(another_size_and_the_same_header),
        cmocka_unit_test(another_size_and_a_header_like_others),
        cmocka_unit_test(another_size_and_no_header_that_was_seen),
        cmocka_unit_test(a_header_that_cannot_be_had),
        cmocka_unit_test(known_by_its_header_under_another_uidl),
        cmocka_unit_test(not_known_under_another_uidl),
        cmocka_unit_test(copies_under_other_uidls),
        cmocka_unit_test(vanished_is_gone_or_only_not_listed),
        cmocka_unit_test(an_empty_listing_is_looked_at_twice),
        cmocka_unit_test(what_came_back_is_no_longer_suspect),
        cmocka_unit_test(a_doubtful_listing_says_nothing),
        cmocka_unit_test(deletions_after_a_restart),
        cmocka_unit_test(everything_was_deleted),
        cmocka_unit_test(nothing_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
