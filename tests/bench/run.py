"""`make bench`: what it costs to have a gateway in between.

Each case is measured in rounds, and in each round all ways to the same mail are taken one after
the other, so that what else the machine does meets all of them. What counts is the ratio within a
round; the table has the median of the rounds' ratios and their spread.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from tests.bench import imap_cases, mail, plot, servers, size_cases
from tests.bench.nginx import Nginx
from tests.lib.certificates import Authority

POLLERS = 200
DELAY_MS = 20
LARGE = 100_000_000
REST = 25  # seconds; mailferry looks after its memory every 10
LISTS = {"1,000": "list1k@example.com", "2,000": "list2k@example.com",
         "10,000": "list10k@example.com", "100,000": "list100k@example.com"}
READER, BIG = "reader@example.com", "big@example.com"
OUTPUT = os.path.join("build", "bench")


class Bench:
    """The servers, filled, and what is known of each measurement."""

    def __init__(self, directory, programs, with_dovecot):
        self.directory = directory
        self.programs = programs
        self.with_dovecot = with_dovecot
        self.stops = []
        authority = Authority(os.path.join(directory, "ca"))
        self.authority, self.certificate = authority, authority.issue("server")
        users = [*LISTS.values(), READER, BIG] + [f"poll{n}" for n in range(500)]
        self.users = users
        self.upstream = servers.upstream(os.path.join(directory, "upstream"), users,
                                         tls=self.certificate)

    def start(self, cases):
        for user, messages in self._stores(cases).items():
            mail.fill(self.upstream.maildir(user), messages)
        self.upstream.own(os.path.join(self.upstream.directory, "mail"))
        self.upstream.start()
        self.stops.append(self.upstream.stop)
        self.straight = servers.Straight(self.upstream.process, self.upstream.pop3_port)

    def _stores(self, cases):
        for_case = {
            "list-2000": {LISTS["2,000"]: (mail.small(n) for n in range(2_000))},
            "list-1000": {LISTS["1,000"]: (mail.small(n) for n in range(1_000))},
            "list-10000": {LISTS["10,000"]: (mail.small(n) for n in range(10_000))},
            "list-100000": {LISTS["100,000"]: (mail.small(n) for n in range(100_000))},
            "retr": {READER: (mail.realistic(n) for n in range(2_000))},
            "large": {BIG: [mail.large(LARGE)]},
            "poll": {f"poll{n}": [mail.small(k) for k in range(3)] for n in range(500)},
        }
        needed = {store for case in cases
                  for store in ([case.store] if isinstance(case.store, str) else case.store)}
        return {user: messages for name, stores in for_case.items() if name in needed
                for user, messages in stores.items()}

    def add(self, made):
        self.stops.append(made.stop)
        return made

    def gateway(self, name, port=None, tls=False, warm=True):
        port = port or (self.upstream.tls_port if tls else self.upstream.port)
        return self.add(servers.Gateway(
            os.path.join(self.directory, name), port, tls=self.certificate if tls else None,
            cafile=self.authority.cert, warm=warm))

    def imapc(self, name, port=None):
        return self.add(servers.Imapc(os.path.join(self.directory, name),
                                      port or self.upstream.port, self.users))

    def nginx(self, name):
        return self.add(Nginx(os.path.join(self.directory, name), self.upstream.pop3_port))

    def line(self, target):
        return self.add(servers.SlowLine(self.programs["delay"], target, DELAY_MS))

    def load(self, script, way, user, **options):
        argv = self._load(script, way, user, options)
        before = servers.processor(way.process)
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{way.name}: {done.stderr}")
        found = json.loads(done.stdout)
        found["processor_seconds"] = servers.processor(way.process) - before
        return found

    @staticmethod
    def rested(way):
        """The memory of a process that has had the time to give back what it does not need."""
        time.sleep(REST)
        return servers.settle(lambda: servers.memory(way.process))

    def hold(self, way, user, **options):
        """Octets of memory for each session that is held."""
        servers_before = self.rested(way)
        argv = self._load("hold", way, user, {"users": 1, **options})
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as held:
            found = json.loads(held.stdout.readline() or "{}")
            if not found:
                raise SystemExit(f"{way.name}: the sessions could not be opened")
            grown = self.rested(way) - servers_before
            held.stdin.close()
        return {**found, "octets_per_session": grown / options["sessions"]}

    def _load(self, script, way, user, options):
        return [self.programs["load"], script, str(way.port), user, servers.PASSWORD,
                *(f"{key}={value}" for key, value in options.items())]

    def stop(self):
        for stop in reversed(self.stops):
            stop()


class Case:
    """`values` of a round: each way's figure. `better` says what a ratio is good for."""

    name, store, unit, rounds = "", "", "ms", 5
    ratio = True       # to the straight way; else the figure itself is shown
    dovecot_rounds = 5  # the comparison takes minutes where it is slow

    def prepare(self, bench):
        self.bench = bench
        self.ways = [bench.straight, bench.gateway(f"near-{self.name}")]
        if bench.with_dovecot:
            self.ways.append(bench.imapc(f"imapc-{self.name}"))

    def round(self, way):
        raise NotImplementedError


