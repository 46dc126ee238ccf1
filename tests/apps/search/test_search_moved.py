"""An index or its bundle that is no longer as it was."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from edge_distil.errors import BundleNotFound, InputError, TaskError
from edge_distil_apps.search import build, open_index
from edge_distil_apps.search.store import Store


@pytest.fixture
def moved(docs: Path, embedding: Path, tmp_path: Path) -> tuple[Path, Path]:
    """An index and its bundle, in places of their own."""
    bundle = Path(shutil.copytree(embedding, tmp_path / "bundle"))
    few = tmp_path / "few"
    few.mkdir()
    shutil.copy(docs / "00.txt", few)
    build(few, tmp_path / "index", bundle=bundle)
    return tmp_path / "index", bundle


def test_the_bundle_that_moved(moved: tuple[Path, Path], tmp_path: Path, tiny: Path) -> None:
    index, bundle = moved
    bundle.rename(tmp_path / "elsewhere")
    with open_index(index) as opened:
        assert opened.search("storm", mode="words")  # needs no bundle
        with pytest.raises(BundleNotFound, match="--bundle"):
            opened.search("storm")
    with open_index(index, bundle=tmp_path / "elsewhere") as opened:
        assert opened.search("storm")
    with (
        open_index(index, bundle=tiny / "question_answering") as opened,
        pytest.raises(TaskError, match="question-answering"),
    ):
        opened.search("storm")


def test_both_moved_together_are_found(moved: tuple[Path, Path], tmp_path: Path) -> None:
    index, bundle = moved
    with open_index(index) as opened:
        wanted = opened.search("storm")
    there = tmp_path / "there"
    there.mkdir()
    for each in (index, bundle):
        each.rename(there / each.name)
    with open_index(there / "index") as opened:
        assert opened.search("storm") == wanted
    build(tmp_path / "few", there / "index")  # what is recorded is true again
    (there / "bundle").rename(tmp_path / "gone")
    with open_index(there / "index") as opened, pytest.raises(BundleNotFound, match="--bundle"):
        opened.search("storm")


def test_another_bundle_beside_the_index_is_refused(
    moved: tuple[Path, Path], tmp_path: Path
) -> None:
    index, bundle = moved
    there = tmp_path / "there"
    there.mkdir()
    for each in (index, bundle):
        each.rename(there / each.name)
    spoil(there / "bundle")
    with (
        open_index(there / "index") as opened,
        pytest.raises(InputError, match="is not the bundle"),
    ):
        opened.search("storm")


def spoil(bundle: Path) -> None:
    """Let the int8 model be called fp32."""
    manifest = bundle / "edge_distil.json"
    document = json.loads(manifest.read_text())
    document["variants"]["fp32"] = document["variants"]["int8"]
    manifest.write_text(json.dumps(document))


def test_another_bundle_is_refused(moved: tuple[Path, Path]) -> None:
    index, bundle = moved
    spoil(bundle)
    with open_index(index) as opened, pytest.raises(InputError, match="is not the bundle"):
        opened.search("storm")


def test_another_version_is_refused(moved: tuple[Path, Path]) -> None:
    store = Store(moved[0])
    store.set("version", 0)
    store.close()
    with pytest.raises(InputError, match="version 0, expected 2"):
        open_index(moved[0])


@pytest.mark.parametrize("content", [b"no database at all, but long enough to be one" * 20, b""])
def test_a_damaged_index(moved: tuple[Path, Path], content: bytes) -> None:
    (moved[0] / "passages.sqlite").write_bytes(content)
    with pytest.raises(InputError, match="build"):
        open_index(moved[0])
