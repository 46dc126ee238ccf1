"""Put committed figures into the documents that show them, or say which documents differ.

    .venv/bin/python bench/tables/publish.py [--check]

A document marks a place, and what stands between the marks is written from JSON that a script of
this folder made:

    <!-- table NAME -->
    <!-- /table -->
    <!-- figure FILE.json a.b.0.c .2f -->1.03<!-- /figure -->

NAME is in `TABLES`. FILE is below this folder; the keys lead to a number, which the format writes.
A key's blanks are written as underscores, and its double hyphens left out, which would end a
comment. Where FILE is not there yet, what stands between the marks stays, and FILE is named.
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

from tables.compatibility import page
from tables.distil import shipped, students
from tables.embedding import packed_rows
from tables.engines import against_peers, browser, node
from tables.first_use import commands
from tables.graphs import attempts
from tables.int8 import batch_invariance, fidelity, qa_accuracy, quantize_cost
from tables.tasks import long_documents, throughput
from tables.verdicts import quick_runs

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
# Name -> figures below this folder, and what writes them in Markdown.
TABLES: dict[str, tuple[str, Callable[[Any], str]]] = {
    "compatibility": ("compatibility/families.json", page.render),
    "quick-verdicts": ("verdicts/quick_runs.json", quick_runs.render),
    "students": ("distil/students.json", students.render),
    "shipped": ("distil/shipped.json", shipped.render),
    "commands": ("first_use/commands.json", commands.render),
    "long-documents": ("tasks/long_documents.json", long_documents.render),
    "engines": ("engines/against_peers.json", against_peers.render),
    "browser": ("engines/browser.json", browser.render),
    "node": ("engines/node.json", node.render),
    "tasks": ("tasks/throughput.json", throughput.render),
    "packed-rows": ("embedding/packed_rows.json", packed_rows.render),
    "int8-fidelity": ("int8/fidelity.json", fidelity.render),
    "int8-batches": ("int8/batch_invariance.json", batch_invariance.render),
    "int8-answers": ("int8/qa_accuracy.json", qa_accuracy.render),
    "graph-attempts": ("graphs/attempts.json", attempts.render),
    "int8-cost": ("int8/quantize_cost.json", quantize_cost.render),
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
    return _FIGURE.sub(_figure, _TABLE.sub(_table, text))


def missing() -> list[str]:
    """Return the files that documents name and that are not there yet."""
    texts = [path.read_text(encoding="utf-8") for path in documents()]
    named = {TABLES[mark[2]][0] for text in texts for mark in _TABLE.finditer(text)}
    named |= {mark[2] for text in texts for mark in _FIGURE.finditer(text)}
    return sorted(file for file in named if not (HERE / file).is_file())


def _table(mark: re.Match[str]) -> str:
    file, render = TABLES[mark[2]]
    if not (HERE / file).is_file():
        return mark[0]
    return f"{mark[1]}\n{render(_read(file)).strip()}\n\n{mark[3]}"


def _figure(mark: re.Match[str]) -> str:
    if not (HERE / mark[2]).is_file():
        return mark[0]
    found = _read(mark[2])
    for key in mark[3].split("."):
        if isinstance(found, list):
            found = found[int(key)]
        else:
            found = {_written(name): value for name, value in found.items()}[key]
    return f"{mark[1]}{format(found, mark[4])}{mark[5]}"


def _written(name: str) -> str:
    """Write a name as a key.

    >>> _written("optimum-cli --avx2")
    'optimum-cli_avx2'
    """
    return name.replace("--", "").replace(" ", "_")


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
    if files := missing():
        print(f"still typed by hand, for want of {', '.join(files)}")
    print(f"figures written into {', '.join(differing)}" if differing else "figures are current")


if __name__ == "__main__":
    main()
