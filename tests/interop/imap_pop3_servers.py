"""An IMAP client's day behind POP3 servers that are not Dovecot."""

import contextlib
import imaplib
import re
import unittest

from tests.lib import corpus, overlay
from tests.lib.courier import Courier
from tests.lib.cyrus import Cyrus
from tests.lib.imap_scene import ImapClients, crlf, stored
from tests.lib.pop3 import Pop3
from tests.lib.process import own_tree
from tests.lib.scene import PASSWORD
from tests.lib.stores import Mailbox

MAILS = [crlf(corpus.plain_mail(n)) for n in range(1, 6)]


class Server(overlay.Overlaid):
    """What is the same for each of them."""

    def setUp(self):
        super().setUp()
        for mail in MAILS:
            self.deliver(mail)
        self.gate = self.imap_gateway(self.server.pop3_port)

    def deliver(self, mail):
        store = self.server.store(self.user)
        store.deliver(mail.replace(b"\r\n", b"\n"))
        own_tree(store.path)

    def remaining(self):
        with Mailbox(self.server.port, self.user, PASSWORD) as mailbox:
            return [mailbox.body(uid) for uid in mailbox.uids()]

    def given(self):
        """What the server itself gives by POP3: its reading of its store is what counts."""
        with contextlib.closing(Pop3(self.server.pop3_port)) as other:
            other.login(self.user, PASSWORD)
            mails = [stored(other.retr(number), size) for number, size in other.list().items()]
            other.quit()
            return mails

    def comparable(self, octets):
        """NUL, which IMAP cannot carry, is 0x80."""
        return octets.replace(b"\0", b"\x80")

    def test_a_day(self):
        self.a_day(MAILS, self.deliver, self.remaining)

    def test_difficult_messages(self):
        """What the server gives by POP3 is what the client gets by IMAP."""
        for case in corpus.cases():
            if not case.wide:
                self.deliver(case.stored)
        expected = self.given()
        self.assertGreater(len(expected), 60)
        client = self.client(folder="INBOX", count=len(expected))
        for number, octets in enumerate(expected, 1):
            with self.subTest(number):
                self.assertEqual(self.comparable(octets),
                                 self.comparable(self.body(client, number)))

    def test_wrong_password(self):
        with self.assertRaisesRegex(imaplib.IMAP4.error, "AUTHENTICATIONFAILED"):
            self.client("wrong")
        self.client(folder="INBOX", count=5)


class BehindCyrus(Server, ImapClients):
    kind = Cyrus
    user = "ann"  # without virtual domains, it knows no others

    def deliver(self, mail):
        """By APPEND, as its store is its own. What it does not take as a message is left out."""
        with Mailbox(self.server.port, self.user, PASSWORD) as mailbox, \
                contextlib.suppress(AssertionError, imaplib.IMAP4.error):
            mailbox.append(mail)


class BehindCourier(Server, ImapClients):
    kind = Courier

    def comparable(self, octets):
        """It rewrites some multiparts, with another boundary each time, and does not stuff a dot
        with which the first line begins."""
        return re.sub(rb"=_[0-9]+-[0-9]+", b"=_", super().comparable(octets)).removeprefix(b".")


if __name__ == "__main__":
    unittest.main()
