"""The cases of `export` and `quantize`."""

from __future__ import annotations

import shutil
from pathlib import Path

from kill_everywhere import Case

from edge_distil.bundle import open_bundle

_OUTPUT = "out/qa"
_TINY = Path(__file__).parents[1] / "golden" / "tiny" / "text_classification"


def make_materials(folder: Path) -> None:
    """Make the checkpoints ``old`` and ``new``, of one architecture and other labels."""
    from tiny import save_checkpoint

    for name in ("old", "new"):
        labels = {0: f"{name}-a", 1: f"{name}-b"}
        save_checkpoint(folder / name, "distilbert", "text-classification", id2label=labels)


def _checkpoints(folder: Path, materials: Path) -> None:
    for name in ("old", "new"):
        shutil.copytree(materials / name, folder / name)


def _bundle(name: str, folder: Path, materials: Path) -> None:
    """A bundle of the checkpoint, int8 in it, at the output."""
    _checkpoints(folder, materials)
    shutil.copytree(materials / f"{name}-bundle", folder / _OUTPUT)


def _found(folder: Path) -> str:
    """Which bundle is there, all its files as recorded."""
    if not (folder / _OUTPUT).exists():
        return "nothing"
    return open_bundle(folder / _OUTPUT, verify=True).manifest.labels[0].split("-")[0]


def _found_one(folder: Path) -> str:
    found = _found(folder)
    assert found in ("old", "new"), "the bundle is gone"
    return found


def add_packages(bundle: str, checkpoint: str) -> None:
    """Do what ``export --coreml`` does once the bundle is there."""
    from edge_distil_export.coreml import add_coreml

    add_coreml(bundle, checkpoint, lengths="8", overwrite=True)


def _packages(folder: Path) -> bool:
    return "coreml" in open_bundle(folder / _OUTPUT).manifest.variants


def _tiny(folder: Path, materials: Path) -> None:
    """The tiny bundle, int8 in it, at the output."""
    shutil.copytree(_TINY, folder / _OUTPUT)


def _scored(folder: Path, materials: Path) -> None:
    """The tiny bundle, and a file to take scores on."""
    _tiny(folder, materials)
    (folder / "data.tsv").write_text("a charming film\tgood\nstorm\tbad\nthe old sea\tfair\n" * 2)


def _variants(folder: Path) -> str:
    """Whether the bundle is as it was or as it shall be, all its files as recorded."""
    manifest = open_bundle(folder / _OUTPUT, verify=True).manifest
    before = open_bundle(_TINY).manifest
    assert manifest.variants.keys() >= before.variants.keys(), "a variant is gone"
    return "old" if manifest == before else "new"


def _others(folder: Path, materials: Path) -> None:
    """A plain hub directory, of which a bundle is to be made."""
    target = folder / "theirs"
    shutil.copytree(_TINY, target, ignore=shutil.ignore_patterns("*quantized*", "edge_distil.json"))


def _adopted(folder: Path) -> str:
    """Whether the bundle of others' ONNX is there, all its files as recorded, and the variant."""
    found = {path.relative_to(folder / "theirs") for path in (folder / "theirs").rglob("*")}
    before = {path.relative_to(_TINY) for path in _TINY.rglob("*")}
    assert found == before - {Path("edge_distil.json"), Path("onnx/model_quantized.onnx")}
    if not (folder / _OUTPUT).exists():
        return "nothing"
    manifest = open_bundle(folder / _OUTPUT, verify=True).manifest
    return "new" if "fp16" in manifest.variants else "fp32"


EXPORT = (
    Case(
        "export, no output yet",
        ("export", "new", "-o", _OUTPUT),
        _checkpoints,
        _found,
        done="exists and is not empty",
    ),
    Case(
        "export --force over a bundle",
        ("export", "new", "-o", _OUTPUT, "--force"),
        lambda folder, materials: _bundle("old", folder, materials),
        _found_one,
    ),
    Case(
        "export --coreml, its last part",
        ("kill_bundles:add_packages", _OUTPUT, "new"),
        lambda folder, materials: _bundle("new", folder, materials),
        lambda folder: "new" if _found_one(folder) and _packages(folder) else "old",
        long=True,
    ),
    Case(
        "quantize of others' ONNX",
        ("quantize", "theirs", "-o", _OUTPUT, "--fp16"),
        _others,
        _adopted,
        done="has fp16 already",
    ),
)
QUANTIZE = (
    Case("quantize, a new variant", ("quantize", _OUTPUT, "--fp16", "--force"), _tiny, _variants),
    Case(
        "quantize, a variant again",
        ("quantize", _OUTPUT, "--int8", "--no-calibration", "--force"),
        _tiny,
        _variants,
    ),
    Case(
        "quantize, the ORT format again",
        ("quantize", _OUTPUT, "--fp16", "--ort", "--force"),
        _tiny,
        _variants,
    ),
    Case("quantize, static", ("quantize", _OUTPUT, "--int8-static", "--force"), _tiny, _variants),
)
# Those that measure; their records hold times.
BUDGET = (
    Case(
        "quantize --max-drop",
        ("quantize", _OUTPUT, "--int8", "--force", "--max-drop", "50", "--data", "data.tsv"),
        _scored,
        _variants,
        measured=frozenset({"edge_distil.json", ".edge_distil-budget.json"}),
    ),
    Case(
        "quantize --report",
        ("quantize", _OUTPUT, "--int8", "--force", "--report"),
        _tiny,
        _variants,
        measured=frozenset({"int8.html", "int8.json"}),
    ),
)
