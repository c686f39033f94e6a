"""The results as people read them: tables, plots, and both in docs/BENCH.md."""

import os
import re
import statistics

from tests.bench import plot

WAYS = {"straight": "straight", "mailferry": "mailferry", "dovecot": "Dovecot", "nginx": "nginx"}
PAGE = os.path.join("docs", "BENCH.md")
PLOTS = os.path.join("docs", "bench")
BEGIN, END = "<!-- figures: make bench -->", "<!-- end of figures -->"


class Row:
    """One line of the table. `values`: {way: [figure of each round]}. `ratio`: whether the figures
    are to be compared with the straight way's."""

    sizes = ()

    def __init__(self, name, unit, values, ratio=True, goal=None):
        self.name, self.unit, self.values = name, unit, values
        self.ratio, self.goal = ratio, goal

    def median(self, way):
        return statistics.median(self.values[way])

    def ratios(self, way):
        return [own / straight for own, straight in zip(self.values[way], self.values["straight"])]

    def as_json(self):
        return {"case": self.name, "unit": self.unit, "values": self.values,
                **({"ratios": {way: self.ratios(way) for way in self._compared()}}),
                **({"goal": self.goal.words, "mark": self.goal.mark(self)} if self.goal else {})}

    def _compared(self):
        return [way for way in WAYS if way != "straight" and self.ratio and self.values.get(way)
                and self.values.get("straight")]

    def cells(self):
        shown = {way: spread(self.ratios(way)) for way in self._compared()}
        return [self.name, self.unit,
                *(figure(self.median(way)) if self.values.get(way) else "-" for way in WAYS),
                *(shown.get(way, "-") for way in list(WAYS)[1:]),
                self.goal.words if self.goal else "", self.goal.mark(self) if self.goal else ""]


HEAD = ["case", "unit", *WAYS.values(), *(f"ratio: {name}" for name in list(WAYS.values())[1:]),
        "goal", ""]


def figure(number):
    """With three digits or more, where it is not very small."""
    digits = next((n for n, least in enumerate((1000, 10, 0.1)) if abs(number) >= least), 3)
    return f"{number:,.{digits}f}"


def spread(numbers):
    median = statistics.median(numbers)
    digits = 3 if median < 0.1 else 2
    return f"{median:.{digits}f} ({min(numbers):.{digits}f}..{max(numbers):.{digits}f})"


def line(cells):
    return "| " + " | ".join(cells) + " |"


def head(cells):
    return line(cells) + "\n" + "|---" * len(cells) + "|"


def draw(results):
    """(name, SVG): bars of all ratios; what acts cost by the size of the mailbox."""
    rows = [row for case in results.values() for row in case["rows"] if row.ratio]
    bars = [(row.name, {way: statistics.median(row.ratios(way)) for way in list(WAYS)[1:]
                        if row.values.get(way)}) for row in rows if row.values.get("straight")]
    if bars:
        yield "ratios", plot.bars("Cost, with the client straight at Dovecot as 1", bars)
    for name, title, unit in (
            ("sizes", "Time of an act by the size of the mailbox", "ms"),
            ("sizes-processor", "Processor time that it costs the gateway", "ms"),
            ("sizes-instructions", "Instructions that it costs the gateway", "thousands")):
        series = {row.name: row.sizes[name] for case in results.values() for row in case["rows"]
                  if name in row.sizes}
        if series:
            yield name, plot.lines(title, series, "messages in the mailbox", unit)


def tables(results, machine):
    """All of it, in Markdown. Cases that share a `head` share a table."""
    out, last = [machine], None
    for case in results.values():
        if case["head"] != last:
            last = case["head"]
            out += ["", head(last)]
        out += [line(cells) for cells in case["cells"]]
    notes = [note for case in results.values() for note in case["notes"]]
    return "\n".join(out + [""] * bool(notes) + [f"- {note}" for note in notes]) + "\n"


def read_page():
    """The page, and where in it the figures are."""
    with open(PAGE, encoding="utf-8") as f:
        page = f.read()
    between = re.search(re.escape(BEGIN) + r"\n.*?" + re.escape(END), page, re.DOTALL)
    if not between:
        raise SystemExit(f"{PAGE}: the markers {BEGIN} and {END} are gone")
    return page, between.span()


def write_page(results, machine):
    """Between the two markers of the page, and the plots beside it."""
    page, (begin, end) = read_page()
    text = f"{BEGIN}\n\n{tables(results, machine)}\n{END}"
    write_plots(results, PLOTS)
    with open(PAGE, "w", encoding="utf-8") as f:
        f.write(page[:begin] + text + page[end:])


def write_plots(results, directory):
    os.makedirs(directory, exist_ok=True)
    for name, svg in draw(results):
        with open(os.path.join(directory, f"{name}.svg"), "w", encoding="utf-8") as f:
            f.write(svg)
