"""Several POP3 sessions of one mailbox at once, their gateway killed under load, and an upstream that
compresses (CASES D1, D3, D6, P1, R5, R6)."""

import threading
import unittest

from tests.lib import corpus
from tests.lib.mailferry import sanitized
from tests.lib.pop3 import Closed, Refused
from tests.lib.process import PATIENCE, wait_until
from tests.lib.relay import Relay
from tests.lib.scene import PASSWORD, USER, Scene
from tests.lib.stores import DovecotStore, Mailbox

MAILS = [corpus.plain_mail(n) for n in range(1, 6)]
MIB = 1 << 20


class AtOnce(Scene):
    """There is no exclusive lock: a telephone leaves its session open while a laptop polls. What one
    deletes, the other can no longer read, and nothing else changes for it."""

    def setUp(self):
        super().setUp()
        self.server = self.dovecot()
        DovecotStore(self.server, USER).deliver_all(MAILS)
        self.gate = self.gateway(self.server)
        self.one, self.two = self.login(self.gate), self.login(self.gate)

    def remaining(self):
        with Mailbox(self.server.port, USER, PASSWORD) as mailbox:
            return mailbox.uids()

    def test_both_see_the_same(self):
        self.assertEqual(self.one.uidl(), self.two.uidl())
        self.assertEqual(self.one.list(), self.two.list())
        for number in range(1, 6):
            self.assertEqual(self.one.retr(number), self.two.retr(number))
        self.one.quit()
        self.two.quit()
        self.assertEqual([1, 2, 3, 4, 5], self.remaining())

    def test_what_one_deletes(self):
        ids = self.two.uidl()
        self.one.dele(2)
        self.assertEqual(5, self.two.stat()[0])  # not before QUIT
        self.one.quit()
        with self.assertRaises(Refused):
            self.two.retr(2)
        self.assertEqual(MAILS[2], self.two.retr(3))
        self.two.dele(4)
        self.two.quit()
        self.assertEqual([1, 3, 5], self.remaining())
        later = self.login(self.gate).uidl()
        self.assertEqual([ids[1], ids[3], ids[5]], list(later.values()))

    def test_both_delete_the_same(self):
        for client in (self.one, self.two):
            client.stat()
            client.dele(1, 2)
        self.one.quit()
        try:
            self.two.quit()
        except Refused as refused:  # it is gone, whoever did it; a refusal has to say so
            self.assertIn("[SYS/TEMP]", str(refused))
        self.assertEqual([3, 4, 5], self.remaining())

    def test_one_is_dropped(self):
        """CASES D1, beside another session."""
        self.one.dele(1)
        self.two.dele(3)
        self.one.reset()
        self.two.quit()
        self.assertEqual([1, 2, 4, 5], self.remaining())


class Poller(threading.Thread):
    """Fetches and deletes its own share of the messages, one in each session."""

    def __init__(self, test, uidls):
        super().__init__(daemon=True)
        self.test = test
        self.uidls = set(uidls)
        self.told = set()   # QUIT was sent
        self.done = set()   # and answered +OK
        self.wrong = []

    def run(self):
        while self.uidls:
            try:
                self.session()
            except (Refused, Closed, OSError):
                self.test.back.wait(PATIENCE)
            except AssertionError as e:
                self.wrong.append(e)
                return

    def session(self):
        client = self.test.connect(self.test.gate)
        client.login(USER, PASSWORD)
        ids = {uidl: number for number, uidl in client.uidl().items()}
        self.uidls &= set(ids)
        if self.uidls:
            uidl = min(self.uidls)
            octets = client.retr(ids[uidl])
            if octets != self.test.octets[uidl]:
                self.wrong.append(f"{uidl} is another message")
            client.dele(ids[uidl])
            self.told.add(uidl)
            client.quit()
            self.done.add(uidl)
        client.close()


class Killed(Scene):
    def test_under_load(self):
        """kill -9, over and over: what was confirmed is deleted, nothing is that was not marked, and
        every message keeps its UIDL."""
        server = self.dovecot()
        DovecotStore(server, USER).deliver_all([corpus.plain_mail(n) for n in range(60)])
        self.gate = self.gateway(server)
        client = self.login(self.gate)
        ids = client.uidl()
        self.octets = {uidl: client.retr(number) for number, uidl in ids.items()}
        client.quit()
        self.back = threading.Event()
        self.back.set()
        kept = set(list(ids.values())[::5])
        wanted = [uidl for uidl in ids.values() if uidl not in kept]
        pollers = [Poller(self, wanted[n::4]) for n in range(4)]
        for poller in pollers:
            poller.start()
        for kill in range(1, 5):
            goal = 6 * kill
            wait_until(lambda goal=goal: sum(len(p.done) for p in pollers) >= goal, "some deletions")
            self.back.clear()
            self.gate.kill()
            self.gate.start()
            self.back.set()
        for poller in pollers:
            poller.join(4 * PATIENCE)
            self.assertFalse(poller.is_alive())
            self.assertEqual([], poller.wrong)
        left = self.login(self.gate).uidl()
        self.assertEqual(kept, set(left.values()))
        told = set().union(*(p.told for p in pollers))
        done = set().union(*(p.done for p in pollers))
        self.assertLessEqual(set(ids.values()) - set(left.values()), told)
        self.assertFalse(done & set(left.values()))
        client = self.login(self.gate)
        for number, uidl in client.uidl().items():
            self.assertEqual(self.octets[uidl], client.retr(number))


class Compressing(Scene):
    EXTRA = "protocol imap {\n  mail_plugins = imap_zlib\n}\n"

    def test_a_slow_reader_of_what_inflates_a_thousandfold(self):
        """Upstream it is a few octets, which come at once: they are inflated as the client reads."""
        mail = b"Subject: large\r\n\r\n" + (b"x" * 998 + b"\r\n") * 40_000
        server = self.dovecot(extra=self.EXTRA)
        DovecotStore(server, USER).deliver(mail)
        relay = Relay(server.port, delay=0)
        relay.__enter__()
        self.addCleanup(relay.__exit__)
        gate = self.gateway(f"imap://127.0.0.1:{relay.port}", workers=1)
        client = self.login(gate, receive_buffer=4096)
        client.stat()
        before = gate.rss()
        gate.reset_peak()
        client.command("RETR 1")
        self.assertEqual(mail, client.body())
        if not sanitized():
            self.assertLess(gate.peak_rss() - before, 4 * MIB)
        client.quit()
        self.assertLess(relay.octets_down, MIB)  # it was compressed


if __name__ == "__main__":
    unittest.main()
