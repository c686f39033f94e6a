"""Cost against the size of the mailbox: the same act with 1,000, 10,000 and 100,000 messages, of
which none or one has changed. What an act costs should not grow with the mailbox: each round takes
all sizes one after the other, and what counts is the ratio of the largest to the smallest within
the round.

Where the server itself looks at its whole mailbox, an act takes the longer whoever is in between:
so each is also done straight at that server, at the same sizes. What is not to grow is the ratio to
that, and the processor time of the gateway.
"""

import imaplib
import itertools
import os
import statistics
import time

from tests.bench import mail, servers
from tests.bench.case import Case
from tests.bench.report import figure, spread

SIZES = (1_000, 10_000, 100_000)
FLAT = 1.2
_ARRIVED = itertools.count(1)


class Mailbox:
    """One of the sizes, as `server` serves it: a way."""

    def __init__(self, count, server):
        self.count, self.server = count, server
        self.name = f"{server.name}, {count:,}"
        self.user = f"list{count // 1000}k@example.com"
        self.process = server.process
        self.straight = server.name == "straight"


HEAD = ["act, by the number of messages", "figure", *(f"{size:,}" for size in SIZES), "growth",
        "goal", ""]


class Row:
    """One figure of one act. `values`: {size: [figure of each round]}. `plotted`: in which plot."""

    ratio = False

    def __init__(self, act, name, values, flat=False, plotted=None):
        self.name, self.figure, self.values = act, name, values
        self.flat = flat
        points = [(size, statistics.median(values[size])) for size in SIZES]
        self.sizes = {plotted: points} if plotted else {}

    def growth(self):
        smallest, largest = self.values[min(SIZES)], self.values[max(SIZES)]
        return [most / least for least, most in zip(smallest, largest)]

    def goal(self):
        if not self.flat:
            return ["", ""]
        reached = statistics.median(self.growth()) <= FLAT
        return [f"≤ {FLAT}", "reached" if reached else "**missed**"]

    def cells(self):
        return [self.name, self.figure,
                *(figure(statistics.median(self.values[size])) for size in SIZES),
                spread(self.growth()), *self.goal()]

    def as_json(self):
        return {"case": self.name, "figure": self.figure, "values": self.values,
                "growth": self.growth(), "goal": self.goal()}


class Sized(Case):
    """One act; a round does it `repeat` times, by mailferry `own_repeat` times where that is set:
    what takes less than a millisecond is done more often.

    comparable:     the server does the same for both ways, so that their ratio is not to grow
    looked_through: the server looks through its whole mailbox, and that is what takes the time
    """

    rounds, quick, head = 5, False, HEAD
    store = tuple(f"list-{count}" for count in SIZES)
    protocol, imap, warm = "pop3", None, True
    repeat, own_repeat = 20, None
    comparable, looked_through = True, False

    def prepare(self, bench):
        self.bench = bench
        self.ways = self.mailboxes()
        self.processor = {way.count: [] for way in self.ways}

    def mailboxes(self):
        gateway = self.bench.gateway(self.name, warm=self.warm, protocol=self.protocol,
                                     imap=self.imap)
        return [Mailbox(count, server) for count in SIZES
                for server in (self.bench.straight(protocol=self.protocol), gateway)]

    def warm_up(self, way):
        """What the first listing has begun is over, too: its journal becomes a snapshot."""
        self.round(way)
        if not way.straight:
            servers.at_rest(way.process)
        self.processor[way.count].clear()

    def round(self, way):
        """The least of some: what disturbs only adds."""
        repeat = self.repeat if way.straight else self.own_repeat or self.repeat
        before = servers.processor(way.process)
        least = min(self.once(way, number) for number in range(repeat))
        if not way.straight:
            self.processor[way.count].append(
                (servers.processor(way.process) - before) / repeat * 1e3)
        return least * 1e3

    def once(self, way, number):
        """Seconds that it took."""
        raise NotImplementedError

    def by_size(self, values, server):
        return {size: values[f"{server}, {size:,}"] for size in SIZES}

    def rows(self, values):
        straight, own = (self.by_size(values, server) for server in ("straight", "mailferry"))
        ratios = {size: [one / other for one, other in zip(own[size], straight[size])]
                  for size in SIZES}
        return [Row(self.name, "straight, ms", straight),
                Row(self.name, "mailferry, ms", own,
                    plotted=None if self.looked_through else "sizes"),
                Row(self.name, "ratio", ratios, flat=self.comparable), self.processor_row()]

    def processor_row(self):
        return Row(self.name, "mailferry, processor ms", self.processor, flat=True,
                   plotted="sizes-processor")


class Poll(Sized):
    """STAT and QUIT, with a login upstream."""

    name, warm = "poll", False

    def once(self, way, _):
        return self.bench.load("poll", way.server, way.user)["seconds"]


class WarmPoll(Poll):
    """The same, with the upstream session that the one before has left."""

    name, warm, own_repeat = "poll again", True, 60


class OnLight:
    """For an act before a light upstream for each size, which looks through nothing: then the time
    is the gateway's own, and what it needs is not driven out of the processor's caches meanwhile.
    Nobody is straight at it."""

    store, repeat, rounds, looked_through = (), 60, 5, False
    is_counted = False

    def mailboxes(self):
        return [self.mailbox(count) for count in SIZES]

    def mailbox(self, count):
        upstream = "pop3" if self.protocol == "imap" else "imap"
        light = self.bench.light(count, 500, protocol=upstream)
        way = Mailbox(count, self.bench.gateway(f"{self.name}, {count}", port=light.port,
                                                protocol=self.protocol, imap=self.imap,
                                                counted=self.is_counted))
        way.light = light
        return way

    def deliver(self, way):
        way.light.deliver()

    def rows(self, values):
        own = self.by_size(values, "mailferry")
        return [Row(self.name, "mailferry, ms", own, flat=True, plotted="sizes"),
                self.processor_row()]


