/* proxy/net/stream.c without layers: order, back-pressure, the ways to end. */
#include "tests/unit/stream_pair.h"

#include <stdio.h>

enum { MEGABYTE = 1 << 20 };

static void talks_both_ways(void **state)
{
    struct pair p;

    pair_open(&p, *state != NULL);
    side_say(&p.client, "CAPA\r\n");
    side_say(&p.server, "+OK\r\n");
    RUN_UNTIL(&p, buf_size(&p.client.got) == 5 && buf_size(&p.server.got) == 6);
    assert_got(&p.client, "+OK\r\n");
    assert_got(&p.server, "CAPA\r\n");
    assert_int_equal(stream_queued(p.client.s), 0);
    assert_int_equal(p.client.drains, 0);
    assert_false(stream_is_tls(p.client.s));
    assert_string_equal(stream_tls_description(p.client.s), "");
    pair_close(&p);
}

static void tells_the_peer(void **state)
{
    struct pair p;

    (void)state;
    pair_open(&p, false);
    assert_memory_equal(stream_peer(p.client.s), "127.0.0.1:", 10);
    assert_true(stream_peer_is_loopback(p.client.s));
    pair_close(&p);
    pair_open(&p, true);
    assert_string_equal(stream_peer(p.client.s), "unix");
    assert_true(stream_peer_is_loopback(p.client.s));
    pair_close(&p);
}

static void no_callback_from_inside_a_call(void **state)
{
    struct pair p;

    (void)state;
    pair_open(&p, false);
    stream_abort(p.server.s);
    RUN_UNTIL(&p, p.server.closed);
    for (int i = 0; i < 3; i++) {
        side_say(&p.client, "x"); /* the first of these meets a reset */
        assert_int_equal(p.client.ends, 0);
    }
    stream_resume(p.client.s);
    assert_int_equal(p.client.ends, 0);
    RUN_UNTIL(&p, p.client.ends);
    stream_close(p.client.s);
    assert_int_equal(p.client.closed, 0);
    RUN_UNTIL(&p, p.client.closed);
    pair_close(&p);
}

static void echoes_whatever_is_taken(void **state)
{
    struct pair p;

    (void)state;
    pair_open(&p, false);
    pair_echo(&p, 10 * MEGABYTE, 0);
    pair_close(&p);
    pair_open(&p, true);
    pair_echo(&p, 10 * MEGABYTE, 1000);
    pair_close(&p);
    pair_open(&p, false);
    pair_echo(&p, 300000, 7);
    pair_close(&p);
    pair_open(&p, false);
    pair_echo(&p, 50000, 1);
    pair_close(&p);
}

static void keeps_what_is_left_until_resumed(void **state)
{
    struct pair p;

    (void)state;
    pair_open(&p, false);
    p.server.take = 3;
    side_say(&p.client, "abcdefg");
    RUN_UNTIL(&p, buf_size(&p.server.got) == 3);
    side_say(&p.client, "hij");
    pair_settle(&p);
    assert_got(&p.server, "abc");
    stream_resume(p.server.s);
    assert_got(&p.server, "abc");
    RUN_UNTIL(&p, buf_size(&p.server.got) == 6);
    p.server.take = 0;
    stream_resume(p.server.s);
    RUN_UNTIL(&p, buf_size(&p.server.got) == 10);
    assert_got(&p.server, "abcdefghij");
    pair_close(&p);
}

static void pauses(void **state)
{
    struct pair p;

    (void)state;
    pair_open(&p, false);
    stream_pause(p.server.s);
    side_say(&p.client, "abc");
    pair_settle(&p);
    assert_int_equal(p.server.most, 0);
    stream_resume(p.server.s);
    RUN_UNTIL(&p, buf_size(&p.server.got) == 3);
    pair_close(&p);
}

static void holds_back_a_writer(void **state)
{
    struct pair p;
    struct buf out = pattern_make(20 * MEGABYTE);

    (void)state;
    pair_open(&p, false);
    p.server.hold = true;
    stream_write(p.client.s, &out);
    pair_settle(&p);
    /* What is not in the kernel's buffers stays here, and the reader holds one read at most. */
    assert_true(stream_queued(p.client.s) > 8 * MEGABYTE);
    assert_int_equal(p.client.drains, 0);
    assert_true(p.server.most > 0 && p.server.most <= 65536);
    p.server.hold = false;
    stream_resume(p.server.s);
    RUN_UNTIL(&p, p.client.drains == 1);
    RUN_UNTIL(&p, buf_size(&p.server.got) == 20 * MEGABYTE);
    assert_pattern(&p.server, 20 * MEGABYTE);
    pair_close(&p);
}

static void sends_everything_before_it_closes(void **state)
{
    struct pair p;
    struct buf out = pattern_make(8 * MEGABYTE);

    (void)state;
    pair_open(&p, false);
    p.server.close_at_end = true;
    stream_write(p.client.s, &out);
    stream_close(p.client.s);
    stream_close(p.client.s);
    side_say(&p.client, "never");
    RUN_UNTIL(&p, p.client.closed && p.server.closed);
    assert_pattern(&p.server, 8 * MEGABYTE);
    assert_int_equal(p.server.ends, 1);
    assert_int_equal(p.server.why.kind, FAILURE_NONE);
    assert_int_equal(p.client.ends, 0);
    pair_close(&p);
}

