/* What IMAP servers say, from the RFCs' own examples to hostile input. */
#include "tests/unit/feed.h"
#include "tests/unit/imap_event_text.h"

#include <malloc.h>

static bool take(void *session, struct slice piece, struct buf *log)
{
    struct imap_event ev;
    struct failure why;

    for (;;) {
        switch (imap_response_next(session, &piece, &ev, &why)) {
        case IMAP_PARSE_EVENT:
            imap_event_text(log, &ev);
            break;
        case IMAP_PARSE_MORE:
            assert_int_equal(piece.n, 0);
            return true;
        case IMAP_PARSE_ERROR:
            assert_int_equal(why.kind, FAILURE_TEMPORARY);
            assert_true(why.text[0] != '\0');
            assert_int_equal(imap_response_next(session, &piece, &ev, &why), IMAP_PARSE_ERROR);
            buf_puts(log, "error\n");
            return false;
        }
    }
}

static void check_cut(struct slice text, size_t first, size_t size, const char *expected)
{
    struct imap_response *r = imap_response_new();
    struct buf log = BUF_INIT;

    assert_non_null(r);
    feed_cut(take, r, text, first, size, &log);
    assert_log(&log, expected);
    imap_response_free(r);
}

static void check_slice(struct slice text, const char *expected)
{
    check_cut(text, text.n, 1, expected);
    check_cut(text, 0, 1, expected);
    check_cut(text, 0, 3, expected);
    for (size_t i = 1; i < text.n && text.n < 4000; i++)
        check_cut(text, i, text.n, expected);
}

static void check(const char *text, const char *expected)
{
    check_slice(slice_of(text), expected);
}

struct example {
    const char *text;
    const char *expected;
};

static void check_all(const struct example *examples, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check(examples[i].text, examples[i].expected);
}

#define CHECK_ALL(examples) check_all(examples, sizeof examples / sizeof *examples)

static void test_status(void **state)
{
    static const struct example examples[] = {
        {"* OK IMAP4rev1 Service Ready\r\n", "* OK IMAP4rev1 Service Ready\n"},
        {"a001 OK LOGIN completed\r\n", "a001 OK LOGIN completed\n"},
        {"* OK [UNSEEN 12] Message 12 is first unseen\r\n",
         "* OK [UNSEEN 12] Message 12 is first unseen\n"},
        {"* OK [PERMANENTFLAGS (\\Deleted \\Seen \\*)] Limited\r\n",
         "* OK [PERMANENTFLAGS (\\Deleted \\Seen \\*)] Limited\n"},
        {"a002 OK [READ-WRITE] SELECT completed\r\n", "a002 OK [READ-WRITE] SELECT completed\n"},
        {"* BYE IMAP4rev1 Server logging out\r\n", "* BYE IMAP4rev1 Server logging out\n"},
        {"* PREAUTH IMAP4rev1 server logged in as Smith\r\n",
         "* PREAUTH IMAP4rev1 server logged in as Smith\n"},
        {"* NO Disk is 98% full, please delete\r\n", "* NO Disk is 98% full, please delete\n"},
        {"* BAD Disk crash, attempting salvage\r\n", "* BAD Disk crash, attempting salvage\n"},
        {"* OK [HIGHESTMODSEQ 715194045007]\r\n", "* OK [HIGHESTMODSEQ 715194045007] \n"},
        {"* OK [NOMODSEQ] Sorry\r\n", "* OK [NOMODSEQ] Sorry\n"},
        {"* OK [CLOSED] Previous mailbox closed.\n", "* OK [CLOSED] Previous mailbox closed.\n"},
        {"d OK [MODIFIED 7,9] Conditional STORE failed\r\n",
         "d OK [MODIFIED 7,9] Conditional STORE failed\n"},
        {"A3 OK [COPYUID 38505 304,319:320 3956:3958] Done\r\n",
         "A3 OK [COPYUID 38505 304,319:320 3956:3958] Done\n"},
        /* Any case, too many spaces, no text, LF alone, a bracket never closed, prose that looks
         * like a literal or a string. */
        {"*  ok   hello\n* oK\r\nx1 No\n", "* OK hello\n* OK \nx1 NO \n"},
        {"* OK [oops no end\r\n", "* OK [oops no end\n"},
        {"* OK send {5}\r\n* OK don't \"quote\r\n", "* OK send {5}\n* OK don't \"quote\n"},
        {"\r\n\n* OK a\r\n\r\n", "* OK a\n"},
        {"+ idling\r\n+\r\n+ \r\n+ YGgGCSqGSIb3DQ==\r\n", "+ idling\n+ \n+ \n+ YGgGCSqGSIb3DQ==\n"},
    };

    (void)state;
    CHECK_ALL(examples);
}

