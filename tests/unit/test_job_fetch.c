/* FETCH: the answers as RFC 9051 section 7.5.2 has them, and what is asked for to give them. */
#include "tests/unit/job_scene.h"

#define PLAIN                                        \
    "Date: Wed, 17 Jul 1996 02:23:25 -0700\r\n"      \
    "From: Terry Gray <gray@cac.washington.edu>\r\n" \
    "Subject: IMAP4rev2 WG\r\n"                      \
    "To: imap@cac.washington.edu\r\n"                \
    "\r\n"                                           \
    "first line\r\nsecond line\r\n"

static void test_state_items(void **state)
{
    (void)state;
    world_add_octets(&w, slice_of(PLAIN), BOX_SEEN | BOX_FLAGGED, 837596665, "$Forwarded");
    world_add(&w, "");
    world_select(&w);
    world_check(&w, "a FETCH 1:2 (FLAGS UID INTERNALDATE RFC822.SIZE)",
                "* 1 FETCH (FLAGS (\\Flagged \\Seen $Forwarded) UID 1 INTERNALDATE "
                "\"17-Jul-1996 09:44:25 +0000\" RFC822.SIZE 162)\r\n"
                "* 2 FETCH (FLAGS () UID 2 INTERNALDATE \"14-Nov-2023 22:13:20 +0000\" "
                "RFC822.SIZE 0)\r\n");
    assert_int_equal(w.tops + w.retrs, 0);
    assert_int_equal(w.numbers[ASKED_READ], 0);
    world_check(&w, "a UID FETCH 2:9 FLAGS", "* 2 FETCH (UID 2 FLAGS ())\r\n");
    world_check(&w, "a FETCH 2 MODSEQ", "* 2 FETCH (MODSEQ (3))\r\n");
    world_check(&w, "a FETCH 1:2 FLAGS (CHANGEDSINCE 2)", "* 2 FETCH (MODSEQ (3) FLAGS ())\r\n");
    w.host.condstore = true;
    world_check(&w, "a FETCH 2 FLAGS", "* 2 FETCH (MODSEQ (3) FLAGS ())\r\n");
}

static void test_whole(void **state)
{
    (void)state;
    world_add(&w, PLAIN);
    world_add(&w, "");
    world_add_octets(&w, slice_make("\0\n\0", 3), 0, 0, NULL);
    world_select(&w);
    world_check(&w, "a FETCH 1 BODY.PEEK[]", "* 1 FETCH (BODY[] {162}\r\n" PLAIN ")\r\n");
    assert_int_equal(w.result.seen_count, 0);
    world_check(&w, "a FETCH 1 RFC822", "* 1 FETCH (RFC822 {162}\r\n" PLAIN ")\r\n");
    assert_int_equal(w.result.seen_count, 1);
    world_check(&w, "a FETCH 2 (BODY[] UID)", "* 2 FETCH (BODY[] {0}\r\n UID 2)\r\n");
    world_check_octets(&w, "a FETCH 3 BODY[]",
                       slice_of("* 3 FETCH (BODY[] {3}\r\n\x80\n\x80)\r\n"));
    world_check(&w, "a FETCH 1 BODY[]<6.10>", "* 1 FETCH (BODY[]<6> {10}\r\nWed, 17 Ju)\r\n");
    world_check(&w, "a FETCH 1 BODY[]<156.10>", "* 1 FETCH (BODY[]<156> {6}\r\nline\r\n)\r\n");
    world_check(&w, "a FETCH 1 BODY[]<162.10>", "* 1 FETCH (BODY[]<162> {0}\r\n)\r\n");
    world_check(&w, "a FETCH 1 BODY[]<9223372036854775807.9223372036854775807>",
                "* 1 FETCH (BODY[]<9223372036854775807> {0}\r\n)\r\n");
}

