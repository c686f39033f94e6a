"""What SEARCH finds through mailferry on a POP3 maildrop is what Dovecot's own IMAP finds in the same
octets, key by key, but for the differences that are listed here, each with the reason why."""

import fnmatch
import re
import select

from tests.lib import corpus, mime_corpus, search_corpus
from tests.lib.imap_scene import Agreement, ImapScene

_SEARCHES = (
    "FROM ann", "FROM example.com", "SUBJECT dot", "SUBJECT inner", "TEXT body", "TEXT core",
    "BODY body", "BODY core", "BODY attachment", "BODY text", "BODY subject", "BODY action",
    "TEXT type", "TEXT failed", "SINCE 1-Jan-2020", "BEFORE 1-Jan-2020", "LARGER 1000",
    "SMALLER 300", "HEADER Subject header", "HEADER Content-Type multipart", 'HEADER To ""',
    'HEADER MIME-Version "1.0"', 'SUBJECT ""', 'BODY ""', 'TEXT ""', "NOT FROM ann",
    "OR SUBJECT dot BODY body", "NOT (OR FROM ann TEXT attachment)", "SENTON 20-Nov-2026",
    "1:50 LARGER 200", "UID 3:9,*", "*:3", "TO bob CC x", "NOT NOT 5", "OR OR 1 2 OR 3 (4 5)",
    "OR (FROM ann NOT SUBJECT dot) (NOT BODY attachment NOT TEXT failed)", "ON 1-Jan-2020", "ALL", "NOT ALL",
    "UNSEEN", "SEEN", "UNANSWERED", "DELETED", "KEYWORD $Forwarded", "UNKEYWORD $Forwarded",
    "UNFLAGGED UNDRAFT UNDELETED", "(((((1:3)))))")

# Who finds alone, by which keys, which messages, and why they are found here or not.
_OF_STRUCTURES = (
    ("ours", "BODY|TEXT", "type-0", "A malformed Content-Type is text/plain (RFC 2045, 5.2)"),
    ("ours", "BODY|TEXT", "type-35 type-56 partless",
     "What has no parts though it says multipart is shown as a text, and no composite type may be "
     "left out (RFC 9051, 6.4.4)"),
    ("ours", "BODY|TEXT", "depth-100 nested-multipart-* nested-both-*", "Nor what is too deep to be taken apart"),
    ("ours", "BODY|TEXT", "type-twice", "The first Content-Type counts, as in BODYSTRUCTURE"),
    ("ours", "BODY|TEXT", "content-without-type",
     "Without MIME-Version it is not encoded, as in BODYSTRUCTURE"),
    ("ours", "BODY|TEXT", "content-0 content-3", "A malformed encoding is none"),
)
_OF_TEXTS = (
    ("ours", "BODY|TEXT", "kind-multipart/mixed kind-multipart/x", "As for structures"),
    ("ours", "BODY|TEXT",
     'transfer-x-uuencode transfer-X-unknown transfer-8-bit transfer-"base64"',
     "An encoding that is not known, or malformed, is none: the octets are searched"),
    ("theirs", "BODY|TEXT", "label-iso-8859-8-i-utf-8 label-ks_c_5601-1987-utf-8",
     "The charset is known here, and so the label wrong"),
    ("ours", "BODY|TEXT", 'label-korean label-""-utf-8 label-//TRANSLIT-utf-8',
     "The charset is known here; or the label says nothing, so that it is UTF-8"),
    ("ours", "SUBJECT|TEXT", "field-hebrew-windows-1255-[bQ]", "Only there it is not normalised"),
    ("ours", "SUBJECT|TEXT", "value-cut-b value-cut-q value-cut-mixed",
     "A character may be cut between encoded words: mail programs do it"),
    ("ours", "SUBJECT|TEXT", "value-language", "A language in an encoded word (RFC 2231, 5)"),
    ("ours", "SUBJECT|TEXT", "value-latin-raw", "Octets that are no UTF-8 are taken for Latin 1"),
    ("ours", "SUBJECT|TEXT", "value-unknown-charset value-unknown-8bit",
     "What an unknown charset says in ASCII is read"),
    ("ours", "(SUBJECT|TEXT) [?\ufffd]", "value-wrong-bytes value-nul",
     "'?' stands where no character can be read, U+FFFD for a NUL"),
    ("theirs", "(SUBJECT|BODY|TEXT) \ufffd", "label-* transfer-* value-*",
     "and U+FFFD there for all that is no text"),
    ("ours", "BODY|TEXT", "base64-noise base64-padded-inside",
     "What is no base64 is passed over (RFC 2045, 6.8), and padding is not the end"),
    ("ours", "TEXT subject: open", "value-blanks", "Blanks before a field's value do not count"),
    ("ours", "SUBJECT a b", "value-empty-word", "A run of blanks is one space in SUBJECT"),
    ("ours", r"SUBJECT open(  |\t)sesame", "value-* letter-nbsp",
     "and in what is searched for"),
    ("ours", ".", "letter-ligature letter-no-ligature letter-angstrom letter-a-ring",
     "RFC 5051 decomposes them"),
    ("theirs", "(FROM|TO|CC|BCC) <", "*", "Angle brackets that the field does not have"),
    ("ours", "SENT", "date-4 date-5 date-10 date-16 date-28",
     "The day can be read, though the date is malformed"),
    ("ours", "SENT", "date-22 date-23", "A year before 1970"),
    ("theirs", "SENTSINCE", "date-22 date-23", "which there is far in the future"),
    ("theirs", "SENT", "undated date-8 date-9 date-14 date-15 date-18 date-25 date-27 "
     "date-4 date-5 date-10 date-16 date-28",
     "What has no date that can be read is of 1-Jan-1970 there; here it is of no day"),
)


