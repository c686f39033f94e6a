/* SRV records: what an answer holds, the order in which servers are tried, a resolver's address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "proxy/net/srv.h"
#include "translate/text/buf.h"

static void put_number(struct buf *b, unsigned n)
{
    buf_putc(b, (char)(n >> 8));
    buf_putc(b, (char)n);
}

/* An answer to a question for "a.", with `records` records; the flags say AD where `is_signed`. */
static void begin(struct buf *b, bool is_signed, unsigned records)
{
    put_number(b, 7);
    put_number(b, 0x8180 | (is_signed ? 0x20 : 0));
    put_number(b, 1);
    put_number(b, records);
    put_number(b, 0);
    put_number(b, 0);
    buf_put(b, slice_make("\1a\0", 3));
    put_number(b, 33);
    put_number(b, 1);
}

/* `target` in DNS's own form: its octets hold no NUL but the last. */
static void put_record(struct buf *b, unsigned ttl, const unsigned numbers[3], const char *target)
{
    put_number(b, 0xc00c);
    put_number(b, 33);
    put_number(b, 1);
    put_number(b, 0);
    put_number(b, ttl);
    put_number(b, 6 + (unsigned)strlen(target) + 1);
    for (int i = 0; i < 3; i++)
        put_number(b, numbers[i]);
    buf_put(b, slice_make(target, strlen(target) + 1));
}

static const unsigned usual[3] = {10, 20, 993};

static void records_are_read(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    struct srv_list list = {.ttl = 3600};

    begin(&b, false, 2);
    put_record(&b, 300, usual, "\4Mail\4test");
    put_record(&b, 60, (const unsigned[3]){1, 2, 65535}, "\1b");
    assert_true(srv_parse(&list, buf_slice(&b), true));
    assert_int_equal(list.count, 2);
    assert_string_equal(list.targets[0].host, "mail.test");
    assert_int_equal(list.targets[0].priority, 10);
    assert_int_equal(list.targets[0].weight, 20);
    assert_int_equal(list.targets[0].port, 993);
    assert_true(list.targets[0].tls);
    assert_false(list.targets[0].is_signed);
    assert_int_equal(list.targets[1].port, 65535);
    assert_int_equal(list.ttl, 60);
    buf_clear(&b);
}

static void a_target_of_the_root_is_none(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    struct srv_list list = {.ttl = 3600};

    begin(&b, false, 1);
    put_record(&b, 300, (const unsigned[3]){0, 0, 0}, "");
    assert_true(srv_parse(&list, buf_slice(&b), true));
    assert_int_equal(list.count, 0);
    buf_clear(&b);
}

static void a_signed_answer_is_known(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    struct srv_list list = {.ttl = 3600};

    begin(&b, true, 1);
    put_record(&b, 300, usual, "\1b");
    assert_true(srv_parse(&list, buf_slice(&b), false));
    assert_true(list.targets[0].is_signed);
    assert_false(list.targets[0].tls);
    buf_clear(&b);
}

static void an_answer_cut_anywhere_does_no_harm(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;

    begin(&b, false, 2);
    put_record(&b, 300, usual, "\4mail\4test");
    put_record(&b, 300, usual, "\1b");
    for (size_t n = 0; n < buf_size(&b); n++) {
        struct srv_list list = {.ttl = 3600};
        srv_parse(&list, slice_make(buf_slice(&b).p, n), true);
        assert_true(list.count < 2);
    }
    buf_clear(&b);
}

static void more_than_there_is_room_for_is_left(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    struct srv_list list = {.ttl = 3600};

    begin(&b, false, SRV_TARGETS_MAX + 4);
    for (int i = 0; i < SRV_TARGETS_MAX + 4; i++)
        put_record(&b, 300, usual, "\1b");
    assert_true(srv_parse(&list, buf_slice(&b), true));
    assert_int_equal(list.count, SRV_TARGETS_MAX);
    buf_clear(&b);
}

/* ---- order ------------------------------------------------------------------------------- */

static uint32_t drawn;

static uint32_t draw(uint32_t below)
{
    return drawn < below ? drawn : below - 1;
}

static void add(struct srv_list *list, bool tls, uint16_t priority, uint16_t weight, uint16_t port)
{
    list->targets[list->count++] = (struct srv_target){
        .tls = tls, .priority = priority, .weight = weight, .port = port, .host = "h"};
}

static void expect_ports(const struct srv_list *list, const uint16_t *ports)
{
    for (size_t i = 0; i < list->count; i++)
        assert_int_equal(list->targets[i].port, ports[i]);
}

/* RFC 8314 section 3: implicit TLS is preferred, whatever the priorities of the two kinds. */
static void tls_goes_first_then_priority(void **state)
{
    (void)state;
    struct srv_list list = {.count = 0};

    drawn = 0;
    add(&list, false, 0, 0, 1);
    add(&list, true, 20, 0, 2);
    add(&list, true, 10, 0, 3);
    add(&list, false, 5, 0, 4);
    srv_order(&list, draw);
    expect_ports(&list, (const uint16_t[]){3, 2, 1, 4});
}

/* RFC 2782: the first whose running sum is not less than the number drawn. */
static void weight_decides_among_equals(void **state)
{
    (void)state;
    static const struct {
        uint32_t drawn;
        uint16_t ports[3];
    } cases[] = {{0, {1, 2, 3}}, {1, {2, 3, 1}}, {10, {2, 3, 1}}, {11, {3, 2, 1}}, {40, {3, 2, 1}}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct srv_list list = {.count = 0};
        add(&list, true, 0, 0, 1);
        add(&list, true, 0, 10, 2);
        add(&list, true, 0, 30, 3);
        drawn = cases[i].drawn;
        srv_order(&list, draw);
        expect_ports(&list, cases[i].ports);
    }
}

static void a_resolver_is_an_address(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "localhost",
                                        "127.0.0.1:",
                                        "127.0.0.1:0",
                                        "127.0.0.1:x",
                                        "127.0.0.1:65536",
                                        "1.2.3.4.5:53",
                                        "[::1]:53"};
    struct sockaddr_in address;
    struct failure why;

    assert_true(srv_parse_resolver(&address, "127.0.0.1:5353", &why));
    assert_int_equal(ntohs(address.sin_port), 5353);
    assert_true(srv_parse_resolver(&address, "192.0.2.1", &why));
    assert_int_equal(ntohs(address.sin_port), 53);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(srv_parse_resolver(&address, wrong[i], &why));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_read),
        cmocka_unit_test(a_target_of_the_root_is_none),
        cmocka_unit_test(a_signed_answer_is_known),
        cmocka_unit_test(an_answer_cut_anywhere_does_no_harm),
        cmocka_unit_test(more_than_there_is_room_for_is_left),
        cmocka_unit_test(tls_goes_first_then_priority),
        cmocka_unit_test(weight_decides_among_equals),
        cmocka_unit_test(a_resolver_is_an_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
