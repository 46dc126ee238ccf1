"""Put committed figures into the documents that show them, or say which documents differ.

    .venv/bin/python bench/tables/publish.py [--check]

A document marks a place, and what stands between the marks is written from JSON that a script of
this folder made:

    <!-- table NAME -->
    <!-- /table -->
    <!-- figure FILE.json a.b.0.c .2f -->1.03<!-- /figure -->

NAME is in `TABLES`. FILE is below this folder; the keys lead to a number, which the format writes.
With ``--check`` nothing is written, and the status is 1 where a document differs.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tables.distil import shipped, students
from tables.engines import against_peers, browser, node
from tables.verdicts import quick_runs

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
# Name -> figures below this folder, and what writes them in Markdown.
TABLES: dict[str, tuple[str, Callable[[Any], str]]] = {
    "quick-verdicts": ("verdicts/quick_runs.json", quick_runs.render),
    "students": ("distil/students.json", students.render),
    "shipped": ("distil/shipped.json", shipped.render),
    "engines": ("engines/against_peers.json", against_peers.render),
    "browser": ("engines/browser.json", browser.render),
    "node": ("engines/node.json", node.render),
}
_TABLE = re.compile(r"(<!-- table ([\w-]+) -->\n).*?(<!-- /table -->)", re.DOTALL)
_FIGURE = re.compile(r"(<!-- figure (\S+) (\S+) (\S+) -->)[^<]*(<!-- /figure -->)")


def documents() -> list[Path]:
    """Return what may show figures."""
    return [*sorted(REPOSITORY.glob("*.md")), *sorted((REPOSITORY / "docs").rglob("*.md"))]


def filled(text: str) -> str:
    """Return a document with every mark filled.

    >>> filled("no marks")
    'no marks'

    Raises:
        KeyError: A mark names what there is not.
    """
    text = _TABLE.sub(lambda mark: f"{mark[1]}\n{_table(mark[2])}\n\n{mark[3]}", text)
    return _FIGURE.sub(lambda mark: f"{mark[1]}{_figure(mark[2], mark[3], mark[4])}{mark[5]}", text)


def _table(name: str) -> str:
    file, render = TABLES[name]
    if not (HERE / file).is_file():
        return "(not measured yet)"
    return render(_read(file)).strip()


def _figure(file: str, keys: str, form: str) -> str:
    found = _read(file)
    for key in keys.split("."):
        found = found[int(key) if isinstance(found, list) else key]
    return format(found, form)


def _read(file: str) -> Any:
    return json.loads((HERE / file).read_text(encoding="utf-8"))


def main() -> None:
    made = argparse.ArgumentParser(description="Put committed figures into the documents.")
    made.add_argument("--check", action="store_true", help="write nothing; fail where one differs")
    check = made.parse_args().check
    differing = []
    for path in documents():
        text = path.read_text(encoding="utf-8")
        if (new := filled(text)) != text:
            differing.append(str(path.relative_to(REPOSITORY)))
            if not check:
                path.write_text(new, encoding="utf-8")
    if differing and check:
        sys.exit(f"figures differ from the committed JSON in {', '.join(differing)}: make figures")
    print(f"figures written into {', '.join(differing)}" if differing else "figures are current")


if __name__ == "__main__":
    main()
