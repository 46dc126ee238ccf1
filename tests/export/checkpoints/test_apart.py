"""No output costs the checkpoint: refused before torch is imported, and nothing is touched."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tiny import save_checkpoint

from edge_distil.errors import BundleExists, InputError
from edge_distil_export import export_bundle
from edge_distil_export.apart import check_apart

# Runs the command where importing torch is an error.
WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
from edge_distil_apps.cli import main
main()
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoints") / "model"
    return save_checkpoint(folder, "distilbert", "text-classification")


@pytest.fixture
def checkpoint(saved: Path, tmp_path: Path) -> Path:
    """A copy beside other files of the user."""
    shutil.copytree(saved, tmp_path / "models/model")
    (tmp_path / "models/thesis.txt").write_text("mine")
    return tmp_path / "models/model"


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-c", WITHOUT_TORCH, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


OVER_THE_CHECKPOINT = [
    "models/model",
    "models/model/",
    "models/../models/model",
    "models",
    ".",
    "link",
    "link-to-models",
    "link/..",
]


@pytest.mark.parametrize("output", OVER_THE_CHECKPOINT)
@pytest.mark.parametrize("given", ["models/model", "link"])
@pytest.mark.parametrize("marked", [False, True])
def test_an_output_over_the_checkpoint(
    checkpoint: Path, tmp_path: Path, output: str, given: str, marked: bool
) -> None:
    """Also where that directory is a bundle too, so that --force could replace it."""
    (tmp_path / "link").symlink_to(checkpoint)
    (tmp_path / "link-to-models").symlink_to(checkpoint.parent)
    if marked:
        (tmp_path / output / "edge_distil.json").write_text("{}")
    before = contents(tmp_path)
    done = command(tmp_path, "export", given, "-o", output, "--force")
    assert done.returncode == 1, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "checkpoint" in done.stderr
    assert "space" not in done.stderr
    assert contents(tmp_path) == before
    assert (tmp_path / "link").is_symlink()


def test_an_output_that_holds_weights_which_the_checkpoint_links_to(
    checkpoint: Path, tmp_path: Path
) -> None:
    """As a snapshot in the hub's cache does; here the output is even a bundle."""
    blobs = tmp_path / "blobs"
    blobs.mkdir()
    (checkpoint / "model.safetensors").rename(blobs / "0123")
    (checkpoint / "model.safetensors").symlink_to("../../blobs/0123")
    (blobs / "edge_distil.json").write_text("{}")
    with pytest.raises(InputError, match=r"holds the checkpoint \(.*0123\)"):
        export_bundle(checkpoint, blobs, overwrite=True)
    assert (checkpoint / "model.safetensors").stat().st_size > 0


@pytest.mark.parametrize("output", ["cache", "cache/models--owner--tiny", "snapshot"])
def test_an_output_over_the_hubs_cache(checkpoint: Path, tmp_path: Path, output: str) -> None:
    commit = "0" * 40
    snapshot = tmp_path / "cache/models--owner--tiny/snapshots" / commit
    snapshot.parent.mkdir(parents=True)
    checkpoint.rename(snapshot)
    (tmp_path / "cache/models--owner--tiny/refs").mkdir()
    (tmp_path / "cache/models--owner--tiny/refs/main").write_text(commit)
    place = snapshot if output == "snapshot" else tmp_path / output
    (place / "edge_distil.json").write_text("{}")
    before = contents(tmp_path / "cache")
    with pytest.raises((InputError, BundleExists)):
        export_bundle("owner/tiny", place, overwrite=True, cache_dir=tmp_path / "cache")
    assert contents(tmp_path / "cache") == before


def test_a_mount_of_the_same_directory(checkpoint: Path, tmp_path: Path) -> None:
    """Names differ on every level; the file system says that they are one."""

    class Mounted(type(tmp_path)):  # type: ignore[misc]
        """A path whose directory is the checkpoint's parent under another name."""

        def samefile(self, other: str | os.PathLike[str]) -> bool:
            return os.path.samefile(checkpoint.parent, other)

    (tmp_path / "mounted").mkdir()
    with pytest.raises(InputError, match="holds the checkpoint"):
        check_apart(checkpoint, Mounted(tmp_path / "mounted"))


@pytest.mark.parametrize("name", ["data", "data/empty"])
def test_a_directory_of_the_user_is_not_replaced(
    checkpoint: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "data/empty").mkdir(parents=True)
    (tmp_path / "data/mine.csv").write_text("mine")
    before = contents(tmp_path)
    if name == "data":
        done = command(tmp_path, "export", "models/model", "-o", name, "--force")
        assert "not a bundle" in done.stderr
        assert len(done.stderr.splitlines()) == 1, done.stderr
    else:  # an empty one may be filled, whatever is around it
        export_bundle(checkpoint, tmp_path / name)
        shutil.rmtree(tmp_path / name)
    assert contents(tmp_path) == before


def test_into_the_working_directory(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    export_bundle(checkpoint, ".")
    assert sorted(os.listdir(".")) == sorted(os.listdir(tmp_path / "here"))
    assert "edge_distil.json" in os.listdir(".")
    bundle = export_bundle(checkpoint, ".", overwrite=True)
    assert bundle.verify()


def test_into_a_link(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk")
    export_bundle(checkpoint, tmp_path / "out")
    assert (tmp_path / "out").is_symlink()
    assert (tmp_path / "disk/edge_distil.json").is_file()
