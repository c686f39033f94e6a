#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/drop_steps.h"

static struct drop_message message(uint32_t uid, uint64_t size)
{
    return (struct drop_message){.uid = uid, .size = size, .hidden = -1};
}

static void add(struct drop_state *s, uint32_t uidvalidity, uint32_t uid, uint64_t size)
{
    struct drop_message m = message(uid, size);

    apply(s, drop_record_messages(INBOX, uidvalidity, &m, 1));
}

static void gone(struct drop_state *s, uint32_t uidvalidity, uint32_t uid)
{
    apply(s, drop_record_gone(INBOX, uidvalidity, &uid, 1));
}

static void assert_state(const struct drop_state *s, const char *expected)
{
    char *text = dump(s);

    assert_string_equal(text, expected);
    free(text);
}

static void an_empty_state(void **state)
{
    struct drop_state *s = drop_state_new();

    (void)state;
    assert_null(drop_state_folder(s, INBOX));
    assert_state(s, "{\"version\":1,\"last_login\":0,\"age\":0,\"folders\":[]}");
    drop_state_free(s);
    drop_state_free(NULL);
}

/* Everything a state can hold, in the form in which it is kept. */
static const char whole[] =
    "{\"version\":1,\"last_login\":1700000000,\"age\":86400,\"folders\":["
    "{\"name\":\"INBOX\",\"uidvalidity\":7,\"uidnext\":10,\"modseq\":9223372036854775807,"
    "\"uids\":\"1:3,9\",\"sizes\":\"310 4711 0 9223372036854775807\","
    "\"received\":\"1600000000 0 -5 1600000001\","
    "\"ids\":{\"uids\":\"1,9\",\"texts\":[\"M1\",\"M9\"]},"
    "\"uidls\":{\"uids\":\"2\",\"texts\":[\"old-uidl\"]},"
    "\"hidden\":{\"uids\":\"2:3\",\"ages\":\"0 86400\"}},"
    "{\"name\":\"Entw\xc3\xbcrfe\",\"uidvalidity\":4294967295,\"uidnext\":0,\"modseq\":0,"
    "\"uids\":\"\",\"sizes\":\"\"}]}";

static struct drop_state *state_of(const char *text)
{
    struct failure why = {.kind = FAILURE_NONE};
    json_t *json = json_loads(text, 0, NULL);
    struct drop_state *s = drop_state_from_json(json, &why);

    json_decref(json);
    if (!s)
        fail_msg("%s", why.text);
    return s;
}

static void a_snapshot_there_and_back(void **state)
{
    struct drop_state *s = state_of(whole);
    struct drop_folder *f = drop_state_folder(s, INBOX);

    (void)state;
    assert_int_equal(f->count, 4);
    assert_string_equal(drop_folder_message(f, 9)->id, "M9");
    assert_string_equal(drop_folder_message(f, 2)->uidl, "old-uidl");
    assert_int_equal(drop_folder_message(f, 1)->hidden, -1);
    assert_int_equal(drop_folder_message(f, 2)->hidden, 0);
    assert_int_equal(drop_folder_message(f, 3)->received, -5);
    assert_true(drop_folder_message(f, 9)->size == INT64_MAX);
    assert_null(drop_folder_message(f, 4));
    char *text = dump(s);
    assert_string_equal(text, whole);
    free(text);
    drop_state_free(s);
}

static void a_copy_is_deep(void **state)
{
    struct drop_state *s = state_of(whole);
    struct drop_state *copy = drop_state_copy(s);

    (void)state;
    drop_state_free(s);
    char *text = dump(copy);
    assert_string_equal(text, whole);
    free(text);
    drop_state_free(copy);
}

/* `whole` with one piece replaced is refused, with the place of the fault. */
static void assert_refused(const char *piece, const char *by, const char *pointer)
{
    const char *at = strstr(whole, piece);
    struct failure why = {.kind = FAILURE_NONE};
    char text[2 * sizeof whole];

    assert_non_null(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - whole), whole, by, at + strlen(piece));
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    assert_null(drop_state_from_json(json, &why));
    json_decref(json);
    assert_int_equal(why.kind, FAILURE_PERMANENT);
    if (strncmp(why.text, pointer, strlen(pointer)) != 0)
        fail_msg("%s -> %s: %s", piece, by, why.text);
}

