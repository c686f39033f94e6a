"""The other direction: an IMAP client whose mail is in a POP3 maildrop. What it costs is compared
with the same client straight at that server's own IMAP, which has an index of its own.

A scan is one command over all messages. `first` is that of a gateway without state; later ones are
those of an account that is open, as it is while a client looks at its mail again and again.
"""

import contextlib
import imaplib
import os
import re
import shutil
import time

from tests.bench import servers
from tests.lib.mailferry import Mailferry

READER, LISTED = "reader@example.com", "list100k@example.com"
COUNT = 2_000
DELAY_MS = 20
PATIENCE = 120

STATE = "FETCH 1:* (UID FLAGS RFC822.SIZE)"
ENVELOPE = "FETCH 1:* (UID FLAGS RFC822.SIZE ENVELOPE)"
STRUCTURE = "FETCH 1:* (UID BODYSTRUCTURE)"
BODIES = "FETCH 1:* (UID BODY.PEEK[])"


class Client:
    """Sends a command and takes what comes up to its tagged OK, as fast as it comes."""

    def __init__(self, port, user):
        self._connection = imaplib.IMAP4("127.0.0.1", port, timeout=PATIENCE)
        self._connection.login(user, servers.PASSWORD)
        self._socket = self._connection.sock

    def select(self, count):
        """The mailbox with all of its mail: a gateway may still be looking at the maildrop."""
        end = time.monotonic() + PATIENCE
        while int(self._connection.select("INBOX", readonly=True)[1][0]) != count:
            if time.monotonic() > end:
                raise SystemExit(f"there are not {count} messages")
            time.sleep(0.002)

    def seconds(self, command):
        started = time.perf_counter()
        self._socket.sendall(f"x {command}\r\n".encode())
        last = b""
        while not (answer := re.search(rb"(?:^|\r\n)x (\S+)[^\r\n]*\r\n$", last)):
            came = self._socket.recv(1 << 20)
            if not came:
                raise SystemExit("the connection was closed")
            last = (last + came)[-300:]
        if answer[1] != b"OK":
            raise SystemExit(last.decode(errors="replace"))
        return time.perf_counter() - started

    def close(self):
        with contextlib.suppress(OSError):
            self._connection.shutdown()


class StraightImap:
    """The upstream's own IMAP."""

    name = "straight"

    def __init__(self, upstream):
        self.process = upstream.process
        self.port = upstream.port

    def forget(self):
        """It has nothing of its own to forget."""


class ImapGateway:
    """mailferry in front of the POP3 server at `port`."""

    name = "mailferry"

    def __init__(self, directory, port):
        self._made = Mailferry(
            directory, f"pop3://127.0.0.1:{port}?tls=off", listener="imap",
            route={"imap": {"poll_seconds": 3600}},
            config={"log": {"level": "info"}, "limits": {"connections_per_address": 20000}})
        self._made.start()

    process = property(lambda self: self._made.process)
    port = property(lambda self: self._made.port)

    def forget(self):
        self._made.stop()
        shutil.rmtree(os.path.join(self._made.state_dir, "accounts"), ignore_errors=True)
        self._made.start()

    def stop(self):
        self._made.stop()


class Scan:
    """One command again and again, in a session that stays."""

    unit, rounds, ratio, dovecot_rounds = "ms", 5, True, 0
    before = ()  # commands that bring in what it needs
    repeat = 5

    def __init__(self, name, command, before=(), user=READER, count=COUNT):
        self.name, self.command, self.before = name, command, before
        self.user, self.count = user, count
        self.store = "retr" if user == READER else "list-100000"

    def prepare(self, bench):
        gateway = bench.add(ImapGateway(
            os.path.join(bench.directory, re.sub(r"\W+", "-", self.name)), self.pop3_port(bench)))
        self.ways = [StraightImap(bench.upstream), gateway]
        self.clients = {way.name: self.client(way) for way in self.ways}
        for client in self.clients.values():
            for command in (*self.before, self.command, self.command):
                client.seconds(command)

    def pop3_port(self, bench):
        return bench.upstream.pop3_port

    def client(self, way):
        client = Client(way.port, self.user)
        client.select(self.count)
        return client

    def round(self, way):
        """The least of some: what disturbs only adds."""
        client = self.clients[way.name]
        return min(client.seconds(self.command) for _ in range(self.repeat)) * 1e3


class First(Scan):
    """From the login on, by a gateway that knows nothing."""

    rounds = 3

    def round(self, way):
        self.clients[way.name].close()
        way.forget()
        started = time.perf_counter()
        self.clients[way.name] = self.client(way)
        for command in (*self.before, self.command):
            self.clients[way.name].seconds(command)
        return (time.perf_counter() - started) * 1e3


class FirstBodies(Scan):
    """Once the envelopes are known; `ms` for all."""

    rounds = 3

    def round(self, way):
        self.clients[way.name].close()
        way.forget()
        self.clients[way.name] = client = self.client(way)
        client.seconds(ENVELOPE)
        return client.seconds(self.command) * 1e3


class SlowBodies(FirstBodies):
    """The same over a line; messages a second are the count by the time."""

    def pop3_port(self, bench):
        return bench.line(bench.upstream.pop3_port).port

    def more(self):
        seconds = min(self.took)
        return [f"{self.count / seconds:,.0f} messages a second at best"]

    def prepare(self, bench):
        self.took = []
        super().prepare(bench)

    def round(self, way):
        took = super().round(way)
        if way.name == "mailferry":
            self.took.append(took / 1e3)
        return took


CASES = {
    "imap-first": lambda: First("first IMAP scan of 2,000", ENVELOPE),
    "imap-state": lambda: Scan("later scan, FLAGS and size", STATE),
    "imap-state-100000": lambda: Scan("the same, 100,000", STATE, user=LISTED, count=100_000),
    "imap-envelope": lambda: Scan("later scan, ENVELOPE", ENVELOPE),
    "imap-structure": lambda: Scan("later scan, BODYSTRUCTURE", STRUCTURE),
    "imap-bodies-first": lambda: FirstBodies("2,000 bodies, first", BODIES),
    "imap-bodies": lambda: Scan("2,000 bodies, later", BODIES),
    "imap-bodies-slow": lambda: SlowBodies("2,000 bodies over 20 ms each way", BODIES),
    "imap-subject": lambda: Scan("SEARCH SUBJECT", 'SEARCH SUBJECT "nosuchthing"', (ENVELOPE,)),
    "imap-body": lambda: Scan("SEARCH BODY", 'SEARCH BODY "nosuchthing"', (BODIES,)),
    "imap-text": lambda: Scan("SEARCH TEXT", 'SEARCH TEXT "nosuchthing"', (BODIES,)),
}
