/* UIDL formats: what old servers gave can be given again, and whatever goes in, the result is a
 * unique-id of RFC 1939 section 7. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "translate/maildrop/uidl_format.h"

static struct uidl_source message(void)
{
    return (struct uidl_source){
        .uid = 4391,
        .uidvalidity = 1320843498,
        .id = slice_of("1717171717.M20046P2137.mail:2,S"),
        .message_id = slice_of("<a.b@example.com>"),
        .header_md5 = "0123456789abcdef0123456789abcdef",
        .folder = slice_of("INBOX"),
    };
}

static void print(const char *format, const struct uidl_source *src, char out[UIDL_MAX + 1])
{
    struct uidl_format f;
    struct failure why = {0};

    if (!uidl_format_parse(&f, format, &why))
        fail_msg("%s: %s", format, why.text);
    assert_true(uidl_format_print(&f, src, out));
    size_t n = strlen(out);
    assert_in_range(n, 1, UIDL_MAX);
    for (size_t i = 0; i < n; i++)
        assert_in_range(out[i], 0x21, 0x7e);
}

static void check(const char *format, const struct uidl_source *src, const char *expected)
{
    char out[UIDL_MAX + 1];

    print(format, src, out);
    assert_string_equal(out, expected);
}

/* The table of servers whose unique-ids a cutover must be able to keep. */
static void servers_are_imitated(void **state)
{
    (void)state;
    struct uidl_source m = message();

    check("%08Xu%08Xv", &m, "000011274EBA78EA");                 /* Dovecot */
    check("%v.%u", &m, "1320843498.4391");                       /* Dovecot of old, Cyrus */
    check("%08xv%08xu", &m, "4eba78ea00001127");                 /* UW, Panda */
    check("%f", &m, "1717171717.M20046P2137.mail");              /* Courier, first generation */
    check("%u", &m, "4391");                                     /* Courier, second; Cyrus of old */
    check("%v-%u", &m, "1320843498-4391");                       /* Courier, third; Critical Path */
    check("UID%u-%v", &m, "UID4391-1320843498");                 /* Courier with its prefix */
    check("%i", &m, "<a.b@example.com>");                        /* OpenWave */
    check("%v%u", &m, "13208434984391");                         /* Stalwart */
    check("%F:%u", &m, "INBOX:4391");                            /* Xeams */
    check("%u.%m", &m, "4391.0123456789abcdef0123456789abcdef"); /* Zimbra, but for its table */
    m.id = slice_of("1278455344230334865");
    check("GmailId%xg", &m, "GmailId11bdfc5cae0c8191"); /* Gmail: X-GM-MSGID is decimal */
}

static void modifiers_change_numbers_only(void **state)
{
    (void)state;
    struct uidl_source m = message();

    check("%010u", &m, "0000004391");
    check("%010du", &m, "0000004391");
    check("%Xu/%xu/%du", &m, "1127/1127/4391");
    check("%02u", &m, "4391"); /* a width never cuts: it would make UIDLs alike */
    check("100%%%u", &m, "100%4391");
    check("%xg", &m, "1717171717.M20046P2137.mail:2,S"); /* not a number: as it is */
    m.id = slice_of("18446744073709551616");
    check("%xg", &m, "18446744073709551616"); /* one more than 64 bits hold */
    m.uid = UINT32_MAX;
    check("%020Xu", &m, "000000000000FFFFFFFF");
}

static void message_id_is_replaced_by_its_md5(void **state)
{
    (void)state;
    struct uidl_source m = message();

    m.message_id = slice_of("a b");
    check("%i", &m, "0cc9cd4dd26c5137b675a0d819cb9ab0"); /* printf 'a b' | md5sum */
    m.message_id = slice_of("  <a@b> ");
    check("%i", &m, "<a@b>");
}

static void what_is_missing_is_replaced_by_uid(void **state)
{
    (void)state;
    struct uidl_source m = message();

    m.id = m.message_id = m.folder = slice_of(NULL);
    m.header_md5 = NULL;
    check("%g", &m, "4eba78ea00001127");
    check("%f", &m, "4eba78ea00001127");
    check("%i", &m, "4eba78ea00001127");
    check("%m", &m, "4eba78ea00001127");
    check("%F%u", &m, "4391");
    m.id = slice_of("cur/:2,S");
    check("%f", &m, "4eba78ea00001127");
}

