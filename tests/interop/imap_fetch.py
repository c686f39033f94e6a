"""What an IMAP client reads through mailferry on a POP3 maildrop is what Dovecot's own IMAP says of
the same octets: FETCH, item by item, for every message of both corpora."""

import imaplib
import re

from tests.interop.mime_agreement import _item_name, _settled
from tests.lib import corpus, mime_corpus
from tests.lib.imap_scene import Agreement
from tests.lib.imap_text import parse

# RFC822.SIZE comes last: POP3 may name a wrong size until the message was read.
_ITEMS = ("ENVELOPE", "BODY", "BODYSTRUCTURE", "BODY.PEEK[]", "BODY.PEEK[HEADER]",
          "BODY.PEEK[TEXT]", "BODY.PEEK[1]", "BODY.PEEK[1.MIME]", "BODY.PEEK[2]",
          "BODY.PEEK[HEADER.FIELDS (SUBJECT FROM)]", "BODY.PEEK[HEADER.FIELDS.NOT (SUBJECT)]",
          "BODY.PEEK[]<3.50>", "BODY.PEEK[TEXT]<0.20>", "BODY.PEEK[1]<5.9>",
          "BODY.PEEK[]<100000000.5>")
_STRUCTURE = re.compile(r"^(ENVELOPE|BODY|BODYSTRUCTURE)$")
_BINARY = ("BINARY.PEEK[1]", "BINARY.SIZE[1]")


class Fetch(Agreement):
    maxDiff = 3000

    @classmethod
    def setUpClass(cls):
        cls.cases = [c for c in corpus.cases() + mime_corpus.cases() if not c.wide]

    def setUp(self):
        super().setUp()
        self.serve(self.cases)

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
                self.theirs = self.client_of(self.server.port, "Received")
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


def answers(client, number, items):
    """A FETCH's answer by item, or its status when it was refused."""
    status, data = client.fetch(str(number), f"({' '.join(items)})")
    if status != "OK":
        return {"status": status}
    text = b"".join(piece[0] + b"\r\n" + piece[1] if isinstance(piece, tuple) else piece
                    for piece in data)
    pairs = parse(text)[1]
    return {_item_name(pairs[i]): pairs[i + 1] for i in range(0, len(pairs), 2)}
