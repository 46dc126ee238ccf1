"""Curves over length, batch and threads, against the machine's peak matrix-multiply rate."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Sequence

from edge_distil_apps.study.report.charts.rows import Style
from edge_distil_apps.study.report.charts.scatter import Curve, axis_over, curves
from edge_distil_apps.study.report.charts.svg import Axis
from edge_distil_apps.study.report.content import Cell, Figure, Section, Table, figure
from edge_distil_apps.study.report.numbers import milliseconds, number, percent
from edge_distil_apps.study.report.view import View
from edge_distil_bench.records import Model, PeakRate, Point
from edge_distil_bench.statistics.summary import greatest_rate, share_of_peak

_HEIGHT = 320.0
Value = Callable[[Model, Point], float | None]


def scaling_section(view: View) -> Section | None:
    """Return the scaling curves; None where none was measured."""
    drawn = (_length(view), _share(view), _batch(view), _threads(view))
    figures = [one for one in drawn if one is not None]
    tables = [one for one in (_table(view), _peak_rates(view)) if one is not None]
    if not figures:
        return None
    text = [
        "An encoder is matrix products for the most part, so the greatest rate of matrix "
        "multiplication that was reached on this machine sets the least time it can take. The "
        "peaks are measured, not taken from a data sheet."
    ]
    return Section("Length, batch and threads", text, figures, tables)


def _points(view: View, axis: str, model: Model) -> list[Point]:
    """Return a model's points on an axis; those of most threads unless threads vary."""
    found = [p for p in view.data.curves if p.axis == axis and p.model == model.id and p.forward_ns]
    if axis != "threads" and found:
        most = max(point.threads for point in found)
        found = [point for point in found if point.threads == most]
    return sorted(found, key=lambda p: (p.tokens, p.batch, p.threads))


def _seconds(point: Point) -> float:
    return statistics.median(point.forward_ns) / 1e9


def _lines(view: View, axis: str, x: Callable[[Point], float], y: Value) -> list[Curve]:
    """Return a curve for each model that has at least two points."""
    lines = []
    for model in view.data.models:
        values = ((x(point), y(model, point)) for point in _points(view, axis, model))
        points = [(place, value) for place, value in values if value is not None]
        if len(points) > 1:
            style = view.style(model)
            lines.append(Curve(view.short(model), style, points, "dashed" if style.square else ""))
    return lines


def _draw(title: str, note: str, lines: Sequence[Curve], x: Axis, y: Axis) -> Figure:
    return figure(
        title, note, lambda width: curves(lines, x, y, width, _HEIGHT, title=title)
    )  # fmt: skip


def _lengths(lines: Sequence[Curve]) -> Axis:
    marks = sorted({x for line in lines for x, _ in line.points})
    return Axis("tokens", marks[0], marks[-1], log=True, marks=marks)


def _length(view: View) -> Figure | None:
    lines = _lines(view, "length", lambda p: p.tokens, lambda _, p: _seconds(p) * 1e3)
    if not lines:
        return None
    values = [y for line in lines for _, y in line.points]
    floor = _floor(view)
    if floor is not None:
        lines.append(floor)
        values += [y for _, y in floor.points]
    note = "Batch 1, both axes logarithmic. Solid: fp32, dashed: int8 and others."
    if floor is not None:
        model = floor.label.removesuffix(" at the peak")
        note += f" Dotted: what {model} fp32 would take at the fp32 peak."
    y = axis_over("forward pass, median, ms", values, log=True)
    return _draw("Latency against length", note, lines, _lengths(lines), y)


def _floor(view: View) -> Curve | None:
    """Return the time of the reference's matrix products at the machine's peak."""
    points = _points(view, "length", view.reference)
    flops = view.reference.flops
    rate = greatest_rate(view.data, "fp32", points[0].threads) if points else None
    if flops is None or rate is None:
        return None
    linear, quadratic = flops
    work = [(p.tokens, linear * p.tokens + quadratic * p.tokens**2) for p in points]
    name = view.short(view.reference).split()[0]
    return Curve(
        f"{name} at the peak", Style("limit-ink"), [(n, w / rate * 1e3) for n, w in work], "limit"
    )


