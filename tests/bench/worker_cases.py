"""Whether both cores are used: the same work by one worker and by two.

These cases are chosen so that the program itself is what limits them, although the generator and
the upstream, which is the light one, run on the same cores: what they take is measured and told,
and with it how much faster two workers could be at most.
"""

import os
import resource
import statistics
import subprocess

from tests.bench import servers
from tests.bench.case import Case
from tests.bench.imap_cases import Client
from tests.bench.report import figure, spread
from tests.lib.certificates import Certificate
from tests.lib.mailferry import Mailferry

GROWTH = 1.7
WITHIN_REACH = 0.95  # of what is possible at most, which no scheduler gives three processes whole
NAMES = ("one worker", "two workers")


def rsa(directory, bits):
    """A certificate whose key makes a handshake dear for the server and cheap for the client, who
    verifies a signature by an exponent of 3 with few multiplications."""
    made = Certificate(directory, f"rsa-{bits}")
    subprocess.run(["openssl", "req", "-x509", "-newkey", f"rsa:{bits}", "-pkeyopt",
                    "rsa_keygen_pubexp:3", "-nodes", "-subj", "/CN=localhost",
                    "-keyout", made.key, "-out", made.cert],
                   check=True, capture_output=True)
    return made


class Workers:
    """mailferry with so many workers, for clients of `protocol`."""

    def __init__(self, directory, count, url, tls=None, protocol="pop3"):
        self.name = NAMES[count - 1]
        self.tls = tls is not None
        route = {"pop3": {"warm_seconds": 600}} if protocol == "pop3" else \
            {"imap": {"poll_seconds": 3600}}
        self.made = Mailferry(
            directory, url, tls=tls, listener=f"{protocol}s" if tls else protocol, workers=count,
            route=route,
            config={"log": {"level": "warning"}, "limits": servers.OPEN_LIMITS})
        self.made.start()

    process = property(lambda self: self.made.process)
    port = property(lambda self: self.made.port)

    def stop(self):
        self.made.stop()


class Row:
    """One line of the table of workers; with what the others take, for each session."""

    ratio, sizes, goal = False, (), None

    def __init__(self, name, values, others, own):
        self.name, self.values, self.others, self.own = name, values, others, own

    def growth(self):
        return [one / two for one, two in zip(*(self.values[name] for name in NAMES))]

    def limit(self):
        """Both cores busy with nothing but this work."""
        return 2 * self.own / (self.own + sum(self.others.values()))

    def verdict(self):
        if statistics.median(self.growth()) >= GROWTH:
            return "reached"
        return "**missed**" if self.limit() * WITHIN_REACH >= GROWTH else "the others are the limit"

    def as_json(self):
        return {"case": self.name, "unit": "ms", "values": self.values, "growth": self.growth(),
                "processor_ms": {"mailferry": self.own, **self.others}, "limit": self.limit()}

    def cells(self):
        growth = self.growth()
        return [self.name, *(figure(statistics.median(self.values[name])) for name in NAMES),
                spread(growth), f"≥ {GROWTH}", self.verdict(),
                figure(self.own), *(figure(each) for each in self.others.values()),
                f"{self.limit():.2f}"]


class Throughput(Case):
    """Sessions of many users at once; milliseconds by the number of sessions."""

    rounds = 3
    protocol, upstream = "pop3", "imap"
    head = ["both cores: case", "one worker, ms each", "two workers, ms each", "times faster",
            "goal", "", "processor ms: mailferry", "generator", "upstream", "possible at most"]

    def __init__(self, name, script, listed, octets=2_000, bits=0, **options):
        self.name, self.script, self.listed, self.octets = name, script, listed, octets
        self.bits, self.options = bits, options

    def prepare(self, bench):
        self.bench = bench
        self.light = bench.light(self.listed, self.octets, protocol=self.upstream)
        self.tls = rsa(bench.directory, self.bits) if self.bits else None
        self.url = f"{self.upstream}://127.0.0.1:{self.light.port}?tls=off"
        self.taken = {"mailferry": [], "generator": [], "upstream": []}
        self.ways = [self.gateway(count) for count in (1, 2)]
        for way in self.ways:
            self.warm_up(way)
        self.taken = {name: [] for name in self.taken}

    def gateway(self, count):
        return self.bench.add(Workers(
            os.path.join(self.bench.directory, f"workers-{self.script}-{self.bits}-{count}"), count,
            self.url, self.tls, self.protocol))

    def warm_up(self, way):
        self.round(way)

    def round(self, way):
        before = self.processors(way)
        found = self.bench.load(self.script, way, "u", users=1, **self.options)
        for name, seconds in self.processors(way).items():
            self.taken[name].append((seconds - before[name]) / found["sessions"] * 1e3)
        return found["seconds"] / found["sessions"] * 1e3

    def processors(self, way):
        own = resource.getrusage(resource.RUSAGE_CHILDREN)
        return {"mailferry": servers.processor(way.process),
                "generator": own.ru_utime + own.ru_stime,
                "upstream": servers.processor(self.light.process)}

    def rows(self, values):
        taken = {name: statistics.median(each) for name, each in self.taken.items()}
        return [Row(self.name, values, {name: taken[name] for name in ("generator", "upstream")},
                    taken["mailferry"])]


class ImapThroughput(Throughput):
    """The same by IMAP clients, whose mail is in POP3 maildrops."""

    protocol, upstream = "imap", "pop3"

    def __init__(self, name, script, command, listed, **options):
        super().__init__(name, script, listed, octets=500, **options)
        self.command = command

    def warm_up(self, way):
        """Once all is known of each user's messages that the command asks for."""
        for number in range(self.options["sessions"]):
            client = Client(way.port, f"u{number}")
            client.select(self.listed)
            client.seconds(self.command)
            client.close()
        self.round(way)


CASES = {
    "workers-tls": lambda: Throughput("TLS logins, RSA-4096, no resumption", "poll", 3, bits=4096,
                                      sessions=64, rounds=6),
    "workers-list": lambda: Throughput("UIDL and LIST of 20,000, 10 times", "list", 20_000,
                                       sessions=100, repeats=10),
    "workers-retr": lambda: Throughput("RETR of 300 small messages, 64 under way", "retr", 300,
                                       octets=300, sessions=200, messages=300, pipeline=64),
    "workers-scan": lambda: ImapThroughput("IMAP, UID and FLAGS of 10,000, 20 times", "scan",
                                           "FETCH 1:* (UID FLAGS)", 10_000, sessions=32,
                                           repeats=20),
    "workers-search": lambda: ImapThroughput("IMAP, SEARCH FLAGGED in 10,000, 50 times", "search",
                                             "SEARCH FLAGGED", 10_000, sessions=32, repeats=50),
}