static void answers_after_the_peer_has_ended(void **state)
{
    struct pair p;
    int peer = pair_open_half(&p, 30);
    char answer[8] = {0};

    (void)state;
    assert_int_equal(write(peer, "QUIT\r\n", 6), 6);
    shutdown(peer, SHUT_WR);
    RUN_UNTIL(&p, p.client.ends);
    assert_int_equal(p.client.why.kind, FAILURE_NONE);
    assert_got(&p.client, "QUIT\r\n");
    side_say(&p.client, "+OK\r\n");
    stream_close(p.client.s);
    RUN_UNTIL(&p, p.client.closed);
    assert_int_equal(read(peer, answer, sizeof answer), 5);
    assert_string_equal(answer, "+OK\r\n");
    assert_int_equal(read(peer, answer, sizeof answer), 0);
    close(peer);
    pair_close(&p);
}

static void end_comes_behind_what_was_left(void **state)
{
    struct pair p;

    (void)state;
    pair_open(&p, true);
    p.server.take = 2;
    side_say(&p.client, "abcd");
    stream_close(p.client.s);
    RUN_UNTIL(&p, buf_size(&p.server.got) == 2);
    pair_settle(&p);
    assert_int_equal(p.server.ends, 0);
    stream_resume(p.server.s);
    RUN_UNTIL(&p, p.server.ends);
    assert_got(&p.server, "abcd");
    pair_close(&p);
}

static void tells_a_reset(void **state)
{
    struct pair p;

    (void)state;
    pair_open(&p, false);
    stream_abort(p.client.s);
    RUN_UNTIL(&p, p.server.ends);
    assert_int_equal(p.server.ends, 1);
    assert_int_equal(p.server.why.kind, FAILURE_TEMPORARY);
    assert_string_equal(p.server.why.text, "the peer reset the connection");
    assert_int_equal(p.client.ends, 0);
    pair_close(&p);
}

/* A server that refuses, closes, and resets what we go on sending: its words are what counts. */
static void last_words_survive_a_failed_write(void **state)
{
    struct pair p;
    int peer = pair_open_half(&p, 30);

    (void)state;
    assert_int_equal(write(peer, "* BYE too many\r\n", 16), 16);
    side_say(&p.client, "unread, so that close() resets");
    close(peer);
    side_say(&p.client, "more");
    side_say(&p.client, "more");
    RUN_UNTIL(&p, p.client.ends);
    assert_got(&p.client, "* BYE too many\r\n");
    assert_int_equal(p.client.why.kind, FAILURE_TEMPORARY);
    pair_close(&p);
}

static void ends_when_nothing_is_taken(void **state)
{
    struct pair p;
    int peer = pair_open_half(&p, 1);
    struct buf out = pattern_make(20 * MEGABYTE);

    (void)state;
    stream_write(p.client.s, &out);
    RUN_UNTIL(&p, p.client.ends);
    assert_string_equal(p.client.why.text, "the peer took no data for 1 s");
    assert_int_equal(stream_queued(p.client.s), 0);
    stream_close(p.client.s);
    RUN_UNTIL(&p, p.client.closed);
    close(peer);
    pair_close(&p);
}

static void gives_up_closing_when_nothing_is_taken(void **state)
{
    struct pair p;
    int peer = pair_open_half(&p, 1);
    struct buf out = pattern_make(20 * MEGABYTE);

    (void)state;
    stream_write(p.client.s, &out);
    stream_close(p.client.s);
    RUN_UNTIL(&p, p.client.closed);
    assert_int_equal(p.client.ends, 0);
    close(peer);
    pair_close(&p);
}

static void failed_buffer_ends_the_stream(void **state)
{
    struct pair p;
    struct buf out = BUF_INIT;

    (void)state;
    pair_open(&p, false);
    out.failed = true;
    stream_write(p.client.s, &out);
    RUN_UNTIL(&p, p.client.ends);
    assert_string_equal(p.client.why.text, "out of memory");
    pair_close(&p);
}

static void abort_here(struct side *side)
{
    stream_abort(side->s);
}

static void close_here(struct side *side)
{
    side_say(side, "bye");
    stream_close(side->s);
}

static void ends_inside_on_data(void **state)
{
    struct pair p;

    (void)state;
    pair_open(&p, false);
    p.server.on_line = abort_here;
    p.server.take = 1;
    side_say(&p.client, "abc");
    RUN_UNTIL(&p, p.server.closed);
    pair_close(&p);
    pair_open(&p, false);
    p.server.on_line = close_here;
    p.client.close_at_end = true;
    side_say(&p.client, "abc");
    RUN_UNTIL(&p, p.server.closed && p.client.closed);
    assert_got(&p.client, "bye");
    pair_close(&p);
}

static void refuses_what_is_no_socket(void **state)
{
    struct pair p;
    FILE *file = tmpfile();

    (void)state;
    pair_init(&p);
    assert_null(stream_open(&p.loop, dup(fileno(file)), false, &(struct stream_options){0},
                            &side_handler, &p.client));
    fclose(file);
    pair_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(talks_both_ways),
        {"talks_both_ways over a unix socket", talks_both_ways, NULL, NULL, (void *)"unix"},
        cmocka_unit_test(tells_the_peer),
        cmocka_unit_test(no_callback_from_inside_a_call),
        cmocka_unit_test(echoes_whatever_is_taken),
        cmocka_unit_test(keeps_what_is_left_until_resumed),
        cmocka_unit_test(pauses),
        cmocka_unit_test(holds_back_a_writer),
        cmocka_unit_test(sends_everything_before_it_closes),
        cmocka_unit_test(answers_after_the_peer_has_ended),
        cmocka_unit_test(end_comes_behind_what_was_left),
        cmocka_unit_test(tells_a_reset),
        cmocka_unit_test(last_words_survive_a_failed_write),
        cmocka_unit_test(ends_when_nothing_is_taken),
        cmocka_unit_test(gives_up_closing_when_nothing_is_taken),
        cmocka_unit_test(failed_buffer_ends_the_stream),
        cmocka_unit_test(ends_inside_on_data),
        cmocka_unit_test(refuses_what_is_no_socket),
    };

    return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
