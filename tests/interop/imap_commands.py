"""RFC 9051 section 6, command by command: in which states each is permitted, how it is answered, and
what is said when it is malformed. Dovecot is asked the same where it can the same.

A line of a table is a command and the status that both must give; with "mailferry" behind it, Dovecot
decides otherwise, or is not asked."""

import re
import unittest

from tests.lib.imap_raw import RawImap
from tests.lib.imap_scene import ImapScene
from tests.lib.scene import PASSWORD, USER

ONLY = "mailferry"

# State before a command of section 6 (N, A, S), and one that is well-formed.
STATES = {
    "ANY": ["CAPABILITY", "NOOP", "ID NIL"],
    "N": ["LOGIN a b", "AUTHENTICATE PLAIN", "STARTTLS"],
    "AS": ["ENABLE CONDSTORE", "SELECT INBOX", "EXAMINE INBOX", "CREATE c", "DELETE c",
           "RENAME c d", "SUBSCRIBE INBOX", "UNSUBSCRIBE INBOX", 'LIST "" *', 'LSUB "" *',
           "NAMESPACE", "STATUS INBOX (MESSAGES)", "APPEND INBOX {1+}\r\nx", "IDLE"],
    "S": ["CHECK", "CLOSE", "UNSELECT", "EXPUNGE", "UID EXPUNGE 1", "SEARCH ALL", "UID SEARCH ALL",
          "FETCH 1 FLAGS", "UID FETCH 1 FLAGS", "STORE 1 FLAGS (x)", "UID STORE 1 FLAGS (x)",
          "COPY 1 Trash", "UID COPY 1 Trash", "MOVE 1 Trash", "UID MOVE 1 Trash"],
}

# Malformed, in a state where the command is permitted. Each is BAD.
MALFORMED = {
    "N": ["LOGIN", "LOGIN a", "LOGIN a b c", "AUTHENTICATE", "XFOO", "UID", "UID NOOP",
          "ID (name x)"],
    "A": ["SELECT", "SELECT INBOX (NONSENSE)", "CREATE", "DELETE", "RENAME a", "SUBSCRIBE",
          'LIST ""', 'LIST (NONSENSE) "" *', 'LIST (RECURSIVEMATCH) "" *',
          'LIST "" * RETURN (NONSENSE)', "STATUS INBOX", "STATUS INBOX ()",
          "STATUS INBOX (NONSENSE)", "APPEND INBOX", 'APPEND INBOX "not a date" {1+}\r\nx',
          "APPEND INBOX (\\Nonsense) {1+}\r\nx", "APPEND INBOX x", "CREATE caf\xe9"],
    "S": ["SEARCH", "SEARCH NONSENSE", "SEARCH NOT", "SEARCH OR SEEN", "SEARCH (SEEN",
          "SEARCH BEFORE 1-Feb", "SEARCH LARGER x", "SEARCH KEYWORD", "SEARCH HEADER Subject",
          "SEARCH RETURN (NONSENSE) ALL", "FETCH", "FETCH 1", "FETCH 0 FLAGS", "FETCH a FLAGS",
          "FETCH 1:2:3 FLAGS", "FETCH 1 NONSENSE", "FETCH 1 ()", "FETCH 1 (FLAGS", "FETCH 1 (ALL)",
          "FETCH 1 BODY[", "FETCH 1 BODY[NONSENSE]", "FETCH 1 BODY[MIME]",
          "FETCH 1 BODY[HEADER.FIELDS]", "FETCH 1 BODY[HEADER.FIELDS ()]",
          "FETCH 1 FLAGS (NONSENSE)", "FETCH 1 FLAGS (CHANGEDSINCE)", "STORE", "STORE 1",
          "STORE 1 NONSENSE (x)", "STORE 1 FLAGS (\\Nonsense)", "COPY 1", "UID EXPUNGE"],
}

# RFC grammar that Dovecot reads over; mailferry refuses these as malformed.
STRICTER = {
    "N": ["NOOP x", "ID (\"name\")"],
    "A": ["SELECT INBOX extra", "CREATE x extra", "NAMESPACE x", "ENABLE", "CREATE a&b",
          'CREATE ""'],
    "S": ["CHECK x", "EXPUNGE x", "FETCH 1, FLAGS", "FETCH 1 BODY[0]", "FETCH 1 BODY[]<0>",
          "FETCH 1 BODY[]<0.0>", "STORE 1 FLAGS (a]b)"],
}

