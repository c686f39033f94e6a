/* proxy/net/stream_tls.c in a stream: both roles, STARTTLS, cut connections, refused certificates.
 */
#include "tests/unit/certificates.h"
#include "tests/unit/stream_pair.h"

#include <openssl/ssl.h>
#include <sys/stat.h>

enum { MEGABYTE = 1 << 20 };

#define HOST "imap.example.com"

static char dir[] = "/tmp/mailferry-test-XXXXXX";
static struct identity ca;
static struct identity good;
static struct identity expired;
static struct identity early;
static struct identity self_signed;
static struct identity name_only;
static struct identity wildcard;
static struct identity address;

static int make_identities(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(dir));
    identity_make(&ca, dir, "ca",
                  &(struct identity_wish){"Test CA", NULL, true, .from = -1, .until = 30}, NULL);
    identity_make(&good, dir, "good",
                  &(struct identity_wish){HOST, "DNS:" HOST ",DNS:mail.example.com", false, -1, 30},
                  &ca);
    identity_make(&expired, dir, "expired",
                  &(struct identity_wish){HOST, "DNS:" HOST, false, -60, -30}, &ca);
    identity_make(&early, dir, "early", &(struct identity_wish){HOST, "DNS:" HOST, false, 20, 30},
                  &ca);
    identity_make(&self_signed, dir, "self",
                  &(struct identity_wish){HOST, "DNS:" HOST, false, -1, 30}, NULL);
    identity_make(&name_only, dir, "cn", &(struct identity_wish){HOST, NULL, false, -1, 30}, &ca);
    identity_make(&wildcard, dir, "wild",
                  &(struct identity_wish){"x", "DNS:*.example.com", false, -1, 30}, &ca);
    identity_make(&address, dir, "address",
                  &(struct identity_wish){"x", "IP:127.0.0.1,IP:::1", false, -1, 30}, &ca);
    return 0;
}

static int remove_identities(void **state)
{
    (void)state;
    struct identity *all[] = {&ca,          &good,      &expired,  &early,
                              &self_signed, &name_only, &wildcard, &address};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        identity_clear(all[i]);
    assert_int_equal(rmdir(dir), 0);
    return 0;
}

static struct tls_context *client_of(const struct tls_client_options *options)
{
    struct failure why;
    struct tls_context *t = tls_client_new(options, &why);

    assert_non_null(t);
    return t;
}

/* Starts both ends and lets the contexts go: the connections keep what they need. */
static void start_tls(struct pair *p, struct tls_context *client, const char *name,
                      struct tls_context *server)
{
    stream_start_tls(p->client.s, client, name);
    stream_start_tls(p->server.s, server, NULL);
    tls_context_free(client);
    tls_context_free(server);
}

static void open_tls(struct pair *p)
{
    pair_open(p, false);
    start_tls(p, client_trusting(ca.certificate_path), HOST, identity_server(&good));
    RUN_UNTIL(p, p->client.tls && p->server.tls);
}

static void talks_both_ways(void **state)
{
    struct pair p;

    (void)state;
    open_tls(&p);
    assert_memory_equal(stream_tls_description(p.client.s), "TLSv1.3 TLS_", 12);
    side_say(&p.client, "CAPA\r\n");
    side_say(&p.server, "+OK\r\n");
    RUN_UNTIL(&p, buf_size(&p.client.got) == 5 && buf_size(&p.server.got) == 6);
    assert_got(&p.client, "+OK\r\n");
    assert_got(&p.server, "CAPA\r\n");
    pair_close(&p);
}

static void echoes_whatever_is_taken(void **state)
{
    struct pair p;

    (void)state;
    open_tls(&p);
    pair_echo(&p, 10 * MEGABYTE, 0);
    pair_close(&p);
    open_tls(&p);
    pair_echo(&p, 2 * MEGABYTE, 1000);
    pair_close(&p);
    open_tls(&p);
    pair_echo(&p, 100000, 7);
    pair_close(&p);
    open_tls(&p);
    pair_echo(&p, 30000, 1);
    pair_close(&p);
}

static void written_before_the_handshake(void **state)
{
    struct pair p;

    (void)state;
    pair_open(&p, false);
    start_tls(&p, client_trusting(ca.certificate_path), HOST, identity_server(&good));
    side_say(&p.server, "* OK ready\r\n");
    assert_int_equal(stream_queued(p.server.s), 12);
    RUN_UNTIL(&p, buf_size(&p.client.got) == 12);
    assert_got(&p.client, "* OK ready\r\n");
    RUN_UNTIL(&p, p.server.drains == 1);
    pair_close(&p);
}

