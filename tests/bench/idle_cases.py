"""What a session that waits costs in memory, and ten thousand of them at once."""

import resource

from tests.bench import goal, servers
from tests.bench.case import Case
from tests.bench.held import ImapSessions
from tests.bench.report import Row

TLS = {False: "", True: ", TLS on both sides"}
GOALS = {False: goal.at_most(6, "KiB"), True: goal.at_most(40, "KiB")}
MANY = 10_000


def processes(descriptors):
    """So many gateways it takes for as many sessions, of so many descriptors each: a process cannot
    have more of these than its hard limit, which only root raises, before the benchmark is begun."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return 1 if hard >= MANY * descriptors + 200 else 2


class Idle(Case):
    """By how much a process that has had few sessions grows: memory that many left behind would be
    used again and not be seen."""

    store, unit, rounds, ratio, sessions, window = "idle", "KiB", 2, False, 500, 100
    kind = "sessions"

    def __init__(self, tls):
        self.tls = tls
        self.goal = GOALS[tls]
        self.name = f"{self.sessions:,} idle {self.kind}{TLS[tls]}, each"

    def prepare(self, bench):
        self.bench = bench
        self.ways = [bench.straight(self.tls),
                     bench.gateway(f"idle-{self.tls}", tls=self.tls)]
        if bench.with_dovecot:
            self.ways.append(bench.imapc(f"imapc-idle-{self.tls}", tls=self.tls))

    def round(self, way):
        way.restart()
        self.bench.load("poll", way, "poll", users=1, sessions=20)
        found = self.bench.hold(way, "poll", sessions=self.sessions, window=self.window)
        return found["octets_per_session"] / 1024


class IdleMany(Idle):
    """As many as there are to be at most, each of a user of its own. At their end each says a
    command and is answered."""

    rounds, quick, window, sessions = 1, False, 200, MANY
    protocol, descriptors, imap = "pop3", 2, None

    def __init__(self, tls):
        super().__init__(tls)
        self.store = ""
        self.processes = processes(self.descriptors)
        halves = ", in two processes" if self.processes > 1 else ""
        self.name = f"{MANY:,} idle {self.kind}{TLS[tls]}{halves}, each"

    def prepare(self, bench):
        self.bench = bench
        other = "imap" if self.protocol == "pop3" else "pop3"
        light = bench.light(3, 2_000, tls=self.tls, protocol=other)
        self.ways = [servers.Gateways([bench.gateway(self.name, port=light.port, tls=self.tls,
                                                     protocol=self.protocol, imap=self.imap)
                                       for _ in range(self.processes)])]
        self.served = []

    def round(self, way):
        way.restart()
        self.few(way)
        found = self.bench.hold(way, "many", sessions=self.sessions, window=self.window, wake=True)
        self.served.append(found["answered_seconds"])
        return found["octets_per_session"] / 1024

    def few(self, way):
        for part in way.parts:
            self.bench.load("poll", part, "many", users=1, sessions=20)

    def rows(self, values):
        return [Row(self.name, self.unit, values, False, self.goal)]

    def more(self):
        words = [f"{self.name.removesuffix(', each')}: all were then answered a command each, in "
                 f"{max(self.served):.2f} s."]
        if self.processes > 1:
            words.append(f"{MANY:,} sessions need {MANY * self.descriptors + 200:,} descriptors; "
                         "this machine's hard limit (ulimit -Hn) gives a process fewer: each of "
                         "two has half of them.")
        return words


class IdleManyImap(IdleMany):
    """The same of IMAP clients, whose accounts let go of their upstream: a descriptor each, where
    that is at once, not after some seconds in which thousands of others look too."""

    kind, protocol, descriptors = "IMAP sessions", "imap", 1
    imap = {"poll_seconds": 3600, "idle_seconds": 0}

    def few(self, way):
        for part in way.parts:
            with ImapSessions(part.port, "few", servers.PASSWORD, 20, 20) as sessions:
                sessions.begun()


CASES = {"idle": lambda: Idle(False), "idle-tls": lambda: Idle(True),
         "idle-many": lambda: IdleMany(False), "idle-many-tls": lambda: IdleMany(True),
         "idle-many-imap": lambda: IdleManyImap(False)}