# Well-formed, one after the other.
CARRIED_OUT = [
    ("A", [
        ("CREATE INBOX", "NO"), ("CREATE inbox", "NO"), ("CREATE inbox/x", "OK"),
        ("SELECT INBOX/x", "OK"), ("SELECT inbox/X", "NO"), ("CREATE Inbox/x", "NO"),
        ("STATUS iNbOx/x (MESSAGES)", "OK"), ("RENAME inbox/x INBOX/y", "OK"),
        ("DELETE Inbox/y", "OK"), ("DELETE INBOX", "NO"),
        ("CREATE a/b/c", "OK"), ("CREATE a//b", "NO"), ("CREATE /a", "NO"), ("CREATE e/", "OK"),
        ('CREATE "a*b"', "OK"), ('CREATE "a&-b"', "OK"), ("CREATE a&b", "BAD", ONLY),
        ("DELETE nosuch", "NO"), ("RENAME nosuch other", "NO"), ("RENAME a/b/c INBOX", "NO"),
        ("SUBSCRIBE nosuch", "NO"), ("UNSUBSCRIBE nosuch", "OK"), ('LIST "" ""', "OK"),
        ('LIST "" (INBOX Trash)', "OK"), ("LIST (SUBSCRIBED RECURSIVEMATCH) \"\" %", "OK"),
        ('LIST "" INBOX RETURN (STATUS (MESSAGES))', "OK"), ('LIST (SPECIAL-USE) "" *', "OK"),
        ("SELECT nosuch", "NO"), ("STATUS nosuch (MESSAGES)", "NO"),
        ("STATUS INBOX (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN SIZE HIGHESTMODSEQ)", "OK"),
        ("STATUS INBOX (DELETED)", "OK", ONLY),
        ("APPEND INBOX {0+}\r\n", "NO"), ("APPEND nosuch {1+}\r\nx", "NO"),
        ('APPEND Trash (\\Seen) " 1-Jan-2020 00:00:00 +0000" {1+}\r\nx', "OK"),
        ("APPEND Trash ~{3+}\r\na\0c", "OK"), ("APPEND Trash {3+}\r\na\0c", "NO", ONLY),
        ("ENABLE NONSENSE", "OK"),
    ]),
    ("S", [
        ("SEARCH 9", "OK"), ("SEARCH UID 1:*", "OK"), ("SEARCH *", "OK"),
        ("SEARCH CHARSET UTF-8 SUBJECT x", "OK"), ("SEARCH CHARSET NONSENSE SUBJECT x", "NO"),
        ("SEARCH RETURN (MIN MAX COUNT ALL) 1:3", "OK"), ("SEARCH RETURN (SAVE) 1:2", "OK"),
        ("FETCH $ FLAGS", "OK"), ("FETCH 9 FLAGS", "BAD"), ("FETCH 1:9 FLAGS", "BAD"),
        ("FETCH *:4 UID", "OK"), ("UID FETCH 99 FLAGS", "OK"), ("FETCH 1 FULL", "OK"),
        ("FETCH 1 BODY[2]", "OK"), ("FETCH 1 BODY.PEEK[]<5000.5>", "OK"),
        ("FETCH 1 BINARY.SIZE[1]", "OK"), ("STORE 1 FLAGS \\Flagged", "OK"),
        ("STORE 9 FLAGS (x)", "BAD"), ("UID STORE 99 FLAGS (x)", "OK"),
        ("STORE 1 (UNCHANGEDSINCE 1) FLAGS (x)", "OK"), ("COPY 1 nosuch", "NO"),
        ("COPY 9 Trash", "BAD"), ("UID COPY 99 Trash", "OK"), ("MOVE 1 nosuch", "NO"),
        ("UID EXPUNGE 99", "OK"), ("CLOSE", "OK"), ("CLOSE", "BAD"),
    ]),
]


