"""One writer at a place: also after kills, and where the lock's own directory is replaced."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge_distil._writing import locks
from edge_distil.errors import PlaceBusy, StorageError

HOLD = """
import sys, time
from pathlib import Path
from edge_distil._writing import locks
with locks.hold(Path(sys.argv[1]), Path("place")):
    print("held", flush=True)
    sys.stdin.read()
"""
# Adds 1 to a number in a file, slowly enough to lose counts if two are at it.
COUNT = """
import math, sys, time
from pathlib import Path
from edge_distil._writing import locks
lock, number = Path(sys.argv[1]), Path(sys.argv[2])
for _ in range(20):
    with locks.hold(lock, number, wait=math.inf):
        value = int(number.read_text())
        time.sleep(0.001)
        number.write_text(str(value + 1))
"""


def start(lock: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.communicate(timeout=20)


def test_nothing_stays(tmp_path: Path) -> None:
    for lock in (locks.inside(tmp_path), locks.beside(tmp_path / "out")):
        with locks.hold(lock, tmp_path) as alone:
            assert alone
            assert lock.is_file()
        assert list(tmp_path.iterdir()) == []


def test_the_second_is_told_who_is_there(tmp_path: Path) -> None:
    lock = locks.beside(tmp_path / "out")
    holder = start(lock)
    with (
        pytest.raises(PlaceBusy, match=f"process {holder.pid} on .* is writing to .*out") as caught,
        locks.hold(lock, tmp_path / "out"),
    ):
        pass
    assert isinstance(caught.value, StorageError)
    assert isinstance(caught.value, BlockingIOError)
    end(holder)
    assert list(tmp_path.iterdir()) == []


def test_the_second_waits(tmp_path: Path) -> None:
    lock = locks.inside(tmp_path)
    holder = start(lock)
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        end(holder)

    with locks.hold(lock, tmp_path, wait=20, say=say) as alone:
        assert alone
    assert len(said) == 1
    assert said[0].startswith(f"waiting for process {holder.pid}")


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    lock = locks.inside(tmp_path)
    holder = start(lock)
    holder.send_signal(signal.SIGKILL)
    end(holder)
    assert lock.is_file()
    with locks.hold(lock, tmp_path) as alone:
        assert alone
    assert list(tmp_path.iterdir()) == []


def test_many_at_once_lose_nothing(tmp_path: Path) -> None:
    """The file is removed and made again all the time, which is where such locks fail."""
    number = tmp_path / "number"
    number.write_text("0")
    command = [sys.executable, "-c", COUNT, str(locks.inside(tmp_path)), str(number)]
    processes = [subprocess.Popen(command) for _ in range(4)]
    assert [process.wait(60) for process in processes] == [0] * 4
    assert number.read_text() == "80"
    assert [path.name for path in tmp_path.iterdir()] == ["number"]


@pytest.mark.skipif(os.name == "nt", reason="Windows renames no directory with an open file")
def test_the_directory_is_replaced_meanwhile(tmp_path: Path) -> None:
    """Who held the old directory's lock removes no lock of the new one."""
    place = tmp_path / "place"
    place.mkdir()
    with locks.hold(locks.inside(place), place):
        place.rename(tmp_path / "old")
        place.mkdir()
        holder = start(locks.inside(place))
        time.sleep(0.01)
    assert locks.inside(place).is_file()
    with pytest.raises(PlaceBusy), locks.hold(locks.inside(place), place):
        pass
    end(holder)