def _share(view: View) -> Figure | None:
    lines = _lines(view, "length", lambda p: p.tokens, lambda m, p: _percent_of_peak(view, m, p))
    if not lines:
        return None
    top = max(y for line in lines for _, y in line.points)
    y = Axis("share of the measured peak, %", 0, max(100, top * 1.05))
    note = "fp32 models against the fp32 peak, int8 models against the int8 peak."
    return _draw("Share of the peak matrix-multiply rate", note, lines, _lengths(lines), y)


def _percent_of_peak(view: View, model: Model, point: Point) -> float | None:
    share = share_of_peak(
        view.data, model.id, tokens=point.tokens, batch=point.batch, threads=point.threads,
        seconds=_seconds(point),
    )  # fmt: skip
    return None if share is None else share * 100


def _batch(view: View) -> Figure | None:
    lines = _lines(view, "batch", lambda p: p.batch, lambda _, p: p.batch / _seconds(p))
    if not lines:
        return None
    marks = sorted({x for line in lines for x, _ in line.points})
    tokens = Counter(p.tokens for p in view.data.curves if p.axis == "batch").most_common(1)[0][0]
    x = Axis("rows in a batch", marks[0], marks[-1], log=True, marks=marks)
    y = axis_over("rows a second", [y for line in lines for _, y in line.points], log=True)
    return _draw(
        "Throughput against batch", f"Rows of {tokens} tokens; both axes logarithmic.", lines, x, y
    )


def _threads(view: View) -> Figure | None:
    alone = {
        point.model: _seconds(point)
        for model in view.data.models
        for point in _points(view, "threads", model)
        if point.threads == 1
    }

    def gain(model: Model, point: Point) -> float | None:
        return alone[model.id] / _seconds(point) if model.id in alone else None

    lines = _lines(view, "threads", lambda p: p.threads, gain)
    if not lines:
        return None
    marks = sorted({x for line in lines for x, _ in line.points})
    lines.append(Curve("ideal", Style("limit-ink"), [(m, m) for m in marks], "limit"))
    x = Axis("threads", marks[0], marks[-1], marks=marks)
    top = max(y for line in lines for _, y in line.points)
    y = Axis("times as fast as 1 thread", 0.8, top * 1.1)
    return _draw("Speed against threads", "Dotted: as many times as threads.", lines, x, y)


def _table(view: View) -> Table | None:
    lengths = sorted({p.tokens for p in view.data.curves if p.axis == "length"})
    rows: list[list[Cell | str]] = []
    for model in view.data.models:
        found = {p.tokens: p for p in _points(view, "length", model)}
        if found:
            cells = [_time_and_share(view, model, found.get(n)) for n in lengths]
            rows.append([view.label(model), *cells])
    if not rows:
        return None
    columns = ("model", *(f"{n} tokens" for n in lengths))
    return Table("Forward pass in ms by length, and its share of the peak", columns, rows)


def _time_and_share(view: View, model: Model, point: Point | None) -> Cell:
    if point is None:
        return Cell("–")
    share = _percent_of_peak(view, model, point)
    words = milliseconds(_seconds(point))
    return Cell(words if share is None else f"{words} ({share:.0f} %)", _seconds(point))


def _greatest(view: View, rate: PeakRate) -> float:
    return greatest_rate(view.data, rate.kind, rate.threads) or 1.0


def _peak_rates(view: View) -> Table | None:
    rows = [
        (
            f"{one.kind}, {one.threads} threads" if one.threads > 1 else f"{one.kind}, 1 thread",
            Cell(f"{number(max(one.operations) / 1e9)} G/s", max(one.operations)),
            one.source,
            " × ".join(map(str, one.size)),
            percent(
                max(one.operations) / (greatest_rate(view.data, one.kind, one.threads) or 1), 0
            ),
        )
        for one in view.data.peak_rates
        if one.operations
    ]
    columns = ("peak", "operations a second", "by", "size", "of the greatest")
    return Table("Peak matrix-multiply rates of this machine", columns, rows) if rows else None