static void faults_are_named_by_their_pointer(void **state)
{
    (void)state;
    assert_refused("\"version\":1", "\"version\":0", "/version: ");
    assert_refused("\"version\":1", "\"version\":2", "/version: written by a newer");
    assert_refused("\"version\":1", "\"version\":\"1\"", "/version: ");
    assert_refused("\"age\":86400", "\"age\":-1", "/age: ");
    assert_refused("\"age\":86400", "\"ag\":1", "/age: missing");
    assert_refused("1700000000", "1.5", "/last_login: ");
    assert_refused("\"folders\":[", "\"folders\":{},\"x\":[", "/folders: not an array");
    assert_refused("{\"name\":\"INBOX\"", "3,{\"name\":\"INBOX\"", "/folders/0/name: missing");
    assert_refused("Entw\xc3\xbcrfe", "INBOX", "/folders/1/name: ");
    assert_refused("\"uidvalidity\":7", "\"uidvalidity\":0", "/folders/0/uidvalidity: ");
    assert_refused("4294967295", "4294967296", "/folders/1/uidvalidity: ");
    assert_refused("\"uidnext\":10", "\"uidnext\":null", "/folders/0/uidnext: ");
    assert_refused("1:3,9", "1:3,3", "/folders/0/uids: ");
    assert_refused("1:3,9", "1:4294967295", "/folders/0/sizes: ");
    assert_refused("1:3,9", "1:3", "/folders/0/sizes: more");
    assert_refused("310 4711 0 ", "310 4711 ", "/folders/0/sizes: number 4 of 4");
    assert_refused("310 4711", "310 -4711", "/folders/0/sizes: number 2 of 4");
    assert_refused("0 9223372036854775807", "0 9223372036854775808", "/folders/0/sizes: number 4");
    assert_refused("1600000000 0", "1600000000", "/folders/0/received: ");
    assert_refused("\"1,9\"", "\"1,8\"", "/folders/0/ids/uids: ");
    assert_refused("\"1,9\"", "\"1:4294967295\"", "/folders/0/ids/uids: ");
    assert_refused("\"1,9\"", "\"1\"", "/folders/0/ids/texts: ");
    assert_refused("\"M9\"", "9", "/folders/0/ids/texts/1: ");
    assert_refused("\"old-uidl\"", "\"\"", "/folders/0/uidls/texts/0: ");
    assert_refused("[\"old-uidl\"]", "\"old-uidl\"", "/folders/0/uidls/texts: ");
    assert_refused("\"0 86400\"", "\"0 -1\"", "/folders/0/hidden/ages: ");
    assert_refused("{\"uids\":\"2:3\"", "{\"uids\":\"\"", "/folders/0/hidden/uids: ");
}

static void messages_are_put_in_their_place(void **state)
{
    static const uint32_t order[] = {5, 9, 1, 7, 3, 8, 2, 4, 6, 10};
    struct drop_state *s = drop_state_new();

    (void)state;
    for (size_t i = 0; i < 10; i++)
        add(s, 7, order[i], order[i] * 10);
    struct drop_folder *f = drop_state_folder(s, INBOX);
    assert_int_equal(f->count, 10);
    for (uint32_t i = 0; i < 10; i++) {
        assert_int_equal(f->messages[i].uid, i + 1);
        assert_int_equal(f->messages[i].size, (i + 1) * 10);
    }
    drop_state_free(s);
}

