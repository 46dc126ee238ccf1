"""The report that ``--report`` writes: what int8 costs, operator by operator."""

from __future__ import annotations

import json
from pathlib import Path

from edge_distil._reading import links
from edge_distil._writing import storage
from edge_distil.bundle import Bundle
from edge_distil_apps.cli import console
from edge_distil_apps.cli.flow import stages

_REPORTED = "int8"


def announce(bundle: Bundle, data: Path | None, *, full: bool) -> None:
    """Say how long the report will take: it is the longest part of the work."""
    from edge_distil_quantize import report_seconds

    seconds = report_seconds(bundle, data=data, quick=not full)
    longer = "" if full else "; --full-report takes longer and is finer"
    console.note(f"the report, when {_REPORTED} is made, takes {stages.about(seconds)}{longer}")


def write(
    bundle: Bundle, data: Path | None, *, calibrate: bool, full: bool, say: stages.Say
) -> None:
    """Write ``report/int8.html`` and the same figures as ``report/int8.json``."""
    from edge_distil_apps.report import render
    from edge_distil_quantize import describe_sensitivity

    document = describe_sensitivity(
        bundle, _REPORTED, data=data, calibrate=calibrate, quick=not full, progress=say
    )
    page = bundle.path / "report" / f"{_REPORTED}.html"
    links.check_inside(bundle.path, page.parent)
    for path, text in (
        (page.with_suffix(".json"), json.dumps(document, indent=2) + "\n"),
        (page, render(document)),
    ):
        with storage.atomic_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    console.note(f"report: {page}")
