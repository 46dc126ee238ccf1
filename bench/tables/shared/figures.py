"""What the benchmark scripts share: inputs, the machine's line, and Markdown."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edge_distil import hardware
from edge_distil._machine.versions import installed_versions
from edge_distil_bench import Estimate
from edge_distil_bench.protocol.commands import Finished
from tables.shared.places import peer_version

_PACKAGES = ("edge-distil", "onnxruntime", "numpy")
DATA_VARIABLE = "EDGE_DISTIL_DATA"


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options that all scripts have."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--json", type=Path, help="write the figures there as well")
    made.add_argument("--work", type=Path, help="keep the models there, and use those it has")
    return made


def add_data(made: argparse.ArgumentParser) -> None:
    """Add ``--data``, the folder of data sets."""
    default = os.environ.get(DATA_VARIABLE)
    made.add_argument("--data", type=Path, default=default, required=default is None)


def pin() -> None:
    """Keep this process, and those it starts, on one core, where the system lets us."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def machine(peers: Mapping[str, str] | None = None) -> str:
    """Return the line that says where, when and with what figures were taken.

    Args:
        peers: Package -> its peer's environment.
    """
    pinned = {name: peer_version(place, name) for name, place in (peers or {}).items()}
    versions = {**installed_versions(_PACKAGES), **pinned}
    parts = [
        f"{hardware.cpu_name()} ({', '.join(hardware.cpu_features())})",
        datetime.date.today().isoformat(),
        *(f"{name} {version}" for name, version in versions.items()),
    ]
    return "; ".join(parts)


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table; the first column is words, the others are figures."""
    lines = [columns, ["---", *("--:" for _ in columns[1:])], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def times(interval: Sequence[float]) -> str:
    """Write a ratio with its interval: an `Estimate`, or one that was read from JSON."""
    interval = Estimate(*interval)
    return f"{interval.value:.2f} ({interval.low:.2f}-{interval.high:.2f})"


def shown(document: Mapping[str, Any], table: str) -> str:
    """Write the machine's line, the table and what failed."""
    notes = [f"{name} failed: {why}" for name, why in document["failed"].items()]
    return "\n\n".join([document["machine"], table, *notes])


def publish(
    line: str,
    table: str,
    figures: Mapping[Any, Any],
    file: Path | None,
    failed: Mapping[str, str] | None = None,
) -> None:
    """Print the machine's line, the table and what failed; write the figures where wanted."""
    document = {"machine": line, "figures": figures, "failed": failed or {}}
    print(shown(document, table))
    if file is not None:
        file.write_text(json.dumps(document, indent=2) + "\n")


def commands_table(runs: Mapping[str, list[Finished]], peer: str) -> str:
    """Write medians, and ratios to `peer` pair by pair, as a Markdown table."""
    lines = [
        f"| | seconds | / {peer} | processor seconds | / {peer} | peak memory | / {peer} |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for name, own in runs.items():
        cells = [
            cell
            for figure, unit in (("seconds", ""), ("cpu", ""), ("megabytes", " MB"))
            for cell in _median_and_ratio(own, runs[peer], figure, unit)
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _median_and_ratio(
    own: list[Finished], peer: list[Finished], figure: str, unit: str
) -> tuple[str, str]:
    ours, theirs = ([getattr(run, figure) for run in runs] for runs in (own, peer))
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    median = statistics.median(ours)
    return f"{median:.0f}{unit}" if unit else f"{median:.2f}", f"{ratio:.2f}"