static void test_capability(void **state)
{
    static const struct example examples[] = {
        {"* CAPABILITY IMAP4rev1 STARTTLS AUTH=GSSAPI XPIG-LATIN\r\n",
         "capability IMAP4rev1 STARTTLS AUTH=GSSAPI XPIG-LATIN\n"},
        /* Out of a code it comes before its status, which has it still. */
        {"* OK [CAPABILITY IMAP4rev1 ID] hello\r\n* 3 EXISTS\r\n",
         "capability IMAP4rev1 ID\n* OK [CAPABILITY IMAP4rev1 ID] hello\nexists 3\n"},
        {"a1 OK [capability IMAP4rev2] in\r\n",
         "capability IMAP4rev2\na1 OK [capability IMAP4rev2] in\n"},
        {"* ENABLED CONDSTORE QRESYNC\r\n* ENABLED\r\n", "enabled CONDSTORE QRESYNC\nenabled \n"},
    };

    (void)state;
    CHECK_ALL(examples);
}

static void test_mailbox_data(void **state)
{
    static const struct example examples[] = {
        {"* 23 EXISTS\r\n* 5 RECENT\r\n* 44 EXPUNGE\r\n* 0 EXISTS\r\n",
         "exists 23\nother\nexpunge 44\nexists 0\n"},
        {"* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n", "other\n"},
        {"* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292)\r\n", "other\n"},
        {"* LIST (\\Noselect) \"/\" ~/Mail/foo\r\n", "list <~/Mail/foo> '/' noselect\n"},
        {"* list () nil INBOX\r\n", "list <INBOX> '0'\n"},
        {"* LIST (\\HasNoChildren \\Trash) \".\" \"Deleted \\\"Items\\\\\"\r\n",
         "list <Deleted \"Items\\> '.' \\Trash\n"},
        {"* LIST () \"\\\\\" {7}\r\na\"(\\) {\r\n", "list <a\"(\\) {> '\\'\n"},
        {"* LIST (\\NonExistent) \"/\" \"Foo\" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n* LIST () \"/\" "
         "x "
         "(\"OLDNAME\" ({3}\r\na)b))\r\n",
         "list <Foo> '/' noselect\nlist <x> '/'\n"},
        {"* LSUB () \".\" #news.comp.mail.misc\r\n", "other\n"},
        {"* NAMESPACE ((\"INBOX.\" \".\")) NIL NIL\r\n", "namespace <INBOX.> '.'\n"},
        {"* NAMESPACE NIL NIL ((\"\" \".\"))\r\n", "namespace <> '0'\n"},
        {"* NAMESPACE ((\"\" \"/\")(\"#mh/\" \"/\" \"X-PARAM\" (\"FLAG1\" \"FLAG2\"))) NIL NIL\r\n",
         "namespace <> '/'\n"},
        {"* ID (\"name\" \"Cyrus\" \"version\" \"1.5\" \"os\" \"sunos\")\r\n* ID NIL\r\n",
         "id Cyrus\nid \n"},
        {"* ID (\"vendor\" \"name\" \"Name\" {3}\r\nA B \"os\" NIL)\r\n* ID (\"name\" NIL)\r\n",
         "id A B\nid \n"},
        /* Unknown, with prose, with literals. */
        {"* X-FOO it's \"odd ((( {1}\r\n\n{4+}\r\n* OK!\r\n* OK next\r\n", "other\n* OK next\n"},
        {"* 7 X-BAR {-1}\r\n* OK next\r\n", "other\n* OK next\n"},
    };

    (void)state;
    CHECK_ALL(examples);
}

