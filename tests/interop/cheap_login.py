"""A login costs what has changed since the last one, not what the mailbox holds."""

import re
import threading
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


class RoundTrips(Relay):
    """Counts how often an IMAP client says something while it waits for nothing: what it said before
    has been answered, and that answer has reached it."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.count = 0
        self._waits_for = 0
        self._noting = threading.Lock()

    def _note(self, counter, data):
        super()._note(counter, data)
        if counter == "octets_up":
            with self._noting:
                self.count += self._waits_for == 0
                self._waits_for += len(re.findall(rb"(?m)^m\d+ ", data))

    def _deliver(self, counter, data, sink):
        if counter == "octets_down":
            with self._noting:
                self._waits_for -= len(re.findall(rb"(?m)^m\d+ (?:OK|NO|BAD) ", data))
        super()._deliver(counter, data, sink)


class FarAway(Scene):
    """The upstream is 20 ms away, each way: round trips are what a session costs."""

    def far(self, count):
        server = self.dovecot()
        DovecotStore(server, USER).deliver_all(corpus.plain_mail(n) for n in range(count))
        relay = RoundTrips(server.port)
        relay.__enter__()
        self.addCleanup(relay.__exit__)
        return relay

    def test_reading_all(self):
        count = 200
        far = self.far(count)
        gateway = self.gateway(far)
        self.login(gateway).quit()
        far.count = 0
        client = self.login(gateway)
        for number in range(1, count + 1):
            client.retr(number)
        client.quit()
        self.assertLess(far.count, count / 4)

    def test_login_round_trips(self):
        far = self.far(1000)
        client = self.login(self.gateway(far))
        client.uidl()
        self.assertLess(far.count, 12)
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
