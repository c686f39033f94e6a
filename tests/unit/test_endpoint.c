/* Endpoint URLs: every form that is documented, and for each malformed part its own sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "proxy/endpoint.h"

static struct endpoint parse(const char *url)
{
    struct endpoint e;
    struct failure why = {0};

    if (!endpoint_parse(&e, slice_of(url), &why))
        fail_msg("%s: %s", url, why.text);
    return e;
}

static void urls_are_understood(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *printed;
        enum endpoint_protocol protocol;
        enum endpoint_tls tls;
        uint16_t port;
    } cases[] = {
        {"pop3://h", "pop3://h:110", ENDPOINT_POP3, ENDPOINT_TLS_AUTO, 110},
        {"pop3s://h", "pop3s://h:995", ENDPOINT_POP3, ENDPOINT_TLS_IMPLICIT, 995},
        {"imap://h/", "imap://h:143", ENDPOINT_IMAP, ENDPOINT_TLS_AUTO, 143},
        {"imaps://h", "imaps://h:993", ENDPOINT_IMAP, ENDPOINT_TLS_IMPLICIT, 993},
        {"IMAPS://Mail.Example.COM:1993", "imaps://Mail.Example.COM:1993", ENDPOINT_IMAP,
         ENDPOINT_TLS_IMPLICIT, 1993},
        {"imap://h?tls=starttls", "imap://h:143", ENDPOINT_IMAP, ENDPOINT_TLS_STARTTLS, 143},
        {"imap://h:1/?tls=off", "imap://h:1", ENDPOINT_IMAP, ENDPOINT_TLS_OFF, 1},
        {"pop3://*", "pop3://*:110", ENDPOINT_POP3, ENDPOINT_TLS_AUTO, 110},
        {"pop3://", "pop3://*:110", ENDPOINT_POP3, ENDPOINT_TLS_AUTO, 110},
        {"pop3://:1110", "pop3://*:1110", ENDPOINT_POP3, ENDPOINT_TLS_AUTO, 1110},
        {"pop3://[::1]", "pop3://[::1]:110", ENDPOINT_POP3, ENDPOINT_TLS_AUTO, 110},
        {"pop3://[2001:db8::1]:65535", "pop3://[2001:db8::1]:65535", ENDPOINT_POP3,
         ENDPOINT_TLS_AUTO, 65535},
        {"imap://[fe80::1%25eth0]", "imap://[fe80::1%eth0]:143", ENDPOINT_IMAP, ENDPOINT_TLS_AUTO,
         143},
        {"imap://[fe80::1%eth0]", "imap://[fe80::1%eth0]:143", ENDPOINT_IMAP, ENDPOINT_TLS_AUTO,
         143},
        {"imap+unix:/run/imap.sock", "imap+unix:/run/imap.sock", ENDPOINT_IMAP, ENDPOINT_TLS_OFF,
         0},
        {"pop3+unix:/a%20b%3fc", "pop3+unix:/a b?c", ENDPOINT_POP3, ENDPOINT_TLS_OFF, 0},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct endpoint e = parse(cases[i].url);
        char text[ENDPOINT_TEXT];
        endpoint_print(&e, text, sizeof text);
        assert_string_equal(text, cases[i].printed);
        assert_int_equal(e.protocol, cases[i].protocol);
        assert_int_equal(e.tls, cases[i].tls);
        assert_int_equal(e.port, cases[i].port);
        assert_true(e.verify);
        assert_null(e.ca);
        assert_true((e.host == NULL) != (e.unix_path == NULL));
        endpoint_clear(&e);
    }
}

static void parameters_are_understood(void **state)
{
    (void)state;
    struct endpoint e = parse("imaps://h?verify=off&ca=/etc/my%20ca/%41%26.pem");

    assert_false(e.verify);
    assert_string_equal(e.ca, "/etc/my ca/A&.pem");
    endpoint_clear(&e);
    e = parse("imap://h?ca=a=b&tls=starttls&verify=on");
    assert_true(e.verify);
    assert_string_equal(e.ca, "a=b");
    assert_int_equal(e.tls, ENDPOINT_TLS_STARTTLS);
    endpoint_clear(&e);
}

static void malformed_parts_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *reason;
    } cases[] = {
        {"", "does not begin with"},
        {"imap.example.com", "does not begin with"},
        {"imap.example.com:143", "does not begin with"},
        {"http://h", "does not begin with"},
        {"+unix:/x", "does not begin with"},
        {"imap:h", "// is missing"},
        {"imap:/h", "// is missing"},
        {"imaps+unix:/x", "no TLS"},
        {"imap+unix:x", "whole path"},
        {"imap+unix:", "whole path"},
        {"imap+unix:/x%0", "two hex digits"},
        {"imap+unix:/x%", "two hex digits"},
        {"imap+unix:/x%zz", "two hex digits"},
        {"imap+unix:/x%00", "two hex digits"},
        {"imap+unix:/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         "at most 107"},
        {"imap+unix:/x?tls=starttls", "no TLS"},
        {"imap://h:", "port"},
        {"imap://h:0", "port"},
        {"imap://h:65536", "port"},
        {"imap://h:+1", "port"},
        {"imap://h:143x", "port"},
        {"imap://::1", "in brackets"},
        {"imap://::1:143", "in brackets"},
        {"imap://2001:db8::1", "in brackets"},
        {"imap://[::1", "] behind"},
        {"imap://[]", "not an IPv6"},
        {"imap://[1.2.3.4]", "not an IPv6"},
        {"imap://[::1]143", "only a port"},
        {"imap://[fe80::1%25]", "zone"},
        {"imap://10.0.0.256", "IPv4"},
        {"imap://1", "IPv4"},
        {"imap://ho st", "character"},
        {"imap://host\r\n", "character"},
        {"imap://h#x", "character"},
        {"imap://m\xc3\xbcller.example", "xn--"},
        {"imap://a..b", "not a host name"},
        {"imap://-a", "not a host name"},
        {"imap://.a", "not a host name"},
        {"imap://h/INBOX", "pop3.folders"},
        {"imap://h?", "not known"},
        {"imap://h?tls", "tls= is"},
        {"imap://h?tls=on", "tls= is"},
        {"imaps://h?tls=off", "first octet"},
        {"imaps://h?tls=starttls", "first octet"},
        {"imap://h?tls=off&tls=off", "twice"},
        {"imap://h?tls=off&", "not known"},
        {"imap://h?TLS=off", "not known"},
        {"imap://h?verify=no", "verify= is"},
        {"imap://h?ca=", "ca= names"},
        {"imap://h?ca=%", "two hex digits"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct endpoint e;
        struct failure why = {0};
        if (endpoint_parse(&e, slice_of(cases[i].url), &why))
            fail_msg("%s is taken", cases[i].url);
        if (!strstr(why.text, cases[i].reason))
            fail_msg("%s: %s", cases[i].url, why.text);
        assert_null(e.host);
        assert_null(e.unix_path);
        assert_null(e.ca);
    }
}

static void nul_is_refused(void **state)
{
    (void)state;
    struct endpoint e;
    struct failure why;

    assert_false(endpoint_parse(&e, slice_make("imap://h\0x", 10), &why));
}

/* CASES A6: someone will write it, and must not find it in a log. */
static void password_is_never_repeated(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "imap://ann:s3cret@example.com",
        "imap://ann:s3cret@[::1]:x",
        "imap://ann:s3cret@h/INBOX",
        "ann:s3cret@example.com",
        "s3cret://h",
        "imap://h?password=s3cret",
        "imap://h?tls=s3cret",
        "imap://h:s3cret",
        "imap://[s3cret]",
    };

    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct endpoint e;
        struct failure why = {0};
        assert_false(endpoint_parse(&e, slice_of(urls[i]), &why));
        assert_true(why.text[0]);
        assert_null(strstr(why.text, "s3cret"));
    }
}