class Arriving:
    """For an act that finds one message more each time, for which Dovecot looks through the folder."""

    repeat, rounds, looked_through = 5, 3, True

    def round(self, way):
        """What was delivered for the way before is no news any more."""
        super().once(way, 0)
        return super().round(way)

    def once(self, way, number):
        self.deliver(way)
        return super().once(way, number)

    def deliver(self, way):
        """One message that nobody has moved out of `new` yet, as a deliverer leaves it."""
        number = next(_ARRIVED)
        new = os.path.join(self.bench.upstream.maildir(way.user), "new")
        path = os.path.join(new, f"{1_800_000_000 + number}.M{number}P2.bench")
        with open(path, "wb") as f:
            f.write(mail.small(number))
        os.chmod(path, 0o666)


class Arrival(Arriving, WarmPoll):
    """A poll after which the new message is remembered: a line of the journal. At a NOOP by IMAP
    Dovecot looks otherwise than at a login by POP3."""

    name, own_repeat, comparable = "poll, one message new", None, False


class LightArrival(OnLight, Arrival):
    """The same before the light upstream."""

    name, repeat = "poll, one message new, light upstream", 30


class ImapSized(Sized):
    """Of an account that is open, and has been listed."""

    protocol, imap = "imap", {"poll_seconds": 3600}

    def prepare(self, bench):
        self.clients = {}
        super().prepare(bench)

    def login(self, way):
        client = imaplib.IMAP4("127.0.0.1", way.server.port, timeout=servers.PATIENCE)
        client.login(way.user, servers.PASSWORD)
        return client

    def warm_up(self, way):
        client = self.clients[way.name] = self.login(way)
        end = time.monotonic() + servers.PATIENCE
        while int(client.select("INBOX")[1][0]) < way.count:
            if time.monotonic() > end:
                raise servers.Failed(f"there are not {way.name} messages")
            time.sleep(0.002)
        super().warm_up(way)

    def once(self, way, number):
        started = time.perf_counter()
        self.act(way, number)
        return time.perf_counter() - started

    def act(self, way, number):
        raise NotImplementedError


class Store(ImapSized):
    """STORE of one flag of one message: a line of the journal."""

    name, own_repeat = "STORE of a flag", 100

    def act(self, way, number):
        self.clients[way.name].store(str(way.count // 2), "+-"[number % 2] + "FLAGS.SILENT",
                                     "\\Flagged")


class Login(ImapSized):
    """From connecting to the answer to LOGOUT, with SELECT."""

    name, own_repeat = "IMAP login and SELECT", 60

    def act(self, way, _):
        client = self.login(way)
        client.select("INBOX")
        client.logout()


class ImapPoll(ImapSized):
    """A look at the maildrop, for which the gateway logs in there. Straight at it that is a POP3
    client's poll."""

    name, imap, repeat, rounds = "IMAP poll upstream", {"noop_seconds": 0}, 10, 3
    looked_through = True

    def warm_up(self, way):
        if way.straight:
            way.server = self.bench.straight()
            Sized.warm_up(self, way)
        else:
            super().warm_up(way)

    def once(self, way, number):
        if way.straight:
            return self.bench.load("poll", way.server, way.user)["seconds"]
        return super().once(way, number)

    def act(self, way, _):
        self.clients[way.name].noop()


class LightPoll(OnLight, ImapPoll):
    """The same before the light upstream."""

    name = "IMAP poll of a light upstream"


class ImapArrival(Arriving, ImapPoll):
    """A look that finds the new message."""

    name = "IMAP poll, one message new"


class LightImapArrival(OnLight, ImapArrival):
    """The same before the light upstream."""

    name, repeat = "IMAP poll, one message new, light upstream", 30


class Counted(OnLight):
    """Instead of the time of an act the instructions that it takes: they depend neither on caches nor
    on what else the machine does. Valgrind runs the gateway."""

    rounds, repeat, is_counted = 1, 20, True

    def round(self, way):
        servers.at_rest(way.process)
        way.server.count()
        for number in range(self.repeat):
            self.once(way, number)
        servers.at_rest(way.process)
        return way.server.counted() / self.repeat / 1e3

    def rows(self, values):
        return [Row(self.name, "mailferry, 1,000 instructions", self.by_size(values, "mailferry"),
                    flat=True, plotted="sizes-instructions")]


class CountedWarm(Counted, WarmPoll):
    pass


class CountedStore(Counted, Store):
    pass


class CountedPoll(Counted, ImapPoll):
    pass


class CountedArrival(Counted, Arrival):
    pass


class CountedImapArrival(Counted, ImapArrival):
    pass


# What delivers to all comes last.
ACTS = {"poll": Poll, "warm": WarmPoll, "store": Store, "login": Login, "look": ImapPoll,
        "look-light": LightPoll, "arrival-light": LightArrival, "look-new-light": LightImapArrival,
        "warm-count": CountedWarm, "store-count": CountedStore, "look-count": CountedPoll,
        "arrival-count": CountedArrival, "look-new-count": CountedImapArrival,
        "arrival": Arrival, "look-new": ImapArrival}
CASES = {f"size-{name}": case for name, case in ACTS.items()}
