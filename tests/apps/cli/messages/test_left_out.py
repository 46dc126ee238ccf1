"""A bundle with one variant, as an app ships it: every verb takes it; truncated is not left out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from command import Command

import edge_distil as ed

FP32, INT8 = "onnx/model.onnx", "onnx/model_quantized.onnx"


@pytest.fixture
def lite(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The bundle without its fp32, beside texts."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("storm\n")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text("The storm lamp.\n")
    pairs = "storm,lamp,3\na cat,the cat,5\nold oil,a film,1\n"
    (tmp_path / "sts.csv").write_text("sentence1,sentence2,score\n" + pairs)
    bundle = Path(shutil.copytree(tiny / "embedding", tmp_path / "lite"))
    (bundle / FP32).unlink()
    return bundle


VERBS = {
    "run": ["run", "lite", "storm"],
    "inspect": ["inspect", "lite"],
    "doctor": ["doctor", "lite"],
    "embed": ["embed", "lite", "a.txt", "-o", "v.npy"],
    "search": ["search", "--build", "docs", "-o", "i", "--bundle", "lite"],
    "eval": ["eval", "lite", "--data", "sts.csv"],
    "push": ["push", "lite", "ada/lite", "--dry-run"],
}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_takes_it(verb: str, lite: Path, edge_distil: Command) -> None:
    done = edge_distil(*VERBS[verb])
    assert done.status == 0, done.err


@pytest.mark.parametrize("words", [["run", "lite", "storm", "--variant", "fp32"],
                                   ["quantize", "lite", "--fp16"]])  # fmt: skip
def test_who_needs_it_hears_that_it_was_left_out(
    words: list[str], lite: Path, edge_distil: Command
) -> None:
    done = edge_distil(*words)
    assert done.status == 1
    assert "fp32 was left out of this bundle (here: int8)" in done.err


def test_what_is_absent_is_named_so(lite: Path, edge_distil: Command) -> None:
    shown = edge_distil("inspect", lite).out
    [row, said] = [line for line in shown.splitlines() if line.startswith("fp32 ") and FP32 in line]
    assert "missing" in row
    assert said == f"fp32 was left out: {FP32} is not here; here: int8"
    checks = json.loads(edge_distil("doctor", lite, "--no-speed", "--json").out)["checks"]
    assert {check["name"]: check["left_out"] for check in checks} == {
        "files": False, "int8": False, "fp32": True,
    }  # fmt: skip
    assert all(check["ok"] for check in checks)
    here = json.loads(edge_distil("inspect", lite, "--json").out)["files_here"]
    assert here == {"fp32": "missing", "int8": "present"}


def test_truncated_and_changed_are_not_left_out(lite: Path, edge_distil: Command) -> None:
    model = lite / INT8
    whole = model.read_bytes()
    for data, word in ((whole[:-1], "truncated"), (whole + b"x", "changed")):
        model.write_bytes(data)
        shown = edge_distil("inspect", lite).out
        assert f"int8 cannot be used, its file is {word}" in shown
        assert edge_distil("doctor", lite, "--no-speed").status == 1
        assert edge_distil("push", lite, "ada/lite", "--dry-run").status == 1
        with pytest.raises(ed.EdgeDistilError, match="truncated or edited"):
            ed.load(lite, verify=True)


def test_nothing_left_is_a_failure(lite: Path, edge_distil: Command) -> None:
    (lite / INT8).unlink()
    done = edge_distil("doctor", lite, "--no-speed")
    assert done.status == 1
    assert "no other is here" in done.out
    assert "so are all others" in edge_distil("inspect", lite).out
    for words in (("run", lite, "storm"), ("push", lite, "ada/lite", "--dry-run")):
        assert edge_distil(*words).status == 1


def test_load_verifies_what_is_here(lite: Path) -> None:
    assert ed.load(lite, verify=True).variant == "int8"
    with pytest.raises(FileNotFoundError):
        ed.open_bundle(lite, verify=True)  # which stands for the whole of it


@pytest.mark.parametrize("variant", ["fp32", "int8"])
def test_the_files_listed_are_all_that_an_app_needs(
    variant: str, tiny: Path, edge_distil: Command, tmp_path: Path
) -> None:
    """Copied alone they give the same vectors; without any one of them nothing does."""
    bundle = tiny / "embedding"
    needs = json.loads(edge_distil("inspect", bundle, "--json").out)["app_needs"][variant]
    app = tmp_path / "app"
    for name in needs["files"]:
        (app / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(bundle / name, app / name)
    assert sum(file.stat().st_size for file in app.rglob("*") if file.is_file()) == needs["bytes"]
    wanted = ed.Embedding.load(bundle, variant=variant).encode(["storm"])
    assert ed.Embedding.load(app).encode(["storm"]).tolist() == wanted.tolist()
    shown = edge_distil("inspect", bundle).out
    assert all(name in shown for name in needs["files"])
    assert f"{needs['bytes'] / 1e6:,.1f} MB in all" in shown
    for name in needs["files"]:
        if name == "edge_distil.json":  # without it the folder is a plain one of the hub
            continue
        (app / name).rename(tmp_path / "away")
        with pytest.raises(ed.EdgeDistilError):
            ed.load(app)
        (tmp_path / "away").rename(app / name)
