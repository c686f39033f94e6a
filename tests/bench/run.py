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
import subprocess
import sys
import tempfile
import time

from tests.bench import (case, idle_cases, imap_cases, pop3_cases, report, size_cases,
                         worker_cases)
from tests.bench.bench import Bench

CASES = {**pop3_cases.CASES, **idle_cases.CASES, **imap_cases.CASES, **worker_cases.CASES,
         **size_cases.CASES}
OUTPUT = os.path.join("build", "bench")
PROGRAMS = ("load", "delay", "light")


def measure(bench, names, args):
    """{name: what is known of the case}, and the table as it grows."""
    results, last = {}, None
    cases = {name: CASES[name]() for name in names}
    bench.start(cases.values())
    for name, one in cases.items():
        results[name] = found = case.run(one, bench, 1 if args.quick else args.rounds or one.rounds)
        bench.stop_case()
        if found["head"] != last:
            print(report.head(found["head"]))
        last = found["head"]
        for cells in found["cells"]:
            print(report.line(cells), flush=True)
        for note in found["notes"]:
            print(f"  {note}", flush=True)
        print(f"{name}: {found['took_seconds']:.0f} s", file=sys.stderr)
    return results


def machine(took):
    """What the figures were taken on."""
    dovecot = shutil.which("dovecot", path="/usr/sbin:" + os.environ["PATH"])
    version = subprocess.run([dovecot, "--version"], capture_output=True, text=True, check=True)
    return (f"{datetime.date.today():%-d %B %Y}, {os.cpu_count()} cores ({platform.machine()}), "
            f"Dovecot {version.stdout.split()[0]}; load {os.getloadavg()[2]:.1f} over the last "
            f"quarter of an hour; all of it took {took / 60:.0f} min.")


def write(results, words):
    os.makedirs(OUTPUT, exist_ok=True)
    shown = {name: {**{key: found[key] for key in ("notes", "processor_seconds", "took_seconds")},
                    "rows": [row.as_json() for row in found["rows"]]}
             for name, found in results.items()}
    with open(os.path.join(OUTPUT, "results.json"), "w", encoding="utf-8") as f:
        json.dump({"machine": words, "cases": shown}, f, indent=1)
    report.write_plots(results, OUTPUT)


def arguments():
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--case", action="append", choices=CASES, help="only this one; repeatable")
    parser.add_argument("--rounds", type=int, help="instead of each case's own number")
    parser.add_argument("--quick", action="store_true",
                        help="one round, without the cases that take long")
    parser.add_argument("--no-dovecot", action="store_true",
                        help="leave out Dovecot's own gateway, which is slow")
    parser.add_argument("--docs", action="store_true",
                        help=f"write the table into {report.PAGE}, and the plots beside it")
    parser.add_argument("--build", default="build", help="the build directory")
    return parser.parse_args()


def chosen(args):
    return args.case or [name for name, make in CASES.items() if not args.quick or make().quick]


def main():
    args = arguments()
    # Dovecot's login processes have all the sessions, and so has mailferry.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    programs = {name: os.path.join(args.build, "tests", "bench", name) for name in PROGRAMS}
    os.environ.setdefault("MAILFERRY", os.path.join(args.build, "mailferry"))
    directory = tempfile.mkdtemp(prefix="mailferry-bench-")
    os.chmod(directory, 0o755)
    bench = Bench(directory, programs, not args.no_dovecot)
    began = time.monotonic()
    try:
        results = measure(bench, chosen(args), args)
    finally:
        bench.stop()
        shutil.rmtree(directory, ignore_errors=True)
    words = machine(time.monotonic() - began)
    write(results, words)
    if args.docs:
        report.write_page(results, words)
    return 0


if __name__ == "__main__":
    sys.exit(main())
