"""POP3 clients, whose mail is at an IMAP server."""

import statistics

from tests.bench import goal, servers
from tests.bench.case import Case
from tests.bench.report import Row

POLLERS = 200
LISTS = {"100": "list100@example.com", "1,000": "list1k@example.com", "2,000": "list2k@example.com",
         "10,000": "list10k@example.com", "20,000": "list20k@example.com",
         "100,000": "list100k@example.com"}
READER, FEW_READER, BIG = "reader@example.com", "few@example.com", "big@example.com"
FEW = 50
FIRST_GOAL = goal.at_most_ratio(3)
LATER_GOALS = {"2,000": goal.at_most_ratio(0.8), "100,000": goal.at_most_ratio(0.5)}


class List(Case):
    def __init__(self, count, first, tls=False):
        self.first, self.tls = first, tls
        self.user = LISTS[count]
        self.count = int(count.replace(",", ""))
        self.name = f"{'first' if first else 'later'} login, list {count}{', TLS' if tls else ''}"
        self.store = f"list-{self.count}"
        self.repeat = 10 if self.count < 10_000 else 1 if first else 3
        self.quick = self.count == 2_000
        if not tls:
            self.goal = FIRST_GOAL if first else LATER_GOALS.get(count)

    def prepare(self, bench):
        """At a first login no upstream session is there to go on with."""
        self.bench = bench
        self.ways = [bench.straight(self.tls),
                     bench.gateway(f"near-{self.name}", tls=self.tls, warm=not self.first)]
        if bench.with_dovecot:
            self.ways.append(bench.imapc(f"imapc-{self.name}", tls=self.tls))

    def warm_up(self, way):
        """Everybody's caches are as warm as they get."""
        if not self.first or way.name != "dovecot":
            self.bench.load("list", way, self.user)

    def round(self, way):
        times = []
        for _ in range(1 if self.first and way.name == "dovecot" else self.repeat):
            if self.first:
                way.forget(self.user)
            times.append(self.bench.load("list", way, self.user)["seconds"] * 1e3)
        return statistics.median(times)


class Retr(Case):
    """One by one, or pipelined by a client that has so many commands under way."""

    store, unit, count = "retr", "us", 2_000
    nginx_count = FEW  # it knows no TCP_NODELAY here, and takes 15 ms for each

    def __init__(self, tls=False, window=1):
        self.tls, self.window = tls, window
        self.name = ("RETR of 2,000" + (f", {window} under way" if window > 1 else "")
                     + (", TLS" if tls else "") + ", each")
        if not tls and window == 1:
            self.goal = goal.at_most_ratio(1.05)

    def prepare(self, bench):
        self.bench = bench
        self.ways = [bench.straight(self.tls), bench.gateway(f"near-{self.name}", tls=self.tls)]
        if bench.with_dovecot:
            self.ways.append(bench.imapc(f"imapc-{self.name}", tls=self.tls))
        if not self.tls:
            self.ways.append(bench.nginx(f"nginx-{self.name}"))

    def warm_up(self, way):
        self.round(way)

    def round(self, way):
        count = self.count if way.name != "nginx" else self.nginx_count
        found = self.bench.load("retr", way, READER, messages=count, pipeline=self.window)
        return found["script_seconds"] / count * 1e6


class SlowRetr(Case):
    """One by one from afar each message costs the round trip, and of imapc each that is listed:
    some are enough to see it."""

    store, unit, count = "retr", "us", 2_000
    goal = goal.at_least_each_second(1_500)

    def __init__(self, window=1):
        self.window = window
        self.name = ("RETR over 20 ms each way"
                     + (f", {window} under way" if window > 1 else "") + ", each")

    def prepare(self, bench):
        self.bench = bench
        far = bench.line(bench.upstream.port)
        self.ways = [bench.straight(port=bench.line(bench.upstream.pop3_port).port),
                     bench.gateway("far", port=far.port)]
        if bench.with_dovecot:
            self.ways.append(bench.imapc("imapc-far", port=far.port))

    def warm_up(self, way):
        if way.name == "mailferry":
            self.round(way)

    def round(self, way):
        user, count = (READER, self.count) if way.name == "mailferry" else (FEW_READER, FEW)
        found = self.bench.load("retr", way, user, messages=count, pipeline=self.window)
        return found["script_seconds"] / count * 1e6


class Large(Case):
    name, store = "100 MB message", "large"
    goal = goal.at_most_ratio(1 / 0.9)

    def prepare(self, bench):
        self.bench = bench
        self.ways = [bench.straight(), bench.gateway("near-large")]
        if bench.with_dovecot:
            self.ways.append(bench.imapc("imapc-large"))
        self.ways.append(bench.nginx("nginx-large"))
        self.first_octet = {way.name: [] for way in self.ways}
        self.growth = {way.name: [] for way in self.ways}

    def warm_up(self, way):
        """What has a process for each session is looked at here, for to look takes time."""
        with servers.Growth(way.process) as growth:
            self.bench.load("retr", way, BIG, messages=1)
        if way.name != "mailferry":
            self.growth[way.name].append(growth.octets / 1024)

    def round(self, way):
        peak = servers.Peak(way.process)
        found = self.bench.load("retr", way, BIG, messages=1)
        self.first_octet[way.name].append(found["first_octet_seconds"] * 1e3)
        if way.name == "mailferry":
            self.growth[way.name].append(peak.growth() / 1024)
        return found["script_seconds"] * 1e3

    def rows(self, values):
        return [*super().rows(values),
                Row("its first octet", "ms", self.first_octet, False, goal.at_most_beyond(2, "ms")),
                Row("growth of the process by it", "KiB", self.growth, False,
                    goal.at_most(1024, "KiB"))]


class Poll(Case):
    store, unit, repeat = "poll", "us", 5

    def __init__(self, tls=False):
        self.tls = tls
        self.name = f"{POLLERS} polling sessions{', TLS' if tls else ''}, each"
        if not tls:
            self.goal = goal.at_most_ratio(0.5)

    def prepare(self, bench):
        self.bench = bench
        self.ways = [bench.straight(self.tls), bench.gateway(f"near-{self.name}", tls=self.tls)]
        if bench.with_dovecot:
            self.ways.append(bench.imapc(f"imapc-{self.name}", tls=self.tls))
        if not self.tls:
            self.ways.append(bench.nginx("nginx-poll"))

    def round(self, way):
        """Each has polled a moment before, however long the other ways took."""
        self.poll(way, 1)
        found = self.poll(way, 1 if way.name == "dovecot" else self.repeat)
        return found["seconds"] / found["sessions"] * 1e6

    def poll(self, way, times):
        return self.bench.load("poll", way, "poll", users=1, sessions=POLLERS, rounds=times)


CASES = {
    **{f"{'first' if first else 'later'}-{count.replace(',', '')}":
       (lambda count=count, first=first: List(count, first))
       for count in ("100", "2,000", "20,000", "100,000") for first in (True, False)},
    "first-2000-tls": lambda: List("2,000", True, tls=True),
    "later-2000-tls": lambda: List("2,000", False, tls=True),
    "retr": Retr, "retr-pipelined": lambda: Retr(window=16), "retr-tls": lambda: Retr(tls=True),
    "retr-pipelined-tls": lambda: Retr(tls=True, window=16),
    "retr-slow": SlowRetr, "retr-slow-pipelined": lambda: SlowRetr(window=16),
    "large": Large, "poll": Poll, "poll-tls": lambda: Poll(tls=True),
}
