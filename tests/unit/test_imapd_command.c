/*
 * Each command with its arguments, most as the RFCs' examples have them; what is refused, and where
 * the sentence says that it is.
 */
#include "translate/imap/imapd_command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct imapd_command cmd;

static void parse_as(const char *text, enum imapd_verb verb, bool utf8)
{
    struct failure why = {0};

    imapd_command_clear(&cmd);
    if (!imapd_command_parse(&cmd, slice_of(text), utf8, &why))
        fail_msg("\"%s\" was refused: %s", text, why.text);
    assert_int_equal(why.kind, FAILURE_NONE);
    assert_int_equal(cmd.verb, verb);
    assert_true(cmd.tag.n > 0);
}

static void parse(const char *text, enum imapd_verb verb)
{
    parse_as(text, verb, false);
}

static void refuse(const char *text, const char *tag, const char *sentence)
{
    struct failure why = {0};

    imapd_command_clear(&cmd);
    if (imapd_command_parse(&cmd, slice_of(text), false, &why))
        fail_msg("\"%s\" was accepted", text);
    if (!strstr(why.text, sentence))
        fail_msg("\"%s\": %s", text, why.text);
    if (!slice_is(cmd.tag, tag))
        fail_msg("\"%s\" has the tag \"%.*s\"", text, SLICE_ARG(cmd.tag));
}

static void assert_slice(struct slice s, const char *text)
{
    if (!slice_is(s, text))
        fail_msg("\"%.*s\" is not \"%s\"", SLICE_ARG(s), text);
}

static void assert_set(const char *text)
{
    struct buf out = BUF_INIT;

    imapd_set_put(&out, &cmd.set);
    assert_slice(buf_slice(&out), text);
    buf_clear(&out);
}

static void test_every_verb_has_its_name(void **state)
{
    (void)state;
    for (int verb = IMAPD_UNKNOWN + 1; verb < IMAPD_VERBS; verb++) {
        const char *name = imapd_verb_name((enum imapd_verb)verb);
        assert_int_equal(imapd_verb_find(slice_of(name)), verb);
        assert_true(imapd_verb_states((enum imapd_verb)verb) != 0);
    }
    assert_int_equal(imapd_verb_find(slice_of("XYZZY")), IMAPD_UNKNOWN);
    assert_true(imapd_verb_is_secret(IMAPD_UNKNOWN));
}

static void test_without_arguments(void **state)
{
    static const enum imapd_verb verbs[] = {
        IMAPD_CAPABILITY, IMAPD_CHECK, IMAPD_CLOSE,    IMAPD_EXPUNGE,  IMAPD_IDLE,
        IMAPD_LOGOUT,     IMAPD_NOOP,  IMAPD_STARTTLS, IMAPD_UNSELECT, IMAPD_NAMESPACE};

    (void)state;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        char text[40];
        snprintf(text, sizeof text, "a1 %s", imapd_verb_name(verbs[i]));
        parse(text, verbs[i]);
        strcat(text, "  ");
        parse(text, verbs[i]);
        strcat(text, "x");
        refuse(text, "a1", "nothing more was expected");
    }
    parse("a1 nOoP", IMAPD_NOOP);
}

static void test_tags(void **state)
{
    char long_tag[200];

    (void)state;
    refuse("", "", "command: character 1: an empty line");
    refuse(" NOOP", "", "command: character 1: a tag was expected");
    refuse("a+b NOOP", "", "a tag was expected");
    refuse("* NOOP", "", "a tag was expected");
    refuse("a", "a", "command: character 2: the command ends too early");
    refuse("a ", "a", "a command was expected");
    refuse("a  NOOP", "a", "command: character 3: a command was expected");
    refuse("a FOO", "a", "command: character 3: unknown command");
    refuse("a\tNOOP", "", "a tag was expected");
    parse("]a.1/#!& NOOP", IMAPD_NOOP);
    memset(long_tag, 'a', sizeof long_tag);
    strcpy(long_tag + IMAPD_TAG_MAX, " NOOP");
    parse(long_tag, IMAPD_NOOP);
    memset(long_tag, 'a', sizeof long_tag);
    strcpy(long_tag + IMAPD_TAG_MAX + 1, " NOOP");
    refuse(long_tag, "", "a tag was expected");
}

