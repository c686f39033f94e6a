"""Cost against the size of the mailbox: the same act with 1,000, 10,000 and 100,000 messages, of
which none or one has changed. What an act costs should not grow with the mailbox: each round takes
all sizes one after the other, and what counts is the ratio of the largest to the smallest within
the round, in time and in processor time of the gateway.

The time of an act in which the upstream looks at its whole mailbox grows with that, whoever is in
between; the gateway's own share is in the processor time.
"""

import imaplib
import itertools
import os
import statistics
import time

from tests.bench import mail, servers
from tests.bench.case import Case
from tests.bench.report import Row
from tests.lib.mailferry import Mailferry

SIZES = (1_000, 10_000, 100_000)
PATIENCE = 120
_ARRIVED = itertools.count(1)


class Mailbox:
    """One of the sizes, as `process` serves it."""

    def __init__(self, count, process):
        self.count = count
        self.name = f"{count:,}"
        self.user = f"list{count // 1000}k@example.com"
        self.process = process


HEAD = ["act, by the number of messages", *(f"{size:,}: ms" for size in SIZES), "ratio",
        *(f"{size:,}: processor ms" for size in SIZES), "ratio"]


class SizedRow(Row):
    """Of one act. `processor`: as `values`, in ms of processor time."""

    def __init__(self, name, values, processor):
        super().__init__(name, "ms", values, ratio=False)
        self.processor = processor
        self.sizes = [[(size, statistics.median(kind[f"{size:,}"])) for size in SIZES]
                      for kind in (values, processor)]

    def cells(self):
        cells = [self.name]
        for kind in (self.values, self.processor):
            least, most = (kind[f"{size:,}"] for size in (min(SIZES), max(SIZES)))
            ratios = [large / small for large, small in zip(most, least)]
            cells += [f"{statistics.median(rounds):.2f}" for rounds in kind.values()]
            cells.append(f"{statistics.median(ratios):.2f} ({min(ratios):.2f}..{max(ratios):.2f})")
        return cells

    def as_json(self):
        return {**super().as_json(), "processor": self.processor}


class Sized(Case):
    """One act; a round does it `repeat` times."""

    act, rounds, quick, head = "", 5, False, HEAD
    store = tuple(f"list-{count}" for count in SIZES)
    repeat = 20

    def prepare(self, bench):
        self.bench, self.processor = bench, {}
        self.gateway = self.make_gateway(os.path.join(bench.directory, self.act.replace(" ", "-")))
        self.ways = [Mailbox(count, self.gateway.process) for count in SIZES]
        for way in self.ways:
            self.open(way)
            self.round(way)
        self.processor = {way.name: [] for way in self.ways}

    def open(self, way):
        """Before the first round."""

    def round(self, way):
        """The least of some: what disturbs only adds."""
        before = servers.processor(way.process)
        least = min(self.once(way, number) for number in range(self.repeat))
        self.processor.setdefault(way.name, []).append(
            (servers.processor(way.process) - before) / self.repeat * 1e3)
        return least * 1e3

    def rows(self, values):
        return [SizedRow(self.act, values, self.processor)]


class Poll(Sized):
    """STAT and QUIT, with a login upstream."""

    act, warm = "poll", False

    def make_gateway(self, directory):
        return self.bench.gateway(os.path.basename(directory), warm=self.warm)

    def once(self, way, _):
        return self.bench.load("poll", self.gateway, way.user)["seconds"]


class WarmPoll(Poll):
    """The same, with the upstream session that the one before has left."""

    act, warm = "poll again", True


def deliver(upstream, user):
    """One message that nobody has moved out of `new` yet, as a deliverer leaves it."""
    number = next(_ARRIVED)
    new = os.path.join(upstream.maildir(user), "new")
    path = os.path.join(new, f"{1_800_000_000 + number}.M{number}P2.bench")
    with open(path, "wb") as f:
        f.write(mail.small(number))
    os.chmod(path, 0o666)


class Arrival(WarmPoll):
    """A poll that finds one more message, which is remembered: a line of the journal."""

    act, repeat, rounds = "poll, one message new", 5, 3

    def once(self, way, _):
        deliver(self.bench.upstream, way.user)
        return super().once(way, _)


class ImapGateway:
    """mailferry, with IMAP clients in front of the POP3 server at `port`."""

    def __init__(self, directory, port, imap):
        self._made = Mailferry(directory, f"pop3://127.0.0.1:{port}?tls=off", listener="imap",
                               route={"imap": imap}, config={"log": {"level": "info"}})
        self._made.start()

    process = property(lambda self: self._made.process)

    def login(self, user):
        client = imaplib.IMAP4("127.0.0.1", self._made.port, timeout=PATIENCE)
        client.login(user, servers.PASSWORD)
        return client

    def stop(self):
        self._made.stop()


class ImapSized(Sized):
    """Of an account that is open, and has been listed."""

    imap = {"poll_seconds": 3600}

    def prepare(self, bench):
        self.clients = {}
        super().prepare(bench)

    def make_gateway(self, directory):
        return self.bench.add(ImapGateway(directory, self.bench.upstream.pop3_port, self.imap))

    def open(self, way):
        client = self.clients[way.name] = self.gateway.login(way.user)
        end = time.monotonic() + PATIENCE
        while int(client.select("INBOX")[1][0]) < way.count:
            if time.monotonic() > end:
                raise SystemExit(f"there are not {way.name} messages")
            time.sleep(0.002)

    def once(self, way, number):
        started = time.perf_counter()
        self.do(way, number)
        return time.perf_counter() - started


class Store(ImapSized):
    """STORE of one flag of one message: a line of the journal."""

    act = "STORE of a flag"

    def do(self, way, number):
        self.clients[way.name].store(str(way.count // 2), "+-"[number % 2] + "FLAGS.SILENT",
                                     "\\Flagged")


class Login(ImapSized):
    """From connecting to the answer to LOGOUT, with SELECT."""

    act = "IMAP login and SELECT"

    def do(self, way, number):
        client = self.gateway.login(way.user)
        client.select("INBOX")
        client.logout()


class ImapPoll(ImapSized):
    """A look at the maildrop, with a login there."""

    act, imap, repeat, rounds = "IMAP poll upstream", {"noop_seconds": 0}, 10, 3

    def do(self, way, number):
        self.clients[way.name].noop()


class ImapArrival(ImapPoll):
    """The same, when there is one message more."""

    act, repeat = "IMAP poll, one message new", 5

    def do(self, way, number):
        deliver(self.bench.upstream, way.user)
        super().do(way, number)


# What delivers comes last.
ACTS = {"poll": Poll, "warm": WarmPoll, "store": Store, "login": Login, "look": ImapPoll,
        "arrival": Arrival, "look-new": ImapArrival}
CASES = {f"size-{name}": case for name, case in ACTS.items()}