/* Known and unknown ones in one record, before, between and behind. */
static void records_are_merged(void **state)
{
    struct drop_message first[] = {message(2, 20), message(4, 40), message(6, 60)};
    struct drop_message second[] = {message(1, 11), message(2, 22), message(5, 55), message(6, 66),
                                    message(7, 77)};
    struct drop_state *s = drop_state_new();

    (void)state;
    apply(s, drop_record_messages(INBOX, 7, first, 3));
    apply(s, drop_record_messages(INBOX, 7, second, 5));
    assert_state(s, "{\"version\":1,\"last_login\":0,\"age\":0,\"folders\":[{\"name\":\"INBOX\","
                    "\"uidvalidity\":7,\"uidnext\":0,\"modseq\":0,\"uids\":\"1:2,4:7\","
                    "\"sizes\":\"11 22 40 55 66 77\"}]}");
    drop_state_free(s);
}

static void what_a_record_does_not_say_stays(void **state)
{
    struct drop_state *s = state_of(whole);
    struct drop_message said = message(1, 311);

    (void)state;
    add(s, 7, 9, 99);
    const struct drop_message *m = drop_folder_message(drop_state_folder(s, INBOX), 9);
    assert_int_equal(m->size, 99);
    assert_string_equal(m->id, "M9");
    assert_int_equal(m->received, 1600000001);
    add(s, 7, 3, 1);
    assert_int_equal(drop_folder_message(drop_state_folder(s, INBOX), 3)->hidden, 86400);
    said.id = (char[]){"other"};
    said.uidl = (char[]){"kept"};
    said.received = 12;
    said.hidden = 5;
    apply(s, drop_record_messages(INBOX, 7, &said, 1));
    m = drop_folder_message(drop_state_folder(s, INBOX), 1);
    assert_string_equal(m->id, "other");
    assert_string_equal(m->uidl, "kept");
    assert_int_equal(m->received, 12);
    assert_int_equal(m->hidden, 5);
    drop_state_free(s);
}

/* Every subset of six messages is taken from the six. */
static void gone_takes_exactly_those(void **state)
{
    (void)state;
    for (unsigned mask = 0; mask < 64; mask++) {
        struct drop_state *s = drop_state_new();
        uint32_t uids[8];
        size_t n = 0;
        for (uint32_t uid = 1; uid <= 6; uid++) {
            add(s, 7, uid * 2, uid);
            if (mask & (1u << (uid - 1)))
                uids[n++] = uid * 2;
        }
        uids[n++] = 13; /* never there */
        apply(s, drop_record_gone(INBOX, 7, uids, n));
        struct drop_folder *f = drop_state_folder(s, INBOX);
        assert_int_equal(f->count, 6 - (size_t)__builtin_popcount(mask));
        for (uint32_t uid = 1; uid <= 6; uid++)
            assert_int_equal(drop_folder_message(f, uid * 2) == NULL,
                             (mask & (1u << (uid - 1))) != 0);
        drop_state_free(s);
    }
}

static void the_longest_ranges_are_no_burden(void **state)
{
    struct failure why = {.kind = FAILURE_NONE};
    struct drop_state *s = state_of(whole);
    json_t *hidden = json_pack("{s:s, s:s, s:i, s:s, s:i}", "record", "hidden", "folder", "INBOX",
                               "uidvalidity", 7, "uids", "1:4294967295", "age", 100000);
    json_t *all = json_pack("{s:s, s:s, s:i, s:s}", "record", "gone", "folder", "INBOX",
                            "uidvalidity", 7, "uids", "1:2,3:4294967295");

    (void)state;
    assert_true(drop_state_apply(s, hidden, &why));
    assert_int_equal(drop_folder_message(drop_state_folder(s, INBOX), 9)->hidden, 100000);
    assert_true(drop_state_apply(s, all, &why));
    assert_int_equal(drop_state_folder(s, INBOX)->count, 0);
    json_decref(hidden);
    json_decref(all);
    drop_state_free(s);
}

static void synced_last_one_stands(void **state)
{
    struct drop_state *s = state_of(whole);

    (void)state;
    apply(s, drop_record_synced(INBOX, 7, 100, 200));
    apply(s, drop_record_synced(INBOX, 7, 50, 0));
    assert_int_equal(drop_state_folder(s, INBOX)->uidnext, 50);
    assert_int_equal(drop_state_folder(s, INBOX)->modseq, 0);
    drop_state_free(s);
}