static void test_login(void **state)
{
    (void)state;
    parse("a001 LOGIN SMITH SESAME", IMAPD_LOGIN);
    assert_slice(cmd.login.user, "SMITH");
    assert_slice(cmd.login.password, "SESAME");
    parse("A001 LOGIN {11}\r\nFRED FOOBAR {7}\r\nfat man", IMAPD_LOGIN);
    assert_slice(cmd.login.user, "FRED FOOBAR");
    assert_slice(cmd.login.password, "fat man");
    parse("a LOGIN \"a\\\\b\" \"c\\\"d\"", IMAPD_LOGIN);
    assert_slice(cmd.login.user, "a\\b");
    assert_slice(cmd.login.password, "c\"d");
    parse("a LOGIN x \"\"", IMAPD_LOGIN);
    assert_slice(cmd.login.password, "");
    refuse("a LOGIN x", "a", "LOGIN: character 10: the command ends too early");
    refuse("a LOGIN x \"secret", "a", "without its closing quote");
    refuse("a LOGIN x \"s\\ecret\"", "a", "only quotes and backslashes");
    refuse("a LOGIN x y z", "a", "nothing more");
    refuse("a LOGIN x {2}\r\ny", "a", "the octets of a literal are missing");
    refuse("a LOGIN x {99999999999999999999}\r\ny", "a", "out of range");
    refuse("a LOGIN x {-1}", "a", "the size of a literal was expected");
}

static void test_secrets_are_not_told(void **state)
{
    static const char *const texts[] = {
        "a LOGIN user sesame extra",
        "a LOGIN \"user\" \"sesame\\x\"",
        "a AUTHENTICATE PLAIN sesame!",
        "a AUTHENTICATE sesame %",
        "a sesame",
        "a LOGIN user \"sesame\r\"",
        "a LOGIN user {6}\r\nsesame{1}",
        "sesame+",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct failure why = {0};
        imapd_command_clear(&cmd);
        assert_false(imapd_command_parse(&cmd, slice_of(texts[i]), false, &why));
        assert_null(strstr(why.text, "sesame"));
    }
}

static void test_authenticate(void **state)
{
    (void)state;
    parse("a AUTHENTICATE GSSAPI", IMAPD_AUTHENTICATE);
    assert_slice(cmd.authenticate.mechanism, "GSSAPI");
    assert_false(cmd.authenticate.has_initial);
    parse("a authenticate PLAIN dGVzdAB0ZXN0AHRlc3Q=", IMAPD_AUTHENTICATE);
    assert_true(cmd.authenticate.has_initial);
    assert_slice(cmd.authenticate.initial, "dGVzdAB0ZXN0AHRlc3Q=");
    parse("a AUTHENTICATE EXTERNAL =", IMAPD_AUTHENTICATE);
    assert_true(cmd.authenticate.has_initial);
    assert_slice(cmd.authenticate.initial, "");
    refuse("a AUTHENTICATE PLAIN a*", "a", "nothing more");
    refuse("a AUTHENTICATE PLAIN \"a\"", "a", "base64");
}

