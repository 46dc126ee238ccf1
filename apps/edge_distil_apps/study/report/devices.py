"""Several devices beside each other."""

from __future__ import annotations

from collections.abc import Sequence

from edge_distil_apps.study.report.charts.rows import Interval, Row, Style, intervals
from edge_distil_apps.study.report.content import Figure, Section, Table, figure
from edge_distil_apps.study.report.models import time_cell
from edge_distil_apps.study.report.numbers import times_with_interval
from edge_distil_apps.study.report.view import BERT, DISTILBERT, View

_PAIRS = (
    ("DistilBERT-base fp32 against BERT-base fp32", (DISTILBERT, "fp32"), (BERT, "fp32")),
    ("DistilBERT-base int8 against its fp32", (DISTILBERT, "int8"), (DISTILBERT, "fp32")),
    ("DistilBERT-base int8 against BERT-base fp32", (DISTILBERT, "int8"), (BERT, "fp32")),
)  # fmt: skip


def devices_section(views: Sequence[View]) -> Section:
    """Return the ratios and the latencies of every device."""
    figures = [one for pair in _PAIRS if (one := _ratios(views, *pair)) is not None]
    text = [
        "The same protocol on every device; ratios are taken on each device by itself, between "
        "models that ran side by side there."
    ]
    return Section("Devices beside each other", text, figures, [_table(views)])


def _ratios(
    views: Sequence[View], title: str, model: tuple[str, str], reference: tuple[str, str]
) -> Figure | None:
    rows = []
    for index, view in enumerate(views):
        own, other = view.find(*model), view.find(*reference)
        found = view.compare(own, other) if own and other else None
        if found is None:
            continue
        words = times_with_interval(found.ratio) + ("" if found.claimed else " not claimed")
        rows.append((Row(view.device, words, Style(f"c{index % 6}")), Interval(*found.ratio)))
    if not rows:
        return None
    return figure(
        title,
        "Forward pass, 95 % intervals.",
        lambda width: intervals(rows, width, title=title, axis="times as fast"),
    )


def _table(views: Sequence[View]) -> Table:
    columns = ("device", "model", "forward, median, ms", "p95, ms")
    rows = []
    for view in views:
        for model in view.models:
            found = view.latency(model)
            if found is not None:
                times = (time_cell(found.median), time_cell(found.percentiles[95]))
                rows.append((view.device, view.label(model), *times))
    return Table("Latency on every device", columns, rows)