static void hidden_is_never_made_earlier(void **state)
{
    struct drop_state *s = state_of(whole);

    (void)state;
    apply(s, drop_record_hidden(INBOX, 7, (uint32_t[]){1, 3, 1000}, 3, 500));
    struct drop_folder *f = drop_state_folder(s, INBOX);
    assert_int_equal(drop_folder_message(f, 1)->hidden, 500);
    assert_int_equal(drop_folder_message(f, 3)->hidden, 86400);
    drop_state_free(s);
}

/* Two sessions around a change of UIDVALIDITY: what the one that still knows the old one writes
 * does not touch what the other has written. */
static void a_larger_uidvalidity_begins_anew(void **state)
{
    struct drop_state *s = state_of(whole);

    (void)state;
    add(s, 8, 1, 10);
    apply(s, drop_record_hidden(INBOX, 8, (uint32_t[]){1}, 1, 5));
    char *expected = dump(s);
    add(s, 7, 2, 4711);
    gone(s, 7, 1);
    apply(s, drop_record_synced(INBOX, 7, 3, 3));
    apply(s, drop_record_hidden(INBOX, 7, (uint32_t[]){1}, 1, 99));
    assert_state(s, expected);
    free(expected);
    struct drop_folder *f = drop_state_folder(s, INBOX);
    assert_int_equal(f->uidvalidity, 8);
    assert_int_equal(f->uidnext, 0);
    assert_int_equal(f->modseq, 0);
    assert_int_equal(f->count, 1);
    drop_state_free(s);
}

static void facts_of_an_unknown_folder_are_passed_over(void **state)
{
    struct drop_state *s = drop_state_new();

    (void)state;
    gone(s, 7, 1);
    apply(s, drop_record_synced(INBOX, 7, 3, 3));
    apply(s, drop_record_hidden(INBOX, 7, (uint32_t[]){1}, 1, 99));
    assert_int_equal(s->folder_count, 0);
    drop_state_free(s);
}

static void begun_replaces_what_was_read(void **state)
{
    struct drop_state *s = state_of(whole);

    (void)state;
    apply(s, drop_record_begun(INBOX, 3, 7)); /* smaller: a server that was replaced */
    add(s, 3, 1, 10);
    apply(s, drop_record_begun(INBOX, 3, 7)); /* another session, at the same time */
    add(s, 3, 2, 20);
    apply(s, drop_record_begun(INBOX, 5, 4)); /* one that had read something else */
    apply(s, drop_record_begun(INBOX, 3, 3));
    struct drop_folder *f = drop_state_folder(s, INBOX);
    assert_int_equal(f->uidvalidity, 3);
    assert_int_equal(f->count, 2);
    apply(s, drop_record_begun(slice_of("Sent"), 9, 0));
    assert_int_equal(drop_state_folder(s, slice_of("Sent"))->uidvalidity, 9);
    drop_state_free(s);
}

