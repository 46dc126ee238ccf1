"""How long a command takes that does little: a whole process, from its start to its end.

    .venv/bin/python bench/tables/first_use/commands.py [--rounds 20] [--work DIR] [--json FILE]

Medians, of commands in turn, beside an empty Python process. The model is the embedded checkpoint's
int8; with ``--work`` its bundle is kept and used again.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edge_distil_bench.protocol.commands import alternate_commands, measure_command
from tables.shared.figures import machine, markdown, parser, publish, shown
from tables.shared.places import EMBEDDED

EMPTY = "python -c pass"
QUESTION = "Who built the lighthouse?"
CONTEXT = "The lighthouse was built in 1871 by the engineer Marta Lindqvist, on a granite reef."
COLUMNS = ("", "ms", "processor ms", "peak MB")  # medians


def table(figures: Mapping[str, Any]) -> str:
    """Return a row a command."""
    rows = [
        [name, f"{1e3 * one['seconds']:.0f}", f"{1e3 * one['cpu']:.0f}", f"{one['megabytes']:.0f}"]
        for name, one in figures.items()
    ]
    return markdown(COLUMNS, rows)


def render(document: Mapping[str, Any]) -> str:
    """Return what BENCHMARKS.md shows."""
    return shown(document, table(document["figures"]))


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--rounds", type=int, default=20)
    arguments = made.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bundle = (arguments.work or Path(folder)) / "qa"
        ours = Path(sys.executable).with_name("edge-distil")
        if not bundle.exists():
            measure_command([ours, "export", EMBEDDED, "-o", bundle, "--int8"])
        asked = ["--variant", "int8", "--question", QUESTION, "--context", CONTEXT]
        commands: dict[str, list[list[str | Path]]] = {
            EMPTY: [[sys.executable, "-c", "pass"]],
            "--version": [[ours, "--version"]],
            "--help": [[ours, "--help"]],
            "inspect": [[ours, "inspect", bundle]],
            "run, int8": [[ours, "run", bundle, *asked]],
        }
        figures = {
            name: {
                key: statistics.median(asdict(run)[key] for run in runs) for key in asdict(runs[0])
            }
            for name, runs in alternate_commands(commands, arguments.rounds).items()
        }
        publish(machine(), table(figures), figures, arguments.json)


if __name__ == "__main__":
    main()