static void holds_back_a_writer(void **state)
{
    struct pair p;
    struct buf out = pattern_make(20 * MEGABYTE);

    (void)state;
    open_tls(&p);
    p.server.hold = true;
    stream_write(p.client.s, &out);
    pair_settle(&p);
    assert_true(stream_queued(p.client.s) > 8 * MEGABYTE);
    assert_true(p.server.most > 0 && p.server.most <= 16384);
    p.server.hold = false;
    stream_resume(p.server.s);
    RUN_UNTIL(&p, p.client.drains && buf_size(&p.server.got) == 20 * MEGABYTE);
    assert_pattern(&p.server, 20 * MEGABYTE);
    pair_close(&p);
}

static void closes_in_good_order(void **state)
{
    struct pair p;

    (void)state;
    open_tls(&p);
    p.client.close_at_end = true;
    side_say(&p.server, "* BYE\r\n");
    stream_close(p.server.s);
    RUN_UNTIL(&p, p.client.closed && p.server.closed);
    assert_got(&p.client, "* BYE\r\n");
    assert_int_equal(p.client.ends, 1);
    assert_int_equal(p.client.why.kind, FAILURE_NONE);
    pair_close(&p);
}

/* CASES T6: FIN without close_notify, in the middle of a message. */
static void tells_a_cut_connection(void **state)
{
    struct pair p;
    int fds[2];

    (void)state;
    pair_init(&p);
    tcp_pair(fds);
    int behind_its_back = dup(fds[1]);
    side_open(&p, &p.client, fds[0], false, 30);
    side_open(&p, &p.server, fds[1], false, 30);
    start_tls(&p, client_trusting(ca.certificate_path), HOST, identity_server(&good));
    RUN_UNTIL(&p, p.client.tls && p.server.tls);
    side_say(&p.server, "half a mess");
    RUN_UNTIL(&p, buf_size(&p.client.got) == 11);
    shutdown(behind_its_back, SHUT_WR);
    close(behind_its_back);
    RUN_UNTIL(&p, p.client.ends);
    assert_int_equal(p.client.why.kind, FAILURE_TEMPORARY);
    assert_non_null(strstr(p.client.why.text, "close_notify"));
    pair_close(&p);
}

static void tells_a_reset(void **state)
{
    struct pair p;

    (void)state;
    open_tls(&p);
    stream_abort(p.server.s);
    RUN_UNTIL(&p, p.client.ends);
    assert_string_equal(p.client.why.text, "the peer reset the connection");
    pair_close(&p);
}

static void tells_an_end_inside_the_handshake(void **state)
{
    struct pair p;
    int peer = pair_open_half(&p, 30);
    struct tls_context *t = client_trusting(NULL);

    (void)state;
    stream_start_tls(p.client.s, t, HOST);
    shutdown(peer, SHUT_WR);
    RUN_UNTIL(&p, p.client.ends);
    assert_string_equal(p.client.why.text, HOST " closed the connection during the TLS handshake");
    tls_context_free(t);
    close(peer);
    pair_close(&p);
}

/* ---- STARTTLS ---- */

static void starts_in_the_middle(void **state)
{
    struct pair p;

    (void)state;
    pair_open(&p, false);
    side_say(&p.client, "STLS\r\n");
    RUN_UNTIL(&p, buf_size(&p.server.got) == 6);
    struct tls_context *t = identity_server(&good);
    side_say(&p.server, "+OK\r\n");
    stream_start_tls(p.server.s, t, NULL);
    tls_context_free(t);
    RUN_UNTIL(&p, buf_size(&p.client.got) == 5);
    t = client_trusting(ca.certificate_path);
    stream_start_tls(p.client.s, t, HOST);
    tls_context_free(t);
    side_say(&p.client, "USER ann\r\n");
    RUN_UNTIL(&p, buf_size(&p.server.got) == 16);
    assert_got(&p.server, "STLS\r\nUSER ann\r\n");
    pair_close(&p);
}