static void test_header_only(void **state)
{
    (void)state;
    world_add(&w, PLAIN);
    world_select(&w);
    world_check(&w, "a FETCH 1 ENVELOPE",
                "* 1 FETCH (ENVELOPE (\"Wed, 17 Jul 1996 02:23:25 -0700\" \"IMAP4rev2 WG\" "
                "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
                "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
                "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
                "((NIL NIL \"imap\" \"cac.washington.edu\")) NIL NIL NIL NIL))\r\n");
    world_check(&w, "a FETCH 1 BODY[HEADER.FIELDS (subject)]",
                "* 1 FETCH (BODY[HEADER.FIELDS (subject)] {25}\r\n"
                "Subject: IMAP4rev2 WG\r\n\r\n)\r\n");
    world_check(&w, "a FETCH 1 BODY.PEEK[HEADER.FIELDS.NOT (Date From To)]<0.10>",
                "* 1 FETCH (BODY[HEADER.FIELDS.NOT (Date From To)]<0> {10}\r\nSubject: I)\r\n");
    world_check(&w, "a FETCH 1 RFC822.HEADER",
                "* 1 FETCH (RFC822.HEADER {137}\r\n"
                "Date: Wed, 17 Jul 1996 02:23:25 -0700\r\n"
                "From: Terry Gray <gray@cac.washington.edu>\r\n"
                "Subject: IMAP4rev2 WG\r\nTo: imap@cac.washington.edu\r\n\r\n)\r\n");
    world_forget(&w);
    world_run(&w, slice_of("a FETCH 1 (ENVELOPE BODY[HEADER])"));
    assert_int_equal(w.tops, 1);
    assert_int_equal(w.retrs, 0);
}

#define LITERAL(text) slice_make(text, sizeof(text) - 1)
#define MIXED                                                                                    \
    "Subject: m\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"       \
    "pre\r\n--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n"                                    \
    "--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n"     \
    "\r\nAAECAw==\r\n"                                                                           \
    "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nTo: x@y\r\n\r\ninner body\r\n" \
    "--b\r\nContent-Transfer-Encoding: x-strange\r\n\r\nodd\r\n--b--\r\n"

static void test_parts(void **state)
{
    (void)state;
    world_add(&w, MIXED);
    world_select(&w);
    world_check(&w, "a FETCH 1 (BODY.PEEK[1] BODY.PEEK[1.MIME])",
                "* 1 FETCH (BODY[1] {5}\r\nhello BODY[1.MIME] {28}\r\n"
                "Content-Type: text/plain\r\n\r\n)\r\n");
    world_check(&w, "a FETCH 1 (BODY[3.HEADER] BODY[3.HEADER.FIELDS (TO)] BODY[3.TEXT] BODY[3.1])",
                "* 1 FETCH (BODY[3.HEADER] {27}\r\nSubject: inner\r\nTo: x@y\r\n\r\n "
                "BODY[3.HEADER.FIELDS (TO)] {11}\r\nTo: x@y\r\n\r\n BODY[3.TEXT] {10}\r\n"
                "inner body BODY[3.1] {10}\r\ninner body)\r\n");
    world_check(&w, "a FETCH 1 (BODY[9] BODY[1.HEADER] BODY[1.2] BINARY[9] BINARY.SIZE[9])",
                "* 1 FETCH (BODY[9] NIL BODY[1.HEADER] NIL BODY[1.2] NIL BINARY[9] NIL "
                "BINARY.SIZE[9] 0)\r\n");
    world_check(&w, "a FETCH 1 BODY[3]<25.4>", "* 1 FETCH (BODY[3]<25> {4}\r\n\r\nin)\r\n");
    world_check(&w, "a FETCH 1 (BODY[HEADER.FIELDS (subject)] BODY[1])",
                "* 1 FETCH (BODY[HEADER.FIELDS (subject)] {14}\r\nSubject: m\r\n\r\n "
                "BODY[1] {5}\r\nhello)\r\n");
    world_forget(&w);
    world_run(&w, slice_of("a FETCH 1 (BODY[HEADER] ENVELOPE BODYSTRUCTURE BODY[1])"));
    assert_int_equal(w.tops, 0);
    assert_int_equal(w.retrs, 1);
}

