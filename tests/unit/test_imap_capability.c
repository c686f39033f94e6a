/* Capability lists as bits. */
#include "tests/unit/feed.h"

#include "translate/imap/imap_capability.h"
#include "translate/sasl/sasl_mechanism.h"

static void test_lists(void **state)
{
    static const struct {
        const char *list;
        uint32_t bits;
    } cases[] = {
        {"", 0},
        {"IMAP4rev1", IMAP_CAP_REV1},
        {" imap4REV1  starttls LoginDisabled ",
         IMAP_CAP_REV1 | IMAP_CAP_STARTTLS | IMAP_CAP_LOGINDISABLED},
        {"AUTH=PLAIN XAUTH=PLAIN", 0},
        {"QRESYNC", IMAP_CAP_QRESYNC | IMAP_CAP_CONDSTORE | IMAP_CAP_ENABLE},
        {"UTF8=ONLY", IMAP_CAP_UTF8_ONLY | IMAP_CAP_UTF8},
        {"COMPRESS=DEFLATE COMPRESS=LZ4", IMAP_CAP_COMPRESS},
        {"IMAP4rev1 IMAP4rev2", IMAP_CAP_REV1 | IMAP_CAP_REV2},
        {"IMAP4rev2", IMAP_CAP_REV2 | IMAP_CAP_NAMESPACE | IMAP_CAP_UNSELECT | IMAP_CAP_UIDPLUS |
                          IMAP_CAP_ESEARCH | IMAP_CAP_ENABLE | IMAP_CAP_SASL_IR | IMAP_CAP_MOVE |
                          IMAP_CAP_LITERAL_MINUS},
        {"ID LITERAL+ SPECIAL-USE OBJECTID X-GM-EXT-1", IMAP_CAP_ID | IMAP_CAP_LITERAL_PLUS |
                                                            IMAP_CAP_SPECIAL_USE |
                                                            IMAP_CAP_OBJECTID | IMAP_CAP_GMAIL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(imap_capability_parse(slice_of(cases[i].list)), cases[i].bits);
}

static void test_mechanisms(void **state)
{
    (void)state;
    assert_int_equal(
        imap_capability_mechanisms(slice_of("AUTH=PLAIN AUTH=PLAIN-CLIENTTOKEN auth=Login "
                                            "XAUTH=CRAM-MD5 AUTH= SASL-IR AUTH=SCRAM-SHA-256")),
        SASL_PLAIN | SASL_LOGIN | SASL_SCRAM_SHA_256);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lists),
                                       cmocka_unit_test(test_mechanisms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
