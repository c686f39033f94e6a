"""A large message that an IMAP client reads while it comes from the POP3 server: what the client has
at which moment, and what it is told when the server's size was wrong or the rest does not come."""

import contextlib
import imaplib
import signal
import threading

from tests.lib.fakepop3 import FakePop3
from tests.lib.process import PATIENCE, listening, wait_until
from tests.lib.scene import PASSWORD, USER, Scene

SMALL = b"Subject: small\r\n\r\nsmall\r\n"
LARGE = b"Subject: large\r\n\r\n" + b"".join(b"%07d of the large one\r\n" % n for n in range(50_000))
OTHER = LARGE.replace(b"0000100 of", b"0000100 in")
HALF = len(LARGE) // 2


class Streaming(Scene):
    """The maildrop has a small message and a large one; the client has seen neither."""

    route = {"idle_seconds": 1, "poll_seconds": 3600}
    limits = {}

    def setUp(self):
        super().setUp()
        self.go_on = threading.Event()
        self.drop = FakePop3({USER: PASSWORD}).start()
        self.addCleanup(self.drop.stop)
        self.addCleanup(self.go_on.set)
        self.small = self.drop.deliver(SMALL)
        self.large = self.drop.deliver(LARGE)

    def begin(self, count=2):
        self.gate = self.gateway(f"pop3://127.0.0.1:{self.drop.port}", listener="imap",
                                 route={"imap": self.route}, config={"limits": self.limits})
        return self.client(count)

    def client(self, count=2):
        client = imaplib.IMAP4("127.0.0.1", self.gate.port, timeout=PATIENCE)
        self.addCleanup(self.close, client)
        client.login(USER, PASSWORD)
        wait_until(lambda: int(client.select()[1][0]) == count, f"{count} messages")
        return client

    @staticmethod
    def close(client):
        with contextlib.suppress(OSError):  # it went away before
            client.shutdown()

    def hold(self, at=HALF):
        """RETR of what is larger stops there until `go_on` is set."""
        def pieces(answer):
            yield answer[:at]
            if len(answer) > at:
                self.go_on.wait()
            yield answer[at:]
        self.drop.pieces = pieces

    @staticmethod
    def ask(client, number=2, item="BODY.PEEK[]"):
        """Sends a FETCH; gives the literal's size once it is said."""
        client.send(b"f FETCH %d (%s)\r\n" % (number, item.encode()))
        line = client.readline()
        assert line.startswith(b"* %d FETCH" % number), line
        return int(line.rpartition(b"{")[2].rstrip(b"}\r\n"))

    def end(self, client):
        self.assertEqual(b")\r\n", client.readline())
        line = client.readline()
        while line.startswith(b"* "):
            line = client.readline()
        self.assertTrue(line.startswith(b"f OK"), line)

    def whole(self, client, number=2, expected=LARGE):
        """A FETCH that goes as it should."""
        size = self.ask(client, number)
        self.assertEqual(len(expected), size)
        self.assertEqual(expected, client.read(size))
        self.end(client)

    def rfc822_size(self, client, number=2):
        return int(client.fetch(str(number), "(RFC822.SIZE)")[1][0].rpartition(b" ")[2].rstrip(b")"))

    def breaks(self, client):
        """The rest of a literal that is never completed; a reset may tell so."""
        rest = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := client.read(65536):
                rest += piece
        return rest

    def assert_fetched_once(self):
        self.assertEqual(1, self.drop.retrieved.count(self.large))


