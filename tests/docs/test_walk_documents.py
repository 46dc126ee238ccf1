"""Every command of README and the documents, in a fresh folder, on a clean installation.

The two walks on two cores: ``pytest -n 2 --dist loadgroup -m slow tests/docs``.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import materials
import pytest
import shelf
from shown import DOCUMENTS, blocks
from walked import NOT_WALKED, WALKED, End
from walking import CUT, FEW, PLACES, Place, Seen, go

BLOCKS = [block for document in DOCUMENTS for block in blocks(document)]
_OUTPUT = re.compile(r"edge-distil .* -o (\S+)")


def test_every_command_is_walked_or_has_a_reason_why_not() -> None:
    assert {shown.line for block in BLOCKS for shown in block} == set(WALKED) | set(NOT_WALKED)
    assert not set(WALKED) & set(NOT_WALKED)


@pytest.fixture(scope="session")
def supplies() -> Path:
    """What the commands name; see `materials`."""
    return shelf.keep("walk", materials.make, Path(materials.__file__))


@pytest.mark.slow
@pytest.mark.xdist_group("thin")
@pytest.mark.parametrize("place", PLACES, ids=str)
def test_the_documents_on_a_thin_installation(
    place: Place, thin: Path, supplies: Path, tmp_path: Path
) -> None:
    walk(place, thin, supplies, tmp_path, full=False)


@pytest.mark.slow
@pytest.mark.xdist_group("full")  # one at a time: `serve` takes a port
@pytest.mark.parametrize("place", PLACES, ids=str)
def test_the_documents_on_a_full_installation(
    place: Place, full: Path, supplies: Path, tmp_path: Path
) -> None:
    walk(place, full, supplies, tmp_path, full=True)


def walk(place: Place, programs: Path, supplies: Path, folder: Path, *, full: bool) -> None:
    """Type the commands of each block one after the other, in a fresh folder for each.

    What takes long, or lacks an extra, is walked in the first of several blocks that have it. What
    a command would have made, had it not been left out or lacked an extra, comes from another
    machine.
    """
    met: set[str] = set()
    wrong = []
    for number, block in enumerate(BLOCKS):
        lines = [shown.line for shown in block if shown.line in WALKED]
        if met.issuperset(lines):
            continue
        here = Path(shutil.copytree(supplies, folder / str(number), symlinks=True))
        for line in lines:
            end, output = WALKED[line], _output(line)
            lacks = bool(end.needs) and not full
            if output is not None:
                shutil.rmtree(here / output, ignore_errors=True)
            again = line in met and (lacks or end.long)
            if not again and (lacks or _is_walked(end, place)):
                seen = go(line, here, programs, place, "" if lacks else end.until)
                wrong += [f"{line}: {what}\n{seen.said}" for what in check(seen, end, lacks)]
            if output is not None and not (here / output).exists():
                _bring(supplies / output, here / output)
            met.add(line)
    assert not wrong, "\n\n".join(wrong)


def _is_walked(end: End, place: Place) -> bool:
    return not end.too_long and (not end.long or place in FEW)


def check(seen: Seen, end: End, lacks: bool) -> Iterator[str]:
    """Yield what is wrong with what a command did.

    Args:
        seen: What it did.
        end: How it ends.
        lacks: Whether the extra that it needs is not there.
    """
    lines = seen.said.splitlines()
    wanted = end.without if lacks else end.status
    for sign in (
        "Traceback",
        CUT,
        r"\u25",
    ):  # the last of borders and blocks, as Python escapes them
        if sign in seen.said:
            yield f"{sign} is in it"
    if seen.status != wanted:
        yield f"status {seen.status}, not {wanted}"
    if sum("error:" in line for line in lines) != (wanted != 0):
        yield "not one line of an error where there is one"
    if lacks and sum(f"install 'edge-distil[{end.needs}] @ file://" in line for line in lines) != 1:
        yield "not one line with the command that installs what lacks"
    for name in () if lacks else end.shows:
        if "".join(name.split()) not in seen.whole:
            yield f"{name} is not in it"


def _output(line: str) -> Path | None:
    found = _OUTPUT.match(line)
    return Path(found[1]) if found else None


def _bring(made: Path, output: Path) -> None:
    if made.is_dir():
        shutil.copytree(made, output)
