"""What a case of the benchmark is, and how it is measured."""

import time

from tests.bench import servers
from tests.bench.report import HEAD, Row


class Case:
    """`prepare` makes the ways, `round` takes one of them once and gives its figure."""

    name, store, unit, rounds = "", "", "ms", 3
    ratio = True        # to the straight way; else the figure itself is shown
    goal = None
    dovecot_rounds = 1  # its own gateway takes minutes where it is slow
    quick = True        # also part of a quick run
    head = HEAD

    def prepare(self, bench):
        raise NotImplementedError

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


def measure(case, rounds):
    """({way: [figure of each round]}, the same of the processor time)."""
    values = {way.name: [] for way in case.ways}
    processor = {way.name: [] for way in case.ways}
    for number in range(rounds):
        for way in turned(case.ways, number):
            if way.name == "dovecot" and number >= case.dovecot_rounds:
                continue
            before = servers.processor(way.process)
            values[way.name].append(case.round(way))
            processor[way.name].append(max(servers.processor(way.process) - before, 0))
    return values, processor


def run(case, bench, rounds):
    """Everything that is to be known of it."""
    began = time.monotonic()
    case.prepare(bench)
    values, processor = measure(case, rounds)
    rows = case.rows(values)
    return {"case": case.name, "values": values, "rows": rows, "head": case.head,
            "cells": [row.cells() for row in rows], "notes": list(case.more()),
            "processor_seconds": processor, "took_seconds": time.monotonic() - began}
