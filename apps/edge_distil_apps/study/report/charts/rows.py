"""Charts with a row for each model: name and figure on a line, and what is drawn below it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_distil_apps.study.report.charts.svg import Axis, Canvas, Point, Scale, letters, linear
from edge_distil_apps.study.report.numbers import number, within

_TOP, _HEAD, _AXIS = 4.0, 20.0, 42.0  # above the rows, a row's words, below the rows
_SIDE = 12.0  # so that the words of the first and the last tick fit
_BINS = 90


@dataclass(frozen=True)
class Style:
    """How a model is drawn: a colour's class, and for variants other than fp32 other marks."""

    css: str
    square: bool = False


@dataclass(frozen=True)
class Row:
    """A row's words and look; ``figure`` stands at the right end."""

    label: str
    figure: str
    style: Style


class _Rows:
    """The frame of such a chart: rows from the top, an axis below."""

    def __init__(
        self,
        rows: Sequence[Row],
        room: float,
        width: float,
        title: str,
        axis: Axis,
    ) -> None:
        self.canvas = Canvas(width, _TOP + len(rows) * (_HEAD + room) + _AXIS, title)
        self.room = room
        self.bottom = self.canvas.height - _AXIS
        self.x: Scale = axis.scale(_SIDE, width - _SIDE)
        self._rows = rows
        self._grid(axis)

    def __str__(self) -> str:
        """Return the drawing, with the rows' words above everything else."""
        for index, row in enumerate(self._rows):
            y = self.top(index) - 6
            self.canvas.text(0, y, row.label, f"name {row.style.css}")
            self.canvas.text(self.canvas.width, y, row.figure, "figure", "end")
        return str(self.canvas)

    def top(self, index: int) -> float:
        """Return where the drawing of a row begins."""
        return _TOP + index * (_HEAD + self.room) + _HEAD

    def middle(self, index: int) -> float:
        """Return the middle of the drawing of a row."""
        return self.top(index) + self.room / 2 - 2

    def _grid(self, axis: Axis) -> None:
        width, last = self.canvas.width, -math.inf
        for tick in axis.ticks(4 if width < 400 else 6):
            x, words = self.x(tick), number(tick)
            self.canvas.line((x, _TOP), (x, self.bottom), "grid")
            if x - last > letters(words) + 8:
                self.canvas.text(x, self.bottom + 15, words, "tick", "middle")
                last = x
        self.canvas.text(width / 2, self.bottom + 33, axis.words, "axis", "middle")


@dataclass(frozen=True)
class Interval:
    """A value with its interval; low and high may equal it where none is known."""

    value: float
    low: float
    high: float


def intervals(
    rows: Sequence[tuple[Row, Interval]], width: float, *, title: str, axis: str,
    band: float | None = None, start: float = 0.0,
) -> str:  # fmt: skip
    """Draw a value with its interval a row; ``band`` is the A/A band around 1."""
    greatest = max(max(interval.high, interval.value) for _, interval in rows)
    high = max(greatest, 1 + (band or 0)) * 1.05
    frame = _Rows([row for row, _ in rows], 22, width, title, Axis(axis, start, high))
    canvas, legend = frame.canvas, ""
    if band is not None:
        legend = _band_key(band, width)
        left, right = frame.x(1 / (1 + band)), frame.x(1 + band)
        canvas.rectangle((left, _TOP), right - left, frame.bottom - _TOP, "band")
    if start < 1 < high:
        canvas.line((frame.x(1), _TOP), (frame.x(1), frame.bottom), "one")
    for index, (row, interval) in enumerate(rows):
        y = frame.middle(index)
        if start == 0:  # a stem's length means the value only where it begins at 0
            canvas.line((frame.x(0), y), (frame.x(interval.value), y), f"stem {row.style.css}")
        canvas.line(
            (frame.x(interval.low), y), (frame.x(interval.high), y), f"thick {row.style.css}"
        )
        canvas.mark((frame.x(interval.value), y), row.style.css, square=row.style.square)
    return f"{legend}{frame}"


def _band_key(band: float, width: float) -> str:
    """Draw what the band means beside a piece of it, the line at 1 in the middle."""
    words = f"A/A band, {within(band)}: nothing is claimed"
    canvas = Canvas(width, 22, words)
    canvas.rectangle((0, 2), 22, 14, "band")
    canvas.line((11, 2), (11, 16), "one")
    canvas.text(30, 13, words, "tick")
    return str(canvas)


def stacks(
    rows: Sequence[tuple[Row, Sequence[float]]],
    parts: Sequence[str],
    width: float,
    *,
    title: str,
    axis: str,
    colours: Sequence[int] | None = None,
) -> str:
    """Draw parts of a whole a row; their names stand above.

    Args:
        rows: Each with its parts' values.
        parts: Their names.
        width: CSS pixels.
        title: For screen readers.
        axis: Words with the unit.
        colours: A number for each part; in their order by default.
    """
    shades = range(len(parts)) if colours is None else colours
    high = max(sum(values) for _, values in rows)
    frame = _Rows([row for row, _ in rows], 24, width, title, Axis(axis, 0, high * 1.02))
    for index, (_, values) in enumerate(rows):
        at = 0.0
        for shade, value in zip(shades, values, strict=True):
            left = frame.x(at)
            at += value
            corner = (left, frame.top(index))
            frame.canvas.rectangle(corner, frame.x(at) - left, 14, f"part p{shade}")
    return f"{key(parts, shades, width)}{frame}"


