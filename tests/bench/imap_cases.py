"""IMAP clients, whose mail is in a POP3 maildrop. What it costs is compared with the same client
straight at that server's own IMAP, which has an index of its own.

A scan is one command over all messages. `first` is that of a gateway without state; later ones are
those of an account that is open, as it is while a client looks at its mail again and again.
"""

import contextlib
import imaplib
import re
import ssl
import time

from tests.bench import goal, servers
from tests.bench.case import Case

READER, LISTED = "reader@example.com", "list100k@example.com"
COUNT, FEW = 2_000, 50

STATE = "FETCH 1:* (UID FLAGS RFC822.SIZE)"
ENVELOPE = "FETCH 1:* (UID FLAGS RFC822.SIZE ENVELOPE)"
STRUCTURE = "FETCH 1:* (UID BODYSTRUCTURE)"
BODIES = "FETCH 1:* (UID BODY.PEEK[])"
HEADERS = "FETCH 1:* (UID ENVELOPE)"  # pop3c cannot read a header whose message's size it knows


class Client:
    """Sends a command and takes what comes up to its tagged OK, as fast as it comes."""

    def __init__(self, port, user, tls=False):
        if tls:
            context = ssl._create_unverified_context()  # pylint: disable=protected-access
            self._connection = imaplib.IMAP4_SSL("127.0.0.1", port, ssl_context=context,
                                                 timeout=servers.PATIENCE)
        else:
            self._connection = imaplib.IMAP4("127.0.0.1", port, timeout=servers.PATIENCE)
        self._connection.login(user, servers.PASSWORD)
        self._socket = self._connection.sock

    def select(self, count):
        """The mailbox with all of its mail: a gateway may still be looking at the maildrop."""
        end = time.monotonic() + servers.PATIENCE
        while int(self._connection.select("INBOX", readonly=True)[1][0]) != count:
            if time.monotonic() > end:
                raise servers.Failed(f"there are not {count} messages")
            time.sleep(0.002)

    def seconds(self, command):
        started = time.perf_counter()
        self._socket.sendall(f"x {command}\r\n".encode())
        last = b""
        while not (answer := re.search(rb"(?:^|\r\n)x (\S+)[^\r\n]*\r\n$", last)):
            if time.perf_counter() - started > servers.PATIENCE:
                raise servers.Failed(f"{command} took more than {servers.PATIENCE} s")
            came = self._socket.recv(1 << 20)
            if not came:
                raise servers.Failed(f"the connection was closed at {command}")
            last = (last + came)[-300:]
        if answer[1] != b"OK":
            raise servers.Failed(last.decode(errors="replace"))
        return time.perf_counter() - started

    def close(self):
        with contextlib.suppress(OSError):
            self._connection.shutdown()


class Scan(Case):
    """One command again and again, in a session that stays."""

    repeat = 5

    def __init__(self, name, command, before=(), user=READER, count=COUNT, tls=False, most=None):
        self.name, self.command, self.before = name, command, before
        self.user, self.count, self.tls = user, count, tls
        self.store = "retr" if user == READER else "list-100000"
        self.quick = user == READER
        self.goal = goal.at_most_ratio(most) if most else None

    def prepare(self, bench):
        self.ways = self.make_ways(bench)
        self.clients = {}

    def warm_up(self, way):
        self.clients[way.name] = client = self.client(way)
        for command in (*self.before, self.command, self.command):
            client.seconds(command)

    def make_ways(self, bench):
        ways = [bench.straight(self.tls, protocol="imap"),
                bench.gateway(self.name, tls=self.tls, protocol="imap")]
        if bench.with_dovecot:
            ways.append(bench.dovecot(f"pop3c-{self.name}", tls=self.tls, protocol="imap"))
        return ways

    def client(self, way):
        client = Client(way.port, self.user, self.tls)
        client.select(self.count)
        return client

    def round(self, way):
        """The least of some: what disturbs only adds."""
        client = self.clients[way.name]
        return min(client.seconds(self.command) for _ in range(self.repeat)) * 1e3


