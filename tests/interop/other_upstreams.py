"""The session that every device has, before three servers that are not Dovecot."""

import contextlib
import imaplib
import unittest

from tests.lib import corpus, overlay
from tests.lib.courier import Courier
from tests.lib.cyrus import Cyrus
from tests.lib.mailutils import Mailutils
from tests.lib.pop3 import Refused
from tests.lib.process import own_tree
from tests.lib.scene import PASSWORD, Scene
from tests.lib.stores import Mailbox


class Upstream(overlay.Overlaid):
    """What is the same for each of them."""

    route = None

    def fill(self, cases):
        """Into its maildir, with line feeds, as Unix mail systems deliver."""
        store = self.server.store(self.user)
        for case in cases:
            store.deliver(case.stored.replace(b"\r\n", b"\n"))
        own_tree(store.path)

    def upstream(self):
        """What the server itself gives over IMAP: its reading of its store is what counts."""
        with Mailbox(self.server.port, self.user, PASSWORD) as mailbox:
            return [mailbox.body(uid) for uid in mailbox.uids()]

    def test_session(self):
        self.fill([case for case in corpus.cases() if not case.wide])
        expected = [corpus.received(body) for body in self.upstream()]
        self.assertGreater(len(expected), 60)
        gateway = self.gateway(self.server, route=self.route)
        client = self.login(gateway, user=self.user)
        self.assertEqual(client.stat()[0], len(expected))
        ids = client.uidl()
        self.assertEqual(len(set(ids.values())), len(expected))
        for number, octets in enumerate(expected, 1):
            with self.subTest(number):
                self.assertEqual(client.retr(number), octets)
        client.quit()

        gateway.restart()
        client = self.login(gateway, user=self.user)
        self.assertEqual(client.uidl(), ids)
        self.assertEqual(list(client.list().values()), [len(octets) for octets in expected])
        client.quit()

    def test_deletion(self):
        mails = [corpus.Case(str(n), corpus.plain_mail(n)) for n in range(1, 8)]
        self.fill(mails)
        gateway = self.gateway(self.server, route=self.route)
        client = self.login(gateway, user=self.user)
        ids = client.uidl()
        client.dele(2, 5)
        client.quit()
        client = self.login(gateway, user=self.user)
        self.assertEqual(list(client.uidl().values()), [ids[n] for n in (1, 3, 4, 6, 7)])
        client.dele(1)
        client.command("RSET")
        client.reset()
        client = self.login(gateway, user=self.user)
        self.assertEqual(client.stat()[0], 5)
        client.quit()
        with Mailbox(self.server.port, self.user, PASSWORD) as other:
            # Without UIDPLUS (mailutils), deleted messages are only marked: see deletion.py.
            self.assertEqual(len(other.uids("UNDELETED")), 5)

    def test_wrong_password(self):
        client = self.connect(self.gateway(self.server, route=self.route))
        client.command(f"USER {self.user}")
        with self.assertRaises(Refused) as caught:
            client.command("PASS wrong")
        self.assertIn("[AUTH]", str(caught.exception))


class InFrontOfCyrus(Upstream, Scene):
    kind = Cyrus
    user = "ann"  # without virtual domains, it knows no others

    def fill(self, cases):
        """By APPEND, as its store is its own. What it does not take as a message is left out."""
        with Mailbox(self.server.port, self.user, PASSWORD) as mailbox:
            for case in cases:
                with contextlib.suppress(AssertionError, imaplib.IMAP4.error):
                    mailbox.append(case.stored)


class InFrontOfCourier(Upstream, Scene):
    kind = Courier


class InFrontOfMailutils(Upstream, Scene):
    """It announces SCRAM, DIGEST-MD5 and CRAM-MD5, and refuses every right password by them."""

    kind = Mailutils
    route = {"sasl": {"mechanisms": ["PLAIN", "LOGIN"]}}


if __name__ == "__main__":
    unittest.main()
