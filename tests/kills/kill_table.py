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

_HERE = Path(__file__).parent
_PAGE = _HERE.parents[1] / "docs" / "kills.md"
_ROW = re.compile(r"\| (?P<name>[^|]+?) \| \d+ \|.*\n")


def main() -> None:
    sys.path[:0] = [str(_HERE), str(_HERE.parent / "export"), str(_HERE.parent / "apps")]
    from kill_cases import CASES, MODULES
    from kill_everywhere import kill_everywhere
    from kill_materials import make_materials
    from kill_server import serve

    chosen = [
        case for case in CASES if not sys.argv[1:] or any(w in case.name for w in sys.argv[1:])
    ]
    with tempfile.TemporaryDirectory() as temporary, serve(MODULES) as server:
        materials = Path(temporary, "materials")
        make_materials(server, materials)
        for case in chosen:
            outcomes = kill_everywhere(server, case, Path(temporary, "work"), materials)
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