class WhileItComes(Streaming):
    def test_octets_before_the_end(self):
        self.hold()
        client = self.begin()
        size = self.ask(client)
        self.assertEqual(len(LARGE), size)
        self.assertEqual(LARGE[:HALF - 100], client.read(HALF - 100))
        self.assertFalse(self.go_on.is_set())
        client.send(b"n NOOP\r\n")  # behind it
        self.go_on.set()
        self.assertEqual(LARGE[HALF - 100:], client.read(size - HALF + 100))
        self.end(client)
        self.assertTrue(client.readline().startswith(b"n OK"))
        self.assertEqual(len(LARGE), self.rfc822_size(client))
        self.assertEqual([self.small, self.large], self.drop.retrieved)

    def test_parts_before_the_end(self):
        self.hold()
        client = self.begin()
        for offset in (0, 65536, 131072):
            size = self.ask(client, item=f"BODY.PEEK[]<{offset}.65536>")
            self.assertEqual(65536, size)
            self.assertEqual(LARGE[offset:offset + 65536], client.read(size))
            self.end(client)
        self.assertFalse(self.go_on.is_set())
        self.go_on.set()
        size = self.ask(client, item=f"BODY.PEEK[]<{len(LARGE) - 10}.65536>")
        self.assertEqual(LARGE[-10:], client.read(size))
        self.end(client)
        self.assert_fetched_once()

    def test_two_sessions(self):
        self.hold()
        clients = [self.begin(), self.client()]
        for client in clients:
            self.ask(client)
            self.assertEqual(LARGE[:1000], client.read(1000))
        self.go_on.set()
        for client in clients:
            self.assertEqual(LARGE[1000:], client.read(len(LARGE) - 1000))
            self.end(client)
        self.assert_fetched_once()

    def test_another_session_lives_on(self):
        self.hold()
        reads, lives = self.begin(), self.client()
        self.ask(reads)
        self.assertEqual("OK", lives.noop()[0])
        self.assertEqual("OK", lives.store("1:2", "+FLAGS", "\\Deleted")[0])
        self.assertEqual("OK", lives.expunge()[0])
        self.assertFalse(self.go_on.is_set())
        self.go_on.set()
        self.assertEqual(LARGE, reads.read(len(LARGE)))
        self.end(reads)
        wait_until(lambda: not self.drop.listing(), "the deletions upstream")

    def test_the_session_goes_away(self):
        self.hold()
        client = self.begin()
        self.ask(client)
        self.assertEqual(LARGE[:1000], client.read(1000))
        client.shutdown()
        self.go_on.set()
        self.whole(self.client())
        self.assert_fetched_once()

    def test_logout_behind_it(self):
        self.hold()
        client = self.begin()
        self.ask(client)
        client.send(b"l LOGOUT\r\n")
        self.go_on.set()
        self.assertEqual(LARGE, client.read(len(LARGE)))
        self.end(client)
        self.assertTrue(client.readline().startswith(b"* BYE"))

    def stopped_in_the_middle(self, drain_seconds):
        """SIGTERM while half of the message is there."""
        self.limits = {"drain_seconds": drain_seconds}
        self.hold()
        client = self.begin()
        self.assertEqual(len(LARGE), self.ask(client))
        self.assertEqual(LARGE[:1000], client.read(1000))
        self.gate.process.signal(signal.SIGTERM)
        wait_until(lambda: not listening(self.gate.port), "the listener to close")
        return client

    def test_stopped_meanwhile(self):
        """What is under way is finished."""
        client = self.stopped_in_the_middle(30)
        self.go_on.set()
        self.assertEqual(LARGE[1000:], client.read(len(LARGE) - 1000))
        self.end(client)
        client.send(b"l LOGOUT\r\n")
        self.assertEqual(0, self.gate.process.wait())
        self.gate.start()
        self.whole(self.client())
        self.assert_fetched_once()

    def test_stopped_for_good(self):
        """Patience ends: the literal breaks off, and nothing of it is taken for the message."""
        client = self.stopped_in_the_middle(1)
        self.assertTrue(LARGE.startswith(LARGE[:1000] + self.breaks(client)))
        self.assertEqual(0, self.gate.process.wait())
        self.go_on.set()
        self.gate.start()
        self.whole(self.client())

    def test_structure_is_of_the_whole(self):
        self.hold()
        client = self.begin()
        self.ask(client)
        other = self.client()
        other.send(b"f FETCH 2 (BODYSTRUCTURE BODY.PEEK[TEXT])\r\n")
        self.assertEqual(LARGE[:1000], client.read(1000))
        self.go_on.set()
        self.assertEqual(LARGE[1000:], client.read(len(LARGE) - 1000))
        self.end(client)
        text = LARGE.partition(b"\r\n\r\n")[2]
        self.assertIn(b"{%d}\r\n" % len(text), other.readline())
        self.assertEqual(text, other.read(len(text)))
        self.end(other)
        self.assert_fetched_once()

    def test_in_order(self):
        self.drop.deliver(OTHER)
        self.hold()
        client = self.begin(3)
        client.send(b"f FETCH 1:3 BODY.PEEK[]\r\n")
        for number, expected in enumerate((SMALL, LARGE, OTHER), 1):
            self.assertEqual(b"* %d FETCH (BODY[] {%d}\r\n" % (number, len(expected)),
                             client.readline())
            self.assertEqual(expected[:1000], client.read(min(1000, len(expected))))
            self.go_on.set()
            self.assertEqual(expected[1000:], client.read(max(0, len(expected) - 1000)))
            self.assertEqual(b")\r\n", client.readline())
        self.assertTrue(client.readline().startswith(b"f OK"))
        self.assertEqual(3, len(set(self.drop.retrieved)))


class Archived(WhileItComes):
    """The bodies are kept for good."""

    route = {**Streaming.route, "archive": True}