/* CASES T1: commands behind STLS in the clear are dropped, and the handshake still works. */
static void server_drops_what_was_pipelined(void **state)
{
    struct pair p;

    (void)state;
    pair_open(&p, false);
    p.server.take = 6;
    side_say(&p.client, "STLS\r\nUSER mallory\r\n");
    RUN_UNTIL(&p, buf_size(&p.server.got) == 6);
    start_tls(&p, client_trusting(ca.certificate_path), HOST, identity_server(&good));
    RUN_UNTIL(&p, p.client.tls && p.server.tls);
    p.server.take = 0;
    side_say(&p.client, "CAPA\r\n");
    RUN_UNTIL(&p, buf_size(&p.server.got) == 12);
    assert_got(&p.server, "STLS\r\nCAPA\r\n");
    pair_close(&p);
}

static struct tls_context *started_here;

static void start_tls_here(struct side *side)
{
    side->on_line = NULL;
    stream_start_tls(side->s, started_here, HOST);
}

/* CASES T2, with the rest left over inside on_data and before it. */
static void client_ends_on_injected_answers(void **state)
{
    struct pair p;

    (void)state;
    for (int inside = 0; inside < 2; inside++) {
        pair_open(&p, false);
        p.client.take = 5;
        started_here = client_trusting(ca.certificate_path);
        p.client.on_line = inside ? start_tls_here : NULL;
        side_say(&p.server, "+OK\r\n+OK mallory\r\n");
        RUN_UNTIL(&p, buf_size(&p.client.got) == 5);
        if (!inside)
            stream_start_tls(p.client.s, started_here, HOST);
        RUN_UNTIL(&p, p.client.ends);
        assert_int_equal(p.client.why.kind, FAILURE_PERMANENT);
        assert_non_null(strstr(p.client.why.text, "in the clear"));
        assert_int_equal(p.client.tls, 0);
        assert_got(&p.client, "+OK\r\n");
        pair_settle(&p);
        assert_int_equal(stream_octets_in(p.server.s), 0); /* no handshake was begun */
        tls_context_free(started_here);
        pair_close(&p);
    }
}

/* ---- peers that do not speak it ---- */

static void tells_plain_text_on_a_tls_port(void **state)
{
    struct pair p;
    struct tls_context *t = client_trusting(NULL);

    (void)state;
    pair_open(&p, false);
    stream_start_tls(p.client.s, t, HOST);
    side_say(&p.server, "+OK POP3 ready\r\n");
    RUN_UNTIL(&p, p.client.ends);
    assert_string_equal(p.client.why.text,
                        "the server does not speak TLS on this port; check the port, or write its "
                        "URL without the s (imap://, pop3://)");
    tls_context_free(t);
    pair_close(&p);
    pair_open(&p, false);
    t = identity_server(&good);
    stream_start_tls(p.server.s, t, NULL);
    side_say(&p.client, "CAPA\r\n");
    RUN_UNTIL(&p, p.server.ends);
    assert_string_equal(p.server.why.text, "the client does not speak TLS on this port");
    tls_context_free(t);
    pair_close(&p);
}

static void tells_garbage(void **state)
{
    static const char garbage[] = "\x16\x03\x01\x00\x05garbage";
    struct pair p;
    struct tls_context *t = identity_server(&good);

    (void)state;
    pair_open(&p, false);
    stream_start_tls(p.server.s, t, NULL);
    side_say(&p.client, "\x16\x03\x01");
    struct buf out = BUF_INIT;
    buf_put(&out, slice_make(garbage + 3, sizeof garbage - 4));
    stream_write(p.client.s, &out);
    RUN_UNTIL(&p, p.server.ends);
    assert_memory_equal(p.server.why.text, "TLS with the client failed: ", 28);
    tls_context_free(t);
    pair_close(&p);
}

/* ---- certificates (CASES T4) ---- */

/* What the client says of that certificate when it connects to `name`; "" when it is content. */
static const char *verdict(const struct identity *server, const char *ca_path, const char *name)
{
    static char text[sizeof((struct failure *)0)->text];
    struct pair p;

    pair_open(&p, false);
    p.client.close_at_end = p.server.close_at_end = true;
    start_tls(&p, client_trusting(ca_path), name, identity_server(server));
    RUN_UNTIL(&p, p.client.tls || p.client.ends);
    strcpy(text, p.client.ends ? p.client.why.text : "");
    assert_int_equal(p.client.tls, *text == '\0');
    if (*text) {
        assert_int_equal(p.client.why.kind, FAILURE_PERMANENT);
        RUN_UNTIL(&p, p.client.closed && p.server.closed);
        /* The server learned of it by an alert, not by a lost connection. */
        assert_memory_equal(p.server.why.text, "the client refused TLS: ", 24);
    }
    pair_close(&p);
    return text;
}