static void test_search(void **state)
{
    static const struct example examples[] = {
        {"* SEARCH 2 3 6\r\n", "search 2:3\nsearch 6:6\nsearch end\n"},
        {"* SEARCH\r\n* search \n", "search end\nsearch end\n"},
        {"* SEARCH 2 5 6 7 11 12 18 19 20 23 (MODSEQ 917162500)\r\n",
         "search 2:2\nsearch 5:7\nsearch 11:12\nsearch 18:20\nsearch 23:23\nsearch end\n"},
        {"* SEARCH 5 4 4294967295\r\n",
         "search 5:5\nsearch 4:4\nsearch 4294967295:4294967295\nsearch end\n"},
        {"* SEARCH 0\r\n", "error\n"},
        {"* SEARCH 1 x\r\n", "error\n"},
        {"* SEARCH 4294967296\r\n", "error\n"},
    };

    (void)state;
    CHECK_ALL(examples);
}

static void test_esearch(void **state)
{
    static const struct example examples[] = {
        {"* ESEARCH (TAG \"A282\") MIN 2 COUNT 3\r\n", "esearch for A282 end\n"},
        {"* ESEARCH (TAG \"A283\") ALL 2,10:11\r\n",
         "esearch for A283 2:2\nesearch for A283 10:11\nesearch for A283 end\n"},
        {"* ESEARCH (TAG A285) UID MIN 7 MAX 3800 ALL 7,20:12,21 MODSEQ 917162500\r\n",
         "esearch for A285 uid 7:7\nesearch for A285 uid 12:21\nesearch for A285 uid end\n"},
        {"* ESEARCH (TAG \"a567\") UID COUNT 17 ALL 4:18,21,28\r\n",
         "esearch for a567 uid 4:18\nesearch for a567 uid 21:21\nesearch for a567 uid 28:28\n"
         "esearch for a567 uid end\n"},
        {"* ESEARCH ALL 1\r\n", "esearch 1:1\nesearch end\n"},
        {"* ESEARCH\r\n", "esearch end\n"},
        {"* ESEARCH (TAG \"A\") UID PARTIAL (1:10 (x NIL)) ALL 5\r\n",
         "esearch for A uid 5:5\nesearch for A uid end\n"},
        {"* ESEARCH ALL 0\r\n", "error\n"},
        {"* ESEARCH ALL ,\r\n", "error\n"},
        {"* ESEARCH COUNT\r\n", "error\n"},
    };

    (void)state;
    CHECK_ALL(examples);
}

static void test_vanished(void **state)
{
    static const struct example examples[] = {
        {"* VANISHED (EARLIER) 41,43:116,118,120:211,214:540\r\n",
         "vanished-earlier uid 41:41\nvanished-earlier uid 43:116\nvanished-earlier uid 118:118\n"
         "vanished-earlier uid 120:211\nvanished-earlier uid 214:540\nvanished-earlier uid end\n"},
        {"* VANISHED 405,407,410,425\r\n",
         "vanished uid 405:405\nvanished uid 407:407\nvanished uid 410:410\nvanished uid 425:425\n"
         "vanished uid end\n"},
        {"* VANISHED 5:*\r\n", "vanished uid 5:4294967295\nvanished uid end\n"},
        {"* VANISHED 1:\r\n", "error\n"},
        {"* VANISHED :1\r\n", "error\n"},
        {"* VANISHED\r\n", "error\n"},
    };

    (void)state;
    /* The piece is reported only when it is known that no neighbour follows. */
    check("* VANISHED 1 2\r\n", "error\n");
    CHECK_ALL(examples);
}

