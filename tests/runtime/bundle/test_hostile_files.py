"""Files of strangers: links that lead out, tokenizers that panic, weights that nobody recorded."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import edge_distil as ed
from edge_distil import errors
from edge_distil._writing import storage

Copy = Callable[[str], Path]
# Each is read by its name alone, whether the manifest records it or not.
NAMES = ["edge_distil.json", "config.json", "tokenizer.json", "tokenizer_config.json"]
NAMES += ["special_tokens_map.json", "modules.json", "1_Pooling/config.json"]
NAMES += ["config_sentence_transformers.json", "sentence_bert_config.json", "onnx/model.onnx"]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")


def record_anew(bundle: Path, name: str) -> None:
    """Let the manifest describe a file as it is."""
    path = bundle / "edge_distil.json"
    manifest = json.loads(path.read_text("utf-8"))
    new = vars(storage.record(bundle, bundle / name))
    manifest["files"] = [f for f in manifest["files"] if f["path"] != name] + [new]
    path.write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("name", "manifest"),
    [*((name, True) for name in NAMES), *((name, False) for name in NAMES[1:])],
)
def test_a_link_that_leads_out_is_refused(tiny_copy: Copy, name: str, manifest: bool) -> None:
    bundle = tiny_copy("embedding")
    if not manifest:
        (bundle / "edge_distil.json").unlink()
    elsewhere = bundle.parent / "elsewhere"
    shutil.move(bundle / name, elsewhere)
    (bundle / name).symlink_to(elsewhere)
    with pytest.raises(errors.BundleCorrupt, match="is a link that leads out of the bundle"):
        ed.load(bundle)


@pytest.mark.parametrize("folder", ["onnx", "1_Pooling"])
def test_a_folder_that_leads_out_is_refused(tiny_copy: Copy, folder: str) -> None:
    bundle = tiny_copy("embedding")
    shutil.move(bundle / folder, bundle.parent / "elsewhere")
    (bundle / folder).symlink_to(bundle.parent / "elsewhere")
    with pytest.raises(errors.BundleCorrupt, match="is a link that leads out of the bundle"):
        ed.load(bundle)


@pytest.mark.parametrize("target", ["/proc/kmsg", "/dev/zero", "/dev/stdin", "tokenizer.json"])
def test_what_never_ends_is_not_begun(tiny_copy: Copy, target: str) -> None:
    bundle = tiny_copy("embedding")
    for name in ("special_tokens_map.json", "tokenizer.json"):
        (bundle / name).unlink()
        (bundle / name).symlink_to(target)
        with pytest.raises(errors.BundleError):
            ed.load(bundle)


def test_a_pipe_is_no_file(tiny_copy: Copy) -> None:
    bundle = tiny_copy("embedding")
    for name in ("tokenizer.json", "edge_distil.json"):
        (bundle / name).unlink()
        os.mkfifo(bundle / name)
        with pytest.raises(errors.BundleError):
            ed.load(bundle)


@pytest.mark.parametrize("manifest", [True, False])
def test_a_snapshot_of_the_hub_is_links_to_its_blobs(
    tiny_copy: Copy, tmp_path: Path, manifest: bool
) -> None:
    bundle = tiny_copy("embedding")
    if not manifest:
        (bundle / "edge_distil.json").unlink()
    blobs, snapshot = tmp_path / "models--a--b" / "blobs", tmp_path / "models--a--b/snapshots/0f"
    blobs.mkdir(parents=True)
    for number, file in enumerate(path for path in bundle.rglob("*") if path.is_file()):
        link = snapshot / file.relative_to(bundle)
        link.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, blobs / str(number))
        link.symlink_to(os.path.relpath(blobs / str(number), link.parent))
    expected = ed.Embedding.load(bundle).encode("a text")
    assert np.array_equal(ed.Embedding.load(snapshot).encode("a text"), expected)
    (tmp_path / "link").symlink_to(snapshot)
    assert np.array_equal(ed.Embedding.load(tmp_path / "link").encode("a text"), expected)
    (snapshot / "config.json").unlink()
    (snapshot / "config.json").symlink_to(tmp_path / "embedding" / "config.json")
    with pytest.raises(errors.BundleCorrupt, match="is a link that leads out of the bundle"):
        ed.load(snapshot)


def test_links_within_the_bundle_are_files_like_others(tiny_copy: Copy) -> None:
    bundle = tiny_copy("fill_mask")
    data = bundle / "..data"  # as a volume of Kubernetes has it
    data.mkdir()
    for name in ("config.json", "tokenizer.json"):
        shutil.move(bundle / name, data / name)
        (bundle / name).symlink_to(Path("..data") / name)
    assert ed.load(bundle).variant == "fp32"


def edit_tokenizer(bundle: Path, **changes: object) -> None:
    path = bundle / "tokenizer.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **changes}))
    record_anew(bundle, "tokenizer.json")


def split(pattern: str) -> dict[str, object]:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


def test_a_tokenizer_that_panics_is_our_error(tiny_copy: Copy) -> None:
    bundle = tiny_copy("fill_mask")
    edit_tokenizer(bundle, pre_tokenizer=split("^(([a-z])+.)+[A-Z]([a-z])+$"))
    manifest = json.loads((bundle / "edge_distil.json").read_text("utf-8"))
    (bundle / "edge_distil.json").write_text(json.dumps({**manifest, "golden": []}))
    mlm = ed.FillMask.load(bundle)
    text = "a" * 60 + " [MASK]"
    tokenizer = mlm.encoder.tokenizer
    calls: list[Callable[[], object]] = [
        lambda: mlm(text),
        lambda: tokenizer.encode_one(text),
        lambda: tokenizer.encode([text] * 3, offsets=False),
        lambda: tokenizer.windows(text, 2),
        lambda: tokenizer.pair_windows("a", text, max_length=32, stride=2, max_first=8),
    ]
    for call in calls:
        with pytest.raises(errors.BundleCorrupt, match=r"tokenizer.json cannot be used"):
            call()
    probe = {"text": "a" * 60, "ids": [1]}
    (bundle / "edge_distil.json").write_text(json.dumps({**manifest, "golden": [probe]}))
    with pytest.raises(errors.BundleCorrupt, match=r"tokenizer.json cannot be used"):
        ed.load(bundle)


def test_a_vocabulary_without_the_unknown_token_is_our_error(tiny_copy: Copy) -> None:
    bundle = tiny_copy("fill_mask")
    model = json.loads((bundle / "tokenizer.json").read_text("utf-8"))["model"]
    edit_tokenizer(bundle, model={**model, "unk_token": "[NOWHERE]"})
    with pytest.raises(errors.BundleCorrupt, match=r"tokenizer.json cannot be used"):
        ed.load(bundle)


def test_verify_covers_weights_outside_the_model(tiny_copy: Copy) -> None:
    onnx = pytest.importorskip("onnx")

    bundle = tiny_copy("fill_mask")
    model = bundle / "onnx" / "model.onnx"
    onnx.save_model(
        onnx.load(model), model, save_as_external_data=True, location="w.bin", size_threshold=0
    )
    path = bundle / "edge_distil.json"
    manifest = json.loads(path.read_text("utf-8"))
    manifest["variants"]["fp32"]["file"] = vars(storage.record(bundle, model))
    path.write_text(json.dumps(manifest))
    with pytest.raises(errors.BundleCorrupt, match=r"model.onnx names w.bin, which edge_distil.js"):
        ed.open_bundle(bundle, verify=True)
    manifest["files"].append(vars(storage.record(bundle, model.with_name("w.bin"))))
    path.write_text(json.dumps(manifest))
    assert len(ed.open_bundle(bundle, verify=True).verify()) > 3


@pytest.mark.parametrize("location", ["../../elsewhere", "/etc/passwd", "link"])
def test_weights_outside_a_plain_directory_are_refused(tiny_copy: Copy, location: str) -> None:
    onnx = pytest.importorskip("onnx")

    bundle = tiny_copy("fill_mask")
    (bundle / "edge_distil.json").unlink()
    model = bundle / "onnx" / "model.onnx"
    graph = onnx.load(model)
    onnx.save_model(graph, model, save_as_external_data=True, location="w.bin", size_threshold=0)
    shutil.move(model.with_name("w.bin"), bundle.parent / "elsewhere")
    (bundle / "onnx" / "link").symlink_to(bundle.parent / "elsewhere")
    graph = onnx.load(model, load_external_data=False)
    for tensor in graph.graph.initializer:
        for entry in tensor.external_data:
            entry.value = location if entry.key == "location" else entry.value
    model.write_bytes(graph.SerializeToString())
    with pytest.raises(errors.BundleCorrupt, match=r"expected a file beside it|leads out"):
        ed.load(bundle, variant="fp32")
