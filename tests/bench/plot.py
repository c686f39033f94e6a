"""Plots of the results as SVG, without a library: bars of ratios, lines of cost against size."""

import itertools
import math
from xml.sax.saxutils import escape

COLOURS = {"straight": "#777777", "mailferry": "#1f6fb4", "dovecot": "#c0562b", "nginx": "#4c9a52"}
_OTHERS = ("#1f6fb4", "#c0562b", "#4c9a52", "#8456a8", "#a8860f", "#3a9aa0", "#777777", "#d04a7f",
           "#2d4f8f", "#7a4a21", "#222222")
_STYLE = ('<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}" '
          'font-family="sans-serif" font-size="12"><rect width="{w}" height="{h}" fill="white"/>')


class _Log:
    """A logarithmic axis from `low` to `high`, drawn from `start` to `end`."""

    def __init__(self, low, high, start, end):
        self.low = math.floor(math.log10(low))
        self.high = max(math.ceil(math.log10(high)), self.low + 1)
        self.start, self.end = start, end

    def at(self, value):
        part = (math.log10(value) - self.low) / (self.high - self.low)
        return self.start + part * (self.end - self.start)

    def ticks(self):
        return [10.0 ** n for n in range(self.low, self.high + 1)]


def _text(x, y, words, anchor="start", colour="#222222"):
    return (f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{colour}">'
            f'{escape(words)}</text>')


def _line(x1, y1, x2, y2, colour="#dddddd"):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'stroke="{colour}"/>')


def bars(title, rows):
    """`rows`: [(case, {way: ratio})]. A bar begins at 1, which is the straight way's cost."""
    ways = [way for way in COLOURS if any(way in ratios for _, ratios in rows)]
    height = 70 + len(rows) * (14 * len(ways) + 12)
    every = [value for _, ratios in rows for value in ratios.values()] + [0.1, 10]
    axis = _Log(min(every), max(every), 260, 740)
    out = [_STYLE.format(w=800, h=height), _text(20, 24, title)]
    for tick in axis.ticks():
        out += [_line(axis.at(tick), 50, axis.at(tick), height - 10, "#999999" if tick == 1
                      else "#dddddd"), _text(axis.at(tick), 44, f"{tick:g}", "middle")]
    y = 58
    for case, ratios in rows:
        out.append(_text(250, y + 7 * len(ways) + 4, case, "end"))
        for way in ways:
            if way in ratios:
                x, one = axis.at(ratios[way]), axis.at(1)
                out += [f'<rect x="{min(x, one):.1f}" y="{y}" width="{max(abs(x - one), 1):.1f}" '
                        f'height="12" fill="{COLOURS[way]}"/>',
                        _text(max(x, one) + 4, y + 10, f"{way} {ratios[way]:.2f}")]
            y += 14
        y += 12
    return "\n".join(out) + "\n</svg>\n"


def lines(title, series, x_name, y_name):
    """`series`: {name: [(x, y)]}, both axes logarithmic."""
    points = [point for each in series.values() for point in each]
    across = _Log(min(x for x, _ in points), max(x for x, _ in points), 70, 660)
    up = _Log(min(y for _, y in points), max(y for _, y in points), 350, 50)
    out = [_STYLE.format(w=980, h=400), _text(20, 24, title),
           _text(365, 392, x_name, "middle"), _text(20, 42, y_name)]
    for tick in across.ticks():
        out += [_line(across.at(tick), 50, across.at(tick), 350),
                _text(across.at(tick), 368, f"{tick:,.0f}", "middle")]
    for tick in up.ticks():
        out += [_line(70, up.at(tick), 660, up.at(tick)),
                _text(64, up.at(tick) + 4, f"{tick:g}", "end")]
    ends = _apart({name: up.at(max(each)[1]) for name, each in series.items()})
    for (name, each), colour in zip(series.items(), itertools.cycle(_OTHERS)):
        path = " ".join(f"{across.at(x):.1f},{up.at(y):.1f}" for x, y in sorted(each))
        out += [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>',
                _text(668, ends[name] + 4, name, colour=colour)]
    return "\n".join(out) + "\n</svg>\n"


def _apart(heights):
    """Names beside the ends of their lines, none upon another."""
    lowest = 0
    for name in sorted(heights, key=heights.get):
        lowest = heights[name] = max(heights[name], lowest + 14)
    return heights
