/*
 * Getting in: LOGIN, AUTHENTICATE, STARTTLS, CAPABILITY.
 */
#include "tests/unit/mailbox_fake.h"

#define IN                                                                                   \
    "OK [CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE IDLE NAMESPACE UNSELECT " \
    "UIDPLUS ESEARCH SEARCHRES LIST-EXTENDED LIST-STATUS MOVE BINARY CHILDREN SPECIAL-USE "  \
    "CREATE-SPECIAL-USE STATUS=SIZE CONDSTORE UTF8=ACCEPT APPENDLIMIT=1000] Logged in\r\n"

/* Each on a connection of its own. */
static void test_ways_in(void **state)
{
    static const struct said ways[] = {
        {"a LOGIN u p\r\n", "a " IN},
        {"a LOGIN \"u\" {1+}\r\np\r\n", "a " IN},
        {"a AUTHENTICATE PLAIN AHUAcA==\r\n", "a " IN},
        {"a AUTHENTICATE plain\r\nAHUAcA==\r\n", "+ \r\na " IN},
        {"a AUTHENTICATE LOGIN\r\ndQ==\r\ncA==\r\n", "+ VXNlcm5hbWU6\r\n+ UGFzc3dvcmQ6\r\na " IN},
        {"a AUTHENTICATE PLAIN\r\n*\r\n", "+ \r\na BAD Authentication was cancelled\r\n"},
        {"a AUTHENTICATE CRAM-MD5\r\n",
         "a NO [CANNOT] PLAIN and LOGIN are the mechanisms that are known here\r\n"},
        {"a LOGIN u wrong\r\n",
         "a NO [AUTHENTICATIONFAILED] The upstream server refused the login\r\n"},
        {"a LOGIN u \"\"\r\n",
         "a NO [AUTHENTICATIONFAILED] An empty name or password lets nobody in\r\n"},
        {"a LOGIN u\r\n", "a BAD LOGIN: character 10: the command ends too early\r\n"},
        {"a STARTTLS\r\n", "a BAD STARTTLS is not offered here: there is no certificate\r\n"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct world w;
        world_init(&w, 0);
        world_open(&w, 0);
        hears(&w, 0, GREETING);
        says(&w, 0, ways[i].says, ways[i].hears);
        world_clear(&w);
    }
}

static void test_refusals(void **state)
{
    struct world w;
    (void)state;

    world_init(&w, 0);
    world_open(&w, 0);
    hears(&w, 0, GREETING);
    failure_set(&w.refuses, FAILURE_PERMANENT, "No route leads there");
    says(&w, 0, "a LOGIN u p\r\n", "a NO [CANNOT] No route leads there\r\n");
    w.refuses.kind = FAILURE_NONE;
    failure_set(&w.account.login_fails, FAILURE_IN_USE, "The maildrop is locked");
    says(&w, 0, "b LOGIN u p\r\n", "b NO [INUSE] The maildrop is locked\r\n");
    w.account.login_fails.kind = FAILURE_NONE;
    says(&w, 0, "c LOGIN u no\r\n",
         "c NO [AUTHENTICATIONFAILED] The upstream server refused the login\r\n"
         "* BYE Too many logins were refused\r\n");
    assert_true(w.sessions[0].ended);
    assert_null(w.account.clients);
    world_clear(&w);
}

static void test_cleartext(void **state)
{
    struct world w;
    struct buf log = BUF_INIT;
    (void)state;

    world_init(&w, 0);
    w.settings.allow_cleartext = false;
    w.settings.starttls = true;
    world_open(&w, 0);
    hears(&w, 0,
          "* OK [CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE IDLE STARTTLS "
          "LOGINDISABLED] mailferry ready\r\n");
    says(&w, 0, "a LOGIN u p\r\n",
         "a NO [PRIVACYREQUIRED] A password must not cross the network in the clear: use STARTTLS "
         "or imaps\r\n");
    says(&w, 0, "b AUTHENTICATE PLAIN AHUAcA==\r\n",
         "b NO [PRIVACYREQUIRED] A password must not cross the network in the clear: use STARTTLS "
         "or imaps\r\n");
    /* What follows in the clear is left alone (CASES T1). */
    struct slice both = slice_of("c STARTTLS\r\nd NOOP\r\n");
    mailbox_client_data(w.sessions[0].m, &both);
    assert_true(slice_is(both, "d NOOP\r\n"));
    pump(&w);
    hear(&w, 0, &log);
    assert_log(&log, "c OK Begin TLS\r\n");
    assert_true(w.sessions[0].tls_asked);
    assert_false(mailbox_wants_client(w.sessions[0].m));
    mailbox_client_tls(w.sessions[0].m);
    says(&w, 0, "e CAPABILITY\r\n",
         "* CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE IDLE AUTH=PLAIN "
         "AUTH=LOGIN\r\ne OK CAPABILITY done\r\n");
    says(&w, 0, "f STARTTLS\r\n", "f BAD TLS is active already\r\n");
    says(&w, 0, "g LOGIN u p\r\n", "g " IN);
    world_clear(&w);
}

/* The folders of an account that is only being born are there when the login is answered. */
static void test_newborn(void **state)
{
    struct world w;
    struct box_draft d;
    (void)state;

    world_init(&w, 0);
    box_state_free(w.account.state);
    w.account.state = box_state_new();
    w.account.silent = true;
    world_open(&w, 0);
    hears(&w, 0, GREETING);
    says(&w, 0, "a LOGIN u p\r\n", "");
    box_draft_born(&d, w.account.state, 1700000000);
    fake_apply(&w.account, box_draft_end(&d));
    fake_tell(w.account.clients,
              (struct account_event){.type = ACCOUNT_EV_POLLED, .request = w.account.last_request});
    hears(&w, 0, "a " IN);
    /* And before anything was listed, the first SELECT waits for a look. */
    says(&w, 0, "b SELECT INBOX\r\n", "");
    fake_tell(w.account.clients,
              (struct account_event){.type = ACCOUNT_EV_POLLED, .request = w.account.last_request});
    hears(&w, 0,
          FLAGS_LINES "* 0 EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 1700000000] UIDs are valid\r\n"
                      "* OK [UIDNEXT 1] The next UID\r\n* OK [HIGHESTMODSEQ 1] The last change\r\n"
                      "b OK [READ-WRITE] The mailbox is selected\r\n");
    world_clear(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ways_in),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_cleartext),
        cmocka_unit_test(test_newborn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
