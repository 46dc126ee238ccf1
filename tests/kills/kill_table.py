"""Kill every verb everywhere and write the table of `docs/kills.md`: takes an hour.

    .venv/bin/python tests/kills/kill_table.py [PART-OF-A-NAME ...]

With names only those cases run, and their rows take the place of the ones that are there.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kill_everywhere import Case
    from kill_server import Server

_HERE = Path(__file__).parent
_PAGE = _HERE.parents[1] / "docs" / "kills.md"
_ROW = re.compile(r"\| (?P<name>[^|]+?) \| \d+ \|.*\n")


def main() -> None:
    checkpoints = _HERE.parents[1] / "bench" / "tables" / "checkpoints"
    sys.path[:0] = [str(_HERE), str(checkpoints), str(_HERE.parent / "apps")]
    import kill_cases
    from kill_materials import make_materials
    from kill_server import serve

    with tempfile.TemporaryDirectory() as temporary:
        if cases := _chosen(kill_cases.HEAVY):
            with serve(kill_cases.MODULES) as server:
                make_materials(server, Path(temporary, "materials"))
                _kill(server, cases, Path(temporary))
        with serve(("edge_distil_quantize",)) as server:
            _kill(server, _chosen(kill_cases.LIGHT), Path(temporary))


def _chosen(cases: Sequence[Case]) -> list[Case]:
    words = sys.argv[1:]
    return [case for case in cases if not words or any(word in case.name for word in words)]


def _kill(server: Server, cases: Sequence[Case], folder: Path) -> None:
    from kill_everywhere import kill_everywhere

    for case in cases:
        outcomes = kill_everywhere(server, case, folder / "work", folder / "materials")
        _put_row(case.name, [outcome.found for outcome in outcomes])


def _put_row(name: str, found: Sequence[str]) -> None:
    """Write a row as soon as it is known; an error before it has ended the run."""
    counts = ", ".join(f"{word} {count}" for word, count in sorted(Counter(found).items()))
    row = f"| {name} | {len(found)} | {counts} | 0 | 0 | 0 |\n"
    print(row, end="", flush=True)
    page = _PAGE.read_text("utf-8")
    rows = {match["name"]: match[0] for match in _ROW.finditer(page)}
    begin = page.index("|---")
    begin = page.index("\n", begin) + 1
    rows[name] = row
    head, tail = page[:begin], _ROW.sub("", page[begin:])
    _PAGE.write_text(head + "".join(rows.values()) + tail, "utf-8")


if __name__ == "__main__":
    main()
