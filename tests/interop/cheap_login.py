"""A login costs what has changed since the last one, not what the mailbox holds."""

import time
import unittest

from tests.lib import corpus
from tests.lib.fakeimap import Message
from tests.lib.relay import Relay
from tests.lib.scene import PASSWORD, USER, Scene
from tests.lib.stores import DovecotStore, Mailbox

COUNT = 100_000
BODY = corpus.plain_mail(1)


class Large(Scene):
    """A mailbox of 100,000 messages at the scripted server."""

    def setUp(self):
        super().setUp()
        self.upstream = self.fake(Message(BODY, uid) for uid in range(1, COUNT + 1))
        self.mailferry = self.gateway(self.upstream)

    def poll(self):
        """What a polling client does. Gives UIDLs by number, and the octets the upstream sent."""
        self.upstream.forget()
        before = self.upstream.octets_sent
        client = self.login(self.mailferry, timeout=120)
        count, octets = client.stat()
        ids = client.uidl()
        self.assertEqual(count, len(ids))
        self.assertEqual(octets, count * len(BODY))
        client.quit()
        return ids, self.upstream.octets_sent - before

    def test_polls(self):
        first, cost = self.poll()
        self.assertEqual(len(first), COUNT)
        fetches = self.upstream.commands("FETCH")
        self.assertLessEqual(len(fetches), 64, "the listing is to be few ranges, not messages")

        second, again = self.poll()
        self.assertEqual(second, first)
        self.assertEqual(self.upstream.commands("FETCH"), [])
        self.assertLess(again, cost / 100)

        self.mailferry.restart()
        third, again = self.poll()
        self.assertEqual(third, first)
        self.assertEqual(self.upstream.commands("FETCH"), [])
        self.assertLess(again, cost / 100)

        for uid in (5, 50_000):
            self.upstream.remove(uid)
        for _ in range(3):
            self.upstream.add(BODY)
        fourth, again = self.poll()
        self.assertEqual(len(fourth), COUNT + 1)
        self.assertEqual(len(set(first.values()) - set(fourth.values())), 2)
        self.assertLess(again, cost / 3)  # a search at most, which gives uids and nothing else
        for command in self.upstream.commands("FETCH"):
            self.assertNotRegex(command.args, r"^1:(\*|\d{4,})")


class FarAway(Scene):
    """The upstream is 20 ms away, each way: round trips are what a session costs."""

    def test_reading_all(self):
        count = 200
        server = self.dovecot()
        DovecotStore(server, USER).deliver_all(corpus.plain_mail(n) for n in range(count))
        with Relay(server.port) as far:
            gateway = self.gateway(far)
            self.login(gateway).quit()
            start = time.monotonic()
            client = self.login(gateway)
            for number in range(1, count + 1):
                client.retr(number)
            client.quit()
            took = time.monotonic() - start
        # One round trip a message would be 8 s; logging in and out takes some ten.
        self.assertLess(took, count * 0.04 / 2)

    def test_login_round_trips(self):
        server = self.dovecot()
        DovecotStore(server, USER).deliver_all(corpus.plain_mail(n) for n in range(1000))
        with Relay(server.port, delay=0.05) as far:
            gateway = self.gateway(far)
            start = time.monotonic()
            client = self.login(gateway)
            client.uidl()
            self.assertLess(time.monotonic() - start, 0.1 * 20)
            client.quit()


class Changes(Scene):
    """With a real server that knows CONDSTORE and QRESYNC."""

    def test_only_changes_are_seen(self):
        server = self.dovecot()
        store = DovecotStore(server, USER)
        store.deliver_all(corpus.plain_mail(n) for n in range(500))
        gateway = self.gateway(server)
        client = self.login(gateway)
        first = client.uidl()
        client.quit()
        for step in range(3):
            store.deliver(corpus.plain_mail(1000 + step))
            with Mailbox(server.port, USER, PASSWORD) as other:
                other.expunge(10 + step, 100 + step)
                other.flag(200, "\\Seen")
            client = self.login(gateway)
            ids = client.uidl()
            self.assertEqual(len(ids), 500 - step - 1)
            self.assertEqual(len(set(first.values()) - set(ids.values())), 2 * (step + 1))
            self.assertEqual(sum(client.list().values()), client.stat()[1])
            self.assertIn(b"Subject: message %d\r\n" % (1000 + step), client.retr(len(ids)))
            client.quit()


if __name__ == "__main__":
    unittest.main()
