"""What a stranger puts into a bundle so that opening it, or adding to it, harms other files."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

import edge_distil as ed
from edge_distil import errors
from edge_distil._writing import locks, staging, storage
from edge_distil._writing.additions import add_to_bundle
from edge_distil._writing.journal import Journal

Copy = Callable[[str], Path]
HIDDEN = ".edge_distil.0123456789abcdef"  # as a replacement that was killed leaves it

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A directory of the user's, with a file in it."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "key").write_text("secret")
    return folder


def assert_untouched(home: Path) -> None:
    assert {path.name: path.read_text() for path in home.iterdir()} == {"key": "secret"}


@pytest.mark.parametrize("untrusted", [True, False])
def test_a_link_named_like_a_replacement_takes_no_files(
    tiny_copy: Copy, home: Path, untrusted: bool
) -> None:
    bundle = tiny_copy("text_classification")
    for kind in ("ready", "clearing", "part"):
        (bundle / f"{HIDDEN}.{kind}").symlink_to(home)
    assert ed.load(bundle, untrusted=untrusted)("a charming film")
    assert_untouched(home)


def test_a_replacement_puts_nothing_elsewhere(tiny_copy: Copy, home: Path) -> None:
    bundle = tiny_copy("text_classification")
    (bundle / f"{HIDDEN}.clearing").mkdir()
    (bundle / f"{HIDDEN}.clearing" / ".old").symlink_to(home)
    (bundle / "authorized_keys").write_text("a stranger's")
    with pytest.raises(errors.BundleError):  # nothing was to take its place
        ed.load(bundle)
    assert_untouched(home)


@pytest.mark.parametrize("untrusted", [True, False])
def test_a_planted_replacement_removes_nothing_beside_it(
    tiny_copy: Copy, tmp_path: Path, untrusted: bool
) -> None:
    """As where an archive was unpacked straight into a folder of the user's."""
    folder = tmp_path / "documents"
    (folder / "letters").mkdir(parents=True)
    (folder / "letters" / "one.txt").write_text("mine")
    (folder / "notes.txt").write_text("mine")
    tiny_copy("text_classification").rename(folder / f"{HIDDEN}.clearing")
    with pytest.raises(errors.BundleCorrupt, match=r"did not write \(letters/one.txt, notes.txt\)"):
        ed.load(folder, untrusted=untrusted)
    assert (folder / "letters" / "one.txt").read_text() == "mine"
    assert (folder / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["edge_distil.json", "new"])
def test_a_lock_and_a_temporary_file_follow_no_link(tiny_copy: Copy, home: Path, name: str) -> None:
    bundle = tiny_copy("text_classification")
    locks.inside(bundle).symlink_to(home / "key")
    (bundle / f".{name}.1.part").symlink_to(home / "key")
    with locks.hold(locks.inside(bundle), bundle) as alone:
        assert alone
        assert locks.inside(bundle).read_text().startswith("process ")
    with storage.atomic_file(bundle / name) as temporary:
        temporary.write_text("made")
    assert (bundle / name).read_text() == "made"
    assert not list(bundle.glob(".*"))
    assert_untouched(home)


def test_a_lock_that_is_a_pipe_goes(tmp_path: Path) -> None:
    os.mkfifo(locks.inside(tmp_path))
    with locks.hold(locks.inside(tmp_path), tmp_path) as alone:
        assert alone
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_added_through_a_link(tiny_copy: Copy, home: Path, tmp_path: Path) -> None:
    bundle = tiny_copy("text_classification")
    (bundle / "report").symlink_to(home)
    made = tmp_path / "made"
    made.write_text("x")
    with pytest.raises(errors.BundleCorrupt, match="is a link that leads out of the bundle"):
        add_to_bundle(ed.open_bundle(bundle), {"report/key": made}, lambda manifest: manifest)
    assert_untouched(home)


@pytest.mark.parametrize("content", [None, "[" * 100_000, json.dumps({"key": "other"})])
def test_a_journal_that_is_none_says_nothing(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "journal.json"
    if content is None:
        os.mkfifo(path)
    else:
        path.write_text(content)
    assert Journal(path, {"a": 1}).count("") == 0


def test_a_new_directory_clears_nothing_away_for_a_planted_replacement(tmp_path: Path) -> None:
    planted = tmp_path / f".edge_distil.{'0' * 16}.clearing"
    planted.mkdir()
    (tmp_path / "thesis.txt").write_text("mine")
    with (
        pytest.raises(errors.BundleExists, match="is not empty"),
        staging.staged_directory(tmp_path),
    ):
        pass
    assert (tmp_path / "thesis.txt").read_text() == "mine"
