"""Drawing: scales, ticks, and an SVG of lines, marks and words.

Figures are drawn for a given width in CSS pixels and shown at about that width, so that words have
the same size on a phone and on a desk. Colours are classes that the page gives a meaning.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

Point = tuple[float, float]
Scale = Callable[[float], float]

LETTER = 6.9  # CSS pixels, the mean width of a letter at FONT; wide fonts need as much
FONT = 12  # CSS pixels


class Canvas:
    """An SVG that is drawn from the top left corner, in CSS pixels.

    Args:
        width: Of the drawing.
        height: Of the drawing.
        title: What a screen reader says instead of it.
    """

    def __init__(self, width: float, height: float, title: str) -> None:
        self.width, self.height, self._title = width, height, title
        self._parts: list[str] = []

    def __str__(self) -> str:
        """Return the element."""
        size = f'viewBox="0 0 {_n(self.width)} {_n(self.height)}"'
        style = f'style="max-width: {_n(self.width * 1.25)}px"'
        title = f"<title>{escape(self._title)}</title>"
        return f'<svg {size} {style} role="img">{title}{"".join(self._parts)}</svg>'

    def text(self, x: float, y: float, words: str, css: str = "", anchor: str = "start") -> None:
        """Write one line; ``anchor`` is start, middle or end."""
        attributes = f'x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}"{_class(css)}'
        self._parts.append(f"<text {attributes}>{escape(words)}</text>")

    def line(self, start: Point, end: Point, css: str) -> None:
        """Draw a straight line."""
        ends = f'x1="{_n(start[0])}" y1="{_n(start[1])}" x2="{_n(end[0])}" y2="{_n(end[1])}"'
        self._parts.append(f"<line {ends}{_class(css)}/>")

    def path(self, points: Iterable[Point], css: str, *, closed: bool = False) -> None:
        """Draw through points."""
        steps = "L".join(f"{_n(x)} {_n(y)}" for x, y in points)
        self._parts.append(f'<path d="M{steps}{"Z" if closed else ""}"{_class(css)}/>')

    def rectangle(self, corner: Point, width: float, height: float, css: str) -> None:
        """Draw a rectangle from its top left corner."""
        place = f'x="{_n(corner[0])}" y="{_n(corner[1])}"'
        size = f'width="{_n(max(width, 0))}" height="{_n(height)}"'
        self._parts.append(f"<rect {place} {size}{_class(css)}/>")

    def dots(self, points: Iterable[Point], css: str) -> None:
        """Draw many small dots as one element."""
        steps = "".join(f"M{_n(x)} {_n(y)}h0" for x, y in points)
        if steps:
            self._parts.append(f'<path d="{steps}"{_class("dots " + css)}/>')

    def mark(self, at: Point, css: str, *, square: bool = False, size: float = 5) -> None:
        """Draw a disc, or a square standing on its tip."""
        x, y = at
        if square:
            half = size * 1.2
            tips = ((x, y - half), (x + half, y), (x, y + half), (x - half, y))
            return self.path(tips, f"mark {css}", closed=True)
        disc = f'cx="{_n(x)}" cy="{_n(y)}" r="{_n(size)}"'
        return self._parts.append(f"<circle {disc}{_class('mark ' + css)}/>")


def linear(low: float, high: float, start: float, end: float) -> Scale:
    """Map values to pixels evenly.

    >>> linear(0, 10, 100, 200)(5)
    150.0
    """
    span = (high - low) or 1.0
    return lambda value: start + (value - low) / span * (end - start)


def logarithmic(low: float, high: float, start: float, end: float) -> Scale:
    """Map values to pixels so that equal ratios are equally far apart.

    >>> round(logarithmic(1, 100, 0, 200)(10))
    100
    """
    inner = linear(math.log(low), math.log(high), start, end)
    return lambda value: inner(math.log(value))


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return round values from low to high, about ``count`` of them.

    >>> ticks(0, 47), ticks(0.93, 2.1, 4)
    ([0.0, 10.0, 20.0, 30.0, 40.0], [1.0, 1.5, 2.0])
    """
    rough = (high - low) / max(count, 1) or 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(s * power for s in (1, 2, 5, 10) if s * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 of each decade from low to high, or fewer or all where that suits.

    >>> log_ticks(3, 60), log_ticks(0.1, 5000), log_ticks(1.5, 5)
    ([5.0, 10.0, 20.0, 50.0], [0.1, 1.0, 10.0, 100.0, 1000.0], [2.0, 3.0, 4.0, 5.0])
    """
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    span = high / low
    digits = (1,) if span > 1000 else range(1, 10) if span < 5 else (1, 2, 5)
    values = (round(digit * 10.0**decade, 12) for decade in decades for digit in digits)
    return [value for value in values if low * 0.999 <= value <= high * 1.001]


@dataclass(frozen=True)
class Axis:
    """An axis: its words with the unit, its reach, and which ticks are wanted."""

    words: str
    low: float
    high: float
    log: bool = False
    marks: Sequence[float] | None = None

    def scale(self, start: float, end: float) -> Scale:
        """Return the map to pixels."""
        make = logarithmic if self.log else linear
        return make(self.low, self.high, start, end)

    def ticks(self, count: int) -> list[float]:
        """Return the values to name."""
        if self.marks is not None:
            return list(self.marks)
        return log_ticks(self.low, self.high) if self.log else ticks(self.low, self.high, count)


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move places apart so that neighbours are ``gap`` from each other, within low and high.

    >>> spread([10, 12, 40], 14, 0, 100)
    [10, 24, 40]
    >>> spread([95, 99], 14, 0, 100)
    [86, 100]
    """
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    placed = [wanted[index] for index in order]
    for i in range(len(placed)):
        floor = placed[i - 1] + gap if i else low
        placed[i] = max(placed[i], floor)
    for i in reversed(range(len(placed))):
        ceiling = placed[i + 1] - gap if i + 1 < len(placed) else high
        placed[i] = min(placed[i], ceiling)
    found = dict(zip(order, placed, strict=True))
    return [found[index] for index in range(len(wanted))]


def letters(words: str) -> float:
    """Return about how wide words are, in CSS pixels."""
    return len(words) * LETTER


def _class(css: str) -> str:
    return f' class="{css}"' if css else ""


def _n(value: float) -> str:
    """Write a coordinate briefly.

    >>> _n(12.0), _n(3.14159)
    ('12', '3.1')
    """
    return f"{value:.1f}".removesuffix(".0")