static void refused_records_change_nothing(void **state)
{
    static const char *const wrong[][2] = {
        {"{}", "/record: missing"},
        {"{\"record\":\"moved\"}", "/record: "},
        {"{\"record\":\"gone\",\"uidvalidity\":7,\"uids\":\"1\"}", "/folder: missing"},
        {"{\"record\":\"gone\",\"folder\":\"INBOX\",\"uidvalidity\":7,\"uids\":\"2,1\"}", "/uids"},
        {"{\"record\":\"gone\",\"folder\":\"INBOX\",\"uidvalidity\":-7,\"uids\":\"1\"}",
         "/uidvalidity"},
        {"{\"record\":\"messages\",\"folder\":\"INBOX\",\"uidvalidity\":8,\"uids\":\"1:2\","
         "\"sizes\":\"1 x\"}",
         "/sizes"},
        {"{\"record\":\"messages\",\"folder\":\"new\",\"uidvalidity\":8,\"uids\":\"1\","
         "\"sizes\":\"1\",\"ids\":{\"uids\":\"1\",\"texts\":[\"\"]}}",
         "/ids/texts/0"},
        {"{\"record\":\"synced\",\"folder\":\"INBOX\",\"uidvalidity\":7,\"uidnext\":9}", "/modseq"},
        {"{\"record\":\"hidden\",\"folder\":\"INBOX\",\"uidvalidity\":7,\"uids\":\"1\"}", "/age"},
        {"{\"record\":\"begun\",\"folder\":\"INBOX\",\"uidvalidity\":9}", "/was"},
        {"{\"record\":\"login\",\"at\":5,\"age\":-1}", "/age"},
        {"{\"record\":\"login\",\"at\":\"5\",\"age\":1}", "/at"},
    };
    struct drop_state *s = state_of(whole);

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct failure why = {.kind = FAILURE_NONE};
        json_t *record = json_loads(wrong[i][0], 0, NULL);
        assert_non_null(record);
        assert_false(drop_state_apply(s, record, &why));
        assert_int_equal(why.kind, FAILURE_PERMANENT);
        if (strncmp(why.text, wrong[i][1], strlen(wrong[i][1])) != 0)
            fail_msg("%s: %s", wrong[i][0], why.text);
        json_decref(record);
    }
    assert_state(s, whole);
    drop_state_free(s);
}

/* What could not be read back would make the journal a damaged one. */
static void builders_refuse_what_could_not_be_read_back(void **state)
{
    struct drop_message m[] = {message(1, (uint64_t)INT64_MAX + 1), message(1, 1)};
    uint32_t uid = 1;

    (void)state;
    assert_null(drop_record_messages(INBOX, 7, m, 1));
    m[0].size = 1;
    assert_null(drop_record_messages(INBOX, 7, m, 2));
    assert_null(drop_record_messages(INBOX, 0, m, 1));
    m[0].id = (char[]){"\xff"};
    assert_null(drop_record_messages(INBOX, 7, m, 1));
    assert_null(drop_record_synced(INBOX, 7, 1, UINT64_MAX));
    assert_null(drop_record_hidden(INBOX, 7, &uid, 1, -1));
    assert_null(drop_record_gone(slice_of("\xff"), 7, &uid, 1));
    assert_null(drop_record_gone(slice_make("a\0b", 3), 7, &uid, 1));
    assert_null(drop_record_gone(INBOX, 7, (uint32_t[]){0, 1}, 2));
    assert_null(drop_record_gone(INBOX, 7, (uint32_t[]){2, 1}, 2));
    assert_null(drop_record_begun(INBOX, 0, 7));
    assert_null(drop_record_login(5, -1));
}

static void an_empty_id_is_none(void **state)
{
    struct drop_message m = message(1, 10);
    struct drop_state *s = drop_state_new();

    (void)state;
    m.id = (char[]){""};
    m.uidl = m.id;
    apply(s, drop_record_messages(INBOX, 7, &m, 1));
    assert_null(drop_state_folder(s, INBOX)->messages[0].id);
    assert_null(drop_state_folder(s, INBOX)->messages[0].uidl);
    drop_state_free(s);
}

static void login_sets_time_and_age(void **state)
{
    struct drop_state *s = drop_state_new();

    (void)state;
    apply(s, drop_record_login(1000, drop_state_age_at(s, 1000)));
    assert_int_equal(s->age, 0);
    assert_int_equal(s->last_login, 1000);
    apply(s, drop_record_login(1060, drop_state_age_at(s, 1060)));
    assert_int_equal(s->age, 60);
    assert_int_equal(s->last_login, 1060);
    drop_state_free(s);
}

