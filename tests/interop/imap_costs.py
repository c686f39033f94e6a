"""What an IMAP client on a POP3 maildrop costs: upstream traffic and memory, not times, which are
only printed."""

import hashlib
import imaplib
import time
from concurrent.futures import ThreadPoolExecutor

from tests.lib.mailferry import sanitized
from tests.lib.process import PATIENCE, wait_until
from tests.lib.relay import Relay
from tests.lib.scene import PASSWORD, USER, Scene
from tests.lib.stores import DovecotStore

MEGABYTE = 1 << 20
COUNT = 2_000
WINDOW = 30  # commands under way
LISTING = ("FETCH", "1:*", "(UID FLAGS RFC822.SIZE ENVELOPE)")


def mail(number):
    return (b"From: Ann <ann@example.com>\r\nTo: bob@example.com\r\nSubject: mail %d\r\n"
            b"Date: Fri, 20 Nov 2026 10:00:00 +0000\r\nMessage-ID: <%d@example.com>\r\n\r\n"
            % (number, number)) + b"a line of the body\r\n" * 100


class Costs(Scene):
    def serve(self, messages, delay=0.0, **route):
        server = self.dovecot(pop3=True)
        DovecotStore(server, USER).deliver_all(messages)
        relay = Relay(server.pop3_port, delay)
        relay.__enter__()
        self.addCleanup(relay.__exit__)
        self.gate = self.gateway(f"pop3://127.0.0.1:{relay.port}", listener="imap",
                                 route={"imap": route},
                                 config={"limits": {"connections_per_address": 1000}})
        return relay

    def client(self, count=None):
        client = imaplib.IMAP4("127.0.0.1", self.gate.port, timeout=PATIENCE)
        self.addCleanup(client.shutdown)
        client.login(USER, PASSWORD)
        deadline = time.monotonic() + PATIENCE
        while count is not None and int(client.select()[1][0]) != count:
            self.assertLess(time.monotonic(), deadline, "the whole folder is listed")
        return client

    def test_listing(self):
        relay = self.serve((mail(n) for n in range(COUNT)), 0.02, poll_seconds=3600)
        began = time.monotonic()
        client = self.client(COUNT)
        selected = time.monotonic() - began
        ahead = self.asked_ahead(relay)
        status, data = client.uid(*LISTING)
        took = time.monotonic() - began
        self.assertEqual(("OK", COUNT), (status, len(data)))
        print(f"listing of {COUNT}: {took:.2f} s (selected after {selected:.2f} s), "
              f"{relay.turns} turns, {relay.octets_down} octets down, rss {self.gate.rss()}")
        said = bytes(relay.said).upper()
        self.assertEqual(COUNT, said.count(b"TOP "))
        self.assertNotIn(b"RETR ", said)
        self.assertGreaterEqual(ahead.result(), WINDOW)
        self.later(relay, client)

    def asked_ahead(self, relay):
        """Holds the server's answers back until nothing more can be asked ahead of them; how much
        was, will be told: one round trip is paid for so many messages."""
        relay.hold_after = relay.octets_down

        def headers():
            return bytes(relay.said).upper().count(b"TOP ")

        def count():
            try:
                return wait_until(lambda: headers() >= WINDOW and headers(), "headers asked ahead")
            finally:
                relay.go_on.set()
        pool = ThreadPoolExecutor(1)
        self.addCleanup(pool.shutdown)
        return pool.submit(count)

    def later(self, relay, client):
        """The same session, and another: nothing is asked of the upstream."""
        before = bytes(relay.said), relay.connections
        self.assertEqual(COUNT, int(client.select()[1][0]))
        for items in ("(FLAGS)", LISTING[2]):
            began = time.monotonic()
            status, data = client.fetch("1:*", items)
            print(f"again {items}: {time.monotonic() - began:.3f} s")
            self.assertEqual(("OK", COUNT), (status, len(data)))
        self.assertEqual(before, (bytes(relay.said), relay.connections))

    def test_a_large_message(self):
        large = b"Subject: large\r\n\r\n" + (b"x" * 76 + b"\r\n") * (100 * MEGABYTE // 78)
        relay = self.serve([mail(1), large])
        client = self.client(2)
        client.fetch("1", "(BODY.PEEK[])")
        relay.hold_after = relay.octets_down + 60 * MEGABYTE
        for what in ("fetched", "cached"):
            self.gate.reset_peak()
            before, began = self.gate.rss(), time.monotonic()
            digest = self.stream(client, 2, relay.go_on.set)
            growth = self.gate.peak_rss() - before
            print(f"100 MB {what}: {time.monotonic() - began:.2f} s, growth {growth >> 10} KiB")
            self.assertEqual(hashlib.sha256(large).digest(), digest)
            if not sanitized():
                self.assertLess(growth, 2 * MEGABYTE, what)
        self.assertEqual(1, bytes(relay.said).upper().count(b"RETR 2"))

    @staticmethod
    def stream(client, number, halfway):
        """The message's digest, piece by piece; half of it has to come before `halfway`."""
        began = time.monotonic()
        client.send(b"z FETCH %d (BODY.PEEK[])\r\n" % number)
        line = client.readline()
        print(f"first octets after {time.monotonic() - began:.3f} s")
        size = left = int(line.rpartition(b"{")[2].rstrip(b"}\r\n"))
        digest = hashlib.sha256()
        while left:
            piece = client.read(min(left, 65536))
            digest.update(piece)
            left -= len(piece)
            if left < size / 2:
                halfway()
        while not line.startswith(b"z "):
            line = client.readline()
        return digest.digest()

    def test_idle_sessions(self):
        self.serve([mail(1)])
        self.client(1)
        clients = [self.client(1) for _ in range(20)]
        before = self.gate.rss()
        clients += [self.client(1) for _ in range(100)]
        each = (self.gate.rss() - before) / 100
        print(f"an idle session: {each / 1024:.1f} KiB")
        if not sanitized():
            self.assertLess(each, 64 * 1024)