class Commands(ImapScene):
    def setUp(self):
        super().setUp()
        self.gate.stop()
        self.gate.config["limits"]["errors"] = 1000
        self.gate.start()
        self.client(folder="INBOX", count=5)

    def session(self, state, port=None):
        """Not authenticated, Authenticated, Selected."""
        session = RawImap(port or self.gate.port)
        self.addCleanup(session.close)
        if state != "N":
            self.assertEqual("OK", session.command(f'LOGIN "{USER}" {PASSWORD}').status)
        if state == "S":
            self.assertEqual("OK", session.command("SELECT INBOX").status)
        return session

    def say(self, session, command):
        line, *literal = command.encode("latin-1").split(b"\r\n")
        return session.command(line, *literal)

    def test_states(self):
        for permitted, commands in STATES.items():
            for state in "NAS":
                if permitted == "ANY" or state in permitted:
                    continue
                session = self.session(state)
                for command in commands:
                    with self.subTest(state=state, command=command):
                        answer = self.say(session, command)
                        self.assertIn(answer.status, ("BAD", "NO"), answer)
                        self.assertEqual([], answer.untagged)
        session = self.session("N")
        for command in STATES["ANY"]:
            self.assertEqual("OK", self.say(session, command).status, command)

    def test_malformed(self):
        """A tagged BAD, which names the command and the place; the session goes on."""
        for table in (MALFORMED, STRICTER):
            for state, commands in table.items():
                session = self.session(state)
                for command in commands:
                    with self.subTest(state=state, command=command):
                        answer = self.say(session, command)
                        self.assertEqual("BAD", answer.status, answer)
                        self.assertRegex(answer.text, r"^[A-Za-z]+: character \d+: \S")
                self.assertEqual("OK", session.command("NOOP").status)

    def test_malformed_in_dovecot(self):
        for state, commands in MALFORMED.items():
            for command in commands:
                with self.subTest(state=state, command=command):
                    session = self.session(state, self.server.port)
                    self.assertEqual("BAD", self.say(session, command).status)
                    session.close()

    def test_carried_out(self):
        for state, lines in CARRIED_OUT:
            session = self.session(state)
            dovecot = self.session(state, self.server.port)
            for command, status, *only in lines:
                with self.subTest(state=state, command=command):
                    answer = self.say(session, command)
                    self.assertEqual(status, answer.status, answer)
                    if not only:
                        answer = self.say(dovecot, command)
                        self.assertEqual(status, answer.status, f"Dovecot: {answer}")

    def test_logout(self):
        for state in "NAS":
            session = self.session(state)
            answer = session.command("LOGOUT")
            self.assertEqual("OK", answer.status)
            self.assertTrue(answer.lines(rb"^\* BYE"))
            self.assertEqual(b"", session.line())

    def test_capabilities(self):
        """One of LITERAL+ and LITERAL-, never both (RFC 7888 section 5)."""
        for state in "NA":
            answer = self.session(state).command("CAPABILITY")
            names = answer.untagged[0].split()[2:]
            self.assertEqual(len(names), len(set(names)))
            self.assertEqual(1, len({b"LITERAL+", b"LITERAL-"} & set(names)), names)
            self.assertLessEqual({b"IMAP4rev1", b"IMAP4rev2"}, set(names))

    def test_literals(self):
        """With LITERAL+, a message of any size needs no "+" of ours; one that is too large is
        refused, and the session goes on."""
        session = self.session("A")
        answer = session.command("APPEND Drafts {20000+}", b"x" * 20000)
        self.assertEqual("OK", answer.status, answer)
        self.assertRegex(answer.text, r"^\[APPENDUID \d+ \d+\]")
        answer = session.command("CREATE {5+}", b"a b c")
        self.assertEqual("OK", answer.status, answer)
        answer = session.command("APPEND Drafts {99999999999999}", b"x")
        self.assertEqual("NO", answer.status, answer)
        self.assertIn("[TOOBIG]", answer.text)
        self.assertEqual("OK", session.command("NOOP").status)

    def test_binary(self):
        """RFC 3516: what is encoded is decoded, and an unknown encoding is said to be one."""
        session = self.session("A")
        mail = (b"Subject: b\r\nContent-Type: application/octet-stream\r\n"
                b"Content-Transfer-Encoding: %b\r\n\r\nAAEC\r\n")
        for encoding in (b"base64", b"x y", b"x-unknown"):
            octets = mail % encoding
            self.assertEqual("OK", session.command(b"APPEND Drafts {%d+}" % len(octets),
                                                   octets).status)
        self.assertEqual("OK", session.command("SELECT Drafts").status)
        answer = session.command("FETCH 1 BINARY.PEEK[1]")
        self.assertEqual([b"* 1 FETCH (BINARY[1] ~{3}\r\n\x00\x01\x02)"], answer.untagged)
        self.assertEqual([b"* 1 FETCH (BINARY.SIZE[1] 3)"],
                         session.command("FETCH 1 BINARY.SIZE[1]").untagged)
        for number in (2, 3):
            for item in ("BINARY.PEEK[1]", "BINARY.SIZE[1]"):
                with self.subTest(number=number, item=item):
                    answer = session.command(f"FETCH {number} {item}")
                    self.assertEqual("NO", answer.status, answer)
                    self.assertTrue(answer.text.startswith("[UNKNOWN-CTE]"), answer)
            answer = session.command(f"FETCH {number} BODY.PEEK[1]")
            self.assertEqual([b"* %d FETCH (BODY[1] {6}\r\nAAEC\r\n)" % number], answer.untagged)
        answer = session.command(r"APPEND Drafts ~{20+}", b"Subject: n\r\n\r\na\0b\r\nc")
        self.assertEqual("OK", answer.status, answer)
        self.assertEqual([b"* 4 FETCH (BINARY[] ~{20}\r\nSubject: n\r\n\r\na\0b\r\nc)"],
                         session.command("FETCH 4 BINARY.PEEK[]").untagged)