static void test_mailbox_names(void **state)
{
    static const char *const same[][2] = {
        {"inbox", "INBOX"},
        {"\"InBox\"", "INBOX"},
        {"{5}\r\ninbox", "INBOX"},
        {"INBOX/", "INBOX"},
        {"inbox/Work/INBOX", "INBOX/Work/INBOX"},
        {"inbox/work/inbox", "INBOX/work/inbox"},
        {"inbox2/a", "inbox2/a"},
        {"inbo", "inbo"},
        {"Drafts/", "Drafts"},
        {"/", "/"},
        {"foo]", "foo]"},
        {"\"~peter/mail/&U,BTFw-/&ZeVnLIqe-\"", "~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/"
                                                "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"},
        {"R&-D", "R&D"},
        {"{3}\r\na b", "a b"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        char text[100];
        snprintf(text, sizeof text, "a DELETE %s", same[i][0]);
        parse(text, IMAPD_DELETE);
        assert_slice(cmd.mailbox, same[i][1]);
    }
    parse_as("a CREATE \"R&D \xc3\xbc\"", IMAPD_CREATE, true);
    assert_slice(cmd.mailbox, "R&D \xc3\xbc");
}

static void test_bad_mailbox_names(void **state)
{
    char text[1100] = "a DELETE ";

    (void)state;
    refuse("a DELETE", "a", "ends too early");
    refuse("a DELETE \"\"", "a", "cannot be empty");
    refuse("a DELETE a&b", "a", "DELETE: character 10: a mailbox name that is no modified UTF-7");
    refuse("a DELETE \"\xc3\xbc\"", "a", "no modified UTF-7");
    refuse("a DELETE a*", "a", "nothing more");
    refuse("a DELETE (a)", "a", "a mailbox name was expected");
    refuse("a DELETE \"a\tb\"", "a", "control characters");
    refuse("a DELETE {3}\r\na\nb", "a", "control characters");
    refuse("a DELETE &AAo-", "a", "control characters");
    memset(text + 9, 'x', 1001);
    text[1010] = '\0';
    refuse(text, "a", "more than 1000 octets");
    text[1009] = '\0';
    parse(text, IMAPD_DELETE);
}

static void test_select(void **state)
{
    (void)state;
    parse("A142 SELECT INBOX", IMAPD_SELECT);
    assert_false(cmd.condstore);
    parse("A142 SELECT INBOX (CONDSTORE)", IMAPD_SELECT);
    assert_true(cmd.condstore);
    parse("A142 EXAMINE INBOX (condstore) ", IMAPD_EXAMINE);
    assert_true(cmd.condstore);
    refuse("a SELECT x (QRESYNC (1 2))", "a",
           "SELECT: character 13: unknown parameter \"QRESYNC\"");
    refuse("a SELECT x ()", "a", "a parameter was expected");
}

static void test_create_and_rename(void **state)
{
    (void)state;
    parse("A003 CREATE owatagusiam/", IMAPD_CREATE);
    assert_slice(cmd.mailbox, "owatagusiam");
    assert_int_equal(cmd.special_uses.count, 0);
    parse("t1 CREATE MySpecial (USE (\\Drafts \\Sent))", IMAPD_CREATE);
    assert_int_equal(cmd.special_uses.count, 2);
    assert_slice(cmd.special_uses.words[0], "\\Drafts");
    assert_slice(cmd.special_uses.words[1], "\\Sent");
    parse("t1 CREATE x (USE ())", IMAPD_CREATE);
    refuse("t1 CREATE x (USE (Sent))", "t1", "a special use such as");
    refuse("t1 CREATE x (FOO)", "t1", "unknown parameter \"FOO\"");
    parse("A683 RENAME blurdybloop sarasoop", IMAPD_RENAME);
    assert_slice(cmd.mailbox, "blurdybloop");
    assert_slice(cmd.to, "sarasoop");
    refuse("A683 RENAME blurdybloop", "A683", "ends too early");
}

static void assert_list(unsigned select, unsigned returns, const char *reference,
                        const char *patterns)
{
    struct buf out = BUF_INIT;

    assert_int_equal(cmd.list.select, select);
    assert_int_equal(cmd.list.returns, returns);
    assert_slice(cmd.list.reference, reference);
    for (size_t i = 0; i < cmd.list.patterns.count; i++)
        buf_printf(&out, "%s%.*s", i ? " " : "", SLICE_ARG(cmd.list.patterns.words[i]));
    assert_slice(buf_slice(&out), patterns);
    buf_clear(&out);
}

/* RFC 3501 section 6.3.8, RFC 5258 section 5, RFC 5819 section 2, RFC 6154 section 5. */
static void test_list(void **state)
{
    (void)state;
    parse("A101 LIST \"\" \"\"", IMAPD_LIST);
    assert_list(0, 0, "", "");
    assert_false(cmd.list.extended);
    parse("A202 LIST ~/Mail/ %", IMAPD_LIST);
    assert_list(0, 0, "~/Mail/", "%");
    parse("A1 LIST (SUBSCRIBED) \"\" *", IMAPD_LIST);
    assert_list(IMAPD_LIST_SUBSCRIBED, 0, "", "*");
    assert_true(cmd.list.extended);
    parse("A2 LIST () \"\" \"%\" RETURN (CHILDREN)", IMAPD_LIST);
    assert_list(0, IMAPD_LIST_CHILDREN, "", "%");
    parse("A3 LIST (SUBSCRIBED REMOTE recursivematch) \"\" * RETURN (SUBSCRIBED)", IMAPD_LIST);
    assert_list(IMAPD_LIST_SUBSCRIBED | IMAPD_LIST_REMOTE | IMAPD_LIST_RECURSIVEMATCH,
                IMAPD_LIST_SUBSCRIBED, "", "*");
    parse("A4 LIST \"\" (\"INBOX\" Drafts \"Sent/%\")", IMAPD_LIST);
    assert_list(0, 0, "", "INBOX Drafts Sent/%");
    assert_true(cmd.list.extended);
    parse("A5 LIST (SPECIAL-USE) \"\" % return (SPECIAL-USE STATUS (MESSAGES UNSEEN) CHILDREN)",
          IMAPD_LIST);
    assert_list(IMAPD_LIST_SPECIAL_USE,
                IMAPD_LIST_SPECIAL_USE | IMAPD_LIST_STATUS | IMAPD_LIST_CHILDREN, "", "%");
    assert_int_equal(cmd.list.status, IMAPD_STATUS_MESSAGES | IMAPD_STATUS_UNSEEN);
    parse("A6 LIST \"\" &U,BTFw-* RETURN ()", IMAPD_LIST);
    assert_list(0, 0, "", "\xe5\x8f\xb0\xe5\x8c\x97*");
    parse("a LSUB \"#news.\" \"comp.mail.*\"", IMAPD_LSUB);
    assert_list(0, 0, "#news.", "comp.mail.*");
}

static void test_list_refused(void **state)
{
    (void)state;
    refuse("a LIST \"\"", "a", "ends too early");
    refuse("a LIST (RECURSIVEMATCH) \"\" *", "a", "RECURSIVEMATCH needs");
    refuse("a LIST (REMOTE RECURSIVEMATCH) \"\" *", "a", "RECURSIVEMATCH needs");
    refuse("a LIST (FOO) \"\" *", "a", "LIST: character 9: unknown selection option \"FOO\"");
    refuse("a LIST \"\" * RETURN (REMOTE)", "a", "unknown return option \"REMOTE\"");
    refuse("a LIST \"\" * RETURN (STATUS)", "a", "a space was expected");
    refuse("a LIST \"\" * RETURN (STATUS (FOO))", "a", "unknown status item \"FOO\"");
    refuse("a LIST \"\" ()", "a", "a mailbox pattern was expected");
    refuse("a LIST \"\" (a", "a", "\")\" was expected behind patterns");
    refuse("a LIST \"\" * FOO", "a", "nothing more");
    refuse("a LIST \"\" * RETURNX ()", "a", "nothing more");
    refuse("a LSUB (SUBSCRIBED) \"\" *", "a", "a reference name was expected");
}

static void test_status(void **state)
{
    (void)state;
    parse("A042 STATUS blurdybloop (UIDNEXT MESSAGES)", IMAPD_STATUS);
    assert_slice(cmd.mailbox, "blurdybloop");
    assert_int_equal(cmd.status, IMAPD_STATUS_UIDNEXT | IMAPD_STATUS_MESSAGES);
    parse("a STATUS x (messages recent uidnext uidvalidity unseen deleted size highestmodseq "
          "appendlimit)",
          IMAPD_STATUS);
    assert_int_equal(cmd.status, 0x1ff);
    refuse("a STATUS x ()", "a", "a status item was expected");
    refuse("a STATUS x MESSAGES", "a", "\"(\" was expected");
    refuse("a STATUS x (MAILBOXID)", "a", "STATUS: character 13: unknown status item");
}

static void test_append(void **state)
{
    (void)state;
    parse("A003 APPEND saved-messages (\\Seen) {310}", IMAPD_APPEND);
    assert_slice(cmd.mailbox, "saved-messages");
    assert_int_equal(cmd.append.flags.system, IMAPD_FLAG_SEEN);
    assert_false(cmd.append.dated || cmd.append.utf8 || cmd.append.binary);
    assert_int_equal(cmd.append.size, 310);
    parse("A APPEND {1}\r\nx () \"17-Jul-1996 02:44:25 -0700\" ~{5000000000+}", IMAPD_APPEND);
    assert_slice(cmd.mailbox, "x");
    assert_true(cmd.append.dated && cmd.append.binary);
    assert_int_equal(cmd.append.date, 837596665);
    assert_true(cmd.append.size == 5000000000);
    parse("A APPEND x \" 1-Feb-1994 00:00:00 +0000\" UTF8 (~{3}", IMAPD_APPEND);
    assert_true(cmd.append.utf8 && cmd.append.dated);
    refuse("A APPEND x", "A", "ends too early");
    refuse("A APPEND x message", "A", "APPEND: character 12: a literal was expected");
    refuse("A APPEND x (\\Seen {3}", "A", "APPEND: character 19: a keyword was expected");
    refuse("A APPEND x \"yesterday\" {3}", "A", "APPEND: character 12: a date is written as");
    refuse("A APPEND x {3}\r\nabc", "A", "nothing more");
}

static void assert_flags(const struct imapd_flags *flags, unsigned system, const char *keywords)
{
    struct buf out = BUF_INIT;

    assert_int_equal(flags->system, system);
    for (size_t i = 0; i < flags->count; i++)
        buf_printf(&out, "%s%.*s", i ? " " : "", SLICE_ARG(flags->keywords[i]));
    assert_slice(buf_slice(&out), keywords);
    buf_clear(&out);
}

static void test_store(void **state)
{
    (void)state;
    parse("A003 STORE 2:4 +FLAGS (\\Deleted)", IMAPD_STORE);
    assert_set("2:4");
    assert_int_equal(cmd.store.how, IMAPD_STORE_ADD);
    assert_false(cmd.store.silent || cmd.store.conditional || cmd.uid);
    assert_flags(&cmd.store.flags, IMAPD_FLAG_DELETED, "");
}

static void test_store_forms(void **state)
{
    (void)state;
    parse("a UID STORE 4392 flags.silent \\seen $Forwarded Junk \\DRAFT junk", IMAPD_STORE);
    assert_true(cmd.uid && cmd.store.silent);
    assert_int_equal(cmd.store.how, IMAPD_STORE_SET);
    assert_flags(&cmd.store.flags, IMAPD_FLAG_SEEN | IMAPD_FLAG_DRAFT, "$Forwarded Junk");
    parse("a103 UID STORE 6,4,8 (UNCHANGEDSINCE 12121230045) -FLAGS.SILENT (\\Answered x)",
          IMAPD_STORE);
    assert_set("4,6,8");
    assert_int_equal(cmd.store.how, IMAPD_STORE_REMOVE);
    assert_true(cmd.store.conditional);
    assert_true(cmd.store.unchanged_since == 12121230045);
    parse("a STORE $ FLAGS ()", IMAPD_STORE);
    assert_true(cmd.set.saved);
    assert_flags(&cmd.store.flags, 0, "");
    parse("a STORE 1 FLAGS (\\Recent \\Flagged)", IMAPD_STORE);
    assert_flags(&cmd.store.flags, IMAPD_FLAG_FLAGGED, "");
}

static void test_store_refused(void **state)
{
    char text[400] = "a STORE 1 FLAGS ";

    (void)state;
    refuse("a STORE 1 FLAGS", "a", "ends too early");
    refuse("a STORE 1 FLAGS \\Foo", "a", "STORE: character 17: unknown flag \"\\Foo\"");
    refuse("a STORE 1 FLAGS (\\*)", "a", "the name of a flag was expected");
    refuse("a STORE 1 *FLAGS (x)", "a", "FLAGS, +FLAGS or -FLAGS was expected");
    refuse("a STORE 1 LABELS (x)", "a", "unknown item \"LABELS\"");
    refuse("a STORE 1 (CHANGEDSINCE 1) FLAGS x", "a", "unknown modifier");
    refuse("a STORE 0 FLAGS x", "a", "STORE: character 9: a message number is out of range");
    memset(text + 16, 'x', IMAPD_KEYWORD_MAX + 1);
    refuse(text, "a", "a keyword of more than 128");
}

static void test_copy_move_expunge(void **state)
{
    (void)state;
    parse("A003 COPY 2:4 MEETING", IMAPD_COPY);
    assert_set("2:4");
    assert_slice(cmd.mailbox, "MEETING");
    parse("a UID MOVE 42:69 foo", IMAPD_MOVE);
    assert_true(cmd.uid);
    parse("A101 UID EXPUNGE 3000:3002", IMAPD_EXPUNGE);
    assert_set("3000:3002");
    assert_true(cmd.uid);
    refuse("a COPY 2:4", "a", "ends too early");
    refuse("a EXPUNGE 1:3", "a", "nothing more");
    refuse("a UID EXPUNGE", "a", "ends too early");
    refuse("a UID NOOP", "a", "command: character 7: there is no UID NOOP");
    refuse("a UID", "a", "ends too early");
    refuse("a UID UID FETCH 1 UID", "a", "unknown command");
}

static void test_fetch_and_search(void **state)
{
    (void)state;
    parse("A999 UID FETCH 4827313:4828442 FLAGS", IMAPD_FETCH);
    assert_set("4827313:4828442");
    assert_int_equal(cmd.fetch.count, 1);
    parse("a UID SEARCH RETURN (SAVE) SINCE 1-Feb-1994", IMAPD_SEARCH);
    assert_true(cmd.uid);
    assert_int_equal(cmd.search.results, IMAPD_RETURN_SAVE);
    refuse("a FETCH 1:* (BODI)", "a", "FETCH: character 14: unknown item \"BODI\"");
    refuse("a FETCH 1", "a", "ends too early");
    refuse("a FETCH x FLAGS", "a", "a message number was expected");
}

static void test_id(void **state)
{
    (void)state;
    parse("a023 ID NIL", IMAPD_ID);
    assert_int_equal(cmd.id.count, 0);
    parse("a023 ID (\"name\" \"sodr\" \"version\" NIL)", IMAPD_ID);
    assert_int_equal(cmd.id.count, 2);
    assert_slice(cmd.id.names[0], "name");
    assert_slice(cmd.id.values[0], "sodr");
    assert_null(cmd.id.values[1].p);
    parse("a ID ()", IMAPD_ID);
    refuse("a ID", "a", "ends too early");
    refuse("a ID (\"name\")", "a", "a space was expected");
    refuse("a ID (name x)", "a", "the name of a field was expected");
}

static void test_enable(void **state)
{
    (void)state;
    parse("t1 ENABLE CONDSTORE X-GOOD-IDEA", IMAPD_ENABLE);
    assert_int_equal(cmd.enable.count, 2);
    assert_slice(cmd.enable.words[1], "X-GOOD-IDEA");
    refuse("t1 ENABLE", "t1", "ends too early");
    refuse("t1 ENABLE (A)", "t1", "the name of a capability was expected");
}

/* The text need not outlive the call. */
static void test_text_is_copied(void **state)
{
    char text[] = "a LOGIN anna sesame";
    struct failure why;

    (void)state;
    imapd_command_clear(&cmd);
    assert_true(imapd_command_parse(&cmd, slice_of(text), false, &why));
    memset(text, 'x', sizeof text);
    assert_slice(cmd.tag, "a");
    assert_slice(cmd.login.user, "anna");
    assert_slice(cmd.login.password, "sesame");
}

static void test_octets_that_may_not_be(void **state)
{
    struct failure why;

    (void)state;
    imapd_command_clear(&cmd);
    assert_false(imapd_command_parse(&cmd, slice_make("a LOGIN \"a\0b\" c", 15), false, &why));
    imapd_command_clear(&cmd);
    assert_false(imapd_command_parse(&cmd, slice_make("a LOGIN {3}\r\na\0b c", 18), false, &why));
    assert_non_null(strstr(why.text, "NUL"));
    refuse("a NOOP\r", "a", "nothing more");
    refuse("a LOGIN a\rb c", "a", "a space was expected");
    refuse("a DELETE \xc3\xbc", "a", "a mailbox name was expected");
}

/* CASES R1. */
static void test_hostile(void **state)
{
    struct buf text = BUF_INIT;

    (void)state;
    buf_puts(&text, "a ENABLE");
    for (int i = 0; i < 100000; i++)
        buf_puts(&text, " A");
    buf_putc(&text, '\0');
    refuse(buf_slice(&text).p, "a", "more than 100");
    buf_truncate(&text, 0);
    buf_puts(&text, "a STORE 1 FLAGS (");
    for (int i = 0; i < 101; i++)
        buf_printf(&text, "x%d ", i);
    buf_putc(&text, '\0');
    refuse(buf_slice(&text).p, "a", "more than 100 keywords");
    buf_truncate(&text, 0);
    buf_puts(&text, "a ID (");
    for (int i = 0; i < 31; i++)
        buf_puts(&text, "\"x\" NIL ");
    buf_putc(&text, '\0');
    refuse(buf_slice(&text).p, "a", "more than 30 fields");
    buf_clear(&text);
}

static int clear(void **state)
{
    (void)state;
    imapd_command_clear(&cmd);
    assert_null(cmd.memory.blocks);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_verb_has_its_name),
        cmocka_unit_test(test_without_arguments),
        cmocka_unit_test(test_tags),
        cmocka_unit_test(test_login),
        cmocka_unit_test(test_secrets_are_not_told),
        cmocka_unit_test(test_authenticate),
        cmocka_unit_test(test_mailbox_names),
        cmocka_unit_test(test_bad_mailbox_names),
        cmocka_unit_test(test_select),
        cmocka_unit_test(test_create_and_rename),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_list_refused),
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_append),
        cmocka_unit_test(test_store),
        cmocka_unit_test(test_store_forms),
        cmocka_unit_test(test_store_refused),
        cmocka_unit_test(test_copy_move_expunge),
        cmocka_unit_test(test_fetch_and_search),
        cmocka_unit_test(test_id),
        cmocka_unit_test(test_enable),
        cmocka_unit_test(test_text_is_copied),
        cmocka_unit_test(test_octets_that_may_not_be),
        cmocka_unit_test(test_hostile),
    };

    return cmocka_run_group_tests(tests, NULL, clear);
}
