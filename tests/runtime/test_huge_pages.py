"""A model's memory goes on large pages as it runs; the host's own is left alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

RUNS = """
import ctypes, re, sys
import edge_distil as ed

def large():  # bytes on large pages: of the host's block, and of all else
    inside = outside = 0
    for line in open("/proc/self/smaps"):
        if found := re.match("([0-9a-f]+)-([0-9a-f]+) ", line):
            low, high = (int(address, 16) for address in found.groups())
        elif line.startswith("AnonHugePages"):
            size = 1024 * int(line.split()[1])
            if low < start + len(host) and start < high:
                inside += size
            else:
                outside += size
    return inside, outside

host = bytearray(b"x") * (64 << 20)
start = ctypes.addressof(ctypes.c_char.from_buffer(host))
task = ed.load(sys.argv[1], threads=1, **eval(sys.argv[2]))
first = task("Who wrote it?", "It was written by Anton Rask in 1902.")
before = large()
for _ in range(int(sys.argv[3])):
    again = task("Who wrote it?", "It was written by Anton Rask in 1902.")
after = large()
assert again == first
print(after[0] - before[0], after[1] - before[1])
"""
SETTINGS = Path("/sys/kernel/mm/transparent_hugepage/enabled")
ENOUGH = 60  # runs, one for each page


def release() -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", os.uname().release)[:2]))


pytestmark = pytest.mark.skipif(
    not SETTINGS.is_file() or "[never]" in SETTINGS.read_text() or release() < (6, 1),
    reason="no large pages on request here: Linux 6.1 and later has them",
)


def moved(
    bundle: Path, options: dict[str, bool], variable: str | None = None, runs: int = ENOUGH
) -> tuple[int, int]:
    """Return the bytes that went on large pages: the host's, and others."""
    kept = {k: v for k, v in os.environ.items() if k != "EDGE_DISTIL_HUGE_PAGES"}
    environment = {**kept, **({"EDGE_DISTIL_HUGE_PAGES": variable} if variable else {})}
    done = subprocess.run(
        [sys.executable, "-P", "-c", RUNS, str(bundle), str(options), str(runs)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    host, others = map(int, done.stdout.split())
    return host, others


@pytest.mark.parametrize(
    ("options", "variable", "taken"),
    [
        ({}, None, True),
        ({}, "1", True),
        ({"huge_pages": True}, "0", True),
        ({}, "0", False),
        ({"huge_pages": False}, None, False),
        ({"huge_pages": False}, "1", False),
    ],
)
def test_the_models_memory_is_moved_and_the_hosts_is_not(
    embedded_bundle: Path, options: dict[str, bool], variable: str | None, taken: bool
) -> None:
    host, others = moved(embedded_bundle, options, variable, ENOUGH if taken else 10)
    assert host == 0
    # The products' weights alone are 43 MB.
    assert others > 40e6 if taken else others == 0


def test_a_few_runs_move_little(embedded_bundle: Path) -> None:
    _, few = moved(embedded_bundle, {}, runs=2)
    _, all_of_it = moved(embedded_bundle, {})
    assert few < all_of_it / 2
