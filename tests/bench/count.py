"""`make bench-count`: the instructions of the hot paths, by callgrind, against a kept table.

Instructions do not depend on what else the machine does, so a path that has become slower shows
anywhere. They do depend on the compiler and the libraries: a table is kept for the machine that
tests/bench/counts.json names, and elsewhere a first run writes another one to compare with.

    make bench-count                   # compare; 1 when a path has grown by more than a twentieth
    make bench-count COUNT=--keep      # keep the counts as the table
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

PATHS = {  # what the work is a multiple of
    "message": ("octet of an ordinary message to the client", 1 << 20),
    "dot-stuffing": ("octet of one with many dots", 1 << 20),
    "line-ends": ("octet of one whose line ends are repaired", 1 << 20),
    "literal": ("octet of a literal", 1 << 20),
    "fetch-listing": ("line of a listing (UID, size, date)", 2000),
    "journal-append": ("record of the journal", 200),
    "envelope": ("ENVELOPE, header parsed", 100),
    "pop3-list": ("line of a POP3 server's LIST", 2000),
    "pop3-uidl": ("line of its UIDL", 2000),
    "fetch-flags": ("message in the answer to FETCH (UID FLAGS)", 400),
    "search-header": ("message that SEARCH SUBJECT looks at", 400),
}
TABLE = os.path.join("tests", "bench", "counts.json")
TOLERANCE = 0.05


def machine(program):
    """What the counts depend on besides our sources."""
    compiler = subprocess.run(["readelf", "-p", ".comment", program], capture_output=True,
                              text=True, check=True).stdout
    return f"{os.uname().machine}, {re.search(r'GCC: .*|clang.*', compiler).group().strip()}"


def count(program, path):
    with tempfile.NamedTemporaryFile() as out:
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", "--toggle-collect=count_work*",
             f"--callgrind-out-file={out.name}", program, path],
            capture_output=True, text=True, check=False)
        found = re.search(r"Collected\s*:\s*(\d+)", done.stderr)
        if done.returncode or not found:
            raise SystemExit(f"{path}: {done.stderr}")
        number = int(found.group(1))
        if number < 1000:
            raise SystemExit(f"{path}: nothing was counted; was the program stripped?")
        return number


def show(counts, kept):
    print("| path | instructions for each | now | kept | change |\n|---|---|---|---|---|")
    for path, number in counts.items():
        what, times = PATHS[path]
        was = kept.get(path)
        change = f"{number / was - 1:+.1%}" if was else "-"
        print(f"| {path} | {what} | {number / times:,.2f} | "
              f"{f'{was / times:,.2f}' if was else '-'} | {change} |")


def main():
    parser = argparse.ArgumentParser(prog="make bench-count", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="write the counts to the table")
    parser.add_argument("--build", default="build", help="the build directory")
    args = parser.parse_args()
    program = os.path.join(args.build, "tests", "bench", "count")
    here = machine(program)
    with open(TABLE, encoding="utf-8") as f:
        tables = json.load(f)
    counts = {path: count(program, path) for path in PATHS}
    kept = tables.get(here, {})
    show(counts, kept)
    if args.keep or not kept:
        tables[here] = counts
        with open(TABLE, "w", encoding="utf-8") as f:
            json.dump(tables, f, indent=1)
            f.write("\n")
        print(f"kept for {here}")
        return 0
    grown = [path for path, number in counts.items()
             if number > kept.get(path, number) * (1 + TOLERANCE)]
    for path in grown:
        print(f"{path} takes more than {TOLERANCE:.0%} more instructions than it did",
              file=sys.stderr)
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(main())