static void test_fetch_items(void **state)
{
    static const struct example examples[] = {
        {"* 23 FETCH (FLAGS (\\Seen) RFC822.SIZE 44827)\r\n", "fetch 23 size 44827 flags seen\n"},
        {"* 1 fetch (rfc822.size 1 uid 7)\n", "fetch 1 uid 7 size 1\n"},
        {"* 2 FETCH (UID 8 INTERNALDATE \"17-Jul-1996 02:44:25 -0700\")\r\n",
         "fetch 2 uid 8 date 837596665\n"},
        {"* 2 FETCH (INTERNALDATE \"yesterday\" UID 8)\r\n", "fetch 2 uid 8\n"},
        {"* 2 FETCH (FLAGS () UID 8)\r\n", "fetch 2 uid 8 flags\n"},
        {"* 2 FETCH (FLAGS (\\deleted $Forwarded \\Recent \\SEEN))\r\n",
         "fetch 2 flags seen deleted\n"},
        {"* 50 FETCH (MODSEQ (2121231000))\r\n", "fetch 50 modseq 2121231000\n"},
        {"* 3 FETCH (EMAILID (M6d99ac3275bb4e) THREADID (T64b478a75b7ea9))\r\n",
         "fetch 3 id M6d99ac3275bb4e\n"},
        {"* 3 FETCH (X-GM-MSGID 1278455344230334865 X-GM-LABELS (\\Inbox \"a ) b\" "
         "{3}\r\n)))))\r\n",
         "fetch 3 id 1278455344230334865\n"},
        {"* 3 FETCH (X-GUID \"a1b2\" UID 4)\r\n* 3 FETCH (X-GUID {4}\r\na1b2)\r\n",
         "fetch 3 uid 4 id a1b2\nfetch 3 id a1b2\n"},
        {"* 3 FETCH (EMAILID NIL UID 5)\r\n* 3 FETCH ()\r\n", "fetch 3 uid 5\nfetch 3\n"},
        /* Doubled: the last one counts. Beyond 2^32. */
        {"* 3 FETCH (UID 5 RFC822.SIZE 1 UID 6 RFC822.SIZE 5000000000)\r\n",
         "fetch 3 uid 6 size 5000000000\n"},
        /* Extra spaces, and values that are only advice and make no sense. */
        {"*  3  FETCH  ( UID  5   RFC822.SIZE -1 )  \r\n", "fetch 3 uid 5\n"},
        {"* 12 FETCH (ENVELOPE (\"Wed\" \"IMAP4rev1 WG mtg \\\"(\\\"\" ((\"T\" NIL \"gray\" "
         "\"cac\")) NIL "
         "{2}\r\n)( NIL) UID 9 BODY (\"TEXT\" \"PLAIN\" NIL) BODYSTRUCTURE ((((\"a\")))) "
         "BINARY.SIZE[1] 7 X ~{2}\r\n()) \r\n",
         "fetch 12 uid 9\n"},
    };

    (void)state;
    CHECK_ALL(examples);
}

static void test_fetch_bodies(void **state)
{
    static const struct example examples[] = {
        {"* 1 FETCH (UID 5 BODY[] {6}\r\nA\r\n)\r\n FLAGS (\\Seen))\r\n",
         "body 1 uid 5 body []<0> 6:\nA\r\n)\r\n\nend\nfetch 1 uid 5 flags seen body\n"},
        {"* 1 FETCH (BODY[TEXT]<4096> {2}\r\nhi UID 5)\r\n",
         "body 1 body [TEXT]<4096> 2:\nhi\nend\nfetch 1 uid 5 body\n"},
        {"* 1 FETCH (body[header.fields (\"X]\" Y)]<0> {0}\r\n)\r\n",
         "body 1 body [HEADER.FIELDS (\"X]\" Y)]<0> 0:\n\nend\nfetch 1 body\n"},
        {"* 1 FETCH (BODY.PEEK[] ~{3}\r\na\\b)\r\n",
         "body 1 body []<0> 3:\na\\b\nend\nfetch 1 body\n"},
        {"* 1 FETCH (BODY[] \"q \\\"\\\\ (\" UID 2)\r\n",
         "body 1 body []<0> 6:\nq \"\\ (\nend\nfetch 1 uid 2 body\n"},
        {"* 1 FETCH (BODY[] \"\")\r\n", "body 1 body []<0> 0:\n\nend\nfetch 1 body\n"},
        {"* 1 FETCH (BODY[] NIL UID 3)\r\n",
         "body 1 body []<0> 0 nil:\n\nend\nfetch 1 uid 3 body\n"},
        {"* 1 FETCH (RFC822 {1}\na RFC822.HEADER \"b\" RFC822.TEXT {1}\r\nc)\r\n",
         "body 1 body []<0> 1:\na\nend\nbody 1 body [HEADER]<0> 1:\nb\nend\n"
         "body 1 body [TEXT]<0> 1:\nc\nend\nfetch 1 body\n"},
        {"* 1 FETCH (BODY[HEADER] {2}\r\nx\nBODY[TEXT]{3+}\r\ny\r\n)\r\n* 2 EXISTS\r\n",
         "body 1 body [HEADER]<0> 2:\nx\n\nend\nbody 1 body [TEXT]<0> 3:\ny\r\n\nend\n"
         "fetch 1 body\nexists 2\n"},
        /* Sections that are none. */
        {"* 1 FETCH (BODY[]<x> {1}\r\na BODY[]y {1}\r\na BODY[]<0 {1}\r\na UID 4)\r\n",
         "fetch 1 uid 4\n"},
    };

    (void)state;
    CHECK_ALL(examples);
}

