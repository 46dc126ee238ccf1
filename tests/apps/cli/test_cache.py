"""``edge-distil cache``: what bench keeps is listed and cleared; nothing else is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import Command

from edge_distil._writing import locks
from edge_distil._writing.journal import Journal

pytestmark = pytest.mark.wide

DIGITS = "0123456789abcdef"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache folder, with what bench leaves: a journal, a model of a peer, a killed one's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    place = tmp_path / "edge-distil"
    model = place / "peers" / f"optimum-fp32-{DIGITS}"
    model.mkdir(parents=True)
    (model / "model.onnx").write_bytes(b"0" * 1000)
    (model / "config.json").write_text("{}")
    Journal(place / f"bench-{DIGITS}.json", {}).recall("a", lambda: 1)
    (place / f"bench-{DIGITS}.tmp").mkdir()
    (place / "peers" / f".torch-fp32-{DIGITS}.{DIGITS}.part").mkdir()
    return place


def strange(place: Path, outside: Path) -> list[Path]:
    """Files of the user's: beside ours, under names like ours, in a folder named like ours."""
    outside.mkdir()
    (outside / "precious.txt").write_text("mine")
    notes = place / "notes.txt"
    notes.write_text("mine")
    named = place / "bench-ffffffffffffffff.json"
    named.write_text('{"mine": 1}')
    folder = place / "peers" / "optimum-int8-ffffffffffffffff"
    folder.mkdir()
    (folder / "thesis.odt").write_text("mine")
    link = place / "peers" / "torch-fp32-ffffffffffffffff"
    link.symlink_to(outside)
    return [notes, named, folder / "thesis.odt", link, outside / "precious.txt"]


def test_what_is_kept_is_listed(place: Path, edge_distil: Command) -> None:
    document = json.loads(edge_distil("cache", "--json").out)
    found = {Path(entry["path"]).name: entry for entry in document["entries"]}
    assert set(found) == {
        path.name for path in (*place.iterdir(), *(place / "peers").iterdir())
    } - {"peers"}
    assert found[f"optimum-fp32-{DIGITS}"]["bytes"] == 1002
    out = edge_distil("cache").out
    assert "model of another engine" in out
    assert "edge-distil cache --clear" in out


def test_clearing_leaves_what_is_not_ours(
    place: Path, edge_distil: Command, tmp_path: Path
) -> None:
    kept = strange(place, tmp_path / "outside")
    done = edge_distil("cache", "--clear")
    assert done.status == 0
    assert all(path.exists() for path in kept)
    here = {path for path in place.rglob("*") if not path.is_dir() or path.is_symlink()}
    assert here == set(kept[:4])
    assert done.err.count("is not edge-distil's: it stays") == 4


def test_an_emptied_cache_is_gone(place: Path, edge_distil: Command) -> None:
    assert edge_distil("cache", "--clear").status == 0
    assert not place.exists()
    assert "nothing is kept" in edge_distil("cache").out
    assert edge_distil("cache", "--clear").status == 0


def test_a_measurement_that_runs_keeps_all(place: Path, edge_distil: Command) -> None:
    file = place / f"bench-{DIGITS}.json"
    before = sorted(place.rglob("*"))
    with locks.hold(locks.beside(file), file):
        done = edge_distil("cache", "--clear")
    assert done.status == 1
    assert "is writing to" in done.err
    assert sorted(place.rglob("*")) == before


def test_what_bench_keeps_is_what_is_cleared(
    tiny: Path, place: Path, edge_distil: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The names are those that bench gives, in the folder where it looks."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    edge_distil("cache", "--clear")
    monkeypatch.setattr("edge_distil_apps.cli.flow.benching.conclude", stop)
    edge_distil("bench", tiny / "embedding", "--quick", "--limit", "1")
    document = json.loads(edge_distil("cache", "--json").out)
    assert [entry["kind"] for entry in document["entries"]] == ["unfinished measurement"]
    assert document["others"] == []


@pytest.mark.parametrize("flags", [[], ["--clear"], ["--json"]])
def test_a_folder_that_is_not_there_is_no_empty_cache(
    flags: list[str], tmp_path: Path, edge_distil: Command
) -> None:
    (tmp_path / "file").write_text("")
    for name, says in {"nowhere": "is not there", "file": "is a file"}.items():
        done = edge_distil("cache", tmp_path / name, *flags)
        assert done.status == 1
        assert f"{name} {says}, expected a folder that bench had as --work" in done.err
