"""Kill a command at each of its file operations, and run it again.

After the kill, whatever was there before is there, or its successor; after the second run the
directory is as an undisturbed run leaves it, to the byte and without a file more.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import signal
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from kill_server import Ended, Server

# What differs in the names of temporary files.
_CHANCE = re.compile(r"tmp\w{8}|[0-9a-f]{16}|profile_[\d_-]+")
_USERS_FILE = "of-the-user.txt"  # beside the output: no command has any business with it


@dataclass(frozen=True)
class Case:
    """A command in a state of the disk.

    Attributes:
        name: The verb and the state, as the table shows it.
        command: Arguments of ``edge-distil``, paths relative to the working directory; or a
            function as ``module:name`` and its arguments.
        prepare: Fills the working directory; it is given that and the directory of materials.
        found: Looks at a copy of the working directory after a kill and says in a word what it
            found (``"old"``, ``"new"``, ``"nothing"``); raises where something is lost or broken.
        done: What the one line of the second run says where the first had done all its work, as
            an export does that finds its bundle. Empty: the second run succeeds.
        measured: Names of files that hold timings, so that only their presence is compared.
        long: A run takes so long that it is killed at one operation of each kind alone.
    """

    name: str
    command: tuple[str, ...]
    prepare: Callable[[Path, Path], None]
    found: Callable[[Path], str]
    done: str = ""
    measured: frozenset[str] = frozenset()
    long: bool = False

    def choose(self, operations: list[str]) -> Iterable[int]:
        """Return the numbers, from 1, of the operations to kill at."""
        numbers = range(1, len(operations) + 1)
        if not self.long:
            return numbers
        kinds = [_CHANCE.sub("*", operation) for operation in operations]
        return [number for number in numbers if kinds.index(kinds[number - 1]) == number - 1]


class Outcome(NamedTuple):
    """A kill: before which operation, and what was there then."""

    operation: str
    found: str


def kill_everywhere(
    server: Server,
    case: Case,
    folder: Path,
    materials: Path,
    choose: Callable[[list[str]], Iterable[int]] | None = None,
) -> list[Outcome]:
    """Run a case undisturbed, then kill it at each operation that is chosen.

    Args:
        server: Runs commands.
        case: The case.
        folder: An absent directory, which is made and remade.
        materials: What `Case.prepare` copies from.
        choose: Gives the numbers, from 1, of the operations to kill at; see `Case.choose`.

    Raises:
        AssertionError: Something was lost, or left behind, or said in more than a line.
    """
    _prepare(case, folder, materials)
    whole = server.run(case.command, folder)
    assert whole.status == 0, f"{case.name}: {whole.said}"
    expected = _snapshot(folder, case.measured)
    outcomes = []
    for number in (choose or case.choose)(whole.operations):
        _prepare(case, folder, materials)
        killed = server.run(case.command, folder, kill_at=number)
        place = f"{case.name}, killed before operation {number}: {whole.operations[number - 1]}"
        assert killed.status == -signal.SIGKILL, f"{place}: ended by itself: {killed.said}"
        outcomes.append(Outcome(whole.operations[number - 1], _look(case, folder)))
        _check_again(server.run(case.command, folder), case, place)
        got = _snapshot(folder, case.measured)
        assert got == expected, f"{place}: {_difference(got, expected)}"
    return outcomes


def _prepare(case: Case, folder: Path, materials: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "tmp").mkdir(parents=True)
    (folder / _USERS_FILE).write_text("mine")
    case.prepare(folder, materials)


def _look(case: Case, folder: Path) -> str:
    """Look at a copy: opening a bundle may end what the killed process had begun."""
    copy = folder.with_name(f"{folder.name}-copy")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy, symlinks=True)
    return case.found(copy)


def _check_again(again: Ended, case: Case, place: str) -> None:
    said = f"{place}: the second run said: {again.said}"
    assert "Traceback" not in again.said, said
    if again.status:
        errors = [line for line in again.said.splitlines() if line.startswith("error:")]
        assert again.status == 1, said
        assert case.done, said
        assert len(errors) == 1, said
        assert case.done in errors[0], said


def _snapshot(folder: Path, measured: Collection[str]) -> dict[str, str]:
    """Return every path below a directory with what is there."""
    return {
        path.relative_to(folder).as_posix(): _content(path, measured)
        for path in sorted(folder.rglob("*"))
    }


def _content(path: Path, measured: Collection[str]) -> str:
    if path.is_symlink():
        return f"-> {path.readlink()}"
    if path.is_dir():
        return "directory"
    return "measured" if path.name in measured else hashlib.sha256(path.read_bytes()).hexdigest()


def _difference(got: dict[str, str], expected: dict[str, str]) -> str:
    changed = [path for path in got.keys() & expected.keys() if got[path] != expected[path]]
    return (
        f"left behind {sorted(got.keys() - expected.keys())}, lost "
        f"{sorted(expected.keys() - got.keys())}, other bytes in {sorted(changed)}"
    )
