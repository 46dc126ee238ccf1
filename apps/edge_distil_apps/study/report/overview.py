"""The models in two figures: how many times as fast, and speed against size."""

from __future__ import annotations

from edge_distil_apps.study.report.charts.rows import Interval, Row, intervals
from edge_distil_apps.study.report.charts.scatter import Spot, axis_over, plane
from edge_distil_apps.study.report.content import Figure, figure
from edge_distil_apps.study.report.numbers import scores, times_with_interval, within
from edge_distil_apps.study.report.view import View
from edge_distil_bench.records import Model


def ratios_figure(view: View) -> Figure | None:
    """Draw every model's ratio to the reference; None where none ran beside it."""
    reference = view.reference
    rows = []
    for model in view.models:
        found = view.compare(model)
        if found is not None:
            row = Row(view.label(model), times_with_interval(found.ratio), view.style(model))
            rows.append((row, Interval(*found.ratio)))
    if not rows:
        return None
    title = f"Times as fast as {view.label(reference)}"
    band = "" if view.band is None else f" Grey: the A/A band, {within(view.band)}."
    return figure(
        title,
        f"Forward pass, median of block ratios; thick: 95 % interval.{band}",
        lambda width: intervals(
            rows, width, title=title, axis=f"time of {view.label(reference)} / time of the model",
            band=view.band,
        ),
    )  # fmt: skip


def frontier_figure(view: View) -> Figure | None:
    """Draw size against speed; None for a single model."""
    sized = [model for model in view.models if model.bytes]
    found = [(m, d.median.value * 1e3) for m in sized if (d := view.latency(m)) is not None]
    if len(found) < 2:
        return None
    spots = [
        Spot(
            view.short(model),
            _score(view, model),
            view.style(model),
            (ms, (model.bytes or 0) / 1e6),
            hollow=not model.trained,
        )
        for model, ms in found
    ]
    edge = [s.at for s in sorted(spots, key=lambda s: s.at) if _on_edge(s, spots)]
    x = axis_over("forward pass, median, ms", [s.at[0] for s in spots], log=True)
    y = axis_over("model file, MB", [s.at[1] for s in spots], log=True)
    title = "Speed, size and accuracy"
    random = "" if all(m.trained for m, _ in found) else " Hollow: random weights, no accuracy."
    return figure(
        title,
        "Both axes logarithmic; down and to the left is better. Dotted: models that no other "
        f"beats in both.{random}",
        lambda width: plane(spots, x, y, width, 340, title=title, edge=edge),
    )


def _on_edge(spot: Spot, spots: list[Spot]) -> bool:
    (x, y) = spot.at
    return not any(o.at != spot.at and o.at[0] <= x and o.at[1] <= y for o in spots)


def _score(view: View, model: Model) -> str:
    """Return a trained model's F1, or its first score where it has none."""
    found = view.accuracy(model) if model.trained else []
    named = scores(found[0]).split(", ") if found else [""]
    return next((one for one in named if one.startswith("F1")), named[0])
