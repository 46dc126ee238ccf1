"""Damaged, foreign and half-written bundles: one clear error each, and nothing lost."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import edge_distil as ed
from edge_distil import errors
from edge_distil._machine import installation
from edge_distil._writing import staging, storage
from edge_distil.manifest import SCHEMA_VERSION, from_json, to_json

Copy = Callable[[str], Path]


def edit_manifest(bundle: Path, **changes: object) -> None:
    path = bundle / "edge_distil.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_the_manifest_survives_the_round_trip(tiny: Path) -> None:
    text = (tiny / "embedding" / "edge_distil.json").read_text()
    assert to_json(from_json(text)) == text


def test_absent_directory(tmp_path: Path) -> None:
    with pytest.raises(errors.BundleNotFound, match="no such directory") as caught:
        ed.load(tmp_path / "nowhere")
    assert isinstance(caught.value, FileNotFoundError)


def test_empty_directory(tmp_path: Path) -> None:
    with pytest.raises(errors.BundleCorrupt, match=r"is not a bundle: it has no edge_distil.json"):
        ed.load(tmp_path)


def test_truncated_model(tiny_copy: Copy) -> None:
    bundle = tiny_copy("fill_mask")
    model = bundle / "onnx/model.onnx"
    model.write_bytes(model.read_bytes()[:-100])
    with pytest.raises(errors.BundleCorrupt, match="it was truncated or edited"):
        ed.load(bundle)
    assert ed.load(bundle, variant="int8").variant == "int8"  # the other variant still serves


def test_model_of_the_right_size_that_is_none(tiny_copy: Copy) -> None:
    bundle = tiny_copy("fill_mask")
    model = bundle / "onnx/model.onnx"
    model.write_bytes(b"version https://git-lfs".ljust(model.stat().st_size))
    with pytest.raises(errors.BundleCorrupt, match="is not an ONNX file"):
        ed.load(bundle)


def test_edited_tokenizer_of_the_same_size(tiny_copy: Copy) -> None:
    bundle = tiny_copy("fill_mask")
    path = bundle / "tokenizer.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"london"', '"lonnod"'), "utf-8")
    with pytest.raises(errors.BundleCorrupt, match=r"tokenizer.json was edited"):
        ed.load(bundle)


def test_tokenizer_that_gives_other_tokens(tiny_copy: Copy) -> None:
    """The record was made again after the edit, so only the golden tokens can tell."""
    bundle = tiny_copy("fill_mask")
    path = bundle / "tokenizer.json"
    tokenizer = json.loads(path.read_text(encoding="utf-8"))
    tokenizer["normalizer"]["lowercase"] = False
    path.write_text(json.dumps(tokenizer), "utf-8")
    manifest = json.loads((bundle / "edge_distil.json").read_text())
    new = vars(storage.record(bundle, path))
    files = [new if f["path"] == "tokenizer.json" else f for f in manifest["files"]]
    edit_manifest(bundle, files=files)
    with pytest.raises(errors.BundleCorrupt, match="gives other tokens than the checkpoint's"):
        ed.load(bundle)


def test_verify_hashes_large_files_too(tiny_copy: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = tiny_copy("fill_mask")
    model = bundle / "onnx/model.onnx"
    data = bytearray(model.read_bytes())
    data[-40] ^= 1
    model.write_bytes(data)
    monkeypatch.setattr("edge_distil.bundle.HASHED_AT_OPEN", 0)
    ed.open_bundle(bundle)
    with pytest.raises(errors.BundleCorrupt, match="was edited"):
        ed.open_bundle(bundle, verify=True)


def test_future_schema_version(tiny_copy: Copy) -> None:
    bundle = tiny_copy("fill_mask")
    edit_manifest(bundle, schema_version=SCHEMA_VERSION + 1)
    with pytest.raises(errors.SchemaUnsupported, match=re.escape(installation.upgrade())):
        ed.load(bundle)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"schema_version": 1, "task": "fill-m', "is not JSON"),
        ("{}", "has no schema_version"),
        ("[]", "has no schema_version"),
        ('{"schema_version": 1, "task": "translation"}', "task is 'translation', expected one of"),
        ('{"schema_version": 1, "task": "fill-mask"}', "checkpoint has no name|has no checkpoint"),
        ("\x00\x01", "is not JSON"),
    ],
)
def test_damaged_manifest(tiny_copy: Copy, text: str, message: str) -> None:
    bundle = tiny_copy("fill_mask")
    (bundle / "edge_distil.json").write_text(text)
    with pytest.raises(errors.BundleCorrupt, match=message):
        ed.load(bundle)


def test_missing_files_and_variants(tiny_copy: Copy) -> None:
    bundle = tiny_copy("fill_mask")
    with pytest.raises(errors.VariantMissing, match="no variant 'int4', only fp32"):
        ed.load(bundle, variant="int4")
    (bundle / "onnx/model.onnx").unlink()
    with pytest.raises(errors.BundleFileMissing, match=r"model.onnx is missing"):
        ed.load(bundle, variant="fp32")
    assert ed.load(bundle).variant == "int8"  # an app may ship int8 alone
    (bundle / "tokenizer.json").unlink()
    with pytest.raises(errors.BundleFileMissing, match=r"tokenizer.json is missing"):
        ed.load(bundle)


@pytest.mark.parametrize("name", ["embedding", "fill_mask", "multi_label", "question_answering"])
def test_a_hub_directory_without_manifest(tiny_copy: Copy, name: str) -> None:
    bundle = tiny_copy(name)
    ours = ed.open_bundle(bundle).manifest
    (bundle / "edge_distil.json").unlink()
    inferred = ed.open_bundle(bundle)
    assert inferred.inferred
    for field in ("task", "max_length", "labels", "problem_type", "pooling"):
        assert getattr(inferred.manifest, field) == getattr(ours, field), field
    assert set(inferred.manifest.variants) == set(ours.variants)
    assert ed.load(bundle, variant="int8").variant == "int8"


def test_a_model_beside_its_config_loads_as_optimum_writes_it(tiny_copy: Copy) -> None:
    bundle = tiny_copy("fill_mask")
    (bundle / "edge_distil.json").unlink()
    (bundle / "onnx/model.onnx").rename(bundle / "model.onnx")
    assert ed.load(bundle, variant="fp32").bundle.manifest.task == "fill-mask"


@pytest.mark.parametrize("openssl", [True, False])
@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1, (5 << 20) + 7])
def test_a_digest_is_hashlibs_for_files_of_any_size(
    size: int, openssl: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not openssl:  # as in a process that has not loaded it
        monkeypatch.delitem(sys.modules, "_hashlib")
    (tmp_path / "file").write_bytes(data := bytes(range(251)) * (size // 251) + b"x" * (size % 251))
    assert storage.sha256(tmp_path / "file") == hashlib.sha256(data).hexdigest()


def test_a_model_is_loaded_without_openssl(tiny: Path) -> None:
    code = """
