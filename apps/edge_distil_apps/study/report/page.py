"""Measurements -> `report.html`, `summary.md` and `frontier.svg`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from edge_distil._writing import storage
from edge_distil.errors import InputError
from edge_distil_apps.study.folder import StudyFolder
from edge_distil_apps.study.report.aa_test import aa_test_section
from edge_distil_apps.study.report.against_paper import paper_section
from edge_distil_apps.study.report.content import Section, Tile
from edge_distil_apps.study.report.devices import devices_section
from edge_distil_apps.study.report.machine import (
    checks_section,
    machine_section,
    start_section,
)
from edge_distil_apps.study.report.markdown import write_markdown
from edge_distil_apps.study.report.models import answer, models_section, tiles, title
from edge_distil_apps.study.report.numbers import plural
from edge_distil_apps.study.report.overview import frontier_figure
from edge_distil_apps.study.report.protocol import protocol_section
from edge_distil_apps.study.report.scaling import scaling_section
from edge_distil_apps.study.report.timing import (
    distribution_section,
    padding_section,
    stages_section,
)
from edge_distil_apps.study.report.trend import trend_section
from edge_distil_apps.study.report.view import View
from edge_distil_bench.records import Measurements


class Device(NamedTuple):
    """A device's part of the report."""

    name: str
    about: str
    answer: str
    loaded: str | None
    tiles: list[Tile]
    sections: list[Section]


def write_report(measurements: Sequence[Measurements], folder: StudyFolder) -> None:
    """Write the page, the summary and, for that, a drawing into a folder.

    The drawing is that of a single device; several have theirs in the page.

    Args:
        measurements: Of one device, or of several, which are then compared first.
        folder: Made when needed; files of these names are replaced.

    Raises:
        InputError: There are no measurements, or some hold no timed run.
        StorageError: The folder cannot be written.
    """
    if not measurements:
        raise InputError("there are no measurements to report, expected at least one document")
    views = [View(one) for one in measurements]
    texts = {folder.report: render(views), folder.summary: write_markdown(views)}
    overview = frontier_figure(views[0])
    if overview is not None and len(views) == 1:
        texts[folder.frontier] = standalone(overview.wide)
    for path, text in texts.items():
        with storage.atomic_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


def render(views: Sequence[View]) -> str:
    """Return the page."""
    several = len(views) > 1
    return (
        environment()
        .get_template("study.html.j2")
        .render(
            title=title(views),
            beside=devices_section(views) if several else None,
            devices=[_device(view) for view in views],
            created=[view.data.created for view in views],
        )
    )


def standalone(drawing: Markup) -> str:
    """Return a drawing as an SVG file, with the looks that the page gives it."""
    opening, content = str(drawing).split(">", 1)
    named = opening.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    return (
        environment()
        .get_template("figure.svg.j2")
        .render(opening=Markup(f"{named}>"), content=Markup(content))
    )


def environment(package: str = "edge_distil_apps.study.report") -> Environment:
    """Return the templates of a report, and the parts and looks that all reports share.

    Args:
        package: Whose templates come first.
    """
    packages = (package, "edge_distil_apps.study.report", "edge_distil_apps.report")
    return Environment(
        loader=ChoiceLoader([PackageLoader(name, "") for name in packages]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _device(view: View) -> Device:
    reason = view.data.environment.get("loaded_reason")
    return Device(
        view.device, about(view), answer(view), reason, list(tiles(view)), sections(view)
    )  # fmt: skip


def about(view: View) -> str:
    """Return one line on the machine and the measurement."""
    found = view.data.environment
    engines = sorted({model.engine for model in view.models})
    features = found.get("features") or []
    parts = [
        found.get("cpu"), ", ".join(features), plural(view.threads, "thread"), *engines,
        f"{view.data.protocol.get('name', 'own')} protocol", view.data.created[:10],
    ]  # fmt: skip
    return " · ".join(str(part) for part in parts if part)


def sections(view: View) -> list[Section]:
    """Return a device's sections, in the order a reader wants them; none is empty."""
    found = (
        models_section(view),
        paper_section(view),
        padding_section(view),
        distribution_section(view),
        stages_section(view),
        scaling_section(view),
        start_section(view),
        aa_test_section(view),
        trend_section(view),
        checks_section(view),
        protocol_section(view.data),
        machine_section(view.data),
    )
    return [one for one in found if one is not None]
