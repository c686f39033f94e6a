"""ENVELOPE, BODY, BODYSTRUCTURE and the sections of FETCH are what Dovecot answers for the same
message, for every message of both corpora: mailferry's view of it is taken without a server, by
mime_show."""

import imaplib
import os
import re
import subprocess
import tempfile

from tests.lib import corpus, mime_corpus
from tests.lib.imap_text import parse
from tests.lib.scene import Scene
from tests.lib.stores import DovecotStore

# A BODYSTRUCTURE of 10,000 parts is one line.
imaplib._MAXLINE = 100_000_000

_STRUCTURE = ("ENVELOPE", "BODY", "BODYSTRUCTURE")
_SECTIONS = (
    "HEADER", "TEXT", "1", "2", "3", "1.MIME", "2.MIME", "1.HEADER", "1.TEXT", "2.HEADER", "2.TEXT",
    "1.1", "1.2", "2.1", "2.2", "1.1.MIME", "1.2.MIME", "2.1.MIME", "1.1.1", "1.1.1.MIME", "1.2.1",
    "2.1.1", "2.1.MIME", "1.1.1.1", "2.1.HEADER", "1.1.HEADER", "1.1.TEXT",
    "HEADER.FIELDS (SUBJECT TO)", "HEADER.FIELDS (X-NONE)", "HEADER.FIELDS.NOT (SUBJECT X-LONG)",
    "1.HEADER.FIELDS (SUBJECT FROM)", "2.HEADER.FIELDS.NOT (FROM)")



def _settled(name, header, theirs, ours):
    """Dovecot's and our answer where both mean the same, or ours is known to be the right one.
    `header` is that of the message which the section is about, as both give it."""
    if "HEADER.FIELDS" in name and not re.search(rb"(^|\n)\r\n$", header):
        # A header without its empty line. Dovecot ends each line and the header when it is the
        # message's own, and reads on behind the end of an inner one. RFC 3501: no empty line then.
        return ours, ours
    if name.startswith("HEADER.FIELDS ("):
        # Taken from its index, where the first of several CR is lost.
        return theirs.replace(b"\r\r\n", b"\r\n"), ours.replace(b"\r\r\n", b"\r\n")
    return theirs, ours


def _crlf(stored):
    """As mailferry keeps it, and as IMAP counts it."""
    return re.sub(rb"\r?\n", b"\r\n", stored)


class MimeAgreement(Scene):
    maxDiff = 4000

    def test_agreement(self):
        cases = [c for c in corpus.cases() + mime_corpus.cases() if not c.wide]
        dovecot = self.dovecot()
        DovecotStore(dovecot, next(iter(dovecot.users))).deliver_all(c.stored for c in cases)
        with imaplib.IMAP4("127.0.0.1", dovecot.port) as client:
            client.login(*next(iter(dovecot.users.items())))
            client.select("INBOX", readonly=True)
            for number, case in enumerate(cases, 1):
                with self.subTest(case.name):
                    self.compare(case, _dovecot_answers(client, number), _our_answers(case))

    def compare(self, case, theirs, ours):
        for name in theirs:
            header = theirs.get(name.partition(".FIELDS")[0], b"")
            answers = _settled(name, header, theirs[name], ours[name])
            self.assertEqual(*answers, f"{name} of {case.name}: Dovecot's is the first")


def _dovecot_answers(client, number):
    items = _STRUCTURE + tuple(f"BODY.PEEK[{section}]" for section in _SECTIONS)
    _, data = client.fetch(str(number), f"({' '.join(items)})")
    text = b"".join(piece[0] + b"\r\n" + piece[1] if isinstance(piece, tuple) else piece
                    for piece in data)
    pairs = parse(text)[1]
    return {_item_name(pairs[i]): pairs[i + 1] for i in range(0, len(pairs), 2)}


def _item_name(atom):
    """BODY[1.MIME] -> 1.MIME."""
    match = re.fullmatch(rb"BODY\[(.*)\]", atom, re.S)
    return (match[1] if match else atom).decode()


def _our_answers(case):
    with tempfile.NamedTemporaryFile(prefix="mailferry-mime-") as f:
        f.write(_crlf(case.stored))
        f.flush()
        output = subprocess.run([os.environ["MIME_SHOW"], f.name, *_SECTIONS], check=True,
                                stdout=subprocess.PIPE).stdout
    answers = {}
    while output:
        head, _, output = output.partition(b"\n")
        name, _, size = head.rpartition(b" ")
        size = 0 if size == b"-" else int(size)
        answers[name.decode()] = output[:size]
        output = output[size:]
    for name in answers:
        # IMAP has no NUL; Dovecot sends 0x80 for it.
        answers[name] = parse(answers[name])[0] if name in _STRUCTURE else \
            answers[name].replace(b"\0", b"\x80")
    return answers
