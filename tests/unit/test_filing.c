#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "translate/mailbox/filing.h"
#include "translate/mime/mime_charset.h"

#define HEADER                                                 \
    "Received: by b; Tue, 3 Mar 2020 10:00:00 +0100\r\n"       \
    "From: =?utf-8?q?J=C3=BCrgen?= <j@example.com>\r\n"        \
    "To: ann@example.org\r\n"                                  \
    "List-Id: Developers\r\n\t<dev.lists.example.org>\r\n"     \
    "subject : =?iso-8859-1?q?Gr=FC=DFe?= aus K\xc3\xb6ln\r\n" \
    "To: bob@example.org,\r\n carol@example.org\r\n"           \
    "X-Empty:\r\n"                                             \
    "\r\n"                                                     \
    "X-Body: yes\r\n"

enum test { CONTAINS, IS, MATCHES };

static bool holds(const char *header, enum test test, const char *text)
{
    struct filing_condition condition = {.header = (char *)header};
    struct filing_rule rule = {.conditions = &condition, .condition_count = 1};
    const struct filing_rule *found = NULL;
    struct slice octets = slice_of(HEADER);

    octets.n = strlen(HEADER) - strlen("X-Body: yes\r\n");
    *(test == CONTAINS ? &condition.contains
      : test == IS     ? &condition.is
                       : &condition.matches) = (char *)text;
    assert_true(filing_match(&rule, 1, octets, &found));
    assert_true(found == NULL || found == &rule);
    return found != NULL;
}

static void contains(void **state)
{
    (void)state;
    assert_true(holds("List-Id", CONTAINS, "dev.lists"));
    assert_true(holds("LIST-ID", CONTAINS, "DEV."));
    assert_true(holds("List-Id", CONTAINS, "Developers <dev"));
    assert_false(holds("List-Id", CONTAINS, "dev@lists"));
    assert_false(holds("List", CONTAINS, "dev"));
    assert_false(holds("X-Body", CONTAINS, "yes"));
    assert_false(holds("X-Empty", CONTAINS, "x"));
}

static void fields_are_decoded(void **state)
{
    (void)state;
    assert_true(holds("From", CONTAINS, "j\xc3\xbcrgen <J@"));
    assert_true(holds("Subject", IS,
                      "gr\xc3\xbc\xc3\x9f"
                      "e aus k\xc3\x96ln"));
    assert_true(holds("Subject", MATCHES, "gr??e aus K?ln"));
    assert_false(holds("From", CONTAINS, "utf-8"));
}

static void any_of_the_fields_of_one_name(void **state)
{
    (void)state;
    assert_true(holds("To", CONTAINS, "ann@"));
    assert_true(holds("To", CONTAINS, "carol@"));
    assert_true(holds("To", IS, "ann@example.org"));
    assert_false(holds("To", IS, "bob@example.org"));
}

static void is_compares_the_whole(void **state)
{
    (void)state;
    assert_true(holds("Received", IS, "BY b; tue, 3 mar 2020 10:00:00 +0100"));
    assert_false(holds("Received", IS, "by b"));
    assert_false(holds("To", IS, "*@example.org"));
}

static void wildcards(void **state)
{
    static const struct {
        const char *pattern;
        bool matches;
    } cases[] = {
        {"*", true},
        {"ann@example.org", true},
        {"ANN@*", true},
        {"*@example.org", true},
        {"*@*.org", true},
        {"*n*n*@*.*g", true},
        {"a?n@example.org", true},
        {"?nn@example.org", true},
        {"*?", true},
        {"*example*", true},
        {"**org**", true},
        {"*org?", false},
        {"?ann@example.org", false},
        {"ann@example", false},
        {"nn@example.org", false},
        {"*.com", false},
        {"", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (holds("To", MATCHES, cases[i].pattern) != cases[i].matches)
            fail_msg("%s", cases[i].pattern);
}

/* What it costs grows with the product of both lengths at the worst, not faster. */
static void a_pattern_that_nearly_matches_everywhere(void **state)
{
    char text[30000] = "To: ";
    struct filing_condition condition = {.header = "To", .matches = "*a*a*a*a*a*a*a*a*a*a*b"};
    struct filing_rule rule = {.conditions = &condition, .condition_count = 1};
    const struct filing_rule *found = &rule;

    (void)state;
    memset(text + 4, 'a', sizeof text - 4);
    assert_true(filing_match(&rule, 1, slice_make(text, sizeof text), &found));
    assert_null(found);
}

static void the_first_rule_of_which_all_conditions_hold(void **state)
{
    struct filing_condition none[] = {{.header = "Subject", .contains = "nothing"}};
    struct filing_condition half[] = {{.header = "To", .contains = "ann"},
                                      {.header = "Subject", .contains = "nothing"}};
    struct filing_condition both[] = {{.header = "To", .contains = "ann"},
                                      {.header = "Subject", .contains = "aus"}};
    struct filing_rule rules[] = {
        {.conditions = none, .condition_count = 1},
        {.conditions = half, .condition_count = 2},
        {.conditions = both, .condition_count = 2},
        {.conditions = both, .condition_count = 1},
    };
    const struct filing_rule *found;

    (void)state;
    assert_true(filing_match(rules, 4, slice_of(HEADER), &found));
    assert_ptr_equal(found, &rules[2]);
    assert_true(filing_match(rules, 2, slice_of(HEADER), &found));
    assert_null(found);
    assert_true(filing_match(rules, 4, slice_of(""), &found));
    assert_null(found);
    assert_true(filing_match(NULL, 0, slice_of(HEADER), &found));
    assert_null(found);
}

static void what_a_rule_may_say(void **state)
{
    struct failure why;

    (void)state;
    assert_true(filing_accepts_header("X-Spam-Flag", &why));
    assert_false(filing_accepts_header("Subject:", &why));
    assert_false(filing_accepts_header("List Id", &why));
    assert_false(filing_accepts_header("", &why));
    assert_true(filing_accepts_folder("Lists/dev", &why));
    assert_true(filing_accepts_folder("INBOX", &why));
    assert_true(filing_accepts_folder("Entw\xc3\xbcrfe", &why));
    assert_false(filing_accepts_folder("inbox/Lists", &why));
    assert_false(filing_accepts_folder("", &why));
    assert_false(filing_accepts_folder("/Lists", &why));
    assert_false(filing_accepts_folder("Lists/", &why));
    assert_false(filing_accepts_folder("Lists//dev", &why));
    assert_true(filing_accepts_flag("\\seen", &why));
    assert_true(filing_accepts_flag("$Label1", &why));
    assert_false(filing_accepts_flag("\\Recent", &why));
    assert_false(filing_accepts_flag("\\Important", &why));
    assert_false(filing_accepts_flag("two words", &why));
    assert_false(filing_accepts_flag("", &why));
    assert_int_equal(why.kind, FAILURE_PERMANENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contains),
        cmocka_unit_test(fields_are_decoded),
        cmocka_unit_test(any_of_the_fields_of_one_name),
        cmocka_unit_test(is_compares_the_whole),
        cmocka_unit_test(wildcards),
        cmocka_unit_test(a_pattern_that_nearly_matches_everywhere),
        cmocka_unit_test(the_first_rule_of_which_all_conditions_hold),
        cmocka_unit_test(what_a_rule_may_say),
    };

    mime_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
