"""Large pages are of the whole process, so a session takes them where they are asked for."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

RUNS = """
import sys
import edge_distil as ed
host = b"x" * (64 << 20)  # the host's own
def large():
    lines = open("/proc/self/smaps").read().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("AnonHugePages"))
task = ed.load(sys.argv[1], **eval(sys.argv[2]))
for _ in range(3):
    task("london is a [MASK] .")
before = large()
for _ in range(9):
    task("london is a [MASK] .")
print(large() - before)
"""
SETTINGS = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def release() -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", os.uname().release)[:2]))


@pytest.mark.skipif(
    not SETTINGS.is_file() or release() < (6, 1),
    reason="no large pages on request here: Linux 6.1 and later has them",
)
@pytest.mark.parametrize(
    ("options", "variable", "taken"),
    [
        ({}, None, False),
        ({"huge_pages": True}, None, True),
        ({}, "1", True),
        ({}, "0", False),
        ({"huge_pages": False}, "1", False),
    ],
)
def test_the_hosts_memory_is_left_alone_unless_asked(
    tiny: Path, options: dict[str, bool], variable: str | None, taken: bool
) -> None:
    kept = {k: v for k, v in os.environ.items() if k != "EDGE_DISTIL_HUGE_PAGES"}
    environment = {**kept, **({"EDGE_DISTIL_HUGE_PAGES": variable} if variable else {})}
    done = subprocess.run(
        [sys.executable, "-P", "-c", RUNS, str(tiny / "fill_mask"), str(options)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    grown = int(done.stdout)  # kB
    assert (grown > 32 << 10) == taken, grown