import sys, edge_distil, numpy, onnxruntime, tokenizers
before = "_hashlib" in sys.modules  # numpy 1 has it
edge_distil.load(sys.argv[1])
print(before or "_hashlib" not in sys.modules)
"""
    command = [sys.executable, "-c", code, tiny / "question_answering"]
    assert subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.strip() == b"True"


def test_staged_directory_leaves_all_or_nothing(tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    with pytest.raises(ZeroDivisionError), staging.staged_directory(target) as staged:
        (staged / "half").write_text(str(1 / 0))
    assert list(tmp_path.iterdir()) == []
    with staging.staged_directory(target) as staged:
        (staged / "whole").write_text("x")
    with pytest.raises(errors.BundleExists, match="--force"), staging.staged_directory(target):
        pass
    with staging.staged_directory(target, replaceable=lambda _: None) as staged:
        (staged / "new").write_text("x")
    assert [p.name for p in target.iterdir()] == ["new"]
    assert [p.name for p in tmp_path.iterdir()] == ["bundle"]


# The limit is the process's own, so the write fails as it does on a full disk.
FILE_TOO_LARGE = """
import errno, resource, signal, sys
from pathlib import Path
from edge_distil._writing import storage
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
path = Path(sys.argv[1])
try:
    with storage.atomic_file(path) as temporary:
        temporary.write_bytes(b"x" * 1000)
except storage.StorageError as error:
    print(error)
print(path.read_text(), sorted(p.name for p in path.parent.iterdir()))
"""


def test_a_write_that_fails_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    result = subprocess.run(
        [sys.executable, "-c", FILE_TOO_LARGE, str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "cannot write" in result.stdout
    assert "old ['file']" in result.stdout


@pytest.mark.skipif(os.name == "nt", reason="permissions are POSIX")
def test_parent_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with (
        pytest.raises(errors.StorageError, match="a parent of the path is a file"),
        staging.staged_directory(tmp_path / "file" / "bundle"),
    ):
        pass