static void test_body_with_nul(void **state)
{
    static const char text[] = "* 1 FETCH (BODY[] {3}\r\na\0b)\r\n";
    struct imap_response *r = imap_response_new();
    struct slice in = slice_make(text, sizeof text - 1);
    struct imap_event ev;
    struct failure why;

    (void)state;
    assert_int_equal(imap_response_next(r, &in, &ev, &why), IMAP_PARSE_EVENT);
    assert_int_equal(imap_response_next(r, &in, &ev, &why), IMAP_PARSE_EVENT);
    assert_int_equal(ev.type, IMAP_EV_BODY_DATA);
    assert_memory_equal(ev.text.p, "a\0b", 3);
    /* The octets are the input's own, not a copy. */
    assert_true(ev.text.p >= text && ev.text.p < text + sizeof text);
    imap_response_free(r);
}

/* A literal beyond 4 GB is announced with its true length, and skipped when it is no body. */
static void test_huge_literal(void **state)
{
    static const char head[] = "* 1 FETCH (XBIG {9223372036854775807}\r\n";
    static const char body[] = "* 1 FETCH (BODY[] {9223372036854775807}\r\nabc";
    struct imap_response *r = imap_response_new();
    struct imap_event ev;
    struct failure why;
    struct slice in = slice_of(head);

    (void)state;
    assert_int_equal(imap_response_next(r, &in, &ev, &why), IMAP_PARSE_MORE);
    char *block = calloc(1, 1 << 20);
    for (int i = 0; i < 5000; i++) {
        in = slice_make(block, 1 << 20);
        assert_int_equal(imap_response_next(r, &in, &ev, &why), IMAP_PARSE_MORE);
        assert_int_equal(in.n, 0);
    }
    free(block);
    assert_false(imap_response_at_line_start(r));
    imap_response_free(r);
    r = imap_response_new();
    in = slice_of(body);
    assert_int_equal(imap_response_next(r, &in, &ev, &why), IMAP_PARSE_EVENT);
    assert_true(ev.length == INT64_MAX);
    imap_response_free(r);
}

