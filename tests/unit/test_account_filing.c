/* Filing rules: a new message is in its folder in the record in which it becomes known. */
#include "tests/unit/account_world.h"
#include "translate/mime/mime_charset.h"

#define RECEIVED "Received: by b; Tue, 3 Mar 2020 10:00:00 +0100\r\n"
#define LIST     RECEIVED "List-Id: <dev.example.org>\r\nSubject: list\r\n\r\n"
#define BOSS     RECEIVED "From: Boss <boss@example.org>\r\nSubject: do\r\n\r\n"
#define OTHER    RECEIVED "Subject: other\r\n\r\n"

enum { ARRIVED = 1583226000, MANY = 450 };

static struct filing_condition of_list[] = {{.header = "List-Id", .contains = "DEV."}};
static struct filing_condition of_boss[] = {{.header = "From", .matches = "*boss@*"},
                                            {.header = "Subject", .is = "do"}};
static struct filing_condition of_ops[] = {{.header = "Subject", .contains = "ops"}};
static struct filing_condition of_all[] = {{.header = "Subject", .contains = "all"}};
static struct filing_rule rules[] = {
    {of_list, 1, "Lists/dev", (char *[]){"\\Seen", "$List"}, 2},
    {of_boss, 2, NULL, (char *[]){"\\flagged"}, 1},
    {of_ops, 1, "Lists/ops", NULL, 0},
    {of_all, 1, "Lists", NULL, 0},
};

static void world_of_rules(struct world *w)
{
    world_init(w);
    w->options.filing = rules;
    w->options.filing_count = sizeof rules / sizeof *rules;
}

static const struct box_folder *folder(const struct world *w, const char *name)
{
    return box_state_folder(world_state(w), slice_of(name));
}

static size_t count_in(const struct world *w, const char *name)
{
    return folder(w, name) ? folder(w, name)->count : 0;
}

static void look(struct world *w)
{
    world_wait(w, 40000);
    account_poll(world_client(w, 0));
    world_run(w);
}

/* Moves the first message of a folder. */
static void move(struct world *w, const char *from, const char *to)
{
    uint32_t turn = account_turn(world_client(w, 0));
    uint32_t uid = folder(w, from)->messages[0].uid;
    uint32_t fresh;
    struct box_draft d;

    world_run(w);
    world_forget_events(w);
    box_draft_begin(&d, world_state(w), "move");
    box_draft_move(&d, folder(w, from)->id, &uid, 1, folder(w, to)->id, &fresh);
    account_commit(world_client(w, 0), box_draft_end(&d));
    world_run(w);
    assert_int_equal(world_answer(w, 0, turn)->type, ACCOUNT_EV_COMMITTED);
}

static void each_is_filed_at_first_sight(void **state)
{
    struct world w;

    (void)state;
    world_of_rules(&w);
    model_add(&w.upstream, "u1", LIST "one\r\n");
    model_add(&w.upstream, "u2", OTHER "two\r\n");
    model_add(&w.upstream, "u3", BOSS "three\r\n");
    world_open(&w);
    const struct box_folder *lists = folder(&w, "Lists/dev");
    assert_non_null(lists);
    assert_int_equal(lists->count, 1);
    assert_int_equal(lists->messages[0].flags,
                     BOX_SEEN | box_state_keyword(world_state(&w), slice_of("$list")));
    assert_int_equal(lists->messages[0].date, ARRIVED);
    assert_non_null(folder(&w, "Lists"));
    assert_true(box_state_subscribed(world_state(&w), slice_of("Lists/dev")));
    assert_int_equal(world_inbox(&w)->uidnext, 3); /* it never was there */
    assert_int_equal(world_inbox(&w)->messages[0].flags, 0);
    assert_int_equal(world_inbox(&w)->messages[1].flags, BOX_FLAGGED);
    world_end(&w);
}

/* And nobody has to fetch them once more. */
static void headers_that_came_are_kept(void **state)
{
    struct world w;

    (void)state;
    world_of_rules(&w);
    model_add(&w.upstream, "u1", LIST "one\r\n");
    world_open(&w);
    const struct world_body *body = world_body(&w, world_content(&w, "u1"), ACCOUNT_HEADER);
    assert_non_null(body);
    assert_true(body->whole);
    assert_true(slice_is(buf_slice(&body->octets), LIST));
    assert_false(box_state_content(world_state(&w), world_content(&w, "u1"))->undated);
    world_end(&w);
}

