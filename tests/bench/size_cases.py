"""Cost against the size of the mailbox: the same act with 1,000, 10,000 and 100,000 messages, of
which none or one has changed. What an act costs should not grow with the mailbox: the table at the
end has the ratio of the largest to the smallest, in time and in processor time of the gateway.

The time of an act in which the upstream looks at its whole mailbox grows with that, whoever is in
between; the gateway's own share is in the processor time.
"""

import imaplib
import itertools
import os
import re
import statistics
import time

from tests.bench import mail, plot, servers
from tests.lib.mailferry import Mailferry

SIZES = (1_000, 10_000, 100_000)
PATIENCE = 120
_ARRIVED = itertools.count(1)


def user_of(count):
    return f"list{count // 1000}k@example.com"


class Sized:
    """One act; `repeat` of them are a round."""

    act, unit, rounds, ratio, dovecot_rounds = "", "ms", 5, False, 0
    repeat = 20

    def __init__(self, count):
        self.count = count
        self.user = user_of(count)
        self.name = f"{self.act}, {count:,} messages"
        self.store = f"list-{count}"

    def directory(self, bench):
        return os.path.join(bench.directory, re.sub(r"\W+", "-", self.name))


class Poll(Sized):
    """STAT and QUIT, with a login upstream."""

    act, warm, ratio = "poll", False, True

    def prepare(self, bench):
        self.bench = bench
        self.ways = [bench.straight, bench.gateway(os.path.basename(self.directory(bench)),
                                                   warm=self.warm)]
        for way in self.ways:
            self.round(way)

    def round(self, way):
        found = self.bench.load("poll", way, self.user, rounds=self.repeat)
        return found["seconds"] / self.repeat * 1e3


class WarmPoll(Poll):
    """The same, with the upstream session that the one before has left."""

    act, warm = "poll again", True


class Arrival(Poll):
    """A poll that finds one more message, which is remembered: a line of the journal."""

    act, ratio, repeat, rounds = "poll, one message new", False, 5, 3

    def prepare(self, bench):
        super().prepare(bench)
        self.ways = self.ways[1:]

    def round(self, way):
        took = 0
        for _ in range(self.repeat):
            self.deliver()
            took += self.bench.load("poll", way, self.user)["seconds"]
        return took / self.repeat * 1e3

    def deliver(self):
        """One message that nobody has moved out of `new` yet, as a deliverer leaves it."""
        number = next(_ARRIVED)
        new = os.path.join(self.bench.upstream.maildir(self.user), "new")
        path = os.path.join(new, f"{1_800_000_000 + number}.M{number}P2.bench")
        with open(path, "wb") as f:
            f.write(mail.small(number))
        os.chmod(path, 0o666)


class ImapWay:
    """mailferry, with IMAP clients in front of the POP3 server at `port`."""

    name, tls = "mailferry", False

    def __init__(self, directory, port, imap):
        self._made = Mailferry(directory, f"pop3://127.0.0.1:{port}?tls=off", listener="imap",
                               route={"imap": imap}, config={"log": {"level": "info"}})
        self._made.start()

    process = property(lambda self: self._made.process)

    def login(self, user):
        client = imaplib.IMAP4("127.0.0.1", self._made.port, timeout=PATIENCE)
        client.login(user, servers.PASSWORD)
        client.select("INBOX")
        return client

    def stop(self):
        self._made.stop()


class ImapSized(Sized):
    """Of an account that is open, and has been listed."""

    imap = {"poll_seconds": 3600}

    def prepare(self, bench):
        self.way = bench.add(ImapWay(self.directory(bench), bench.upstream.pop3_port, self.imap))
        self.ways = [self.way]
        self.client = self.way.login(self.user)
        end = time.monotonic() + PATIENCE
        while int(self.client.select("INBOX")[1][0]) < self.count:
            if time.monotonic() > end:
                raise SystemExit(f"there are not {self.count} messages")
            time.sleep(0.002)
        self.round(self.way)

    def round(self, way):
        times = []
        for number in range(self.repeat):
            started = time.perf_counter()
            self.once(number)
            times.append(time.perf_counter() - started)
        return statistics.median(times) * 1e3


class Store(ImapSized):
    """STORE of one flag of one message: a line of the journal."""

    act = "STORE of a flag"

    def once(self, number):
        self.client.store(str(self.count // 2), "+-"[number % 2] + "FLAGS.SILENT", "\\Flagged")


class Login(ImapSized):
    """From connecting to the answer to LOGOUT, with SELECT."""

    act = "IMAP login and SELECT"

    def once(self, number):
        self.way.login(self.user).logout()


class ImapPoll(ImapSized):
    """A look at the maildrop: the gateway logs in there, and is given the whole list."""

    act, imap, repeat, rounds = "IMAP poll upstream", {"noop_seconds": 0}, 3, 3

    def once(self, number):
        self.client.noop()


ACTS = {"poll": Poll, "warm": WarmPoll, "store": Store, "login": Login, "look": ImapPoll,
        "arrival": Arrival}

# By act: what delivers comes last.
CASES = {f"size-{name}-{count}": (lambda case=case, count=count: case(count))
         for name, case in ACTS.items() for count in SIZES}


def _figures(results):
    """{act: {size: (ms, processor ms)}} of the gateway."""
    acts = {}
    for name, found in results.items():
        parts = re.fullmatch(r"size-(\w+)-(\d+)", name)
        if not parts:
            continue
        case = ACTS[parts[1]]
        processor = statistics.median(found["processor_seconds"]["mailferry"]) / case.repeat * 1e3
        acts.setdefault(case.act, {})[int(parts[2])] = (
            statistics.median(found["values"]["mailferry"]), processor)
    return acts


def report(results):
    """A table of the acts, once two sizes were measured."""
    acts = {act: sizes for act, sizes in _figures(results).items() if len(sizes) > 1}
    if not acts:
        return
    print("\n| what it costs by the size of the mailbox | "
          + " | ".join(f"{size:,}" for size in SIZES)
          + " | ratio | processor: " + " | ".join(f"{size:,}" for size in SIZES) + " | ratio |\n"
          + "|---" * (2 * len(SIZES) + 3) + "|")
    for act, sizes in acts.items():
        cells = []
        for kind in (0, 1):
            cells += [f"{sizes[size][kind]:.2f} ms" if size in sizes else "-" for size in SIZES]
            cells.append(f"{sizes[max(sizes)][kind] / sizes[min(sizes)][kind]:.2f}")
        print("| " + " | ".join([act, *cells]) + " |", flush=True)


def draw(results):
    """Lines of the time and of the processor time that acts cost, by the size of the mailbox."""
    acts = {act: sizes for act, sizes in _figures(results).items() if len(sizes) > 1}
    for name, kind, title in (("sizes", 0, "Time of an act by the size of the mailbox"),
                              ("sizes-processor", 1, "Processor time that it costs the gateway")):
        if acts:
            series = {act: [(size, cost[kind]) for size, cost in sizes.items()]
                      for act, sizes in acts.items()}
            yield name, plot.lines(title, series, "messages in the mailbox", "ms")