static void test_hostile(void **state)
{
    static const struct example examples[] = {
        {"* 1 FETCH (BODY[] {9223372036854775808}\r\n", "error\n"},
        {"* 1 FETCH (BODY[] {99999999999999999999999}\r\n", "error\n"},
        {"* 1 FETCH (BODY[] {-1}\r\n", "error\n"},
        {"* 1 FETCH (BODY[] {}\r\n", "error\n"},
        {"* 1 FETCH (BODY[] {1\r\n", "error\n"},
        {"* 1 FETCH (BODY[] {1}x\r\n", "error\n"},
        {"* 1 FETCH (BODY[] {{1}\r\n", "error\n"},
        {"* 1 FETCH (X ~a{1}\r\nb UID 5)\r\n", "error\n"},
        {"* X {9223372036854775808}\r\n", "error\n"},
        {"* LIST () \"/\" {65537}\r\n", "error\n"},
        {"* 1 FETCH (BODY[] word)\r\n", "error\n"},
        {"* 1 FETCH (UID 0)\r\n", "error\n"},
        {"* 1 FETCH (UID 4294967296)\r\n", "error\n"},
        {"* 1 FETCH (UID x)\r\n", "error\n"},
        {"* 1 FETCH (UID ((5)))\r\n", "error\n"},
        {"* 0 FETCH (UID 5)\r\n", "error\n"},
        {"* 0 EXPUNGE\r\n", "error\n"},
        {"* 4294967296 EXISTS\r\n", "error\n"},
        {"* 1x EXISTS\r\n", "error\n"},
        {"* 1 FETCH (UID 5\r\n", "error\n"},
        {"* 1 FETCH (UID 5)) \r\n", "error\n"},
        {"* 1 FETCH (UID 5) * OK\r\n", "error\n"},
        {"* 1 FETCH (X \"open\r\n", "error\n"},
        {"* 1 FETCH (BODY[TEXT\r\n", "error\n"},
        {"* 1 FETCH (FLAGS (\\Seen\r\n", "error\n"},
        {"* 1 FETCH (X)\r\n", "error\n"},
        {"* 1 FETCH UID 5\r\n", "error\n"},
        {"* 1 FETCH (UID 5)\rx\n", "error\n"},
        {"* 1 (\r\n", "error\n"},
        {"* (\r\n", "error\n"},
        {"*\r\n", "error\n"},
        {"(\r\n", "error\n"},
        {"\"a\" OK\r\n", "error\n"},
        {"{2}\r\n", "error\n"},
        {"+OK POP3 ready\r\n", "error\n"},
        {"220 mail.example.com ESMTP\r\n", "error\n"},
        {"HTTP/1.1 400 Bad Request\r\n", "error\n"},
        {"a1 BYE no\r\n", "error\n"},
        {"a1 FETCH\r\n", "error\n"},
        {"a*1 OK\r\n", "error\n"},
        {"* LIST () \"ab\" x\r\n", "error\n"},
        {"* LIST ((\\Trash)) \"/\" x\r\n", "error\n"},
        {"* LIST x\r\n", "error\n"},
        {"* LIST () \"/\"\r\n", "error\n"},
        {"* NAMESPACE (NIL)\r\n", "error\n"},
        {"* NAMESPACE ((\"a\"))\r\n", "error\n"},
        {"* ID (\"name\"\r\n", "error\n"},
    };

    (void)state;
    CHECK_ALL(examples);
}

static void test_nul(void **state)
{
    static const struct slice texts[] = {{"* OK a\0b\r\n", 10},
                                         {"* 1 FETCH (\0)\r\n", 15},
                                         {"* X\0Y\r\n", 7},
                                         {"\0", 1},
                                         {"* X \0\r\n", 7},
                                         {"* LIST () \"/\" \"a\0\"\r\n", 20},
                                         {"* LIST () \"/\" \"\\\0\"\r\n", 20},
                                         {"* 1 FETCH (BODY[\0] NIL)\r\n", 25}};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        check_slice(texts[i], "error\n");
}

static void repeat(struct buf *out, const char *text, size_t count)
{
    while (count--)
        buf_puts(out, text);
}

static void check_buf(struct buf *text, const char *expected)
{
    check_slice(buf_slice(text), expected);
    buf_clear(text);
}