class CacheIsSmaller(Streaming):
    route = {**Streaming.route, "cache": 1 << 20}

    def test_messages_larger_than_the_cache(self):
        self.drop.deliver(OTHER)
        client = self.begin(3)
        for _ in range(2):
            self.whole(client, 2)
            self.whole(client, 3, OTHER)
        self.assertEqual(SMALL, client.fetch("1", "(BODY.PEEK[])")[1][0][1])


class WrongSizes(Streaming):
    def lie(self, difference):
        """LIST is wrong of the large message only."""
        self.drop.size = lambda uidl, data: len(data) + difference * (uidl == self.large)

    def check(self, difference):
        self.lie(difference)
        self.hold()
        client = self.begin()
        size = self.ask(client)
        self.assertEqual(len(LARGE) + difference, size)
        self.assertEqual(LARGE[:1000], client.read(1000))
        self.go_on.set()
        rest = self.breaks(client)
        self.assertLess(1000 + len(rest), size)
        self.assertTrue(LARGE[1000:].startswith(rest))
        again = self.client()
        self.whole(again)
        wait_until(lambda: self.rfc822_size(again) == len(LARGE), "the size to be corrected")
        self.assert_fetched_once()

    def test_it_ends_early(self):
        self.check(1)
        self.gate.wait_said("size-corrected")

    def test_it_ends_much_too_early(self):
        self.check(100_000)

    def test_it_is_longer(self):
        self.check(-1)

    def test_it_is_much_longer(self):
        self.check(-100_000)

    def test_sizes_that_are_never_right(self):
        self.drop.size = lambda uidl, data: data.count(b"\n") + len(data)
        client = self.begin()
        self.whole(client)
        self.assertEqual(len(LARGE), self.rfc822_size(client))
        self.assertEqual([self.small, self.large], self.drop.retrieved)

    def test_no_final_line_end(self):
        """POP3 adds one, which LIST does not count: the message is what is stored."""
        mails = [LARGE + b"no end", OTHER + b"none here"]
        for mail in mails:
            self.drop.deliver(mail)
        client = self.begin(4)
        for number, mail in enumerate(mails, 3):
            self.hold()
            self.go_on.clear()
            self.assertEqual(len(mail), self.ask(client, number))
            self.assertEqual(mail[:1000], client.read(1000))
            self.go_on.set()
            self.assertEqual(mail[1000:], client.read(len(mail) - 1000))
            self.end(client)
            self.assertEqual(len(mail), self.rfc822_size(client, number))
        self.assertNotIn("size-corrected", self.gate.output())

    def test_nothing_to_learn_it_from(self):
        self.drop.delete([self.small])
        self.lie(10)
        client = self.begin(1)
        self.whole(client, 1)
        self.assert_fetched_once()

    def test_after_a_restart(self):
        self.check(10)
        self.gate.stop()
        self.lie(0)
        self.large = self.drop.deliver(OTHER)
        self.lie(10)
        self.gate.start()
        self.whole(self.client(3), 3, OTHER)


class Lost(Streaming):
    limits = {"response_seconds": 4}

    def lose(self, *, times=1, ending=None, at=HALF):
        """So often the large message ends before its end."""
        left = [times]

        def pieces(answer):
            if len(answer) > at and left[0]:
                left[0] -= 1
                yield answer[:at]
                if ending:
                    ending()
                raise ConnectionAbortedError
            yield answer
        self.drop.pieces = pieces

    def test_cut(self):
        self.lose()
        self.whole(self.begin())
        self.assertEqual(2, self.drop.retrieved.count(self.large))

    def test_stall(self):
        self.lose(ending=self.go_on.wait)
        self.drop.patience = PATIENCE
        client = self.begin()
        self.ask(client)
        self.gate.wait_said("did not answer within")
        self.go_on.set()
        self.assertEqual(LARGE, client.read(len(LARGE)))
        self.end(client)

    def test_cut_again(self):
        self.lose(times=2)
        client = self.begin()
        size = self.ask(client)
        rest = self.breaks(client)
        self.assertLess(len(rest), size)
        self.assertTrue(LARGE.startswith(rest))
        self.whole(self.client())

    def test_another_message_the_second_time(self):
        def change():
            with self.drop._change:
                self.drop._messages[self.large] = OTHER
        self.lose(ending=change)
        client = self.begin()
        size = self.ask(client)
        rest = self.breaks(client)
        self.assertLess(len(rest), size)
        self.assertTrue(LARGE.startswith(rest))
        self.whole(self.client(), expected=OTHER)

    def test_gone_the_second_time(self):
        self.lose(ending=lambda: self.drop.delete([self.large]))
        client = self.begin()
        size = self.ask(client)
        self.assertLess(len(self.breaks(client)), size)
        self.assertEqual("OK", self.client(1).noop()[0])
