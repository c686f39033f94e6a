"""What an IMAP client reads through mailferry on a POP3 maildrop is what Dovecot's own IMAP says of
the same octets: FETCH, item by item, and SEARCH, for every message of both corpora."""

import imaplib
import poplib
import re
import time

from tests.interop.mime_agreement import _item_name, _settled
from tests.lib import corpus, mime_corpus
from tests.lib.imap_text import parse
from tests.lib.process import PATIENCE
from tests.lib.scene import PASSWORD, USER, Scene
from tests.lib.stores import DovecotStore

# A BODYSTRUCTURE of 10,000 parts is one line.
imaplib._MAXLINE = 100_000_000
poplib._MAXLINE = 100_000_000

# RFC822.SIZE comes last: POP3 may name a wrong size until the message was read.
_ITEMS = ("ENVELOPE", "BODY", "BODYSTRUCTURE", "BODY.PEEK[]", "BODY.PEEK[HEADER]",
          "BODY.PEEK[TEXT]", "BODY.PEEK[1]", "BODY.PEEK[1.MIME]", "BODY.PEEK[2]",
          "BODY.PEEK[HEADER.FIELDS (SUBJECT FROM)]", "BODY.PEEK[HEADER.FIELDS.NOT (SUBJECT)]",
          "BODY.PEEK[]<3.50>", "BODY.PEEK[TEXT]<0.20>", "BODY.PEEK[1]<5.9>",
          "BODY.PEEK[]<100000000.5>")
_STRUCTURE = re.compile(r"^(ENVELOPE|BODY|BODYSTRUCTURE)$")
_BINARY = ("BINARY.PEEK[1]", "BINARY.SIZE[1]")
_SEARCHES = (
    "FROM ann", "FROM example.com", "SUBJECT dot", "SUBJECT inner", "TEXT body", "TEXT core",
    "BODY attachment", "BODY text", "SINCE 1-Jan-2020", "BEFORE 1-Jan-2020", "LARGER 1000",
    "SMALLER 300", "HEADER Subject header", "HEADER Content-Type multipart", 'HEADER To ""',
    "NOT FROM ann", "OR SUBJECT dot BODY body", "NOT (OR FROM ann TEXT core)",
    "SENTON 20-Nov-2026", "SENTSINCE 20-Nov-2026", "1:50 LARGER 200", "TO bob CC x")


_TEXT_NOT_SEARCHED = {"type-30", "type-31", "type-32", "message-global"}


class Fetch(Scene):
    maxDiff = 3000

    @classmethod
    def setUpClass(cls):
        cls.cases = [c for c in corpus.cases() + mime_corpus.cases() if not c.wide]

    def setUp(self):
        super().setUp()
        server = self.server = self.dovecot(pop3=True)
        DovecotStore(server, USER).deliver_all(c.stored for c in self.cases)
        # What Dovecot's POP3 makes of them (a last line's end) is what can be agreed on.
        self.received = retrieved(server.pop3_port, len(self.cases))
        DovecotStore(server, USER, "Received").deliver_all(self.received)
        gate = self.gateway(f"pop3://127.0.0.1:{server.pop3_port}", listener="imap")
        self.theirs = self.client(server.port, "Received")
        self.ours = self.client(gate.port, "INBOX")

    def client(self, port, folder):
        client = imaplib.IMAP4("127.0.0.1", port, timeout=PATIENCE)
        self.addCleanup(client.shutdown)
        client.login(USER, PASSWORD)
        deadline = time.monotonic() + PATIENCE
        while int(client.select(folder, readonly=True)[1][0]) != len(self.cases):
            self.assertLess(time.monotonic(), deadline, "the whole folder is listed")
        return client

    def test_fetch(self):
        self.assertGreaterEqual(len(self.cases), 100)
        for number, case in enumerate(self.cases, 1):
            with self.subTest(case.name):
                theirs = answers(self.theirs, number, _ITEMS)
                ours = answers(self.ours, number, _ITEMS)
                self.compare(case, theirs, ours)
                size = answers(self.ours, number, ("RFC822.SIZE",))["RFC822.SIZE"]
                if case.stored.endswith(b"\n"):  # else LIST's size lacks the end that RETR adds
                    self.assertEqual(len(self.received[number - 1]), int(size),
                                     f"RFC822.SIZE of {case.name}")

    def compare(self, case, theirs, ours):
        self.assertEqual(theirs.keys(), ours.keys())
        for name in theirs:
            if _STRUCTURE.search(name) and b"\0" in case.stored:
                continue  # A NUL is U+FFFD or the string's end here, 0x80 there
            pair = _settled(name, theirs["HEADER"], theirs[name] or b"", ours[name] or b"")
            self.assertEqual(*pair, f"{name} of {case.name}: Dovecot's is the first")

    def test_binary(self):
        """A NUL is 0x80 in Dovecot's, and it decodes what has no MIME-Version; some parts it cannot
        answer for at all, and ends the session."""
        compared = 0
        for number, case in enumerate(self.cases, 1):
            ours = answers(self.ours, number, _BINARY)
            if b"\0" in case.stored or b"mime-version" not in case.stored.lower():
                continue
            try:
                theirs = answers(self.theirs, number, _BINARY)
            except (imaplib.IMAP4.abort, OSError):
                self.theirs = self.client(self.server.port, "Received")
                continue
            # A message in base64 has to be encoded in its parts (RFC 2046, 5.2.1): Dovecot's is empty
            if "BINARY[1]" not in theirs or case.name == "message-encoded":
                continue
            compared += 1
            with self.subTest(case.name):
                for name in _BINARY:
                    name = name.replace(".PEEK", "")
                    self.assertEqual(theirs[name] or b"", ours.get(name) or b"",
                                     f"{name} of {case.name}: Dovecot's is the first")
        self.assertGreater(compared, 100)

    def test_search(self):
        # Not searched here: what lies deeper than the parser's limit of nesting, and the text of
        # parts that are messages of another kind than message/rfc822.
        deep = {n for n, case in enumerate(self.cases, 1)
                if case.name.startswith("nested-") or case.name in _TEXT_NOT_SEARCHED}
        for keys in _SEARCHES:
            with self.subTest(keys):
                found = [self.search(client, keys) - deep for client in (self.theirs, self.ours)]
                self.assertEqual([], [self.cases[n - 1].name for n in sorted(found[0] - found[1])],
                                 "only Dovecot finds these")
                if "TEXT" in keys or "BODY" in keys:
                    continue  # in decoded parts more is found here than Dovecot looks into
                self.assertEqual([], [self.cases[n - 1].name for n in sorted(found[1] - found[0])],
                                 "only mailferry finds these")

    def search(self, client, keys):
        status, data = client.search(None, keys)
        self.assertEqual("OK", status, data)
        return {int(n) for n in data[0].split()}


def retrieved(port, count):
    pop3 = poplib.POP3("127.0.0.1", port, timeout=PATIENCE)
    pop3.user(USER)
    pop3.pass_(PASSWORD)
    messages = [b"".join(line + b"\r\n" for line in pop3.retr(n)[1]) for n in range(1, count + 1)]
    pop3.quit()
    return messages


def answers(client, number, items):
    """A FETCH's answer by item, or its status when it was refused."""
    status, data = client.fetch(str(number), f"({' '.join(items)})")
    if status != "OK":
        return {"status": status}
    text = b"".join(piece[0] + b"\r\n" + piece[1] if isinstance(piece, tuple) else piece
                    for piece in data)
    pairs = parse(text)[1]
    return {_item_name(pairs[i]): pairs[i + 1] for i in range(0, len(pairs), 2)}
