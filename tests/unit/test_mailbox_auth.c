/*
 * Getting in: LOGIN, AUTHENTICATE, STARTTLS, CAPABILITY.
 */
#include "tests/unit/credentials.h"
#include "tests/unit/mailbox_fake.h"

#include "translate/sasl/sasl_client.h"

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

/* What a login needs is gone behind it: whatever comes late finds nothing to do. */
static void test_behind_the_login(void **state)
{
    struct world w;
    struct failure why;
    (void)state;

    world_init(&w, 0);
    w.settings.starttls = true;
    enter(&w, 0, "");
    says(&w, 0, "b LOGIN u p\r\n", "b BAD You are logged in already\r\n");
    says(&w, 0, "c AUTHENTICATE PLAIN AHUAcA==\r\n", "c BAD You are logged in already\r\n");
    says(&w, 0, "d STARTTLS\r\n", "d BAD You are logged in already\r\n");
    failure_set(&why, FAILURE_TEMPORARY, "it took too long");
    mailbox_refused(w.sessions[0].m, &why);
    mailbox_secret(w.sessions[0].m, &(struct sasl_secret){.kind = SASL_SECRET_NONE});
    mailbox_joined(w.sessions[0].m, &w.account, slice_of("u"), NULL);
    mailbox_client_tls(w.sessions[0].m);
    says(&w, 0, "e NOOP\r\n", "e OK NOOP done\r\n");
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

/* ---- by a secret that is kept here */

/* An exchange from its first line to what is said in the end, with the client's side of SASL. */
static void prove(struct world *w, const char *mechanism, const char *user, const char *password,
                  const char *end)
{
    const struct sasl_peer peer = {.service = "imap"};
    struct credential credential = password_credential(slice_of(user), slice_of(password));
    struct sasl_client *client =
        sasl_client_new(sasl_mechanism_find(slice_of(mechanism)), &credential, &peer);
    struct buf line = BUF_INIT;
    struct buf heard = BUF_INIT;
    struct failure why;

    buf_printf(&line, "a AUTHENTICATE %s\r\n", mechanism);
    for (;;) {
        struct slice in = buf_slice(&line);
        mailbox_client_data(w->sessions[0].m, &in);
        assert_int_equal(in.n, 0);
        pump(w);
        buf_clear(&line);
        buf_clear(&heard);
        hear(w, 0, &heard);
        struct slice said = buf_slice(&heard);
        if (!slice_is(slice_take(&said, 2), "+ "))
            break;
        said.n -= strlen("\r\n");
        assert_int_equal(sasl_client_respond(client, said, &line, &why), SASL_CLIENT_SEND);
        buf_puts(&line, "\r\n");
    }
    assert_log(&heard, end);
    sasl_client_free(client);
    credential_clear(&credential);
}

static void test_proofs(void **state)
{
    static const char *const mechanisms[] = {"SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5"};
    static const char refused[] = "a NO [AUTHENTICATIONFAILED] Authentication failed.\r\n";
    struct credential upstream = password_credential(slice_of("u"), slice_of("p"));
    (void)state;

    for (size_t i = 0; i < sizeof mechanisms / sizeof *mechanisms; i++) {
        struct world w;
        world_init(&w, 0);
        w.settings.secrets = true;
        w.credential = &upstream;
        world_open(&w, 0);
        hears(&w, 0,
              "* OK [CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE IDLE "
              "AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-1 AUTH=CRAM-MD5 AUTH=PLAIN AUTH=LOGIN] mailferry "
              "ready\r\n");
        prove(&w, mechanisms[i], "u", "wrong", refused);
        prove(&w, mechanisms[i], "nobody", "device", refused);
        prove(&w, mechanisms[i], "u", "device", "a " IN);
        world_clear(&w);
    }
    credential_clear(&upstream);
}

static void test_proof_without_credential(void **state)
{
    struct world w;
    (void)state;

    world_init(&w, 0);
    w.settings.secrets = true;
    world_open(&w, 0);
    mailbox_client_out(w.sessions[0].m);
    buf_clear(mailbox_client_out(w.sessions[0].m));
    prove(&w, "CRAM-MD5", "u", "device",
          "a NO [CANNOT] It is not known by what this user is let in at the mail server\r\n");
    world_clear(&w);
}

static void test_certificate(void **state)
{
    static const struct said ways[] = {
        {"a AUTHENTICATE EXTERNAL =\r\n", "a " IN},
        {"a AUTHENTICATE EXTERNAL\r\n\r\n", "+ \r\na " IN},
        {"a AUTHENTICATE external dQ==\r\n", "a " IN},
        {"a AUTHENTICATE EXTERNAL\r\n*\r\n", "+ \r\na BAD Authentication was cancelled\r\n"},
        {"a AUTHENTICATE EXTERNAL Ym9i\r\n",
         "a NO [AUTHENTICATIONFAILED] Acting for another user is not possible: leave the "
         "authorization identity empty\r\n"},
        {"a AUTHENTICATE NTLM\r\n",
         "a NO [CANNOT] CAPABILITY lists the mechanisms that are known here\r\n"},
        {"a LOGIN u \"\"\r\n",
         "a NO [AUTHENTICATIONFAILED] An empty name or password lets nobody in\r\n"},
    };
    struct credential upstream = password_credential(slice_of("u"), slice_of("p"));
    (void)state;

    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct world w;
        world_init(&w, 0);
        w.settings.tls = true;
        w.settings.certified = slice_of("u");
        w.credential = &upstream;
        world_open(&w, 0);
        hears(&w, 0,
              "* OK [CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE IDLE AUTH=EXTERNAL "
              "AUTH=PLAIN AUTH=LOGIN] mailferry ready\r\n");
        says(&w, 0, ways[i].says, ways[i].hears);
        world_clear(&w);
    }
    credential_clear(&upstream);
}

