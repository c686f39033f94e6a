/* proxy/net/stream_move.c: from one loop to another, with all that a stream holds. */
#include "tests/unit/certificates.h"
#include "tests/unit/stream_pair.h"

#include "proxy/net/loop.h"

static char dir[] = "/tmp/mailferry-move-XXXXXX";
static struct identity ca;
static struct identity good;

static int make_identities(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(dir));
    identity_make(&ca, dir, "ca",
                  &(struct identity_wish){"Test CA", NULL, true, .from = -1, .until = 30}, NULL);
    identity_make(&good, dir, "good",
                  &(struct identity_wish){"a.example", "DNS:a.example", false, -1, 30}, &ca);
    return 0;
}

static int remove_identities(void **state)
{
    (void)state;
    identity_clear(&ca);
    identity_clear(&good);
    assert_int_equal(rmdir(dir), 0);
    return 0;
}

/* The server's side is on `other` from now on. */
static void move_server(struct pair *p, uv_loop_t *other)
{
    struct stream_parcel *parcel = stream_detach(p->server.s);

    assert_non_null(parcel);
    RUN_UNTIL(p, p->server.closed == 1);
    p->server.closed = 0;
    p->server.s = stream_attach(other, parcel, &side_handler, &p->server);
    assert_non_null(p->server.s);
}

#define RUN_BOTH_UNTIL(pair_, other_, condition_)  \
    do {                                           \
        while (!(condition_)) {                    \
            uv_run(&(pair_)->loop, UV_RUN_NOWAIT); \
            uv_run((other_), UV_RUN_NOWAIT);       \
        }                                          \
    } while (0)

static void end(struct pair *p, uv_loop_t *other)
{
    stream_abort(p->server.s);
    RUN_BOTH_UNTIL(p, other, p->server.closed == 1);
    uv_run(other, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(other), 0);
    pair_close(p);
}

static void what_was_left_over_comes_along(void **state)
{
    struct pair p;
    uv_loop_t other = {.data = NULL};

    (void)state;
    uv_loop_init(&other);
    pair_open(&p, false);
    p.server.take = 6;
    side_say(&p.client, "LOGIN\nSELECT\n");
    RUN_UNTIL(&p, buf_size(&p.server.got) == 6);
    move_server(&p, &other);
    uv_run(&other, UV_RUN_NOWAIT);
    assert_got(&p.server, "LOGIN\n"); /* paused until it is resumed */
    p.server.take = 0;
    stream_resume(p.server.s);
    RUN_BOTH_UNTIL(&p, &other, buf_size(&p.server.got) == 13);
    assert_got(&p.server, "LOGIN\nSELECT\n");
    assert_int_equal(stream_octets_in(p.server.s), 13);
    side_say(&p.server, "OK");
    RUN_BOTH_UNTIL(&p, &other, buf_size(&p.client.got) == 2);
    side_say(&p.client, "!");
    RUN_BOTH_UNTIL(&p, &other, buf_size(&p.server.got) == 14);
    end(&p, &other);
}

static void what_is_queued_is_sent_there(void **state)
{
    enum { SIZE = 8 << 20 };
    struct buf out = pattern_make(SIZE);
    struct pair p;
    uv_loop_t other = {.data = NULL};

    (void)state;
    uv_loop_init(&other);
    pair_open(&p, false);
    stream_write(p.server.s, &out);
    assert_true(stream_queued(p.server.s) > 0);
    move_server(&p, &other);
    RUN_BOTH_UNTIL(&p, &other, buf_size(&p.client.got) == SIZE && p.server.drains == 1);
    assert_pattern(&p.client, SIZE);
    assert_int_equal(stream_octets_out(p.server.s), SIZE);
    end(&p, &other);
}

static void layers_come_along(void **state)
{
    struct tls_context *server = identity_server(&good);
    struct tls_context *client = client_trusting(ca.certificate_path);
    struct pair p;
    uv_loop_t other = {.data = NULL};

    (void)state;
    uv_loop_init(&other);
    pair_open(&p, false);
    stream_start_tls(p.server.s, server, NULL);
    stream_start_tls(p.client.s, client, "a.example");
    RUN_UNTIL(&p, p.server.tls && p.client.tls);
    assert_true(stream_start_deflate(p.client.s));
    assert_true(stream_start_deflate(p.server.s));
    p.server.hold = true;
    side_say(&p.client, "before");
    RUN_UNTIL(&p, p.server.most);
    move_server(&p, &other);
    p.server.hold = false;
    stream_resume(p.server.s);
    assert_true(stream_is_tls(p.server.s));
    assert_int_equal(strncmp(stream_tls_description(p.server.s), "TLSv1.3", 7), 0);
    side_say(&p.client, " behind");
    side_say(&p.server, "answer");
    RUN_BOTH_UNTIL(&p, &other, buf_size(&p.server.got) == 13 && buf_size(&p.client.got) == 6);
    assert_got(&p.server, "before behind");
    assert_got(&p.client, "answer");
    end(&p, &other);
    tls_context_free(server);
    tls_context_free(client);
}

static void an_end_on_the_way_is_told_there(void **state)
{
    struct pair p;
    uv_loop_t other = {.data = NULL};

    (void)state;
    uv_loop_init(&other);
    pair_open(&p, false);
    struct stream_parcel *parcel = stream_detach(p.server.s);
    RUN_UNTIL(&p, p.server.closed == 1);
    p.server.closed = 0;
    stream_abort(p.client.s);
    RUN_UNTIL(&p, p.client.closed == 1);
    p.server.s = stream_attach(&other, parcel, &side_handler, &p.server);
    stream_resume(p.server.s);
    RUN_BOTH_UNTIL(&p, &other, p.server.ends == 1);
    assert_int_equal(p.server.why.kind, FAILURE_TEMPORARY);
    end(&p, &other);
}

static void a_parcel_can_be_given_up(void **state)
{
    struct pair p;

    (void)state;
    pair_open(&p, false);
    stream_parcel_free(stream_detach(p.server.s));
    RUN_UNTIL(&p, p.client.ends == 1 && p.server.closed == 1);
    pair_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_left_over_comes_along),
        cmocka_unit_test(what_is_queued_is_sent_there),
        cmocka_unit_test(layers_come_along),
        cmocka_unit_test(an_end_on_the_way_is_told_there),
        cmocka_unit_test(a_parcel_can_be_given_up),
    };

    return cmocka_run_group_tests(tests, make_identities, remove_identities);
}