static void what_is_moved_stays_there(void **state)
{
    struct world w;

    (void)state;
    world_of_rules(&w);
    model_add(&w.upstream, "u1", LIST "one\r\n");
    world_open(&w);
    move(&w, "Lists/dev", "INBOX");
    look(&w);
    assert_int_equal(count_in(&w, "INBOX"), 1);
    world_stop(&w);
    world_open(&w);
    look(&w);
    assert_int_equal(count_in(&w, "INBOX"), 1);
    assert_int_equal(count_in(&w, "Lists/dev"), 0);
    assert_int_equal(w.upstream.tops, 1);
    world_end(&w);
}

/* An upstream that shows a message again shows no new one. */
static void what_is_listed_again_stays_too(void **state)
{
    struct world w;

    (void)state;
    world_of_rules(&w);
    w.options.unlisted = ACCOUNT_UNLISTED_STAYS;
    model_add(&w.upstream, "u1", LIST "one\r\n");
    model_add(&w.upstream, "u2", OTHER "two\r\n");
    world_open(&w);
    move(&w, "Lists/dev", "INBOX");
    w.upstream.messages[0].there = false;
    look(&w);
    w.upstream.messages[0].there = true;
    look(&w);
    assert_int_equal(count_in(&w, "INBOX"), 2);
    assert_int_equal(count_in(&w, "Lists/dev"), 0);
    world_end(&w);
}

static void rules_are_about_new_messages_only(void **state)
{
    struct world w;

    (void)state;
    world_of_rules(&w);
    w.options.filing_count = 0;
    model_add(&w.upstream, "u1", LIST "one\r\n");
    world_open(&w);
    assert_int_equal(w.upstream.tops, 0);
    world_stop(&w);
    w.options.filing_count = 1;
    model_add(&w.upstream, "u2", LIST "two\r\n");
    world_open(&w);
    assert_int_equal(count_in(&w, "INBOX"), 1);
    assert_int_equal(count_in(&w, "Lists/dev"), 1);
    assert_int_equal(w.upstream.tops, 1);
    world_end(&w);
}

static void a_header_that_is_refused_leaves_it_in_inbox(void **state)
{
    struct world w;

    (void)state;
    world_of_rules(&w);
    model_add(&w.upstream, "u1", LIST "one\r\n");
    model_add(&w.upstream, "u2", LIST "two\r\n");
    w.upstream.refuse = "TOP 1";
    w.upstream.refusal = "message is damaged";
    world_open(&w);
    assert_int_equal(count_in(&w, "INBOX"), 1);
    assert_true(box_state_content(world_state(&w), world_content(&w, "u1"))->undated);
    assert_int_equal(count_in(&w, "Lists/dev"), 1);
    world_end(&w);
}

static void a_server_without_top_gives_the_whole(void **state)
{
    static const char *const capabilities[] = {"UIDL\r\nUSER\r\n", "UIDL\r\nTOP\r\nUSER\r\n"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct world w;
        world_of_rules(&w);
        model_add(&w.upstream, "u1", OTHER "List-Id: <dev.example.org>\r\n");
        model_add(&w.upstream, "u2", LIST "two\r\n");
        w.upstream.no_top = true;
        w.upstream.capa = capabilities[i];
        w.piece = 7;
        world_open(&w);
        world_run(&w);
        assert_int_equal(count_in(&w, "INBOX"), 1);
        assert_int_equal(count_in(&w, "Lists/dev"), 1);
        assert_int_equal(w.upstream.retrs, 2);
        world_end(&w);
    }
}