/* Both counted from 1000; whichever is written first, no second is counted twice. */
static void two_logins_at_once(void **state)
{
    (void)state;
    for (int turn = 0; turn < 2; turn++) {
        struct drop_state *s = drop_state_new();
        s->last_login = 1000;
        int64_t early = drop_state_age_at(s, 1100);
        int64_t late = drop_state_age_at(s, 1130);
        apply(s, turn ? drop_record_login(1130, late) : drop_record_login(1100, early));
        apply(s, turn ? drop_record_login(1100, early) : drop_record_login(1130, late));
        assert_int_equal(s->last_login, 1130);
        assert_int_equal(drop_state_age_at(s, 1200), 200);
        drop_state_free(s);
    }
}

static void the_clock_may_jump(void **state)
{
    enum { DAY = 86400 };
    struct drop_state s = {.last_login = 1700000000, .age = 100};

    (void)state;
    assert_int_equal(drop_state_age_at(&s, s.last_login + DAY), 100 + DAY);
    assert_int_equal(drop_state_age_at(&s, s.last_login + DAY + 1), 100 + DAY);
    assert_int_equal(drop_state_age_at(&s, s.last_login * 10), 100 + DAY);
    assert_int_equal(drop_state_age_at(&s, s.last_login - 1), 100);
    assert_int_equal(drop_state_age_at(&s, 0), 100);
    assert_int_equal(drop_state_age_at(&s, INT64_MIN), 100);
    s.last_login = INT64_MIN;
    assert_int_equal(drop_state_age_at(&s, INT64_MAX), 100 + DAY);
    s.age = INT64_MAX - 1;
    assert_true(drop_state_age_at(&s, INT64_MAX) == INT64_MAX);
    s.last_login = 0;
    assert_true(drop_state_age_at(&s, 5) == INT64_MAX - 1);
}

/* Against a plain array: random records of messages and gone. */
static void random_records_agree_with_a_model(void **state)
{
    enum { UIDS = 200, ROUNDS = 400 };
    uint64_t model[UIDS + 1] = {0};
    struct drop_state *s = drop_state_new();

    (void)state;
    srand(4711);
    for (int round = 0; round < ROUNDS; round++) {
        struct drop_message some[UIDS];
        uint32_t uids[UIDS];
        size_t n = 0;
        bool remove = rand() % 2;
        for (uint32_t uid = 1; uid <= UIDS; uid++)
            if (rand() % 10 == 0) {
                uids[n] = uid;
                some[n++] = message(uid, (uint64_t)rand() + 1);
                model[uid] = remove ? 0 : some[n - 1].size;
            }
        apply(s, remove ? drop_record_gone(INBOX, 7, uids, n)
                        : drop_record_messages(INBOX, 7, some, n));
        struct drop_folder *f = drop_state_folder(s, INBOX);
        for (uint32_t uid = 1; f && uid <= UIDS; uid++) {
            const struct drop_message *m = drop_folder_message(f, uid);
            assert_true((m ? m->size : 0) == model[uid]);
        }
    }
    drop_state_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_state),
        cmocka_unit_test(a_snapshot_there_and_back),
        cmocka_unit_test(a_copy_is_deep),
        cmocka_unit_test(faults_are_named_by_their_pointer),
        cmocka_unit_test(messages_are_put_in_their_place),
        cmocka_unit_test(records_are_merged),
        cmocka_unit_test(what_a_record_does_not_say_stays),
        cmocka_unit_test(gone_takes_exactly_those),
        cmocka_unit_test(the_longest_ranges_are_no_burden),
        cmocka_unit_test(synced_last_one_stands),
        cmocka_unit_test(hidden_is_never_made_earlier),
        cmocka_unit_test(a_larger_uidvalidity_begins_anew),
        cmocka_unit_test(facts_of_an_unknown_folder_are_passed_over),
        cmocka_unit_test(begun_replaces_what_was_read),
        cmocka_unit_test(refused_records_change_nothing),
        cmocka_unit_test(builders_refuse_what_could_not_be_read_back),
        cmocka_unit_test(an_empty_id_is_none),
        cmocka_unit_test(login_sets_time_and_age),
        cmocka_unit_test(two_logins_at_once),
        cmocka_unit_test(the_clock_may_jump),
        cmocka_unit_test(random_records_agree_with_a_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
