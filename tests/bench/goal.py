"""What a figure is to reach, and whether it does. Only printed: nothing fails by a goal missed."""

import statistics


class Goal:
    """`words` as the table has them; `reached` is asked with the values of a row."""

    def __init__(self, words, reached):
        self.words = words
        self._reached = reached

    def mark(self, row):
        """ "" when the row does not have what it is about, as without the straight way."""
        if not row.values.get("mailferry"):
            return ""
        return "reached" if self._reached(row) else "**missed**"


def at_most_ratio(limit):
    """Of the cost of the straight way, as a median."""
    return Goal(f"ratio ≤ {limit:.3g}",
                lambda row: statistics.median(row.ratios("mailferry")) <= limit)


def at_most(limit, unit):
    return Goal(f"≤ {limit:g} {unit}", lambda row: row.median("mailferry") <= limit)


def at_most_beyond(limit, unit):
    """More than the straight way's."""
    return Goal(f"≤ straight + {limit:g} {unit}",
                lambda row: row.median("mailferry") <= row.median("straight") + limit)


def at_least_each_second(rate):
    """Of what takes so many microseconds each."""
    return Goal(f"≥ {rate:,}/s", lambda row: 1e6 / row.median("mailferry") >= rate)
