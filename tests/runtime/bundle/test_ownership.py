"""--force replaces a bundle or an empty directory and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_distil._writing import ownership
from edge_distil.errors import BundleExists

Copy = Callable[[str], Path]


def test_a_bundle_may_be_replaced(tiny_copy: Copy) -> None:
    for name in ("embedding", "fill_mask", "multi_label"):
        ownership.check_bundle(tiny_copy(name))


@pytest.mark.parametrize(
    "name",
    [
        ".DS_Store",
        "onnx/model_fp16.onnx",
        "onnx/model_q4.ort",
        "onnx/model_q4.required_operators.config",
        "onnx/model_quantized.0123456789abcdef.onnx",
        "coreml/model_int8.mlpackage/Data/com.apple.CoreML/model.mlmodel",
        "report/int8.html",
        ".edge_distil.lock",
        ".edge_distil.0123456789abcdef.part/model_fp16.onnx",
        ".edge_distil-budget.json",
        ".edge_distil.json.1.part",
    ],
)
def test_what_edge_distil_puts_there_may_be_replaced(tiny_copy: Copy, name: str) -> None:
    bundle = tiny_copy("fill_mask")
    (bundle / name).parent.mkdir(parents=True, exist_ok=True)
    (bundle / name).write_text("x")
    ownership.check_bundle(bundle)


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        ".git/HEAD",
        "notes.txt",
        "onnx/model_mine.onnx",
        "onnx/notes.txt",
        "coreml/mine.mlpackage/Manifest.json",
        "report/mine.html",
        "model.safetensors",
    ],
)
def test_a_file_of_the_user_is_named(tiny_copy: Copy, name: str) -> None:
    bundle = tiny_copy("fill_mask")
    (bundle / name).parent.mkdir(parents=True, exist_ok=True)
    (bundle / name).write_text("mine")
    with pytest.raises(BundleExists, match=f"edge-distil did not write \\({name}\\)"):
        ownership.check_bundle(bundle)


def test_a_link_of_the_user_is_named_and_not_followed(tiny_copy: Copy, tmp_path: Path) -> None:
    bundle = tiny_copy("fill_mask")
    (tmp_path / "thesis").mkdir()
    (bundle / "thesis").symlink_to(tmp_path / "thesis")
    with pytest.raises(BundleExists, match="thesis"):
        ownership.check_bundle(bundle)


@pytest.mark.parametrize(
    "text", ["", "[", "{}", "[1]", '{"files": 3, "variants": [4]}', "[" * 9999]
)
def test_a_damaged_manifest_names_nothing(tiny_copy: Copy, text: str) -> None:
    """Its usual files go all the same; what only the manifest named does not."""
    bundle = tiny_copy("fill_mask")
    (bundle / "vocab.txt").unlink(missing_ok=True)
    (bundle / "edge_distil.json").write_text(text)
    ownership.check_bundle(bundle)
    (bundle / "merges.txt").write_text("x")
    with pytest.raises(BundleExists, match=r"merges\.txt"):
        ownership.check_bundle(bundle)


def test_no_bundle_and_a_file(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(BundleExists, match=r"is not a bundle \(it has no edge_distil.json\)"):
        ownership.check_bundle(tmp_path)
    with pytest.raises(BundleExists, match="mine is a file"):
        ownership.check_bundle(tmp_path / "mine")


def test_a_manifest_owns_what_it_names_and_no_more(tiny_copy: Copy) -> None:
    bundle = tiny_copy("fill_mask")
    manifest = json.loads((bundle / "edge_distil.json").read_text("utf-8"))
    record = {"path": "spiece.model", "bytes": 1, "sha256": "0" * 64}
    (bundle / "spiece.model").write_text("x")
    with pytest.raises(BundleExists, match=r"spiece\.model"):
        ownership.check_bundle(bundle)
    manifest["files"].append(record)
    (bundle / "edge_distil.json").write_text(json.dumps(manifest))
    ownership.check_bundle(bundle)