class List(Case):
    def __init__(self, count, first):
        self.first = first
        self.user = LISTS[count]
        self.count = int(count.replace(",", ""))
        self.name = f"{'first' if first else 'later'} login, list {count}"
        self.store = f"list-{self.count}"
        self.dovecot_rounds = 1 if first and self.count > 10_000 else 3
        self.repeat = 20 if self.count < 10_000 else 3

    def prepare(self, bench):
        super().prepare(bench)
        if self.first:  # no upstream session is there to go on with
            self.ways[1] = bench.gateway(f"cold-{self.name}", warm=False)
        for way in self.ways:  # everybody's caches are as warm as they get
            bench.load("list", way, self.user)

    def round(self, way):
        """The least of some: a login is short, and what disturbs it only adds."""
        repeat = self.repeat if way.name != "dovecot" or not self.first else 1
        times = []
        for _ in range(repeat):
            if self.first:
                way.forget(self.user)
            times.append(self.bench.load("list", way, self.user)["seconds"] * 1e3)
        return statistics.median(times)


class Retr(Case):
    name, store, unit, count = "RETR of 2,000, each", "retr", "us", 2_000

    def prepare(self, bench):
        super().prepare(bench)
        self.ways.append(bench.nginx("nginx-retr"))
        for way in self.ways:
            self.round(way)

    def round(self, way):
        """nginx takes 15 ms for each, for it knows no TCP_NODELAY here: some are enough."""
        count = self.count if way.name != "nginx" else 50
        found = self.bench.load("retr", way, READER, messages=count)
        return found["script_seconds"] / count * 1e6


class SlowRetr(Retr):
    name, rounds = "RETR over 20 ms each way, each", 3

    def prepare(self, bench):
        self.bench = bench
        far = bench.line(bench.upstream.port)
        pop3 = bench.line(bench.upstream.pop3_port)
        self.ways = [servers.Straight(bench.upstream.process, pop3.port),
                     bench.gateway("far", far.port)]
        if bench.with_dovecot:
            self.ways.append(bench.imapc("imapc-far", far.port))
        self.round(self.ways[1])

    def round(self, way):
        """One by one from afar each message costs the round trip: some are enough to see it."""
        count = self.count if way.name == "mailferry" else 50
        found = self.bench.load("retr", way, READER, messages=count)
        return found["script_seconds"] / count * 1e6


class Large(Case):
    name, store = "100 MB message", "large"

    def prepare(self, bench):
        super().prepare(bench)
        self.ways.append(bench.nginx("nginx-large"))
        self.first_octet, self.growth = {}, []
        for way in self.ways:
            self.round(way)

    def round(self, way):
        peak = servers.Peak(way.process)
        found = self.bench.load("retr", way, BIG, messages=1)
        self.first_octet[way.name] = found["first_octet_seconds"] * 1e3
        if way.name == "mailferry":
            self.growth.append(peak.growth())
        return found["script_seconds"] * 1e3

    def more(self):
        first = ", ".join(f"{name} {ms:.1f} ms" for name, ms in self.first_octet.items())
        return [f"first octet: {first}",
                f"growth of mailferry: {statistics.median(self.growth[1:]) / 1024:.0f} KiB"]


class Poll(Case):
    name, store, unit = "200 polling sessions, each", "poll", "us"
    repeat = 5

    def prepare(self, bench):
        super().prepare(bench)
        self.ways.append(bench.nginx("nginx-poll"))
        for way in self.ways:
            self.round(way)

    def round(self, way):
        found = self.bench.load("poll", way, "poll", users=1, sessions=POLLERS, rounds=self.repeat)
        return found["seconds"] / found["sessions"] * 1e6


class Idle(Case):
    store, unit, rounds, ratio, sessions = "poll", "KiB", 3, False, 500
    dovecot_rounds = 1

    def __init__(self, tls):
        self.tls = tls
        self.name = f"500 idle sessions{', TLS' if tls else ''}, each"

    def prepare(self, bench):
        self.bench = bench
        self.ways = [bench.gateway(f"idle-{'tls' if self.tls else 'plain'}", tls=self.tls)]
        if not self.tls:
            self.ways.insert(0, bench.straight)
            if bench.with_dovecot:
                self.ways.append(bench.imapc("imapc-idle"))

    def round(self, way):
        """Of a process that has had few sessions: memory that many left behind would be used again
        and not be seen."""
        options = {"tls": 1} if self.tls else {}
        way.restart()
        self.bench.load("poll", way, "poll", users=1, sessions=20, **options)
        found = self.bench.hold(way, "poll", sessions=self.sessions, **options)
        return found["octets_per_session"] / 1024


