/* proxy/net/stream_deflate.c, alone and in a stream (RFC 4978). */
#include "tests/unit/certificates.h"
#include "tests/unit/stream_pair.h"

#include <zlib.h>

#include "proxy/net/stream_deflate.h"

enum { MEGABYTE = 1 << 20 };

static void start_deflate(struct side *side)
{
    side->on_line = NULL;
    assert_true(stream_start_deflate(side->s));
}

static void open_deflate(struct pair *p)
{
    pair_open(p, false);
    start_deflate(&p->client);
    start_deflate(&p->server);
}

static void each_write_arrives(void **state)
{
    struct pair p;

    (void)state;
    open_deflate(&p);
    for (size_t i = 1; i <= 100; i++) {
        side_say(&p.client, "a1 NOOP\r\n");
        RUN_UNTIL(&p, buf_size(&p.server.got) == 9 * i);
    }
    assert_memory_equal(buf_slice(&p.server.got).p + 9, "a1 NOOP\r\n", 9);
    assert_int_equal(stream_octets_out(p.client.s), 900);
    assert_int_equal(stream_octets_in(p.server.s), 900);
    pair_close(&p);
}

static void echoes_whatever_is_taken(void **state)
{
    struct pair p;

    (void)state;
    open_deflate(&p);
    pair_echo(&p, 10 * MEGABYTE, 0);
    pair_close(&p);
    open_deflate(&p);
    pair_echo(&p, 2 * MEGABYTE, 1000);
    pair_close(&p);
    open_deflate(&p);
    pair_echo(&p, 50000, 7);
    pair_close(&p);
}

/* What is left of the octets that came with the last plain line is compressed. */
static void starts_in_the_middle(void **state)
{
    struct pair p;

    (void)state;
    for (int inside = 0; inside < 2; inside++) {
        pair_open(&p, false);
        p.client.take = 4;
        p.client.on_line = inside ? start_deflate : NULL;
        side_say(&p.server, "OK\r\n");
        start_deflate(&p.server);
        side_say(&p.server, "* 1 EXISTS\r\n");
        RUN_UNTIL(&p, buf_size(&p.client.got) == 4);
        p.client.take = 0;
        if (!inside) {
            pair_settle(&p);
            start_deflate(&p.client);
        }
        RUN_UNTIL(&p, buf_size(&p.client.got) == 16);
        assert_got(&p.client, "OK\r\n* 1 EXISTS\r\n");
        side_say(&p.client, "a2 NOOP\r\n");
        RUN_UNTIL(&p, buf_size(&p.server.got) == 9);
        pair_close(&p);
    }
}

static void works_on_top_of_tls(void **state)
{
    char dir[] = "/tmp/mailferry-test-XXXXXX";
    struct identity id;
    struct pair p;

    (void)state;
    assert_non_null(mkdtemp(dir));
    identity_make(&id, dir, "id", &(struct identity_wish){"x", "DNS:x", false, -1, 30}, NULL);
    struct tls_context *server = identity_server(&id);
    struct tls_context *client = client_trusting(id.certificate_path);
    identity_clear(&id);
    rmdir(dir);
    pair_open(&p, false);
    stream_start_tls(p.client.s, client, "x");
    stream_start_tls(p.server.s, server, NULL);
    tls_context_free(client);
    tls_context_free(server);
    RUN_UNTIL(&p, p.client.tls && p.server.tls);
    start_deflate(&p.client);
    start_deflate(&p.server);
    pair_echo(&p, 3 * MEGABYTE, 1000);
    stream_close(p.server.s);
    RUN_UNTIL(&p, p.client.ends);
    assert_int_equal(p.client.why.kind, FAILURE_NONE);
    pair_close(&p);
}

