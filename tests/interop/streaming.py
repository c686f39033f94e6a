"""A message passes through; it is never in the process. Sizes of memory are measured, so this is
for the release build only (CASES R5)."""

import imaplib
import resource
import threading
import time
import unittest

from tests.lib import corpus
from tests.lib.fakeimap import Generated
from tests.lib.fakepop3 import FakePop3
from tests.lib.mailferry import sanitized
from tests.lib.process import PATIENCE, wait_until
from tests.lib.scene import PASSWORD, USER, Scene

SIZE = 200_000_000
MEGABYTE = 1 << 20
LARGE = b"Subject: large\r\n\r\n" + b"x" * 70 * 14_000 + b"\r\n"


@unittest.skipIf(sanitized(), "a sanitizer's own memory would be measured")
class Streaming(Scene):
    def setUp(self):
        super().setUp()
        self.upstream = self.fake([corpus.plain_mail(1), Generated(SIZE)])
        self.large = self.upstream.folders["INBOX"][1].body
        self.mailferry = self.gateway(self.upstream)
        warm = self.login(self.mailferry)
        warm.retr(1)
        warm.quit()

    def read_rest(self, client):
        """Takes octets until the end mark; gives their number, dots and mark included."""
        total, tail = len(client.buffer), client.buffer[-5:]
        client.buffer = b""
        while tail != b"\r\n.\r\n":
            data = client.sock.recv(1 << 18)
            self.assertTrue(data, "closed inside the message")
            total += len(data)
            tail = (tail + data)[-5:]
        return total

    def test_memory_stays_flat(self):
        client = self.login(self.mailferry)
        client.stat()
        before = self.mailferry.rss()
        self.mailferry.reset_peak()
        client.command("RETR 2")
        # No line of it begins with a dot, so the octets are the message's and the mark's.
        self.assertEqual(self.read_rest(client), SIZE + 3)
        growth = self.mailferry.peak_rss() - before
        self.assertLess(growth, 2 * MEGABYTE)
        client.quit()

    def test_first_octet_before_the_last(self):
        go_on = threading.Event()
        self.addCleanup(go_on.set)
        self.large.gate = lambda offset: offset > 100_000 and go_on.wait()
        client = self.login(self.mailferry)
        client.command("RETR 2")
        while len(client.buffer) < 50_000:  # while the upstream has most of it yet to send
            client.fill()
        go_on.set()
        self.assertEqual(self.read_rest(client), SIZE + 3)
        client.quit()

    def test_slow_reader_slows_the_upstream(self):
        client = self.login(self.mailferry, receive_buffer=65536)
        client.stat()
        before = self.mailferry.rss()
        sent = self.upstream.octets_sent
        client.send(b"RETR 2\r\n")

        def blocked():
            """The upstream has sent something, and no more for a while."""
            now = self.upstream.octets_sent
            end = time.monotonic() + 1
            while time.monotonic() < end and self.upstream.octets_sent == now:
                time.sleep(0.05)
            return now > sent and self.upstream.octets_sent == now
        wait_until(blocked, "the upstream to be slowed down")
        # The kernel's socket buffers, on two connections, take some megabytes; we take none.
        self.assertLess(self.upstream.octets_sent - sent, 32 * MEGABYTE)
        self.assertLess(self.mailferry.rss() - before, 2 * MEGABYTE)
        # Others are served meanwhile.
        other = self.login(self.mailferry)
        self.assertEqual(other.retr(1), corpus.plain_mail(1))
        other.quit()
        client.reset()
        # The other one's may wait for its user.
        wait_until(lambda: self.upstream.open_connections <= 1, "the upstream to be let go")

    def test_top_of_a_large_message(self):
        client = self.login(self.mailferry)
        client.stat()
        sent = self.upstream.octets_sent
        self.assertEqual(len(client.top(2, 5).splitlines()), 2 + 5)
        self.assertLess(self.upstream.octets_sent - sent, MEGABYTE)
        client.quit()

    def test_pipelined_retrs_stay_within_the_budget(self):
        for _ in range(20):
            self.upstream.add(Generated(10_000_000))
        client = self.login(self.mailferry)
        client.stat()
        before = self.mailferry.rss()
        self.mailferry.reset_peak()
        client.send(b"".join(b"RETR %d\r\n" % n for n in range(3, 23)))
        for _ in range(20):
            client.reply()
            self.assertEqual(len(client.body()), 10_000_000)
        # The default budget for prefetching, and what a session may hold besides.
        self.assertLess(self.mailferry.peak_rss() - before, 16 * MEGABYTE)
        client.quit()


class TakesNothing(Scene):
    """Who asks for much and reads nothing is not waited for (CASES R4, R5)."""

    limits = {"write_seconds": 5}

    def test_pop3_client(self):
        upstream = self.fake([corpus.plain_mail(1), Generated(SIZE)])
        gateway = self.gateway(upstream, config={"limits": self.limits})
        client = self.login(gateway, receive_buffer=4096)
        client.send(b"RETR 2\r\nDELE 1\r\nQUIT\r\n")
        wait_until(lambda: upstream.open_connections == 0, "the upstream to be let go")
        gateway.wait_said("the peer took no data")
        self.assertEqual(upstream.uids(), [1, 2])

    def test_imap_client(self):
        drop = FakePop3({USER: PASSWORD}).start()
        self.addCleanup(drop.stop)
        drop.deliver(LARGE)
        gateway = self.gateway(f"pop3://127.0.0.1:{drop.port}", listener="imap",
                               config={"limits": self.limits})
        client = imaplib.IMAP4("127.0.0.1", gateway.port, timeout=PATIENCE)
        self.addCleanup(client.shutdown)
        client.login(USER, PASSWORD)
        wait_until(lambda: client.select()[1] == [b"1"], "the message")
        client.send(b"f FETCH 1 (%s)\r\n" % b" ".join([b"BODY.PEEK[]"] * 100))
        gateway.wait_said("the peer took no data")


@unittest.skipIf(sanitized(), "a sanitizer's own memory would be measured")
class Idle(Scene):
    def test_idle_sessions_are_small(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        count = 200
        self.assertGreater(hard, 4 * count + 100)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4 * count + 100), hard))
        upstream = self.fake([corpus.plain_mail(n) for n in range(5)])
        gateway = self.gateway(upstream, config={"limits": {"connections_per_address": 1000}})
        self.login(gateway).quit()
        before = gateway.rss()
        clients = [self.login(gateway) for _ in range(count)]
        for client in clients:
            client.stat()
        self.assertLess((gateway.rss() - before) / count, 64 * 1024)
        for client in clients:
            client.quit()


if __name__ == "__main__":
    unittest.main()
