/*
 * FETCH items: every one, as it is asked for and as the response names it.
 */
#include "translate/imap/imapd_command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool parse(struct imapd_command *cmd, struct slice items, struct failure *why)
{
    struct buf text = BUF_INIT;

    buf_puts(&text, "a FETCH 1 ");
    buf_put(&text, items);
    bool valid = imapd_command_parse(cmd, buf_slice(&text), false, why);
    buf_clear(&text);
    return valid;
}

static void put_items(struct buf *out, const struct imapd_fetch *fetch)
{
    for (size_t i = 0; i < fetch->count; i++) {
        const struct imapd_fetch_item *item = &fetch->items[i];
        buf_puts(out, i ? " " : "");
        imapd_fetch_put_name(out, item);
        if (item->partial)
            buf_printf(out, "+%llu", (unsigned long long)item->length);
        buf_puts(out, item->peek ? "" : "!");
    }
    if (fetch->changed)
        buf_printf(out, " since %llu", (unsigned long long)fetch->changed_since);
}

/* The response's names; "+n" behind a partial one for its length, "!" behind what sets \Seen. */
static void check(const char *items, const char *expected)
{
    struct imapd_command cmd;
    struct failure why = {0};
    struct buf out = BUF_INIT;

    if (!parse(&cmd, slice_of(items), &why))
        fail_msg("\"%s\" was refused: %s", items, why.text);
    put_items(&out, &cmd.fetch);
    assert_int_equal(imapd_fetch_sets_seen(&cmd.fetch), strchr(expected, '!') != NULL);
    buf_putc(&out, '\0');
    assert_string_equal(buf_slice(&out).p, expected);
    buf_clear(&out);
    imapd_command_clear(&cmd);
}

static void refuse(const char *items, const char *sentence)
{
    struct imapd_command cmd;
    struct failure why = {0};

    if (parse(&cmd, slice_of(items), &why))
        fail_msg("\"%s\" was accepted", items);
    if (!strstr(why.text, sentence))
        fail_msg("\"%s\": %s", items, why.text);
    imapd_command_clear(&cmd);
}

static void test_items(void **state)
{
    (void)state;
    check("FLAGS", "FLAGS");
    check("(flags uid InternalDate)", "FLAGS UID INTERNALDATE");
    check("(RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE MODSEQ)",
          "RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE MODSEQ");
    check("RFC822", "RFC822!");
    check("(RFC822.HEADER RFC822.TEXT)", "RFC822.HEADER RFC822.TEXT!");
}

static void test_macros(void **state)
{
    (void)state;
    check("FAST", "FLAGS INTERNALDATE RFC822.SIZE");
    check("all", "FLAGS INTERNALDATE RFC822.SIZE ENVELOPE");
    check("FULL", "FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY");
    refuse("(ALL)", "unknown item \"ALL\"");
    refuse("(FLAGS FAST)", "unknown item \"FAST\"");
    refuse("ALLOW", "unknown item \"ALLOW\"");
}

/* RFC 3501 section 6.4.5. */
static void test_sections(void **state)
{
    (void)state;
    check("BODY[]", "BODY[]!");
    check("BODY.PEEK[]", "BODY[]");
    check("body[header]", "BODY[HEADER]!");
    check("BODY[TEXT]", "BODY[TEXT]!");
    check("BODY[1]", "BODY[1]!");
    check("BODY[4.2.2.1]", "BODY[4.2.2.1]!");
    check("BODY[3.HEADER]", "BODY[3.HEADER]!");
    check("BODY[4.1.MIME]", "BODY[4.1.MIME]!");
    check("BODY[4.2.TEXT]", "BODY[4.2.TEXT]!");
    check("BODY.PEEK[HEADER.FIELDS (Date FROM)]", "BODY[HEADER.FIELDS (Date FROM)]");
    check("BODY.PEEK[1.header.fields.not (x)]", "BODY[1.HEADER.FIELDS.NOT (x)]");
    check("BODY.PEEK[HEADER.FIELDS (\"X Y\" {2}\r\nab)]", "BODY[HEADER.FIELDS (\"X Y\" ab)]");
    check("(BODY.PEEK[1] FLAGS)", "BODY[1] FLAGS");
}

static void test_partial(void **state)
{
    (void)state;
    check("BODY[]<0.2048>", "BODY[]<0>+2048!");
    check("BODY.PEEK[HEADER.FIELDS (a)]<10.5>", "BODY[HEADER.FIELDS (a)]<10>+5");
    check("BINARY.PEEK[1]<4294967296.9223372036854775807>",
          "BINARY[1]<4294967296>+9223372036854775807");
    refuse("BODY[]<0.0>", "the number of octets is out of range");
    refuse("BODY[]<0>", "\".\" was expected");
    refuse("BODY[]<.5>", "the first octet was expected");
    refuse("BODY[]<0.5", "\">\" was expected");
    refuse("BODY[]<0.18446744073709551616>", "out of range");
    refuse("BINARY.SIZE[1]<0.5>", "whole part");
}

