"""A UIDL is a promise: the same message has the same one for ever, and no other message has it."""

import shutil
import unittest

from tests.lib import corpus
from tests.lib.scene import PASSWORD, USER, Scene
from tests.lib.stores import DovecotStore, Mailbox


class UidlStable(Scene):
    def setUp(self):
        super().setUp()
        self.server = self.dovecot()
        self.store = DovecotStore(self.server, USER)
        self.store.deliver_all(corpus.plain_mail(n) for n in range(1, 21))

    def ids(self, gateway):
        """UIDL by the message's Subject, in one session."""
        client = self.login(gateway)
        found = {}
        for number, uid in client.uidl().items():
            header = client.top(number, 0).decode()
            found[header.split("Subject: ")[1].split("\r\n")[0]] = uid
        client.quit()
        return found

    def test_form(self):
        ids = self.ids(self.gateway(self.server))
        self.assertEqual(len(ids), 20)
        self.assertEqual(len(set(ids.values())), 20)
        for uid in ids.values():
            self.assertRegex(uid, r"\A[\x21-\x7e]{1,70}\Z")

    def test_single(self):
        client = self.login(self.gateway(self.server))
        ids = client.uidl()
        for number, uid in ids.items():
            self.assertEqual(client.command(f"UIDL {number}").split()[1:3], [str(number), uid])
        client.quit()

    def test_restarts_of_both(self):
        gateway = self.gateway(self.server)
        first = self.ids(gateway)
        gateway.restart()
        self.assertEqual(self.ids(gateway), first)
        self.server.restart()
        self.assertEqual(self.ids(gateway), first)
        gateway.kill()
        gateway.start()
        self.assertEqual(self.ids(gateway), first)

    def test_new_mail_and_deletions(self):
        gateway = self.gateway(self.server)
        first = self.ids(gateway)
        self.store.deliver(corpus.plain_mail(21))
        with Mailbox(self.server.port, USER, PASSWORD) as other:
            other.expunge(3, 7)
        second = self.ids(gateway)
        self.assertEqual(len(second), 19)
        self.assertNotIn(second["message 21"], first.values())
        for subject in first.keys() & second.keys():
            self.assertEqual(second[subject], first[subject])
        self.assertNotIn("message 3", second)

    def test_lost_state(self):
        gateway = self.gateway(self.server)
        first = self.ids(gateway)
        gateway.stop()
        shutil.rmtree(gateway.state_dir)
        gateway.start()
        self.assertEqual(self.ids(gateway), first)

    def test_numbers_do_not_shift_in_a_session(self):
        client = self.login(self.gateway(self.server))
        before = client.uidl()
        self.store.deliver(corpus.plain_mail(22))
        with Mailbox(self.server.port, USER, PASSWORD) as other:
            other.expunge(1, 2)
        client.command("NOOP")
        self.assertEqual(client.stat()[0], 20)
        self.assertEqual(client.uidl(), before)
        self.assertIn(b"Subject: message 5\r\n", client.retr(5))
        client.quit()

    def test_formats(self):
        client = self.login(self.gateway(self.server, pop3={"uidl": "%v.%u"}))
        with Mailbox(self.server.port, USER, PASSWORD) as other:
            validity = other.imap.response("UIDVALIDITY")[1][0].decode()
        self.assertEqual(client.uidl(), {n: f"{validity}.{n}" for n in range(1, 21)})
        client.quit()


if __name__ == "__main__":
    unittest.main()