class Rev2(Commands):
    """What changes with ENABLE IMAP4rev2 (RFC 9051 appendix E)."""

    # Those of revision 1 are not run again.
    test_states = test_malformed = test_malformed_in_dovecot = test_carried_out = None
    test_logout = test_capabilities = test_literals = test_binary = None

    def setUp(self):
        super().setUp()
        self.rev2 = self.session("A")
        self.assertEqual([b"* ENABLED IMAP4rev2"],
                         self.rev2.command("ENABLE IMAP4rev2").untagged)

    def test_select(self):
        answer = self.rev2.command("SELECT INBOX")
        self.assertEqual([], answer.lines(rb"RECENT|UNSEEN"))
        self.assertEqual([b'* LIST (\\HasNoChildren) "/" "INBOX"'], answer.lines(rb"^\* LIST"))
        answer = self.rev2.command("SELECT Drafts")
        self.assertTrue(answer.lines(rb"^\* OK \[CLOSED\]"))

    def test_search(self):
        self.rev2.command("SELECT INBOX")
        for command, found in (("SEARCH ALL", rb'^\* ESEARCH \(TAG "t\d+"\) ALL 1:5$'),
                               ("UID SEARCH 2:3", rb'^\* ESEARCH \(TAG "t\d+"\) UID ALL 2:3$'),
                               ("SEARCH SUBJECT nosuch", rb'^\* ESEARCH \(TAG "t\d+"\)$'),
                               ("SEARCH RETURN (COUNT) ALL", rb" COUNT 5$")):
            with self.subTest(command):
                answer = self.rev2.command(command)
                self.assertEqual("OK", answer.status)
                self.assertEqual(1, len(answer.untagged))
                self.assertRegex(answer.untagged[0], found)

    def test_fetch_has_the_uid(self):
        """Section 7.5.2: what is told unasked names it."""
        self.rev2.command("SELECT INBOX")
        answer = self.rev2.command("STORE 1 +FLAGS (\\Flagged)")
        self.assertRegex(answer.lines(rb"^\* 1 FETCH")[0], rb"\bUID 1\b")

    def test_names_are_utf8(self):
        name = "Entwürfe & Co/日本"
        self.assertEqual("OK", self.rev2.command(f'CREATE "{name}"').status)
        answer = self.rev2.command('LIST "" "Entw*"')
        self.assertIn(f'"/" "{name}"'.encode(), answer.untagged[-1])
        old = self.session("A").command('LIST "" "Entw*"')
        self.assertIn(b'"Entw&APw-rfe &- Co/&ZeVnLA-"', old.untagged[-1])
        self.assertEqual("BAD", self.rev2.command(b'CREATE "\xff"').status)

    def test_status(self):
        answer = self.rev2.command("STATUS INBOX (MESSAGES DELETED SIZE)")
        self.assertTrue(re.search(rb"\(MESSAGES 5 DELETED 0 SIZE \d+\)", answer.untagged[0]))


if __name__ == "__main__":
    unittest.main()
