"""A frontier -> `report.html` and `frontier.svg`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edge_distil._writing import storage
from edge_distil_apps.frontier.folder import FrontierFolder
from edge_distil_apps.frontier.points import Point, edge
from edge_distil_apps.frontier.run import Frontier
from edge_distil_apps.study.report.charts.rows import Style
from edge_distil_apps.study.report.charts.scatter import Spot, axis_over, plane
from edge_distil_apps.study.report.charts.svg import Axis
from edge_distil_apps.study.report.content import Cell, Figure, Section, Table, Tile, figure
from edge_distil_apps.study.report.numbers import megabytes, milliseconds, times_with_interval
from edge_distil_apps.study.report.page import environment, standalone
from edge_distil_bench.statistics.distribution import Estimate

_COLOURS = 6  # classes c0 to c5
_HEIGHT = 340.0  # CSS pixels


def write_report(found: Frontier, folder: FrontierFolder) -> None:
    """Write the page and the picture into a folder; files of these names are replaced.

    Raises:
        StorageError: The folder cannot be written.
    """
    drawing = speed_figure(found)
    texts = {folder.report: render(found), folder.drawing: standalone(drawing.wide)}
    for path, text in texts.items():
        with storage.atomic_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


def render(found: Frontier) -> str:
    """Return the page."""
    template = environment("edge_distil_apps.frontier").get_template("frontier.html.j2")
    machine = found.measurements.environment
    about = [
        found.measurements.device,
        ", ".join(machine.get("features") or []),
        f"threads: {found.measurements.runs[0].threads}",
        found.measurements.inputs[0].description,
        found.measurements.created[:10],
    ]
    return template.render(
        title=f"Students of {found.teacher}",
        about=" · ".join(part for part in about if part),
        verdict=found.verdict,
        chosen=found.chosen is not None,
        loaded=machine.get("loaded_reason") if machine.get("loaded") else None,
        tiles=_tiles(found),
        section=_section(found),
        created=found.measurements.created,
    )


def _section(found: Frontier) -> Section:
    return Section(
        "Every file, measured",
        figures=[speed_figure(found), size_figure(found)],
        tables=[_table(found)],
        notes=[
            "Times are forward passes alone, of models that share fresh processes and answer the "
            "same queries in turn; ratios are medians over blocks, with their 95 % interval. "
            f"Scores are {found.points[0].metric} on {_scored_on(found)}, of the very files "
            "that were timed."
        ],
    )


def _scored_on(found: Frontier) -> str:
    """Return what the scores were taken on."""
    one = next(a for a in found.measurements.accuracy if a.metrics and a.data != "outputs of fp32")
    return f"{one.data} ({one.count:,} examples)"


def speed_figure(found: Frontier) -> Figure:
    """Draw score against time."""
    return _figure(
        found, "Score against time", "forward pass, median, ms",
        lambda point: point.ms, edge(found.points, "ms"),
    )  # fmt: skip


def size_figure(found: Frontier) -> Figure:
    """Draw score against size."""
    return _figure(
        found, "Score against size", "model file, MB",
        lambda point: point.megabytes, edge(found.points, "bytes"),
    )  # fmt: skip


def _figure(
    found: Frontier, title: str, words: str, cost: Callable[[Point], float], best: Sequence[Point]
) -> Figure:
    metric = found.points[0].metric
    spots = [
        Spot(
            point.name + (" ←" if point == found.chosen else ""),
            f"{metric} {point.score:.1f}",
            _style(point, found.points),
            (cost(point), point.score),
        )
        for point in found.points
    ]
    across = axis_over(words, [spot.at[0] for spot in spots], log=True)
    up = _score_axis(metric, [spot.at[1] for spot in spots])
    line = [(cost(point), point.score) for point in best]
    return figure(
        title,
        "Up and to the left is better; the horizontal axis is logarithmic. Diamonds: int8. Dotted: "
        "files that no other beats." + (" ←: the one to ship." if found.chosen else ""),
        lambda width: plane(spots, across, up, width, _HEIGHT, title=title, edge=line),
    )


def _score_axis(metric: str, values: Sequence[float]) -> Axis:
    """Return an axis that shows the scores' differences: it does not begin at 0."""
    room = max(0.15 * (max(values) - min(values)), 0.5)
    return Axis(f"{metric}, %", min(values) - room, max(values) + room)


def _style(point: Point, every: Sequence[Point]) -> Style:
    models = list(dict.fromkeys(one.model for one in every))
    return Style(f"c{models.index(point.model) % _COLOURS}", square=point.variant == "int8")


def _tiles(found: Frontier) -> list[Tile]:
    """Return what the chosen file is like, beside the teacher's fp32."""
    point, teacher = found.chosen, found.points[0]
    if point is None:
        return []
    share = f"{100 * point.score / teacher.score:.1f} % of the teacher’s {teacher.score:.1f}"
    speed = "" if point.speed is None else f"{point.speed.value:.2f} × the teacher in fp32"
    int8 = "" if point.speed_int8 is None else f"{point.speed_int8.value:.2f} × its int8"
    return [
        Tile(f"{point.metric} {point.score:.1f}", share),
        Tile(f"{point.ms:.2f} ms", ", ".join(filter(None, (speed, int8)))),
        Tile(
            megabytes(point.bytes),
            f"{point.bytes / teacher.bytes:.2f} × the teacher’s {megabytes(teacher.bytes)}",
        ),
    ]


def _table(found: Frontier) -> Table:
    metric, teacher = found.points[0].metric, found.points[0]
    columns = [
        "", metric, "of the teacher’s", "ms", "speed / teacher", "speed / its int8", "file",
    ]  # fmt: skip
    rows: list[list[Cell | str]] = [
        [
            point.name,
            Cell(f"{point.score:.2f}", point.score),
            f"{100 * point.score / teacher.score:.1f} %",
            Cell(milliseconds(point.ms / 1e3), point.ms),
            _ratio(point.speed),
            _ratio(point.speed_int8),
            Cell(megabytes(point.bytes), point.bytes),
        ]
        for point in found.points
    ]
    return Table("All files", columns, rows)


def _ratio(ratio: Estimate | None) -> Cell:
    return Cell("1×") if ratio is None else Cell(times_with_interval(ratio), ratio.value)