/* In the clear it is nobody's, whatever was shown; and without a way in upstream nobody is let in.
 */
static void test_certificate_behind_starttls(void **state)
{
    struct world w;
    (void)state;

    world_init(&w, 0);
    w.settings.starttls = true;
    world_open(&w, 0);
    buf_clear(mailbox_client_out(w.sessions[0].m));
    mailbox_client_certified(w.sessions[0].m, slice_of("u"));
    says(&w, 0, "a AUTHENTICATE EXTERNAL =\r\n",
         "a NO [CANNOT] PLAIN and LOGIN are the mechanisms that are known here\r\n");
    says(&w, 0, "b STARTTLS\r\n", "b OK Begin TLS\r\n");
    mailbox_client_tls(w.sessions[0].m);
    says(&w, 0, "c AUTHENTICATE EXTERNAL =\r\n",
         "c NO [CANNOT] It is not known by what this user is let in at the mail server\r\n");
    world_clear(&w);
}

static void test_exchanges_that_end_early(void **state)
{
    static const struct said ways[] = {
        {"a AUTHENTICATE SCRAM-SHA-256\r\n*\r\n", "+ \r\na BAD Authentication was cancelled\r\n"},
        {"a AUTHENTICATE SCRAM-SHA-256\r\n!\r\n",
         "+ \r\na BAD The response is not valid base64\r\n"},
        {"a AUTHENTICATE SCRAM-SHA-256-PLUS biwsbj11\r\n",
         "a NO [CANNOT] CAPABILITY lists the mechanisms that are known here\r\n"},
        {"a AUTHENTICATE NTLM\r\n",
         "a NO [CANNOT] CAPABILITY lists the mechanisms that are known here\r\n"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct world w;
        world_init(&w, 0);
        w.settings.secrets = true;
        world_open(&w, 0);
        buf_clear(mailbox_client_out(w.sessions[0].m));
        says(&w, 0, ways[i].says, ways[i].hears);
        world_clear(&w);
    }
}

/* The owner may take its time, but not for ever; what it says later is for nobody. */
static void test_owner_takes_too_long(void **state)
{
    struct world w;
    (void)state;

    world_init(&w, 0);
    w.slow = true;
    world_open(&w, 0);
    hears(&w, 0, GREETING);
    says(&w, 0, "a LOGIN u p\r\n", "");
    assert_int_equal(mailbox_deadline(w.sessions[0].m), w.now + 60000);
    mailbox_now(w.sessions[0].m, w.now + 60000, 1700000060);
    mailbox_tick(w.sessions[0].m);
    pump(&w);
    assert_true(w.sessions[0].cancelled);
    struct buf log = BUF_INIT;
    hear(&w, 0, &log);
    assert_log(&log, "a NO [UNAVAILABLE] The login took longer than 60 seconds; try again later\r\n"
                     "* BYE No login for too long\r\n");
    mailbox_joined(w.sessions[0].m, &w.account, slice_of("u"), NULL);
    assert_null(w.account.clients);
    world_clear(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proofs),
        cmocka_unit_test(test_proof_without_credential),
        cmocka_unit_test(test_certificate),
        cmocka_unit_test(test_certificate_behind_starttls),
        cmocka_unit_test(test_exchanges_that_end_early),
        cmocka_unit_test(test_owner_takes_too_long),
        cmocka_unit_test(test_ways_in),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_cleartext),
        cmocka_unit_test(test_behind_the_login),
        cmocka_unit_test(test_newborn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
