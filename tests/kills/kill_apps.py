"""The cases of `embed` and `search --build`, on the tiny bundle: each takes a second or so."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
from kill_everywhere import Case

from edge_distil_apps.search import build, open_index

_BUNDLE = Path(__file__).parents[1] / "golden" / "tiny" / "embedding"
_TEXTS = ("storm", "lamp", "tide")
_ROWS = 2050  # three shards


def _texts(folder: Path, materials: Path) -> None:
    """A file of texts, one of them no UTF-8, and the bundle."""
    shutil.copytree(_BUNDLE, folder / "bundle")
    rows = [f"{_TEXTS[number % 3]} {number}".encode() for number in range(_ROWS)]
    rows[7] = b"\xff"
    (folder / "texts.txt").write_bytes(b"\n".join(rows))


def _old_file(folder: Path, materials: Path) -> None:
    _texts(folder, materials)
    np.save(folder / "vectors.npy", np.zeros((1, 16), np.float32))


def _old_folder(folder: Path, materials: Path) -> None:
    _texts(folder, materials)
    (folder / "vectors").mkdir()
    for number in range(2):
        (folder / "vectors" / f"part-{number:05}.parquet").write_bytes(b"old")


def _array(folder: Path) -> str:
    """Which array is there, whole."""
    if not (folder / "vectors.npy").exists():
        return "nothing"
    return {1: "old", _ROWS: "new"}[len(np.load(folder / "vectors.npy"))]


def _one_array(folder: Path) -> str:
    found = _array(folder)
    assert found != "nothing", "the output is gone"
    return found


def _parts(folder: Path) -> str:
    """Which directory of vectors is there, at its place or, for the moment of a swap, aside."""
    sizes = [path.stat().st_size for path in (folder / "vectors").glob("part-*.parquet")]
    aside = (folder / ".vectors.parts" / "replaced").is_dir()
    assert sizes or aside or not (folder / "vectors").exists()
    return (
        "aside"
        if not sizes and aside
        else "old"
        if sizes == [3, 3]
        else "new"
        if sizes
        else "nothing"
    )


def _docs(folder: Path, materials: Path) -> None:
    shutil.copytree(_BUNDLE, folder / "bundle")
    (folder / "docs").mkdir()
    for word in _TEXTS:
        path = folder / "docs" / f"{word}.md"
        path.write_text(f"# {word}\n\nThe {word} of the river.\n")
        os.utime(path, (1_000_000_000, 1_000_000_000))


def found_in_index(folder: Path) -> str:
    """How many files the index holds, each of them whole."""
    if not (folder / "docs.index" / "passages.sqlite").exists():
        return "nothing"
    try:
        with open_index(folder / "docs.index") as index:
            return f"{len(index.search('river', 10, 'words'))} passages"
    except Exception as error:
        return type(error).__name__


def _changed_docs(folder: Path, materials: Path) -> None:
    """An index, and one of its files changed, one gone and one new since."""
    _docs(folder, materials)
    build(folder / "docs", folder / "docs.index", bundle=folder / "bundle")
    (folder / "docs" / "storm.md").write_text("# Storm\n\nThe river is another.\n")
    (folder / "docs" / "lamp.md").unlink()
    (folder / "docs" / "new.md").write_text("A river, new.\n")


def prepare_docs(folder: Path, *, changed: bool) -> None:
    """Texts and bundle; with an index of what the texts were before, where they changed since."""
    (_changed_docs if changed else _docs)(folder, folder)


def _renewed(folder: Path) -> str:
    found = found_in_index(folder)
    assert found in ("2 passages", "3 passages"), "files of the index are lost"
    return found


CASES = (
    Case(
        "embed to a file",
        ("embed", "bundle", "texts.txt", "-o", "vectors.npy"),
        _texts,
        _array,
        done="vectors.npy exists",
    ),
    Case(
        "embed --force over a file",
        ("embed", "bundle", "texts.txt", "-o", "vectors.npy", "--force"),
        _old_file,
        _one_array,
    ),
    Case(
        "embed to a directory",
        ("embed", "bundle", "texts.txt", "-o", "vectors/"),
        _texts,
        _parts,
        done="vectors exists",
    ),
    Case(
        "embed --force over a directory",
        ("embed", "bundle", "texts.txt", "-o", "vectors/", "--force"),
        _old_folder,
        _parts,
    ),
    Case(
        "search --build, no index yet",
        ("search", "--build", "docs", "-o", "docs.index", "--bundle", "bundle"),
        _docs,
        found_in_index,
        measured=frozenset({"passages.sqlite"}),
    ),
    Case(
        "search --build, an index renewed",
        ("search", "--build", "docs", "-o", "docs.index"),
        _changed_docs,
        _renewed,
        measured=frozenset({"passages.sqlite"}),
    ),
)