static void accepts_good_certificates(void **state)
{
    (void)state;
    assert_string_equal(verdict(&good, ca.certificate_path, HOST), "");
    assert_string_equal(verdict(&good, ca.certificate_path, "MAIL.example.com"), "");
    assert_string_equal(verdict(&wildcard, ca.certificate_path, HOST), "");
    assert_string_equal(verdict(&address, ca.certificate_path, "127.0.0.1"), "");
    assert_string_equal(verdict(&address, ca.certificate_path, "::1"), "");
    assert_string_equal(verdict(&self_signed, self_signed.certificate_path, HOST), "");
    /* Trusted by itself, without its authority. */
    assert_string_equal(verdict(&good, good.certificate_path, HOST), "");
}

static void refuses_bad_certificates(void **state)
{
    const char *text;

    (void)state;
    assert_string_equal(verdict(&self_signed, ca.certificate_path, HOST),
                        "the certificate of " HOST " is not trusted: self-signed certificate; "
                        "give its CA with ?ca=FILE");
    assert_string_equal(verdict(&good, NULL, HOST),
                        "the certificate of " HOST " is not trusted: unable to get local issuer "
                        "certificate; give its CA with ?ca=FILE");
    assert_string_equal(verdict(&good, self_signed.certificate_path, HOST),
                        "the certificate of " HOST " is not trusted: unable to get local issuer "
                        "certificate; give its CA with ?ca=FILE");
    text = verdict(&expired, ca.certificate_path, HOST);
    assert_memory_equal(text, "the certificate of " HOST " expired on 20", 43);
    text = verdict(&early, ca.certificate_path, HOST);
    assert_memory_equal(text, "the certificate of " HOST " is not valid before 20", 48);
}

static void refuses_other_names(void **state)
{
    (void)state;
    assert_string_equal(verdict(&good, ca.certificate_path, "pop.example.com"),
                        "the certificate of pop.example.com is made out to another name: " HOST
                        ", mail.example.com; connect by that name");
    assert_string_equal(verdict(&address, ca.certificate_path, "127.0.0.2"),
                        "the certificate of 127.0.0.2 is made out to another name: 127.0.0.1, "
                        "::1; connect by that name");
    /* A wildcard stands for one whole label. */
    assert_string_not_equal(verdict(&wildcard, ca.certificate_path, "example.com"), "");
    assert_string_not_equal(verdict(&wildcard, ca.certificate_path, "a.b.example.com"), "");
    assert_non_null(strstr(verdict(&name_only, ca.certificate_path, HOST), "subjectAltName"));
    assert_non_null(strstr(verdict(&good, ca.certificate_path, "127.0.0.1"), "another name"));
}

static void accepts_anything_unverified(void **state)
{
    struct pair p;

    (void)state;
    pair_open(&p, false);
    start_tls(&p, client_of(&(struct tls_client_options){.unverified = true}), "other.example",
              identity_server(&expired));
    RUN_UNTIL(&p, p.client.tls && p.server.tls);
    assert_int_equal(p.client.ends, 0);
    pair_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(talks_both_ways),
        cmocka_unit_test(echoes_whatever_is_taken),
        cmocka_unit_test(written_before_the_handshake),
        cmocka_unit_test(holds_back_a_writer),
        cmocka_unit_test(closes_in_good_order),
        cmocka_unit_test(tells_a_cut_connection),
        cmocka_unit_test(tells_a_reset),
        cmocka_unit_test(tells_an_end_inside_the_handshake),
        cmocka_unit_test(starts_in_the_middle),
        cmocka_unit_test(server_drops_what_was_pipelined),
        cmocka_unit_test(client_ends_on_injected_answers),
        cmocka_unit_test(tells_plain_text_on_a_tls_port),
        cmocka_unit_test(tells_garbage),
        cmocka_unit_test(accepts_good_certificates),
        cmocka_unit_test(refuses_bad_certificates),
        cmocka_unit_test(refuses_other_names),
        cmocka_unit_test(accepts_anything_unverified),
    };

    return cmocka_run_group_tests_name("stream_tls", tests, make_identities, remove_identities);
}