static void test_binary(void **state)
{
    (void)state;
    world_add(&w, MIXED);
    world_add(&w, "MIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=3Db");
    world_select(&w);
    world_check_octets(&w, "a FETCH 1 (BINARY[2] BINARY.SIZE[2] BINARY[1])",
                       LITERAL("* 1 FETCH (BINARY[2] ~{4}\r\n\0\1\2\3 BINARY.SIZE[2] 4 "
                               "BINARY[1] ~{5}\r\nhello)\r\n"));
    world_check_octets(&w, "a FETCH 1 BINARY.PEEK[2]<1.2>",
                       LITERAL("* 1 FETCH (BINARY[2]<1> ~{2}\r\n\1\2)\r\n"));
    world_check(&w, "a FETCH 1 BINARY.PEEK[2]<4.2>", "* 1 FETCH (BINARY[2]<4> ~{0}\r\n)\r\n");
    world_check(&w, "a FETCH 2 (BINARY[1] BODY[1])",
                "* 2 FETCH (BINARY[1] {3}\r\na=b BODY[1] {5}\r\na=3Db)\r\n");
    assert_false(w.result.unknown_cte);
    world_check(&w, "a UID FETCH 1 (BINARY[4] BINARY.SIZE[4])", "* 1 FETCH (UID 1)\r\n");
    assert_true(w.result.unknown_cte);
    assert_int_equal(w.result.seen_count, 0);
}

static void test_malformed(void **state)
{
    (void)state;
    world_add(&w, "no header at all");
    world_add(&w, "Subject: only\r\n");
    world_add(&w, "\r\n\r\n");
    world_add(&w, "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx");
    world_select(&w);
    world_check(&w, "a FETCH 1 (ENVELOPE)",
                "* 1 FETCH (ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL))\r\n");
    world_check(&w, "a FETCH 2 (BODY[TEXT] BODY[HEADER] BODY[1])",
                "* 2 FETCH (BODY[TEXT] {0}\r\n BODY[HEADER] {15}\r\nSubject: only\r\n BODY[1] "
                "{0}\r\n)\r\n");
    world_check(&w, "a FETCH 3 (RFC822.HEADER RFC822.TEXT)",
                "* 3 FETCH (RFC822.HEADER {2}\r\n\r\n RFC822.TEXT {2}\r\n\r\n)\r\n");
    world_check(&w, "a FETCH 4 (BODY[1] BODY[2])", "* 4 FETCH (BODY[1] {1}\r\nx BODY[2] NIL)\r\n");
}

static void test_seen(void **state)
{
    (void)state;
    world_add(&w, PLAIN);
    world_add_octets(&w, slice_of(PLAIN), BOX_SEEN, 0, NULL);
    world_add(&w, PLAIN);
    world_select(&w);
    world_run(&w, slice_of("a FETCH 1:3 (UID BODY[TEXT])"));
    assert_int_equal(w.result.seen_count, 2);
    assert_int_equal(w.seen[0], 1);
    assert_int_equal(w.seen[1], 3);
    world_run(&w, slice_of("a FETCH 1:3 (BODY.PEEK[TEXT] ENVELOPE RFC822.HEADER)"));
    assert_int_equal(w.result.seen_count, 0);
    w.view.read_only = true;
    world_run(&w, slice_of("a FETCH 1:3 RFC822"));
    assert_int_equal(w.result.seen_count, 0);
}

static void test_window(void **state)
{
    struct buf expected = BUF_INIT;

    (void)state;
    for (unsigned i = 1; i <= 300; i++) {
        world_add(&w, PLAIN);
        buf_printf(&expected,
                   "* %u FETCH (BODY[HEADER.FIELDS (SUBJECT)] {25}\r\n"
                   "Subject: IMAP4rev2 WG\r\n\r\n)\r\n",
                   i);
    }
    world_select(&w);
    world_check_octets(&w, "a FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]", buf_slice(&expected));
    world_forget(&w);
    world_run(&w, slice_of("a FETCH 1:* ENVELOPE"));
    assert_int_equal(w.tops, 300);
    assert_true(w.most > 32);
    world_forget(&w);
    world_run(&w, slice_of("a FETCH 1:* BODYSTRUCTURE"));
    assert_int_equal(w.retrs, 300);
    assert_int_equal(w.tops, 0);
    assert_true(w.most > 32);
    assert_true(w.most_parses > 96); /* of small messages, as many as octets */
    buf_clear(&expected);
}