static void test_limits(void **state)
{
    struct buf text = BUF_INIT;

    (void)state;
    buf_puts(&text, "* 1 FETCH (X ");
    repeat(&text, "(", 10000);
    check_buf(&text, "error\n");
    buf_puts(&text, "* 1 FETCH (X ");
    repeat(&text, "(", 900);
    repeat(&text, ")", 900);
    buf_puts(&text, ")\r\n");
    check_buf(&text, "fetch 1\n");
    /* Lines and tokens that never end: nothing is gathered beyond IMAP_LINE_MAX. */
    buf_puts(&text, "* OK ");
    repeat(&text, "x", IMAP_LINE_MAX + 10);
    check_buf(&text, "error\n");
    repeat(&text, "x", IMAP_LINE_MAX + 10);
    check_buf(&text, "error\n");
    buf_puts(&text, "* LIST () \"/\" \"");
    repeat(&text, "\\a", IMAP_LINE_MAX + 10);
    check_buf(&text, "error\n");
    buf_puts(&text, "* 1 FETCH (BODY[");
    repeat(&text, "x", IMAP_LINE_MAX + 10);
    check_buf(&text, "error\n");
    /* What is not understood may be of any length. */
    buf_puts(&text, "* X ");
    repeat(&text, "y", 3 * IMAP_LINE_MAX);
    buf_puts(&text, "\r\n* OK\r\n");
    check_buf(&text, "other\n* OK \n");
    /* A section, an id, a tag that are longer than any that can matter. */
    buf_puts(&text, "* 1 FETCH (BODY[");
    repeat(&text, "x", 300);
    buf_puts(&text, "] {1}\r\na EMAILID (");
    repeat(&text, "x", 300);
    buf_puts(&text, ") UID 5)\r\n* ESEARCH (TAG \"");
    repeat(&text, "x", 300);
    buf_puts(&text, "\")\r\n");
    check_buf(&text, "fetch 1 uid 5\nesearch for ? end\n");
    repeat(&text, "x", 100);
    buf_puts(&text, " OK\r\n");
    check_buf(&text, "error\n");
}

static void test_line_start(void **state)
{
    struct imap_response *r = imap_response_new();
    struct slice in = slice_of("* OK [CAPABILITY X] a\r\n* 1");
    struct imap_event ev;
    struct failure why;

    (void)state;
    assert_true(imap_response_at_line_start(r));
    assert_int_equal(imap_response_next(r, &in, &ev, &why), IMAP_PARSE_EVENT);
    assert_int_equal(ev.type, IMAP_EV_CAPABILITY);
    assert_false(imap_response_at_line_start(r));
    assert_int_equal(imap_response_next(r, &in, &ev, &why), IMAP_PARSE_EVENT);
    assert_int_equal(ev.type, IMAP_EV_STATUS);
    /* No octet behind the line has been taken. */
    assert_true(slice_is(in, "* 1"));
    assert_true(imap_response_at_line_start(r));
    assert_int_equal(imap_response_next(r, &in, &ev, &why), IMAP_PARSE_MORE);
    assert_false(imap_response_at_line_start(r));
    imap_response_free(r);
}

enum { MANY = 100000 };

/* Feeds it in pieces as a socket does, and counts events. */
static size_t count_events(struct imap_response *r, struct slice text, size_t piece)
{
    struct imap_event ev;
    struct failure why;
    size_t events = 0;

    while (text.n) {
        struct slice in = slice_take(&text, piece);
        while (imap_response_next(r, &in, &ev, &why) == IMAP_PARSE_EVENT)
            events++;
        assert_int_equal(in.n, 0);
    }
    return events;
}

/* Once everything is there, a listing takes no memory at all. */
static void test_listing_allocates_nothing(void **state)
{
    struct imap_response *r = imap_response_new();
    struct buf text = BUF_INIT;

    (void)state;
    for (unsigned i = 1; i <= MANY; i++)
        buf_printf(&text, "* %u FETCH (UID %u RFC822.SIZE %u)\r\n", i, i * 2, i * 7);
    buf_puts(&text, "* SEARCH");
    for (unsigned i = 1; i <= MANY; i++)
        buf_printf(&text, " %u", i * 2);
    buf_puts(&text, "\r\n");
    size_t before = mallinfo2().uordblks;
    assert_int_equal(count_events(r, buf_slice(&text), buf_size(&text)), MANY + MANY + 1);
    assert_int_equal(mallinfo2().uordblks, before);
    /* Nor does it keep any when tokens are cut. */
    assert_int_equal(count_events(r, buf_slice(&text), 16384), MANY + MANY + 1);
    assert_int_equal(mallinfo2().uordblks, before);
    buf_clear(&text);
    imap_response_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_capability),
        cmocka_unit_test(test_mailbox_data),
        cmocka_unit_test(test_search),
        cmocka_unit_test(test_esearch),
        cmocka_unit_test(test_vanished),
        cmocka_unit_test(test_fetch_items),
        cmocka_unit_test(test_fetch_bodies),
        cmocka_unit_test(test_body_with_nul),
        cmocka_unit_test(test_huge_literal),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_nul),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_line_start),
        cmocka_unit_test(test_listing_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