class Anew(Scan):
    """What begins with a gateway that knows nothing."""

    def warm_up(self, way):
        if way.name != "dovecot":
            self.round(way)

    def forget(self, way):
        if way.name in self.clients:
            self.clients.pop(way.name).close()
        way.forget(self.user)

    def begin(self, way):
        self.clients[way.name] = client = self.client(way)
        return client


class First(Anew):
    """From the login on."""

    def round(self, way):
        self.forget(way)
        started = time.perf_counter()
        self.begin(way).seconds(self.command)
        return (time.perf_counter() - started) * 1e3


class FirstBodies(Anew):
    """Once the envelopes are known."""

    def round(self, way):
        self.forget(way)
        client = self.begin(way)
        client.seconds(ENVELOPE)
        return client.seconds(self.command) * 1e3


class SlowBodies(Anew):
    """With a line in between: to the straight client's server, and to the gateways' one. Dovecot
    asks for one message after the other: some are enough to see it."""

    unit = "us"

    def __init__(self):
        super().__init__("bodies over 20 ms each way, each", BODIES)
        self.goal = goal.at_least_each_second(1_500)

    def make_ways(self, bench):
        pop3 = bench.line(bench.port_of("pop3")).port
        ways = [bench.straight(port=bench.line(bench.port_of("imap")).port),
                bench.gateway(self.name, port=pop3, protocol="imap")]
        if bench.with_dovecot:
            ways.append(bench.dovecot(f"pop3c-{self.name}", port=pop3, protocol="imap"))
        return ways

    def round(self, way):
        self.forget(way)
        client = self.begin(way)
        if way.name == "dovecot":
            return client.seconds(BODIES.replace("1:*", f"1:{FEW}")) / FEW * 1e6
        client.seconds(ENVELOPE)
        return client.seconds(BODIES) / self.count * 1e6


CASES = {
    "imap-first": lambda: First("first IMAP scan of 2,000", ENVELOPE, most=10),
    "imap-first-tls": lambda: First("first IMAP scan of 2,000, TLS", ENVELOPE, tls=True),
    "imap-first-state": lambda: First("first scan, FLAGS and size", STATE),
    "imap-first-structure": lambda: First("first scan, BODYSTRUCTURE", STRUCTURE),
    "imap-state": lambda: Scan("later scan, FLAGS and size", STATE, most=0.8),
    "imap-state-100000": lambda: Scan("later scan of 100,000, FLAGS and size", STATE, user=LISTED,
                                      count=100_000, most=0.8),
    "imap-envelope": lambda: Scan("later scan, ENVELOPE", ENVELOPE, (HEADERS,), most=0.8),
    "imap-structure": lambda: Scan("later scan, BODYSTRUCTURE", STRUCTURE, most=0.8),
    "imap-state-tls": lambda: Scan("later scan, FLAGS and size, TLS", STATE, tls=True),
    "imap-bodies-first": lambda: FirstBodies("2,000 bodies, first", BODIES, most=2.5),
    "imap-bodies": lambda: Scan("2,000 bodies, later", BODIES, most=1.0),
    "imap-bodies-tls": lambda: Scan("2,000 bodies, later, TLS", BODIES, tls=True),
    "imap-bodies-slow": SlowBodies,
    "imap-subject": lambda: Scan("SEARCH SUBJECT", 'SEARCH SUBJECT "nosuchthing"', (ENVELOPE,),
                                 most=1.0),
    "imap-body": lambda: Scan("SEARCH BODY", 'SEARCH BODY "nosuchthing"', (BODIES,), most=1.0),
    "imap-text": lambda: Scan("SEARCH TEXT", 'SEARCH TEXT "nosuchthing"', (BODIES,), most=1.0),
}