/* What is asked for of a message that cannot be had is left out, and the rest is given. */
static void test_missing(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        world_add(&w, PLAIN);
    world_select(&w);
    w.bodies[2].gone = true;
    world_run(&w, slice_of("a FETCH 1:3 (FLAGS BODY[]<0.4>)"));
    assert_log(&w.text, "* 1 FETCH (FLAGS () BODY[]<0> {4}\r\nDate)\r\n* 2 FETCH (FLAGS ())\r\n"
                        "* 3 FETCH (FLAGS () BODY[]<0> {4}\r\nDate)\r\n");
    assert_int_equal(w.result.failure.kind, FAILURE_PERMANENT);
    assert_int_equal(w.result.seen_count, 2);
    w.bodies[2].gone = false;
    w.bodies[2].unreadable = true;
    world_run(&w, slice_of("a FETCH 2 (ENVELOPE BODY[1])"));
    assert_log(&w.text, "");
    assert_string_equal(w.result.failure.text, "Input/output error");
}

/* The whole is gone, but its header is still kept. */
static void test_header_remains(void **state)
{
    (void)state;
    world_add(&w, PLAIN);
    world_select(&w);
    w.bodies[1].gone = true;
    w.bodies[1].parts[ACCOUNT_HEADER] = true;
    world_run(&w, slice_of("a FETCH 1 (BODY[] BODY[HEADER.FIELDS (SUBJECT)])"));
    assert_log(&w.text, "* 1 FETCH (BODY[HEADER.FIELDS (SUBJECT)] {25}\r\n"
                        "Subject: IMAP4rev2 WG\r\n\r\n)\r\n");
    assert_int_equal(w.result.failure.kind, FAILURE_PERMANENT);
}

/* That is no failure of the FETCH. */
static void test_expunged_while_it_is_fetched(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++)
        world_add(&w, "A: b\r\n\r\n");
    world_select(&w);
    w.bodies[2].vanishes = true;
    world_run(&w, slice_of("a FETCH 1:2 BODY.PEEK[]"));
    assert_log(&w.text, "* 1 FETCH (BODY[] {8}\r\nA: b\r\n\r\n)\r\n");
    assert_int_equal(w.result.failure.kind, FAILURE_NONE);
    assert_true(w.result.expunged && w.result.found);
}

static void test_expunged(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        world_add(&w, PLAIN);
    world_select(&w);
    account_expunges(w.state, BOX_INBOX, 2);
    account_hears(w.state, "gone", 2);
    world_run(&w, slice_of("a FETCH 1:3 UID"));
    assert_log(&w.text, "* 1 FETCH (UID 1)\r\n* 3 FETCH (UID 3)\r\n");
    assert_true(w.result.expunged);
    world_run(&w, slice_of("a FETCH 1 UID"));
    assert_false(w.result.expunged);
}

/* The store lost again what was brought, a few times; then for ever. */
static void test_evicted(void **state)
{
    (void)state;
    world_add(&w, PLAIN);
    world_select(&w);
    w.bodies[1].evicted = 2;
    world_run(&w, slice_of("a FETCH 1 BODY[]<0.4>"));
    assert_log(&w.text, "* 1 FETCH (BODY[]<0> {4}\r\nDate)\r\n");
    world_forget(&w);
    w.bodies[1].evicted = 99;
    world_run(&w, slice_of("a FETCH 1 (UID BODY[])"));
    assert_log(&w.text, "* 1 FETCH (UID 1)\r\n");
    assert_int_equal(w.result.failure.kind, FAILURE_TEMPORARY);
}