static void file_name_loses_directory_and_flags(void **state)
{
    (void)state;
    struct uidl_source m = message();

    m.id = slice_of("cur/1.2.host,S=10:2,FS");
    check("%f", &m, "1.2.host,S=10");
    m.id = slice_of("plain");
    check("%f", &m, "plain");
}

static void illegal_octets_are_escaped(void **state)
{
    (void)state;
    struct uidl_source m = message();

    m.folder = slice_of("Gesch\xc3\xa4"
                        "ft neu");
    check("%F:%u", &m, "Gesch=C3=A4ft=20neu:4391");
    m.id = slice_make("a\0b\r\nc\x7f", 7);
    check("%g", &m, "a=00b=0D=0Ac=7F");
}

static void long_results_become_a_stable_digest(void **state)
{
    (void)state;
    struct uidl_source m = message();
    char text[200];
    char out[UIDL_MAX + 1];
    char other[UIDL_MAX + 1];

    memset(text, 'x', sizeof text);
    m.id = slice_make(text, UIDL_MAX);
    print("%g", &m, out);
    assert_memory_equal(out, text, UIDL_MAX);
    m.id = slice_make(text, UIDL_MAX + 1);
    /* printf 'x%.0s' $(seq 71) | sha256sum | cut -c1-40 */
    check("%g", &m, "87a1e4c1c92b7b7a7c46433d780de6cc19f9ef34");
    m.id = slice_make(text, sizeof text);
    print("%g", &m, out);
    text[sizeof text - 1] = 'y';
    print("%g", &m, other);
    assert_string_not_equal(out, other);
    assert_int_equal(strlen(out), 40);
    memset(text, ' ', 24); /* fits, but not once it is escaped */
    m.id = slice_make(text, 24);
    print("%g", &m, out);
    assert_int_equal(strlen(out), 40);
}

static void needs_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *format;
        unsigned needs;
        bool spans;
    } cases[] = {
        {"%u", 0, false},
        {"%u%v", 0, true},
        {"%g", UIDL_NEEDS_GUID, true},
        {"%f", UIDL_NEEDS_GUID, true},
        {"%i", UIDL_NEEDS_MESSAGE_ID, true},
        {"%m%%F", UIDL_NEEDS_HEADER_MD5, true},
        {"%F:%u", UIDL_NEEDS_FOLDER, true},
        {"%F%g%i%m",
         UIDL_NEEDS_FOLDER | UIDL_NEEDS_GUID | UIDL_NEEDS_MESSAGE_ID | UIDL_NEEDS_HEADER_MD5, true},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct uidl_format f;
        struct failure why;
        assert_true(uidl_format_parse(&f, cases[i].format, &why));
        assert_int_equal(uidl_format_needs(&f), cases[i].needs);
        assert_int_equal(uidl_format_spans_folders(&f), cases[i].spans);
    }
}

static void bad_formats_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *format;
        const char *reason;
    } cases[] = {
        {"", "tells messages apart"},
        {"%v", "tells messages apart"},
        {"%F", "tells messages apart"},
        {"fixed", "tells messages apart"},
        {"%u%%%", "ends inside"},
        {"%u%08", "ends inside"},
        {"%u%q", "%q is not known"},
        {"%8u", "leading zero"},
        {"%021u", "at most 20"},
        {"%0999999999999u", "at most 20"},
        {"%u %v", "printable"},
        {"%u\xc3\xa4", "printable"},
        {"%u\r\n", "printable"},
        {"%08i", "takes no width"},
        {"%XF%u", "takes no width"},
        {"%ubbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "at most 70"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct uidl_format f;
        struct failure why = {0};
        assert_false(uidl_format_parse(&f, cases[i].format, &why));
        if (!strstr(why.text, cases[i].reason))
            fail_msg("%s: %s", cases[i].format, why.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_are_imitated),
        cmocka_unit_test(modifiers_change_numbers_only),
        cmocka_unit_test(message_id_is_replaced_by_its_md5),
        cmocka_unit_test(what_is_missing_is_replaced_by_uid),
        cmocka_unit_test(file_name_loses_directory_and_flags),
        cmocka_unit_test(illegal_octets_are_escaped),
        cmocka_unit_test(long_results_become_a_stable_digest),
        cmocka_unit_test(needs_are_told),
        cmocka_unit_test(bad_formats_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