def key(parts: Sequence[str], shades: Sequence[int], width: float) -> str:
    """Draw the names of parts beside their colours, in as many lines as they need."""
    places: list[Point] = []
    x, y = 0.0, 12.0
    for part in parts:
        room = letters(part) + 34
        if x and x + room > width:
            x, y = 0.0, y + 20
        places.append((x, y))
        x += room
    canvas = Canvas(width, y + 10, "Colours: " + ", ".join(parts))
    for part, shade, place in zip(parts, shades, places, strict=True):
        canvas.rectangle((place[0], place[1] - 10), 12, 12, f"part p{shade}")
        canvas.text(place[0] + 18, place[1], part, "tick")
    return str(canvas)


def ridges(
    rows: Sequence[tuple[Row, NDArray[np.float64], Sequence[float]]], width: float, *,
    title: str, axis: str,
) -> str:  # fmt: skip
    """Draw the distribution of values a row, with ticks at the given quantiles."""
    high = max(max(np.quantile(values, 0.995), *marks) for _, values, marks in rows) * 1.1
    low = min(float(values.min()) for _, values, _ in rows) / 1.1
    across = Axis(axis, low, high, log=True)
    frame = _Rows([row for row, _, _ in rows], 40, width, title, across)
    edges = np.geomspace(low, high, _BINS + 1)
    for index, (row, values, marks) in enumerate(rows):
        base = frame.top(index) + 34
        counts = _smooth(np.histogram(values, edges)[0].astype(float))
        heights = counts / (counts.max() or 1.0) * 32
        places = [frame.x(x) for x in np.sqrt(edges[:-1] * edges[1:])]
        outline = [(x, base - h) for x, h in zip(places, heights, strict=True)]
        ends = [(places[0], base), *outline, (places[-1], base)]
        frame.canvas.path(ends, f"ridge {row.style.css}", closed=True)
        for order, mark in enumerate(marks):
            x = frame.x(mark)
            frame.canvas.line((x, base + 3), (x, base - (16, 10, 10)[order]), f"quantile q{order}")
    return str(frame)


def _smooth(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    kernel = np.array([1.0, 4, 6, 4, 1]) / 16
    return np.convolve(counts, kernel, "same")


@dataclass(frozen=True)
class Strip:
    """Samples over time.

    Attributes:
        row: Its words.
        points: Time and value, where 1 is usual.
        breaks: Times at which another process began.
        trend: Lines through the processes, each as its two ends.
        flagged: Which of them were flagged.
    """

    row: Row
    points: Sequence[Point]
    breaks: Sequence[float]
    trend: Sequence[tuple[Point, Point]]
    flagged: Sequence[bool]


def strips(
    rows: Sequence[Strip], width: float, *, title: str, axis: str, reach: float = 0.2
) -> str:
    """Draw samples over time a row, each from 1 - reach to 1 + reach; beyond stand at the edge."""
    high = max(x for strip in rows for x, _ in strip.points) or 1.0
    frame = _Rows([strip.row for strip in rows], 60, width, title, Axis(axis, 0, high))
    for index, strip in enumerate(rows):
        top = frame.top(index)
        y = linear(1 - reach, 1 + reach, top + 52, top)
        frame.canvas.line((frame.x(0), y(1)), (frame.x(high), y(1)), "grid")
        for at in strip.breaks:
            frame.canvas.line((frame.x(at), top), (frame.x(at), top + 52), "break")
        held = [(frame.x(t), y(min(max(v, 1 - reach), 1 + reach))) for t, v in strip.points]
        frame.canvas.dots(held, strip.row.style.css)
        for ((x0, y0), (x1, y1)), bad in zip(strip.trend, strip.flagged, strict=True):
            ends = (frame.x(x0), y(y0)), (frame.x(x1), y(y1))
            frame.canvas.line(*ends, "trend flagged" if bad else "trend")
    return str(frame)


def spans(rows: Sequence[tuple[Row, float, float]], width: float, *, title: str, axis: str) -> str:
    """Draw the way from one value (hollow) to another (filled) a row."""
    high = max(max(first, second) for _, first, second in rows) * 1.05
    frame = _Rows([row for row, _, _ in rows], 22, width, title, Axis(axis, 0, high))
    for index, (row, first, second) in enumerate(rows):
        y = frame.middle(index)
        frame.canvas.line((frame.x(first), y), (frame.x(second), y), f"thick {row.style.css}")
        css, square = row.style.css, row.style.square
        frame.canvas.mark((frame.x(first), y), f"{css} open", square=square)
        frame.canvas.mark((frame.x(second), y), css, square=square)
    return str(frame)