static void loopback_is_recognised(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        bool loopback;
    } cases[] = {
        {"pop3://127.0.0.1", true},
        {"pop3://127.9.9.9", true},
        {"pop3://[::1]", true},
        {"pop3://[::ffff:127.0.0.1]", true},
        {"pop3://LocalHost", true},
        {"pop3+unix:/x", true},
        {"pop3://128.0.0.1", false},
        {"pop3://*", false},
        {"pop3://[::]", false},
        {"pop3://[::ffff:10.0.0.1]", false},
        {"pop3://localhost.example.com", false},
        {"pop3://127.example.com", false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct endpoint e = parse(cases[i].url);
        if (endpoint_is_loopback(&e) != cases[i].loopback)
            fail_msg("%s", cases[i].url);
        endpoint_clear(&e);
    }
}

static void same_addresses_are_recognised(void **state)
{
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        bool same;
    } cases[] = {
        {"pop3://h", "pop3://H:110", true},      {"pop3://h:993", "imaps://h", true},
        {"pop3://", "pop3://*", true},           {"pop3+unix:/x", "imap+unix:/%78", true},
        {"pop3://h", "pop3://h:111", false},     {"pop3://h", "pop3://g", false},
        {"pop3+unix:/x", "pop3+unix:/y", false}, {"pop3+unix:/x", "pop3://h", false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct endpoint a = parse(cases[i].a);
        struct endpoint b = parse(cases[i].b);
        if (endpoint_same_address(&a, &b) != cases[i].same)
            fail_msg("%s and %s", cases[i].a, cases[i].b);
        endpoint_clear(&a);
        endpoint_clear(&b);
    }
}

static void every_address_is_recognised(void **state)
{
    (void)state;
    struct endpoint any = parse("pop3://:1110");
    struct endpoint one = parse("pop3://[::]:1110");
    struct endpoint socket = parse("pop3+unix:/*");

    assert_true(endpoint_is_any(&any));
    assert_false(endpoint_is_any(&one));
    assert_false(endpoint_is_any(&socket));
    endpoint_clear(&any);
    endpoint_clear(&one);
    endpoint_clear(&socket);
}

static void print_is_cut_to_its_room(void **state)
{
    (void)state;
    struct endpoint e = parse("pop3://example.com");
    char text[8];

    endpoint_print(&e, text, sizeof text);
    assert_string_equal(text, "pop3://");
    endpoint_clear(&e);
    endpoint_clear(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_understood),
        cmocka_unit_test(parameters_are_understood),
        cmocka_unit_test(malformed_parts_are_named),
        cmocka_unit_test(nul_is_refused),
        cmocka_unit_test(password_is_never_repeated),
        cmocka_unit_test(loopback_is_recognised),
        cmocka_unit_test(same_addresses_are_recognised),
        cmocka_unit_test(every_address_is_recognised),
        cmocka_unit_test(print_is_cut_to_its_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