/* What it gives out it deletes, and it could not be kept yet. */
static void a_server_that_gives_once_is_not_asked_for_the_whole(void **state)
{
    struct world w;

    (void)state;
    world_of_rules(&w);
    model_add(&w.upstream, "u1", LIST "one\r\n");
    w.upstream.no_top = true;
    w.upstream.capa = "UIDL\r\nUSER\r\nEXPIRE 0\r\n";
    world_start(&w);
    w.hold_kept = true;
    world_login_now(&w, 0, "secret");
    assert_int_equal(count_in(&w, "INBOX"), 1);
    /* Only to be kept for good, once it is known. */
    assert_int_equal(w.upstream.retrs, 1);
    assert_true(world_body(&w, world_content(&w, "u1"), ACCOUNT_WHOLE)->durable);
    world_end(&w);
}

static void without_uidl_the_headers_come_once(void **state)
{
    struct world w;

    (void)state;
    world_of_rules(&w);
    w.upstream.no_uidl = true;
    w.upstream.capa = "TOP\r\nUSER\r\n";
    model_add(&w.upstream, "", LIST "one\r\n");
    model_add(&w.upstream, "", OTHER "two\r\n");
    world_open(&w);
    assert_int_equal(count_in(&w, "INBOX"), 1);
    assert_int_equal(count_in(&w, "Lists/dev"), 1);
    assert_int_equal(w.upstream.tops, 2);
    world_end(&w);
}

static void a_folder_that_was_deleted_is_made_again(void **state)
{
    struct world w;
    struct box_draft d;

    (void)state;
    world_of_rules(&w);
    model_add(&w.upstream, "u1", LIST "one\r\n");
    model_add(&w.upstream, "u2", OTHER "two\r\n");
    world_open(&w);
    move(&w, "Lists/dev", "INBOX");
    account_turn(world_client(&w, 0));
    world_run(&w);
    box_draft_begin(&d, world_state(&w), "delete");
    box_draft_delete(&d, folder(&w, "Lists/dev")->id);
    account_commit(world_client(&w, 0), box_draft_end(&d));
    world_run(&w);
    assert_null(folder(&w, "Lists/dev"));
    model_add(&w.upstream, "u3", LIST "three\r\n");
    look(&w);
    assert_int_equal(count_in(&w, "Lists/dev"), 1);
    assert_int_equal(count_in(&w, "INBOX"), 2);
    world_end(&w);
}

static void add_many(struct world *w, size_t from, size_t to)
{
    char uidl[20];

    for (size_t i = from; i < to; i++) {
        snprintf(uidl, sizeof uidl, "m%zu", i);
        model_add(&w->upstream, uidl, i % 3 ? OTHER "x\r\n" : LIST "x\r\n");
    }
}

/* Each once, and where it belongs. */
static void assert_all_filed(const struct world *w, size_t count)
{
    assert_int_equal(count_in(w, "INBOX"), count - (count + 2) / 3);
    assert_int_equal(count_in(w, "Lists/dev"), (count + 2) / 3);
    assert_int_equal(world_state(w)->content_count, count);
}

static void folders_of_one_draft_stand_together(void **state)
{
    struct world w;

    (void)state;
    world_of_rules(&w);
    model_add(&w.upstream, "u1", LIST "one\r\n");
    model_add(&w.upstream, "u2", "Subject: ops\r\n\r\n");
    model_add(&w.upstream, "u3", "Subject: all\r\n\r\n");
    model_add(&w.upstream, "u4", "Subject: Ops\r\n\r\n");
    world_open(&w);
    assert_int_equal(count_in(&w, "Lists/dev"), 1);
    assert_int_equal(count_in(&w, "Lists/ops"), 2);
    assert_int_equal(count_in(&w, "Lists"), 1);
    assert_true(box_state_subscribed(world_state(&w), slice_of("Lists")));
    assert_int_equal(count_in(&w, "INBOX"), 0);
    world_end(&w);
}

/* What DELETE leaves of a folder with others below it. */
static void a_name_alone_becomes_a_folder(void **state)
{
    struct world w;
    struct box_draft d;

    (void)state;
    world_of_rules(&w);
    model_add(&w.upstream, "u1", LIST "one\r\n");
    world_open(&w);
    account_turn(world_client(&w, 0));
    world_run(&w);
    box_draft_begin(&d, world_state(&w), "delete");
    box_draft_delete(&d, folder(&w, "Lists")->id);
    account_commit(world_client(&w, 0), box_draft_end(&d));
    world_run(&w);
    assert_true(folder(&w, "Lists")->noselect);
    model_add(&w.upstream, "u2", "Subject: all\r\n\r\n");
    look(&w);
    assert_int_equal(count_in(&w, "Lists"), 1);
    assert_int_equal(count_in(&w, "Lists/dev"), 1);
    world_end(&w);
}

