"""What a case of the benchmark is, and how it is measured.

A way that is only there to be compared with (Dovecot's own gateway, nginx) has no further round
once it has taken `ENOUGH` in a case, and is left out with a word where it fails or stalls. Where
the straight way or mailferry does, the case has failed.
"""

import imaplib
import subprocess
import time

from tests.bench import servers
from tests.bench.report import HEAD, WAYS, Row

ENOUGH = 20  # seconds
COMPARED = ("dovecot", "nginx")
FAILURES = (servers.Failed, AssertionError, OSError, imaplib.IMAP4.error,
            subprocess.SubprocessError)


class Case:
    """`prepare` makes the ways, `round` takes one of them once and gives its figure."""

    ways = ()

    name, store, unit, rounds = "", "", "ms", 3
    ratio = True        # to the straight way; else the figure itself is shown
    goal = None
    quick = True        # also part of a quick run
    head = HEAD

    def prepare(self, bench):
        raise NotImplementedError

    def warm_up(self, way):
        """What a way does before its first round."""

    def round(self, way):
        raise NotImplementedError

    def rows(self, values):
        """The lines of the table, from {way: [figure of each round]}."""
        return [Row(self.name, self.unit, values, self.ratio, self.goal)]

    def more(self):
        """What else is to be said of it: sentences."""
        return []


def turned(ways, number):
    """Another one is the first in each round."""
    return ways[number % len(ways):] + ways[:number % len(ways)]


class Measured:
    """What comes of a case: {way: [figure of each round]}, the same of the processor time, and why
    a way was left out."""

    def __init__(self, case):
        self._case = case
        self._took = {way.name: 0.0 for way in case.ways}
        self._left_out = {}
        self.values = {way.name: [] for way in case.ways}
        self.processor = {way.name: [] for way in case.ways}

    def notes(self):
        return [f"{self._case.name}: {WAYS[name]} is left out: {why}"
                for name, why in self._left_out.items()]

    def take(self, way, act):
        """Has `act` done with the way, unless it is out of it or has had enough."""
        enough = self.values[way.name] and self._took[way.name] > ENOUGH
        if way.name in self._left_out or (way.name in COMPARED and enough):
            return
        began = time.monotonic()
        try:
            act(way)
        except FAILURES as e:
            if way.name not in COMPARED:
                raise servers.Failed(f"{WAYS.get(way.name, way.name)}: {e}") from e
            self._left_out[way.name] = str(e)
            self.values[way.name].clear()
        self._took[way.name] += time.monotonic() - began

    def round(self, way):
        before = servers.processor(way.process)
        self.values[way.name].append(self._case.round(way))
        self.processor[way.name].append(max(servers.processor(way.process) - before, 0))


def measure(case, rounds):
    found = Measured(case)
    for way in case.ways:
        found.take(way, case.warm_up)
    for number in range(rounds):
        for way in turned(case.ways, number):
            found.take(way, found.round)
    return found


def run(case, bench, rounds):
    """Everything that is to be known of it."""
    began = time.monotonic()
    case.prepare(bench)
    found = measure(case, rounds)
    rows = case.rows(found.values)
    return {"case": case.name, "rows": rows, "head": case.head,
            "cells": [row.cells() for row in rows], "notes": found.notes() + list(case.more()),
            "processor_seconds": found.processor, "took_seconds": time.monotonic() - began}
