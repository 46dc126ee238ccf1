"""The summary as Markdown: the answer, the models, the paper beside this machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edge_distil_apps.study.report.aa_test import aa_test_section
from edge_distil_apps.study.report.against_paper import paper_section
from edge_distil_apps.study.report.content import Section, Table
from edge_distil_apps.study.report.devices import devices_section
from edge_distil_apps.study.report.machine import checks_section
from edge_distil_apps.study.report.models import answer, models_section, title
from edge_distil_apps.study.report.numbers import plural, within
from edge_distil_apps.study.report.overview import frontier_figure
from edge_distil_apps.study.report.timing import padding_section
from edge_distil_apps.study.report.trend import trend_section
from edge_distil_apps.study.report.view import View

FRONTIER = "frontier.svg"  # beside the summary, for a single device

_SECTIONS = (
    models_section,
    paper_section,
    padding_section,
    aa_test_section,
    trend_section,
    checks_section,
)


def write_markdown(views: Sequence[View]) -> str:
    """Return the summary of one or several devices."""
    parts = [f"# {_escape(title(views))}\n"]
    if len(views) > 1:
        parts += _section(devices_section(views))
    for view in views:
        parts += _device(view)
    if len(views) == 1 and frontier_figure(views[0]) is not None:
        parts.append(f"![Speed, size and accuracy of the models]({FRONTIER})\n")
    parts.append("Figures and all conditions: report.html. Raw samples: measurements.json.\n")
    return "\n".join(parts)


def _device(view: View) -> Iterator[str]:
    reason = view.data.environment.get("loaded_reason")
    yield f"## {_escape(view.device)}\n"
    yield f"{answer(view)}\n"
    where = f"Inputs “{view.inputs}”, {plural(view.threads, 'thread')}, batch 1"
    band = "" if view.band is None else f"; A/A band {within(view.band)}"
    protocol = view.data.protocol.get("name", "own")
    yield f"{where}; {protocol} protocol, {view.data.created[:10]}{band}.\n"
    if reason:
        yield f"The machine was loaded: {_escape(reason)}.\n"
    for make in _SECTIONS:
        section = make(view)
        if section is not None:
            yield from _section(section)


def _section(section: Section) -> Iterator[str]:
    yield f"### {section.title}\n"
    for text in section.text:
        yield f"{_escape(text)}\n"
    for table in (*section.first, *section.tables):
        yield f"**{_escape(table.title)}**\n"
        yield _table(table)
    for note in section.notes:
        yield f"{_escape(note)}\n"


def _table(table: Table) -> str:
    ruler = ["---", *("---" if table.wraps else "---:" for _ in table.columns[1:])]
    rows = [[cell.text for cell in row] for row in table.cells()]
    lines = [list(table.columns), ruler, *rows]
    return "".join(f"| {' | '.join(map(_escape, line))} |\n" for line in lines)


def _escape(text: str) -> str:
    """Keep what is not ours from being read as markup.

    >>> _escape("<c>")
    '&lt;c>'
    """
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("\n", " ")
