"""Pages of the documentation that are made while it is built, so that none can be out of date."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from typer.cli import get_docs_for_click

from edge_distil_apps.cli.verbs import app

REPOSITORY = Path(__file__).parents[2]
COPIED = {
    "benchmarks.md": "BENCHMARKS.md",
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
    "security.md": "SECURITY.md",
}
SHOWN = {
    "frontier.svg": "apps/reports/xeon-2-cores/frontier.svg",
    "report.html": "apps/reports/xeon-2-cores/report.html",
    "search.svg": "apps/reports/search.svg",
}
_WRITTEN_LIKE_A_TAG = re.compile(r"<(?=[a-z])")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the verbs' page, the root's files that the navigation names, and the pictures."""
    wanted = set(_named(config.nav))
    if "verbs.md" in wanted:
        files.append(File.generated(config, "verbs.md", content=_verbs()))
    if "tour.md" in wanted:
        files.append(File.generated(config, "tour.md", content=_notebook("tour")))
    for page, source in COPIED.items():
        if page in wanted:
            text = (REPOSITORY / source).read_text(encoding="utf-8")
            files.append(File.generated(config, page, content=text))
    for name, source in SHOWN.items():
        files.append(File.generated(config, name, abs_src_path=str(REPOSITORY / source)))
    return files


def _notebook(name: str) -> str:
    """Return a notebook as Markdown: its texts, its code, and what the code prints."""
    path = REPOSITORY / "docs" / "notebooks" / f"{name}.ipynb"
    parts = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        text = "".join(cell["source"])
        parts.append(text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```")
        printed = "".join(line for out in cell.get("outputs", []) for line in out["text"])
        if printed:
            parts.append(f"```text\n{printed.rstrip()}\n```")
    return "\n\n".join(parts) + "\n"


def _verbs() -> str:
    """Return ``edge-distil --help`` and that of each verb, as Markdown."""
    command = typer.main.get_command(app)
    context = typer.Context(command, info_name="edge-distil")
    text = get_docs_for_click(obj=command, ctx=context, name="edge-distil", title="Verbs")
    return _WRITTEN_LIKE_A_TAG.sub("&lt;", text)


def _named(entries: object) -> Iterator[str]:
    """Yield the pages that a navigation names, at any depth."""
    if isinstance(entries, str):
        yield entries
    elif isinstance(entries, dict):
        yield from _named(list(entries.values()))
    elif isinstance(entries, list):
        for entry in entries:
            yield from _named(entry)
