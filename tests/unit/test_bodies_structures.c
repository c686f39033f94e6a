/*
 * Structures of messages: made, remembered and read back, on a real disk.
 */
#include "tests/unit/bodies_scene.h"
#include "translate/mime/mime_json.h"

struct parsed {
    int done;
    struct mime_message *message;
    struct failure why;
};

static void on_parsed(void *owner, struct mime_message *message, const struct failure *why)
{
    struct parsed *parsed = owner;

    parsed->done++;
    parsed->message = message;
    parsed->why = *why;
}

static uint32_t parts_of(uint32_t content, const char *key)
{
    struct parsed parsed = {0};

    assert_non_null(bodies_parse(it.ann, content, key, on_parsed, &parsed));
    run();
    assert_int_equal(parsed.done, 1);
    assert_int_equal(parsed.why.kind, FAILURE_NONE);
    uint32_t parts = parsed.message ? mime_message_parts(parsed.message) : 0;
    mime_message_free(parsed.message);
    return parts;
}

static void a_structure_is_remembered(void **state)
{
    (void)state;
    assert_int_equal(parts_of(7, NULL), 0);
    put(7, ACCOUNT_WHOLE, MAIL);
    assert_int_equal(parts_of(7, NULL), 3);
    assert_true(is_there("1.mimes"));
    assert_true(bodies_account_octets(it.ann) > RECORD + strlen(MAIL));
    assert_int_equal(unlink(file("1.mails")), 0);
    assert_int_equal(parts_of(7, NULL), 3);
    put(8, ACCOUNT_WHOLE, "a: b\r\n\r\n");
    make_file("8.mime", "{\"size\":");
    assert_int_equal(parts_of(8, NULL), 1); /* one that is torn is made anew */
    struct written durable = write_durable(MAIL);
    assert_int_equal(parts_of(9, durable.key), 3);
    free(durable.key);
}