static void many_come_in_batches(void **state)
{
    struct world w;

    (void)state;
    world_of_rules(&w);
    add_many(&w, 0, MANY);
    world_start(&w);
    world_login(&w, 0, "secret");
    uint32_t poll = account_poll(world_client(&w, 0));
    while (!world_answer(&w, 0, poll))
        world_steps(&w, 1);
    size_t known = world_state(&w)->content_count;
    assert_true(known > 0 && known < MANY);
    world_run(&w);
    assert_all_filed(&w, MANY);
    assert_int_equal(w.upstream.tops, MANY);
    assert_true(world_body(&w, world_content(&w, "m449"), ACCOUNT_HEADER)->whole);
    world_end(&w);
}

/* Wherever the connection breaks, the next one goes on with what is left. */
static void a_connection_that_breaks_between(void **state)
{
    (void)state;
    for (size_t at = 9000; at < 60000; at += 7001) {
        struct world w;
        world_of_rules(&w);
        add_many(&w, 0, MANY);
        w.upstream.die_at = at;
        world_start(&w);
        world_login(&w, 0, "secret");
        world_run(&w);
        w.upstream.die_at = SIZE_MAX;
        for (int i = 0; i < 3; i++)
            look(&w);
        assert_all_filed(&w, MANY);
        world_end(&w);
    }
}

/* CASES D12: a look in many records is still one look. */
static void one_look_in_batches_expunges_nothing(void **state)
{
    struct world w;

    (void)state;
    world_of_rules(&w);
    add_many(&w, 0, 30);
    world_open(&w);
    for (size_t i = 0; i < 30; i++)
        w.upstream.messages[i].there = false;
    for (size_t i = 30; i < MANY; i++) {
        char uidl[20];
        snprintf(uidl, sizeof uidl, "m%zu", i);
        model_add(&w.upstream, uidl, OTHER "longer\r\n");
    }
    world_wait(&w, 31000);
    account_poll(world_client(&w, 0));
    world_run(&w);
    assert_true(world_content(&w, "m0") != 0);
    look(&w);
    assert_int_equal(world_content(&w, "m0"), 0);
    world_end(&w);
}

static void nothing_is_filed_that_is_not_saved(void **state)
{
    struct world w;

    (void)state;
    world_of_rules(&w);
    model_add(&w.upstream, "u1", OTHER "one\r\n");
    world_open(&w);
    model_add(&w.upstream, "u2", LIST "two\r\n");
    w.fail_saves = true;
    look(&w);
    assert_int_equal(world_content(&w, "u2"), 0);
    assert_int_equal(w.body_count, 1);
    w.fail_saves = false;
    look(&w);
    assert_int_equal(count_in(&w, "Lists/dev"), 1);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_filed_at_first_sight),
        cmocka_unit_test(headers_that_came_are_kept),
        cmocka_unit_test(what_is_moved_stays_there),
        cmocka_unit_test(what_is_listed_again_stays_too),
        cmocka_unit_test(rules_are_about_new_messages_only),
        cmocka_unit_test(a_header_that_is_refused_leaves_it_in_inbox),
        cmocka_unit_test(a_server_without_top_gives_the_whole),
        cmocka_unit_test(a_server_that_gives_once_is_not_asked_for_the_whole),
        cmocka_unit_test(without_uidl_the_headers_come_once),
        cmocka_unit_test(a_folder_that_was_deleted_is_made_again),
        cmocka_unit_test(folders_of_one_draft_stand_together),
        cmocka_unit_test(a_name_alone_becomes_a_folder),
        cmocka_unit_test(many_come_in_batches),
        cmocka_unit_test(a_connection_that_breaks_between),
        cmocka_unit_test(one_look_in_batches_expunges_nothing),
        cmocka_unit_test(nothing_is_filed_that_is_not_saved),
    };

    mime_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
