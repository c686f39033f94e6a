"""`make bench`: what it costs to have a gateway in between.

Each case is measured in rounds, and in each round all ways to the same mail are taken one after
the other, so that what else the machine does meets all of them. What counts is the ratio within a
round; the table has the median of the rounds' ratios and their spread.
"""

import argparse
import datetime
import json
import os
import platform
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from tests.bench import (case, idle_cases, imap_cases, needs, pop3_cases, report, servers,
                         size_cases, worker_cases)
from tests.bench.bench import Bench

CASES = {**pop3_cases.CASES, **idle_cases.CASES, **imap_cases.CASES, **worker_cases.CASES,
         **size_cases.CASES}
OUTPUT = os.path.join("build", "bench")
# How long each case took in the run that docs/BENCH.md shows: what the next one is estimated by.
SECONDS = os.path.join("tests", "bench", "seconds.json")
PROGRAMS = ("load", "delay", "light")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Progress:
    """What runs now, how long it is likely to take, and how long it took: for the person who waits,
    beside the table."""

    def __init__(self, names):
        self._names, self._usual, self._began = names, {}, time.monotonic()
        if os.path.exists(SECONDS):
            with open(SECONDS, encoding="utf-8") as f:
                self._usual = json.load(f)
        known = [self._usual[name] for name in names if name in self._usual]
        usual = f", {sum(known) / 60:.0f} min in the run of {report.PAGE}" if known else ""
        self._say(f"cases: {len(names)}{usual}; their mail is made first")

    @staticmethod
    def _say(words):
        print(words, file=sys.stderr, flush=True)

    def case(self, name, words):
        usual = f", {self._usual[name]:.0f} s there" if name in self._usual else ""
        self._say(f"[{self._names.index(name) + 1}/{len(self._names)}] {name}: {words}{usual}")

    def took(self, what, seconds):
        self._say(f"{what}: {seconds:.0f} s; {self.seconds() / 60:.1f} min since the beginning")

    def failed(self, name, why):
        self._say(f"{name}: FAILED: {why}")

    def ended(self, failed):
        self._say((f"failed: {', '.join(failed)}; " if failed else "") + "the mail is taken away")

    def seconds(self):
        return time.monotonic() - self._began


class Run:
    """Measures cases one after the other, and prints the table as it grows. One that fails is told,
    and the others go on."""

    def __init__(self, bench, names, args):
        self.bench, self.args = bench, args
        self.results, self.failed = {}, []
        self.progress = Progress(names)
        self._cases = {name: CASES[name]() for name in names}
        self._last_head = None

    def measure(self):
        self.bench.start(self._cases.values())
        self.progress.took("mail", self.progress.seconds())
        for name, one in self._cases.items():
            self.progress.case(name, one.name)
            try:
                self.results[name] = found = self._found(one)
                self._print(found)
                self.progress.took(name, found["took_seconds"])
            except case.FAILURES as e:
                self.failed.append(name)
                self.progress.failed(name, e)
            self.write()

    def _found(self, one):
        try:
            rounds = 1 if self.args.quick else self.args.rounds or one.rounds
            return case.run(one, self.bench, rounds)
        finally:
            self.bench.stop_case()

    def _print(self, found):
        if found["head"] != self._last_head:
            print(report.head(found["head"]))
        self._last_head = found["head"]
        for words in [report.line(cells) for cells in found["cells"]] + [
                f"  {note}" for note in found["notes"]]:
            print(words, flush=True)

    def machine(self):
        """What the figures were taken on."""
        version = subprocess.run([needs.dovecot(), "--version"], capture_output=True, text=True,
                                 check=True).stdout.split()[0]
        return (f"{datetime.date.today():%-d %B %Y}, {os.cpu_count()} cores "
                f"({platform.machine()}), Dovecot {version}; load {os.getloadavg()[2]:.1f} over "
                "the last quarter of an hour; all of it took "
                f"{self.progress.seconds() / 60:.0f} min.")

    def write(self):
        """What there is so far: results.json is whole whenever it is read."""
        os.makedirs(OUTPUT, exist_ok=True)
        kept = ("notes", "processor_seconds", "took_seconds")
        shown = {name: {**{key: found[key] for key in kept},
                        "rows": [row.as_json() for row in found["rows"]]}
                 for name, found in self.results.items()}
        replace(os.path.join(OUTPUT, "results.json"),
                {"machine": self.machine(), "failed": self.failed, "cases": shown})

    def finish(self):
        """The plots, and the page when nothing failed. The exit status of the program."""
        report.write_plots(self.results, OUTPUT)
        self.progress.ended(self.failed)
        if self.failed:
            return 1
        if self.args.docs:
            report.write_page(self.results, self.machine())
            replace(SECONDS, {name: round(found["took_seconds"], 1)
                              for name, found in self.results.items()})
        return 0


def replace(path, value):
    with open(path + ".new", "w", encoding="utf-8") as f:
        json.dump(value, f, indent=1)
        f.write("\n")
    os.replace(path + ".new", path)


def arguments():
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--case", action="append", choices=CASES, help="only this one; repeatable")
    parser.add_argument("--rounds", type=int, help="instead of each case's own number")
    parser.add_argument("--quick", action="store_true",
                        help="one round, without the cases that take long")
    parser.add_argument("--no-dovecot", action="store_true",
                        help="leave out Dovecot's own gateway, which is slow")
    parser.add_argument("--docs", action="store_true",
                        help=f"write all tables into {report.PAGE}, and the plots beside it")
    parser.add_argument("--build", default="build", help="the build directory")
    return parser.parse_args()


def chosen(args):
    return [name for name, make in CASES.items()
            if (name in args.case if args.case else not args.quick or make().quick)]


def ignore_signals():
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def interrupt(*_):
    """Ctrl-C, and what else is to end us: once. Cleaning up is not interrupted."""
    ignore_signals()
    print("interrupted: the servers and the mail are taken away", file=sys.stderr)
    raise KeyboardInterrupt


def run(args, programs):
    """Gives the exit status. Whatever ends it, nothing stays behind."""
    directory = tempfile.mkdtemp(prefix="mailferry-bench-")
    try:
        os.chmod(directory, 0o755)
        bench = Bench(directory, programs, not args.no_dovecot)
        try:
            made = Run(bench, chosen(args), args)
            made.measure()
            return made.finish()
        finally:
            ignore_signals()
            bench.stop()
    finally:
        servers.end_children()
        shutil.rmtree(directory, ignore_errors=True)


def main():
    args = arguments()
    if args.docs:
        report.read_page()
    programs = {name: os.path.join(args.build, "tests", "bench", name) for name in PROGRAMS}
    os.environ.setdefault("MAILFERRY", os.path.join(args.build, "mailferry"))
    needs.check([os.environ["MAILFERRY"], *programs.values()])
    # Dovecot's login processes have all the sessions, and so has mailferry.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    for number in SIGNALS:
        signal.signal(number, interrupt)
    try:
        return run(args, programs)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
