"""What a session that waits costs in memory, and ten thousand of them at once."""

import resource

from tests.bench import goal
from tests.bench.case import Case
from tests.bench.report import Row

GOALS = {False: goal.at_most(6, "KiB"), True: goal.at_most(40, "KiB")}
TOO_MANY = 10_000


def most_sessions():
    """Two descriptors each, and some for the rest. A process cannot have more of them than its hard
    limit, which only root raises, before the benchmark is begun."""
    return min(TOO_MANY, (resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 200) // 2)


class Idle(Case):
    """By how much a process that has had few sessions grows: memory that many left behind would be
    used again and not be seen."""

    store, unit, rounds, ratio, sessions, window = "idle", "KiB", 2, False, 500, 100

    def __init__(self, tls):
        self.tls = tls
        self.goal = GOALS[tls]
        self.name = f"{self.sessions:,} idle sessions{', TLS on both sides' if tls else ''}, each"

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

    rounds, quick, window = 1, False, 200

    def __init__(self, tls):
        self.sessions = most_sessions()
        super().__init__(tls)
        self.store = ""

    def prepare(self, bench):
        self.bench = bench
        light = bench.light(3, 2_000, tls=self.tls)
        self.ways = [bench.gateway(f"many-{self.tls}", port=light.port, tls=self.tls)]
        self.served = []

    def round(self, way):
        way.restart()
        self.bench.load("poll", way, "many", users=1, sessions=20)
        found = self.bench.hold(way, "many", sessions=self.sessions, window=self.window, wake=True)
        self.served.append(found["answered_seconds"])
        return found["octets_per_session"] / 1024

    def rows(self, values):
        return [Row(self.name, self.unit, values, False, self.goal)]

    def more(self):
        words = [f"{self.name.removesuffix(', each')}: all were then answered a command each, in "
                 f"{max(self.served):.2f} s."]
        if self.sessions < TOO_MANY:
            words.append(f"{TOO_MANY:,} sessions need {2 * TOO_MANY + 200:,} descriptors; this "
                         "machine's hard limit (ulimit -Hn) gives a process fewer.")
        return words


CASES = {"idle": lambda: Idle(False), "idle-tls": lambda: Idle(True),
         "idle-many": lambda: IdleMany(False), "idle-many-tls": lambda: IdleMany(True)}