static void lose_packs(void)
{
    static const char *const names[] = {"1.mails", "2.mails", "3.mails",
                                        "1.mimes", "2.mimes", "3.mimes"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        (void)unlink(file(names[i]));
    assert_int_equal(files(), 0);
}

/* By then what was written is gone: it was made before. */
static void on_written_parse(void *owner, struct bodies_writer *w, char *key, const char *digest,
                             const struct failure *why)
{
    struct parsed *parsed = owner;

    (void)w;
    (void)key;
    (void)digest;
    assert_int_equal(why->kind, FAILURE_NONE);
    lose_packs();
    assert_non_null(bodies_parse(it.ann, 7, NULL, on_parsed, parsed));
    bodies_parse_cancel(bodies_parse(it.ann, 7, NULL, on_parsed, parsed));
    assert_int_equal(parsed->done, 0); /* not from inside the call */
}

static struct mime_message *parse_as_it_comes(const char *mail)
{
    static const struct bodies_writer_handler handler = {on_progress, on_written_parse};
    struct parsed parsed = {0};
    struct bodies_writer *w = bodies_write_cached(it.ann, 7, ACCOUNT_WHOLE, &handler, &parsed);

    bodies_writer_data(w, slice_of(mail));
    bodies_writer_end(w);
    run();
    assert_int_equal(parsed.done, 1);
    assert_int_equal(parsed.why.kind, FAILURE_NONE);
    return parsed.message;
}

static void a_structure_asked_for_in_vain_is_made_as_the_message_comes(void **state)
{
    (void)state;
    assert_null(parse_as_it_comes(MAIL)); /* nobody had asked, but now */
    struct mime_message *message = parse_as_it_comes(MAIL);
    assert_non_null(message);
    assert_int_equal(mime_message_parts(message), 3);
    mime_message_free(message);
    assert_null(parse_as_it_comes(MAIL)); /* it is missed no more */
}

static void what_was_made_as_the_message_came_is_remembered(void **state)
{
    (void)state;
    assert_int_equal(parts_of(7, NULL), 0);
    put(7, ACCOUNT_WHOLE, MAIL);
    assert_true(is_there("1.mimes"));
    assert_int_equal(unlink(file("1.mails")), 0);
    reopen(FOREVER, false);
    assert_int_equal(parts_of(7, NULL), 3);
}

/* What is fetched in its place may be another message. */
static void a_structure_of_what_could_not_be_written_is_not_remembered(void **state)
{
    struct rlimit before;
    struct rlimit small;
    char *octets = pattern(100000);

    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 50000;
    assert_int_equal(parts_of(7, NULL), 0);
    setrlimit(RLIMIT_FSIZE, &small);
    struct written written = write_cached(it.ann, 7, ACCOUNT_WHOLE, slice_make(octets, 100000));
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(written.why.kind, FAILURE_TEMPORARY);
    put(7, ACCOUNT_WHOLE, MAIL);
    assert_int_equal(parts_of(7, NULL), 3);
    free(octets);
}

/* Together, and those beyond a piece of work's share of octets, and one that has none. */
static void structures_of_many_are_made_at_once(void **state)
{
    enum { MANY = 12 };
    static char text[100 << 10];
    struct parsed parsed[MANY + 1] = {{0}};

    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[0] = '\n'; /* no header */
    put(1, ACCOUNT_WHOLE, "");
    for (uint32_t content = 2; content <= MANY; content++)
        put(content, ACCOUNT_WHOLE, text);
    for (uint32_t content = 1; content <= MANY; content++)
        assert_non_null(bodies_parse(it.ann, content, NULL, on_parsed, &parsed[content]));
    run();
    for (uint32_t content = 1; content <= MANY; content++) {
        assert_int_equal(parsed[content].done, 1);
        assert_non_null(parsed[content].message);
        assert_int_equal(mime_message_size(parsed[content].message),
                         content == 1 ? 0 : sizeof text - 1);
        mime_message_free(parsed[content].message);
    }
    assert_int_equal(unlink(file("1.mails")), 0);
    assert_int_equal(parts_of(MANY, NULL), 1);
}

/* As JSON, in memory of the caller's. */
static struct buf structure_of(uint32_t content, const char *key)
{
    struct parsed parsed = {0};
    struct buf text = BUF_INIT;

    assert_non_null(bodies_parse(it.ann, content, key, on_parsed, &parsed));
    run();
    assert_non_null(parsed.message);
    mime_json_put(&text, parsed.message);
    mime_message_free(parsed.message);
    return text;
}

static void assert_same_structures(const char *mail)
{
    struct buf from_memory = BUF_INIT;

    assert_null(parse_as_it_comes(mail)); /* not missed yet */
    struct mime_message *fresh = parse_as_it_comes(mail);
    assert_non_null(fresh);
    mime_json_put(&from_memory, fresh);
    mime_message_free(fresh);
    struct written durable = write_durable(mail);
    put(8, ACCOUNT_WHOLE, mail);
    struct buf from_pack = structure_of(8, NULL);
    struct buf remembered = structure_of(8, NULL);
    struct buf from_file = structure_of(9, durable.key);
    assert_true(slice_equal(buf_slice(&from_memory), buf_slice(&from_pack)));
    assert_true(slice_equal(buf_slice(&from_memory), buf_slice(&from_file)));
    assert_true(slice_equal(buf_slice(&from_memory), buf_slice(&remembered)));
    buf_clear(&from_memory);
    buf_clear(&from_pack);
    buf_clear(&from_file);
    buf_clear(&remembered);
    free(durable.key);
}

static void test_same(const char *mail)
{
    assert_int_equal(set_up(NULL), 0);
    assert_same_structures(mail);
    assert_int_equal(tear_down(NULL), 0);
}

/* Of a header of many lines. Where JSON has to escape what is in it the structure is too long for a
 * pack. */
static void test_same_giant(char of)
{
    struct buf mail = BUF_INIT;

    buf_puts(&mail, "Subject:");
    for (int i = 0; i < 120000; i++) {
        buf_puts(&mail, i % 900 == 899 ? "\r\n " : "");
        buf_putc(&mail, of);
    }
    buf_puts(&mail, "\r\n\r\nend");
    buf_putc(&mail, '\0');
    assert_false(buf_failed(&mail));
    test_same(buf_slice(&mail).p);
    buf_clear(&mail);
}

/* Also of what no good client writes. */
static void a_structure_is_the_same_from_memory_pack_and_file(void **state)
{
    static const char *const mails[] = {
        MAIL,
        "",
        "no header at all",
        "Subject: \xc3\xa4 \xff\r\n\r\n.\r\n..\r\n.dots\r\n",
        "Subject: bare\nTo: ends\rof lines\n\nx\ry\n",
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: "
        "message/rfc822\r\n\r\nSubject: cut",
    };

    (void)state;
    for (size_t i = 0; i < sizeof mails / sizeof *mails; i++)
        test_same(mails[i]);
    test_same_giant('x');
    test_same_giant('\1');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(a_structure_is_remembered),
        TEST(a_structure_asked_for_in_vain_is_made_as_the_message_comes),
        TEST(what_was_made_as_the_message_came_is_remembered),
        TEST(a_structure_of_what_could_not_be_written_is_not_remembered),
        TEST(structures_of_many_are_made_at_once),
        cmocka_unit_test(a_structure_is_the_same_from_memory_pack_and_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
