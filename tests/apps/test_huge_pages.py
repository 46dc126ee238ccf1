"""A model's memory goes on large pages as it runs; what the host had before is left alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import edge_distil as ed
from edge_distil._machine import huge_pages

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
    not SETTINGS.is_file() or "[madvise]" not in SETTINGS.read_text() or release() < (6, 1),
    reason="no large pages on request alone here: Linux 6.1 and later has them",
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
    # The products' weights are 43 MB.
    assert others > 32 << 20 if taken else others == 0


def test_a_few_runs_move_little(embedded_bundle: Path) -> None:
    _, few = moved(embedded_bundle, {}, runs=2)
    assert 0 < few <= 2 * (2 << 20)


FORKS = """
import os, sys
import edge_distil as ed
task = ed.load(sys.argv[1], threads=1)
if os.fork():
    sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))

def own():
    lines = open("/proc/self/smaps_rollup").read().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("AnonHugePages"))

before = own()
for _ in range(60):
    task("Who wrote it?", "It was written by Anton Rask in 1902.")
os._exit(own() != before)
"""


def test_a_forked_process_copies_nothing_of_its_parents(embedded_bundle: Path) -> None:
    command = [sys.executable, "-P", "-c", FORKS, str(embedded_bundle)]
    assert subprocess.run(command, check=False).returncode == 0


def test_a_model_opens_where_the_maps_cannot_be_read(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(huge_pages, "_MAPS", tmp_path / "absent")
    assert ed.load(tiny / "fill_mask")("london is a [MASK] .")