/* CASES D4: nothing that follows may be taken for the octets that are missing. */
static void test_broken(void **state)
{
    (void)state;
    world_add(&w, PLAIN);
    world_add(&w, PLAIN);
    world_select(&w);
    w.bodies[1].shorter = 5;
    world_run(&w, slice_of("a FETCH 1:2 BODY[]"));
    assert_true(w.result.broken);
    assert_int_equal(buf_size(&w.text), strlen("* 1 FETCH (BODY[] {162}\r\n") + 162 - 5);
    assert_int_equal(w.result.seen_count, 0);
}

/* As far as the state knows: a small one is gathered before anything is said. */
static void is_long(uint32_t content)
{
    box_state_content(w.state, content)->size = 1 << 20;
}

/* Whose size was announced before it was all there. */
static void test_lost(void **state)
{
    (void)state;
    world_add(&w, PLAIN);
    world_select(&w);
    w.bodies[1].shorter = 5;
    w.bodies[1].lost = true;
    world_run(&w, slice_of("a FETCH 1 (BODY[] UID)"));
    assert_false(w.result.broken);
    assert_log(&w.text, "* 1 FETCH (UID 1)\r\n");
    is_long(1);
    world_run(&w, slice_of("a FETCH 1 (BODY[] FLAGS)"));
    assert_true(w.result.broken);
    struct slice said = buf_slice(&w.text);
    const char *begins = "* 1 FETCH (BODY[] {162}\r\nDate: ";
    assert_memory_equal(said.p, begins, strlen(begins));
    assert_int_equal(said.n, strlen("* 1 FETCH (BODY[] {162}\r\n") + 162 - 5);
}

/* Only what is given as it is need not be there whole. */
static void test_follows(void **state)
{
    (void)state;
    world_add(&w, MIXED);
    world_select(&w);
    is_long(1);
    world_run(&w, slice_of("a FETCH 1 (UID RFC822.SIZE BODY[]<0.10> BODY[])"));
    assert_int_equal(w.follows, 1);
    assert_int_equal(w.retrs, 1);
    world_forget(&w);
    world_run(&w, slice_of("a FETCH 1 (BODYSTRUCTURE BODY[])"));
    assert_int_equal(w.follows, 0);
    assert_int_equal(w.retrs, 1);
    world_forget(&w);
    world_run(&w, slice_of("a SEARCH BODY inner"));
    assert_int_equal(w.follows, 0);
    assert_int_equal(w.retrs, 1);
}

/* A header beyond what is gathered is read as often as needed; a body is never gathered. */
static void test_large(void **state)
{
    struct buf text = BUF_INIT;
    struct buf expected = BUF_INIT;

    (void)state;
    buf_puts(&text, "Subject: s\r\n");
    while (buf_size(&text) < (2 << 20))
        buf_puts(&text, "X-Long: 0123456789012345678901234567890123456789\r\n");
    buf_puts(&text, "To: a@b\r\n\r\n");
    size_t header = buf_size(&text);
    while (buf_size(&text) < (6 << 20))
        buf_puts(&text, "0123456789012345678901234567890123456789\r\n");
    for (int i = 0; i < 3; i++)
        world_add_octets(&w, buf_slice(&text), 0, 0, NULL);
    world_select(&w);
    w.room = 30000;
    buf_printf(&expected, "* 2 FETCH (BODY[HEADER] {%zu}\r\n", header);
    buf_put(&expected, slice_make(buf_slice(&text).p, header));
    buf_puts(&expected, ")\r\n");
    world_run(&w, slice_of("a FETCH 2 BODY[HEADER]"));
    assert_true(slice_equal(buf_slice(&w.text), buf_slice(&expected)));
    world_run(&w,
              slice_of("a FETCH 1:2 (BODY[HEADER.FIELDS (to)] BODY[HEADER.FIELDS (x-long)]<4.4>)"));
    assert_log(&w.text, "* 1 FETCH (BODY[HEADER.FIELDS (to)] {11}\r\nTo: a@b\r\n\r\n "
                        "BODY[HEADER.FIELDS (x-long)]<4> {4}\r\nng: )\r\n"
                        "* 2 FETCH (BODY[HEADER.FIELDS (to)] {11}\r\nTo: a@b\r\n\r\n "
                        "BODY[HEADER.FIELDS (x-long)]<4> {4}\r\nng: )\r\n");
    /* The third is beyond what is gathered ahead: it is asked for again. */
    world_run(&w, slice_of("a FETCH 1:3 BODY[HEADER.FIELDS (subject)]<9.2>"));
    assert_log(&w.text, "* 1 FETCH (BODY[HEADER.FIELDS (subject)]<9> {2}\r\ns\r)\r\n"
                        "* 2 FETCH (BODY[HEADER.FIELDS (subject)]<9> {2}\r\ns\r)\r\n"
                        "* 3 FETCH (BODY[HEADER.FIELDS (subject)]<9> {2}\r\ns\r)\r\n");
    buf_clear(&expected);
    buf_printf(&expected, "* 3 FETCH (BODY[] {%zu}\r\n", buf_size(&text));
    buf_put(&expected, buf_slice(&text));
    buf_puts(&expected, ")\r\n");
    world_run(&w, slice_of("a FETCH 3 BODY[]"));
    assert_true(slice_equal(buf_slice(&w.text), buf_slice(&expected)));
    assert_true(w.turns > 100);
    buf_clear(&expected);
    buf_clear(&text);
}

