"""What ``edge-distil distil --frontier`` does and prints."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge_distil.errors import DistilError
from edge_distil_apps.cli import console
from edge_distil_apps.cli.tables import table
from edge_distil_apps.frontier.folder import FrontierFolder
from edge_distil_apps.frontier.making import Watch
from edge_distil_apps.frontier.points import Limits, Point
from edge_distil_apps.frontier.report import write_report
from edge_distil_apps.frontier.request import Request
from edge_distil_apps.frontier.run import Frontier, run_frontier


def show(
    request: Mapping[str, Any],
    output: Path,
    limits: Mapping[str, float | None],
    watch: Watch,
    *,
    as_json: bool,
) -> None:
    """Carry out a frontier and print it.

    Raises:
        DistilError: No student keeps the limits; all of them are reported all the same.
    """
    found = run_frontier(
        Request(**request), output, Limits(**limits),
        say=console.note, watch=watch, bar=console.progress_bar,
    )  # fmt: skip
    folder = FrontierFolder(output)
    write_report(found, folder)
    if as_json:
        console.document({**found.to_dict(), "report": str(folder.report)})
    else:
        _print(found, folder)
    if found.chosen is None:
        raise DistilError(found.verdict)


def _print(found: Frontier, folder: FrontierFolder) -> None:
    columns = ["", found.points[0].metric, "ms", "speed / teacher", "/ its int8", "file MB"]
    table("", columns, [_cells(point) for point in found.points])
    console.say(f"report: {console.text(str(folder.report))}")
    if found.chosen is not None:
        place = folder.bundle(found.chosen.model)
        console.say(f"[bold]{console.text(found.verdict)}[/bold]")
        console.say(f"ship: {console.text(str(place))} --variant {found.chosen.variant}")


def _cells(point: Point) -> list[str]:
    return [
        point.name,
        f"{point.score:.2f}",
        f"{point.ms:.2f}",
        *(f"{one.value:.2f}x" if one else "1x" for one in (point.speed, point.speed_int8)),
        f"{point.megabytes:.1f}",
    ]
