"""Charts with two axes: curves with their names at the end, and a plane of models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from edge_distil_apps.study.report.charts.rows import Style
from edge_distil_apps.study.report.charts.svg import (
    FONT,
    Axis,
    Canvas,
    Point,
    Scale,
    letters,
    spread,
)
from edge_distil_apps.study.report.numbers import number

_LEFT, _TOP, _BOTTOM = 40.0, 26.0, 42.0
_SPACE = 8.0


@dataclass(frozen=True)
class Curve:
    """Points in the order of x; ``css`` may add ``dashed`` or ``limit``."""

    label: str
    style: Style
    points: Sequence[Point]
    css: str = ""


@dataclass(frozen=True)
class Spot:
    """A model in a plane; hollow where its weights are random."""

    label: str
    note: str
    style: Style
    at: Point
    hollow: bool = False


def axis_over(words: str, values: Sequence[float], *, log: bool = False) -> Axis:
    """Return an axis that holds values with some room; a linear one begins at 0."""
    low, high = min(values), max(values)
    return Axis(words, low / 1.15, high * 1.15, log=True) if log else Axis(words, 0, high * 1.08)


def curves(
    lines: Sequence[Curve], x: Axis, y: Axis, width: float, height: float, *, title: str
) -> str:
    """Draw curves; each one's name stands at its end."""
    room = max(letters(line.label) for line in lines) + _SPACE + 6
    canvas = Canvas(width, height, title)
    across, up = _frame(canvas, x, y, width - room)
    named = [(line, across(line.points[-1][0]), up(line.points[-1][1])) for line in lines]
    heights = spread([end for _, _, end in named], FONT + 3, _TOP, height - _BOTTOM)
    for (line, end, level), label in zip(named, heights, strict=True):
        css = f"{line.css} {line.style.css}".strip()
        canvas.path([(across(a), up(b)) for a, b in line.points], f"curve {css}")
        if "limit" not in line.css:
            for a, b in line.points:
                spot = (across(a), up(b))
                canvas.mark(spot, line.style.css, square=line.style.square, size=3)
        canvas.line((end + 5, level), (width - room + _SPACE - 1, label), "leader")
        canvas.text(width - room + _SPACE, label + 4, line.label, f"name {line.style.css}")
    return str(canvas)


def plane(
    spots: Sequence[Spot], x: Axis, y: Axis, width: float, height: float, *, title: str,
    edge: Sequence[Point] = (),
) -> str:  # fmt: skip
    """Draw models in a plane; ``edge`` is the line of those that no other one beats."""
    canvas = Canvas(width, height, title)
    across, up = _frame(canvas, x, y, width - 10)
    if len(edge) > 1:
        canvas.path([(across(a), up(b)) for a, b in edge], "frontier")
    places = [(across(spot.at[0]), up(spot.at[1])) for spot in spots]
    taken = [Box(x - 8, y - 8, x + 8, y + 8) for x, y in places]
    for spot, place in zip(spots, places, strict=True):
        css = f"{spot.style.css} open" if spot.hollow else spot.style.css
        canvas.mark(place, css, square=spot.style.square, size=6)
    for spot, (left, top) in zip(spots, places, strict=True):
        wide = max(letters(spot.label), letters(spot.note))
        high = FONT + 4 + (FONT + 2 if spot.note else 0)
        frame = Box(_LEFT, _TOP, width, height - _BOTTOM)
        box = _free_place(left, top, (wide, high), taken, frame)
        taken.append(box)
        anchor = "end" if box.right < left else "start"
        at = box.right if anchor == "end" else box.left
        canvas.text(at, box.top + FONT, spot.label, f"name {spot.style.css}", anchor)
        canvas.text(at, box.top + 2 * FONT + 2, spot.note, "tick", anchor)
    return str(canvas)


class Box(NamedTuple):
    """A rectangle in CSS pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def shared(self, other: Box) -> float:
        """Return the area that both cover.

        >>> Box(0, 0, 10, 10).shared(Box(5, 5, 20, 20))
        25
        """
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(wide, 0) * max(high, 0)


def _free_place(x: float, y: float, size: Point, taken: Sequence[Box], frame: Box) -> Box:
    """Return where words of a width and height beside a mark cover least of what is there."""
    wide, high = size
    corners = [
        (left, top)
        for top in (y - high / 2, y - high - 8, y + 8, y - high, y)
        for left in (x + 12, x - 12 - wide, x - wide / 2)
    ]
    boxes = [Box(left, top, left + wide, top + high) for left, top in corners]

    def covered(box: Box) -> float:
        outside = wide * high - box.shared(frame)
        return sum(box.shared(other) for other in taken) + 10 * outside

    return min(boxes, key=covered)


def _frame(canvas: Canvas, x: Axis, y: Axis, right: float) -> tuple[Scale, Scale]:
    """Draw grid, ticks and the axes' words; return the maps to pixels."""
    bottom = canvas.height - _BOTTOM
    across, up = x.scale(_LEFT, right), y.scale(bottom, _TOP)
    canvas.text(0, 12, y.words, "axis")
    for tick in y.ticks(5):
        canvas.line((_LEFT, up(tick)), (right, up(tick)), "grid")
        canvas.text(_LEFT - 6, up(tick) + 4, number(tick), "tick", "end")
    last = -1e9
    for tick in x.ticks(4 if canvas.width < 400 else 7):
        at, words = across(tick), number(tick)
        if at - last < letters(words) + 6:
            continue
        last = at
        canvas.line((at, bottom), (at, bottom + 4), "grid")
        canvas.text(at, bottom + 17, words, "tick", "middle")
    canvas.text((_LEFT + right) / 2, bottom + 35, x.words, "axis", "middle")
    return across, up