/* More of them than may be gathered ahead, for a client that takes nothing for a while: none is
 * asked for before there is room for it. */
static void test_read_once(void **state)
{
    enum { COUNT = 60, SIZE = 100000 };
    struct buf text = BUF_INIT;
    struct imapd_command cmd;
    struct failure why;

    (void)state;
    buf_puts(&text, "Subject: s\r\n\r\n");
    while (buf_size(&text) < SIZE)
        buf_puts(&text, "0123456789012345678901234567890123456789\r\n");
    for (int i = 0; i < COUNT; i++)
        world_add_octets(&w, buf_slice(&text), 0, 0, NULL);
    world_select(&w);
    w.keeps = true;
    w.room = 0;
    assert_true(imapd_command_parse(&cmd, slice_of("a FETCH 1:* BODY.PEEK[]"), false, &why));
    struct job *j = job_fetch(&w.host, &cmd.fetch, &cmd.set, cmd.uid);
    while (job_run(j) == JOB_WAITS && w.count)
        world_answer(&w, j);
    assert_true(w.read > SIZE);
    assert_true(w.read < (2 << 20) + SIZE);
    w.room = SIZE;
    world_run_job(&w, j);
    assert_true(buf_size(&w.text) > COUNT * buf_size(&text));
    assert_int_equal(w.read, COUNT * buf_size(&text));
    imapd_command_clear(&cmd);
    buf_clear(&text);
}

/* The octets of a read that was asked for, at once, and then gone; the end of it is not told. */
static void give_at_once(struct job *j, size_t i)
{
    const struct world_asked *a = &w.asked[(w.first + i) % WORLD_ASKED];
    char *octets = slice_dup(w.bodies[a->content].text);
    struct slice in = slice_make(octets, w.bodies[a->content].text.n);

    assert_non_null(octets);
    assert_int_equal(a->ask, ASKED_READ);
    job_read_data(j, a->number, in.n, &in);
    assert_int_equal(in.n, 0);
    free(octets);
}