class Search(Agreement):
    maxDiff = 3000

    def test_structures(self):
        self.used = set()
        self.serve([c for c in corpus.cases() + mime_corpus.cases() if not c.wide])
        for keys in _SEARCHES:
            with self.subTest(keys):
                self.compare([keys], _OF_STRUCTURES)
        self.check_all_used(_OF_STRUCTURES)

    def test_texts(self):
        self.used = set()
        self.serve(search_corpus.cases())
        for pieces in search_corpus.searches():
            with self.subTest(pieces):
                self.compare(pieces, _OF_TEXTS)
        self.check_all_used(_OF_TEXTS)

    def compare(self, pieces, differences):
        theirs, ours = (found(client, pieces) for client in (self.theirs, self.ours))
        text = said(pieces)
        self.assertIsInstance(theirs, set, f"{text} in Dovecot")
        self.assertIsInstance(ours, set, text)
        self.explain(text, "theirs", theirs - ours, differences)
        self.explain(text, "ours", ours - theirs, differences)

    def explain(self, keys, whose, numbers, differences):
        left = {self.named(n, keys) for n in numbers}
        for side, pattern, names, _ in differences:
            if side != whose or not re.search(f"(^|[ (])({pattern})", keys):
                continue
            for name in names.split():
                known = {n for n in left if fnmatch.fnmatchcase(n, name)}
                left -= known
                if known:
                    self.used.add((pattern, name))
        self.assertEqual(set(), left, f"{keys}: only {whose} finds these")

    def check_all_used(self, differences):
        """A difference that has gone is to go from the list."""
        for _, pattern, names, why in differences:
            for name in names.split():
                self.assertIn((pattern, name), self.used, why)

    def named(self, number, keys):
        case = self.cases[number - 1]
        header = case.stored.partition(b"\r\n\r\n")[0]
        dated = re.search(rb"(?im)^Date:", header)
        if keys.startswith("SENT") and not dated:
            return "undated"
        return "partless" if case.name.startswith("pieces-") and self.lacks(number) else case.name

    def lacks(self, number):
        """Whether it has a multipart without parts, which BODYSTRUCTURE gives an empty one."""
        structure = self.theirs.fetch(str(number), "(BODYSTRUCTURE)")[1][0]
        return b'(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0' in structure


class Turns(ImapScene):
    def test_a_long_search_stalls_nobody(self):
        """CASES R7: a search that takes long is many short turns, and others have theirs between."""
        self.store.deliver_all(corpus.plain_mail(n, lines=500) for n in range(6, 306))
        searcher, other = self.client(folder="INBOX", count=305), self.client(folder="INBOX")
        keys = " ".join(f"NOT BODY nowhere{n}" for n in range(100))
        self.assertEqual(set(range(1, 306)), found(searcher, [keys]))  # now they are all here
        tag = searcher._new_tag()
        searcher.send(tag + b" SEARCH " + keys.encode() + b"\r\n")
        for _ in range(10):
            self.ok(other.noop())
        self.assertEqual([], select.select([searcher.sock], [], [], 0)[0], "it is not over yet")
        self.heard(searcher, rb"^" + tag + b" OK")


def said(pieces):
    """The keys, for the eye."""
    charset = re.match("CHARSET ([^ ]+) ", pieces[0])
    text = "".join(p if isinstance(p, str) else
                   p.decode(charset.group(1) if charset else "utf-8") for p in pieces)
    return text[charset.end():] if charset else text


def found(client, pieces):
    """The numbers that a SEARCH answers with, or its status."""
    tag = client._new_tag()
    octets = b"".join(piece.encode() if isinstance(piece, str)
                      else b"{%d+}\r\n%b" % (len(piece), piece) for piece in pieces)
    client.send(tag + b" SEARCH " + octets + b"\r\n")
    numbers = set()
    while not (line := client.readline()).startswith(tag + b" "):
        assert line, "the connection has ended"
        if line.startswith(b"* SEARCH"):
            numbers = {int(n) for n in line.split()[2:]}
    return numbers if line.split()[1] == b"OK" else line