CASES = {
    "first-2000": lambda: List("2,000", True), "later-2000": lambda: List("2,000", False),
    "first-100000": lambda: List("100,000", True), "later-100000": lambda: List("100,000", False),
    "retr": Retr, "retr-slow": SlowRetr, "large": Large, "poll": Poll,
    "idle": lambda: Idle(False), "idle-tls": lambda: Idle(True),
    **imap_cases.CASES,
    **size_cases.CASES,
}
WAYS = ("straight", "mailferry", "dovecot", "nginx")


def measure(case, rounds):
    """{way: [figure of each round]}; the order of the ways turns with the rounds."""
    values = {way.name: [] for way in case.ways}
    processor = {way.name: [] for way in case.ways}
    for number in range(rounds):
        ways = case.ways[number % len(case.ways):] + case.ways[:number % len(case.ways)]
        for way in ways:
            if way.name == "dovecot" and number >= case.dovecot_rounds:
                continue
            before = servers.processor(way.process)
            values[way.name].append(case.round(way))
            processor[way.name].append(servers.processor(way.process) - before)
    return {"values": values, "processor_seconds": processor}


def ratios(values, way):
    return [own / straight for own, straight in zip(values[way], values["straight"])]


def spread(numbers, digits=2):
    median = statistics.median(numbers)
    return f"{median:.{digits}f} ({min(numbers):.{digits}f}..{max(numbers):.{digits}f})"


def show(case, found):
    values = found["values"]
    row = [case.name, case.unit,
           *(f"{statistics.median(values[way]):,.1f}" if values.get(way) else "-"
             for way in WAYS)]
    for way in WAYS[1:]:
        shown = case.ratio and values.get(way)
        row.append(spread(ratios(values, way), 3 if case.name.startswith("RETR over") else 2)
                   if shown else "-")
    print("| " + " | ".join(row) + " |", flush=True)
    for line in getattr(case, "more", list)():
        print(f"|   {line} |" + " |" * 8, flush=True)


def run(bench, names, rounds):
    results = {}
    print("| case | unit | straight | mailferry | Dovecot | nginx | ratio: mailferry "
          "| ratio: Dovecot | ratio: nginx |\n" + "|---" * 9 + "|", flush=True)
    cases = {name: CASES[name]() for name in names}
    bench.start(cases.values())
    for name, case in cases.items():
        kept = len(bench.stops)
        case.prepare(bench)
        results[name] = {"case": case.name, "unit": case.unit, "ratio": case.ratio,
                         **measure(case, rounds or case.rounds)}
        if name not in size_cases.CASES:  # they have a table of their own
            show(case, results[name])
        while len(bench.stops) > kept:
            bench.stops.pop()()
    return results


def draw(results):
    """Bars of all ratios, and lines of what costs how much by the size of the mailbox."""
    rows = [(found["case"], {way: statistics.median(ratios(found["values"], way))
                             for way in WAYS[1:] if found["values"].get(way)})
            for found in results.values() if found["ratio"]]
    if rows:
        yield "ratios", plot.bars("Cost, with the client straight at Dovecot as 1", rows)
    yield from size_cases.draw(results)


def write(results):
    os.makedirs(OUTPUT, exist_ok=True)
    with open(os.path.join(OUTPUT, "results.json"), "w", encoding="utf-8") as f:
        json.dump(results, f, indent=1)
    for name, svg in draw(results):
        with open(os.path.join(OUTPUT, f"{name}.svg"), "w", encoding="utf-8") as f:
            f.write(svg)


def arguments():
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--case", action="append", choices=CASES, help="only this one; repeatable")
    parser.add_argument("--rounds", type=int, help="instead of each case's own number")
    parser.add_argument("--no-dovecot", action="store_true",
                        help="leave out Dovecot's own gateway, which takes most of the time")
    parser.add_argument("--build", default="build", help="the build directory")
    return parser.parse_args()


def main():
    args = arguments()
    # Dovecot's login processes have all the sessions.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    programs = {name: os.path.join(args.build, "tests", "bench", name)
                for name in ("load", "delay")}
    os.environ.setdefault("MAILFERRY", os.path.join(args.build, "mailferry"))
    directory = tempfile.mkdtemp(prefix="mailferry-bench-")
    os.chmod(directory, 0o755)
    bench = Bench(directory, programs, not args.no_dovecot)
    try:
        results = run(bench, args.case or list(CASES), args.rounds)
    finally:
        bench.stop()
        shutil.rmtree(directory, ignore_errors=True)
    size_cases.report(results)
    write(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