/* `n` zeros, raw-deflated: a thousandth of their size. */
static struct buf bomb_make(size_t n)
{
    struct buf out = BUF_INIT;
    z_stream z = {0};
    char *zeros = calloc(1, n);

    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
    char *p = buf_reserve(&out, deflateBound(&z, n) + 64);
    z.next_in = (Bytef *)zeros;
    z.avail_in = (uInt)n;
    z.next_out = (Bytef *)p;
    z.avail_out = (uInt)deflateBound(&z, n) + 64;
    assert_int_equal(deflate(&z, Z_SYNC_FLUSH), Z_OK);
    assert_int_equal(z.avail_in, 0);
    buf_added(&out, z.total_out);
    deflateEnd(&z);
    free(zeros);
    return out;
}

/* CASES R6: no more is inflated than is taken. */
static void bomb_is_bounded(void **state)
{
    struct pair p;
    struct buf bomb = bomb_make(50 * MEGABYTE);

    (void)state;
    assert_true(buf_size(&bomb) < 60000); /* one read */
    pair_open(&p, false);
    start_deflate(&p.server);
    p.server.take = 1000;
    stream_write(p.client.s, &bomb);
    pair_settle(&p);
    assert_int_equal(stream_octets_in(p.server.s), 1000);
    assert_int_equal(p.server.most, 65536);
    p.server.take = 0;
    stream_resume(p.server.s);
    RUN_UNTIL(&p, stream_octets_in(p.server.s) == 50 * MEGABYTE);
    assert_int_equal(p.server.most, 65536);
    pair_close(&p);
}

static void tells_bad_data(void **state)
{
    struct pair p;

    (void)state;
    pair_open(&p, false);
    start_deflate(&p.server);
    side_say(&p.client, "\xff\xff\xff\xff not deflate");
    RUN_UNTIL(&p, p.server.ends);
    assert_int_equal(p.server.why.kind, FAILURE_TEMPORARY);
    assert_memory_equal(p.server.why.text, "the peer sent bad compressed data: ", 35);
    pair_close(&p);
}

static void tells_an_early_end(void **state)
{
    struct pair p;
    struct buf out = BUF_INIT;

    (void)state;
    pair_open(&p, false);
    start_deflate(&p.server);
    buf_put(&out, slice_make("\x03\x00", 2)); /* an empty last block */
    stream_write(p.client.s, &out);
    RUN_UNTIL(&p, p.server.ends);
    assert_string_equal(p.server.why.text, "the peer ended its compressed data in mid-session");
    pair_close(&p);
}

/* Cut at every place, the same octets come out. */
static void inflates_at_every_cut(void **state)
{
    struct stream_deflate *out = stream_deflate_new();
    struct buf packed = BUF_INIT;
    const char *text = "* 1 FETCH (UID 7)\r\n* 2 FETCH (UID 8)\r\n";
    struct failure why;

    (void)state;
    stream_deflate_write(out, slice_of(text), &packed);
    for (size_t cut = 0; cut <= buf_size(&packed); cut++) {
        struct stream_deflate *in = stream_deflate_new();
        struct slice rest = buf_slice(&packed);
        char got[128];
        size_t n;
        size_t more;
        stream_deflate_give(in, slice_take(&rest, cut));
        assert_true(stream_deflate_read(in, got, sizeof got, &n, &why));
        assert_false(stream_deflate_holds(in));
        stream_deflate_give(in, rest);
        assert_true(stream_deflate_read(in, got + n, sizeof got - n, &more, &why));
        assert_int_equal(n + more, strlen(text));
        assert_memory_equal(got, text, n + more);
        stream_deflate_free(in);
    }
    stream_deflate_free(out);
    buf_clear(&packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_write_arrives),   cmocka_unit_test(echoes_whatever_is_taken),
        cmocka_unit_test(starts_in_the_middle), cmocka_unit_test(works_on_top_of_tls),
        cmocka_unit_test(bomb_is_bounded),      cmocka_unit_test(tells_bad_data),
        cmocka_unit_test(tells_an_early_end),   cmocka_unit_test(inflates_at_every_cut),
    };

    return cmocka_run_group_tests_name("stream_deflate", tests, NULL, NULL);
}
