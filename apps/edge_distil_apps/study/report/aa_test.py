"""A model against itself: the least difference that this machine can tell."""

from __future__ import annotations

from collections.abc import Iterator

from edge_distil_apps.study.report.charts.rows import Interval, Row, intervals
from edge_distil_apps.study.report.content import Cell, Section, Table, figure
from edge_distil_apps.study.report.numbers import plural, times_with_interval, within
from edge_distil_apps.study.report.view import View
from edge_distil_bench.records import Model
from edge_distil_bench.statistics.comparison import Comparison, compare_a_a


def aa_test_section(view: View) -> Section | None:
    """Return the A/A comparisons; None where no model ran beside itself."""
    found = list(_comparisons(view))
    if not found:
        return None
    rows = [
        (Row(_condition(one), times_with_interval(one.ratio), view.style(model)), one.ratio)
        for model, one in found
    ]
    title = f"{', '.join(dict.fromkeys(view.label(model) for model, _ in found))} against itself"
    start = min(0.9, *(ratio.low * 0.98 for _, ratio in rows))
    drawn = figure(
        title,
        "Two processes of the same file, side by side; 95 % intervals. Grey: the band of the main "
        "condition.",
        lambda width: intervals(
            [(row, Interval(*ratio)) for row, ratio in rows],
            width,
            title=title,
            axis="time of the first process / time of the second",
            band=view.band,
            start=start,
        ),
    )
    cells = [
        [
            _condition(one),
            Cell(times_with_interval(one.ratio), one.ratio.value),
            "yes" if one.ratio.low <= 1 <= one.ratio.high else "no",
            Cell("" if one.band is None else within(one.band), one.band),
            str(one.blocks),
        ]
        for _, one in found
    ]
    columns = ("condition", "ratio", "interval holds 1?", "band", "blocks")
    text = [
        "The true ratio is 1. What these comparisons show is the least that can be told apart "
        "here: a ratio within the band is claimed for no model."
    ]
    tables = [Table("A against A", columns, cells)]
    return Section("Can this machine tell a difference?", text, [drawn], tables)


def _comparisons(view: View) -> Iterator[tuple[Model, Comparison]]:
    for inputs, threads in view.conditions:
        for model in view.models:
            condition = (model.id, 1, inputs, threads)
            if any((r.model, r.copy, r.inputs, r.threads) == condition for r in view.data.runs):
                runs = view.data.runs
                yield model, compare_a_a(runs, model.id, inputs=inputs, threads=threads)


def _condition(one: Comparison) -> str:
    return f"{one.inputs}, {plural(one.threads, 'thread')}"
