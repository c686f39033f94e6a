/*
 * What was changed is found without looking at every message, and nothing is passed over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "translate/state/box_folder.h"

static uint32_t turn(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static void append(struct box_folder *f, size_t count, uint64_t modseq)
{
    assert_true(box_folder_reserve(f, count));
    for (size_t i = 0; i < count; i++) {
        struct box_message m = {.uid = f->uidnext, .modseq = modseq};
        box_folder_append(f, &m, 1);
    }
    f->modseq = modseq;
}

static size_t changed(const struct box_folder *f, size_t position, uint64_t modseq)
{
    while (position < f->count && f->messages[position].modseq <= modseq)
        position++;
    return position;
}

static void assert_all_is_found(const struct box_folder *f, uint64_t modseq)
{
    size_t position = 0;

    do {
        size_t expected = changed(f, position, modseq);
        position = box_folder_changed(f, position, modseq);
        assert_int_equal(position, expected);
    } while (position++ < f->count);
}

/* Some of the messages around `at`. */
static void take_some_out(struct box_folder *f, size_t at)
{
    uint32_t uids[40];
    size_t count = 0;

    for (size_t i = at; i < f->count && count < 40; i += 7)
        uids[count++] = f->messages[i].uid;
    uint64_t before = f->removals;
    box_folder_take_out(f, uids, count);
    assert_int_equal(f->removals, before + (count > 0));
}

static void whatever_happens_changes_are_found(void **state)
{
    struct box_folder f = {.uidnext = 1};
    uint32_t seed = 1;

    (void)state;
    for (uint64_t modseq = 1; modseq < 600; modseq++) {
        switch (turn(&seed) % 4) {
        case 0:
            append(&f, turn(&seed) % 400, modseq);
            break;
        case 1:
            f.modseq = modseq;
            take_some_out(&f, f.count ? turn(&seed) % f.count : 0);
            break;
        default:
            for (uint32_t i = turn(&seed) % 3; i && f.count; i--)
                box_folder_touch(&f, &f.messages[turn(&seed) % f.count], modseq);
        }
        assert_all_is_found(&f, modseq - 1);
        assert_all_is_found(&f, turn(&seed) % modseq);
    }
    assert_true(f.count > 10 * BOX_RUN);
    box_folder_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_happens_changes_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