/* What comes in its turn and finds room is said at once; else it waits. */
static void test_in_one_piece(void **state)
{
    struct imapd_command cmd;
    struct failure why;

    (void)state;
    for (int i = 0; i < 3; i++)
        world_add(&w, "Subject: s\r\n\r\nbody");
    world_select(&w);
    w.keeps = true;
    assert_true(imapd_command_parse(&cmd, slice_of("a FETCH 1:* BODY.PEEK[]<14.2>"), false, &why));
    struct job *j = job_fetch(&w.host, &cmd.fetch, &cmd.set, cmd.uid);
    assert_int_equal(job_run(j), JOB_WAITS);
    assert_int_equal(w.count, 3);
    give_at_once(j, 1);
    assert_int_equal(buf_size(&w.out), 0);
    give_at_once(j, 0);
    assert_log(&w.out, "* 1 FETCH (BODY[]<14> {2}\r\nbo)\r\n");
    w.room = 0;
    give_at_once(j, 2);
    assert_int_equal(buf_size(&w.out), 0);
    w.room = SIZE_MAX;
    for (uint32_t request = 1; request <= 3; request++)
        job_read_done(j, request, true, NULL);
    assert_int_equal(job_run(j), JOB_DONE);
    assert_log(&w.out, "* 2 FETCH (BODY[]<14> {2}\r\nbo)\r\n"
                       "* 3 FETCH (BODY[]<14> {2}\r\nbo)\r\n");
    w.count = 0;
    job_free(j);
    imapd_command_clear(&cmd);
}

/* There is room for the first item alone: what was written is not written again, and the rest is
 * not what was only lent. */
static void test_in_one_piece_without_room(void **state)
{
    struct imapd_command cmd;
    struct failure why;

    (void)state;
    world_add(&w, "Subject: s\r\n\r\nbody");
    world_select(&w);
    w.keeps = true;
    assert_true(imapd_command_parse(
        &cmd, slice_of("a FETCH 1 (UID BODY.PEEK[]<0.4> BODY.PEEK[]<14.4>)"), false, &why));
    struct job *j = job_fetch(&w.host, &cmd.fetch, &cmd.set, cmd.uid);
    assert_int_equal(job_run(j), JOB_WAITS);
    w.room = 20;
    give_at_once(j, 0);
    assert_int_equal(job_run(j), JOB_WAITS);
    assert_log(&w.out, "* 1 FETCH (UID 1 BODY[]<0> {4}\r\nSubj");
    w.room = SIZE_MAX;
    job_read_done(j, 1, true, NULL);
    assert_int_equal(job_run(j), JOB_DONE);
    assert_log(&w.out, " BODY[]<14> {4}\r\nbody)\r\n");
    w.count = 0;
    job_free(j);
    imapd_command_clear(&cmd);
}

/* In the middle of everything: what is still under way is nobody's. */
static void test_freed(void **state)
{
    struct imapd_command cmd;
    struct failure why;

    (void)state;
    for (int i = 0; i < 20; i++)
        world_add(&w, MIXED);
    world_select(&w);
    w.room = 20;
    w.piece = 2;
    assert_true(imapd_command_parse(
        &cmd, slice_of("a FETCH 1:* (ENVELOPE BODY[] BINARY[2] BODY[3.HEADER.FIELDS (TO)])"), false,
        &why));
    for (unsigned steps = 0; steps < 3000; steps += 1 + steps / 20)
        world_free_after(&w, job_fetch(&w.host, &cmd.fetch, &cmd.set, cmd.uid), steps);
    imapd_command_clear(&cmd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_state_items, setup, teardown),
        cmocka_unit_test_setup_teardown(test_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(test_header_only, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_binary, setup, teardown),
        cmocka_unit_test_setup_teardown(test_malformed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(test_window, setup, teardown),
        cmocka_unit_test_setup_teardown(test_missing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_header_remains, setup, teardown),
        cmocka_unit_test_setup_teardown(test_expunged, setup, teardown),
        cmocka_unit_test_setup_teardown(test_expunged_while_it_is_fetched, setup, teardown),
        cmocka_unit_test_setup_teardown(test_evicted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_broken, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(test_follows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_large, setup, teardown),
        cmocka_unit_test_setup_teardown(test_read_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_in_one_piece, setup, teardown),
        cmocka_unit_test_setup_teardown(test_in_one_piece_without_room, setup, teardown),
        cmocka_unit_test_setup_teardown(test_freed, setup, teardown),
    };

    mime_setup();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mime_teardown();
    return failed;
}