/* RFC 3516 section 4.2. */
static void test_binary(void **state)
{
    (void)state;
    check("BINARY[]", "BINARY[]!");
    check("BINARY[1.2]", "BINARY[1.2]!");
    check("BINARY.PEEK[1]", "BINARY[1]");
    check("BINARY.SIZE[1.2]", "BINARY.SIZE[1.2]");
    refuse("BINARY", "\"[\" was expected");
    refuse("BINARY[TEXT]", "a part's number was expected");
    refuse("BINARY[1.TEXT]", "a part's number was expected");
}

static void test_modifiers(void **state)
{
    (void)state;
    check("(FLAGS) (CHANGEDSINCE 12345)", "FLAGS since 12345");
    check("FAST (changedsince 1)", "FLAGS INTERNALDATE RFC822.SIZE since 1");
    refuse("FLAGS (CHANGEDSINCE 0)", "out of range");
    refuse("FLAGS (CHANGEDSINCE 1 CHANGEDSINCE 2)", "twice");
    refuse("FLAGS (CHANGEDSINCE 1 VANISHED)", "unknown modifier \"VANISHED\"");
    refuse("FLAGS ()", "a modifier was expected");
}

static void test_refused(void **state)
{
    (void)state;
    refuse("BODI", "FETCH: character 11: unknown item \"BODI\"");
    refuse("(FLAGS EMAILID)", "FETCH: character 18: unknown item \"EMAILID\"");
    refuse("", "an item was expected");
    refuse("()", "an item was expected");
    refuse("(FLAGS", "\")\" was expected");
    refuse("(FLAGS )", "an item was expected");
    refuse("FLAGS UID", "nothing more was expected");
    refuse("BODY[", "a part of a message was expected");
    refuse("BODY[0]", "out of range");
    refuse("BODY[1.]", "a part of a message was expected");
    refuse("BODY[1.0]", "out of range");
    refuse("BODY[MIME]", "MIME needs a part's number");
    refuse("BODY[HEADER", "\"]\" was expected");
    refuse("BODY[FOO]", "unknown part of a message \"FOO\"");
    refuse("BODY[1 2]", "\"]\" was expected");
    refuse("BODY[HEADER.FIELDS]", "a space was expected");
    refuse("BODY[HEADER.FIELDS ()]", "the name of a header field was expected");
    refuse("BODY[HEADER.FIELDS (\"a\xc3\xbc\")]", "ASCII characters only");
    refuse("BODY[HEADER.FIELDS ({2}\r\n\r\n)]", "ASCII characters only");
    refuse("BODYSTRUCTURE[1]", "nothing more");
    refuse("BODY.PEEK", "\"[\" was expected");
    refuse("RFC822[1]", "nothing more");
}

static void check_hostile(const char *before, const char *piece, int times, const char *after,
                          const char *sentence)
{
    struct buf text = BUF_INIT;
    struct imapd_command cmd;
    struct failure why = {0};

    buf_puts(&text, before);
    for (int i = 0; i < times; i++)
        buf_puts(&text, piece);
    buf_puts(&text, after);
    assert_int_equal(parse(&cmd, buf_slice(&text), &why), sentence == NULL);
    if (sentence)
        assert_non_null(strstr(why.text, sentence));
    imapd_command_clear(&cmd);
    buf_clear(&text);
}

static void test_hostile(void **state)
{
    (void)state;
    check_hostile("(", "(", 10000, "", "an item was expected");
    check_hostile("(", "FLAGS ", 255, "UID)", NULL);
    check_hostile("(", "FLAGS ", 256, "UID)", "more than 256 items");
    check_hostile("BODY[", "1.", 127, "1]", NULL);
    check_hostile("BODY[", "1.", 128, "1]", "levels deep");
    check_hostile("BODY[HEADER.FIELDS (", "x ", 1023, "x)]", NULL);
    check_hostile("BODY[HEADER.FIELDS (", "x ", 1024, "x)]", "header fields");
}

static void test_has(void **state)
{
    struct imapd_command cmd;
    struct failure why;

    (void)state;
    assert_true(parse(&cmd, slice_of("(FLAGS UID)"), &why));
    assert_true(imapd_fetch_has(&cmd.fetch, IMAPD_FETCH_UID));
    assert_false(imapd_fetch_has(&cmd.fetch, IMAPD_FETCH_MODSEQ));
    imapd_command_clear(&cmd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_items),    cmocka_unit_test(test_macros),
        cmocka_unit_test(test_sections), cmocka_unit_test(test_partial),
        cmocka_unit_test(test_binary),   cmocka_unit_test(test_modifiers),
        cmocka_unit_test(test_refused),  cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_has),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
