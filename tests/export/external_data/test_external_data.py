"""Weights in a second file: the same model, recorded and hashed, and never a file of others."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import shelf
import tiny
import torch
import transformers
from google.protobuf.descriptor import Descriptor

import edge_distil as ed
from edge_distil import encoder, errors
from edge_distil._reading.external_data import WAYS, locations
from edge_distil._writing import storage
from edge_distil.bundle import Bundle, open_bundle
from edge_distil_export import adopted_graph, export_bundle, writing
from edge_distil_quantize import checks, quantize_bundle

pytestmark = pytest.mark.wide

TEXT = "Ada lived in [MASK]."
DATA = "onnx/model.onnx_data"
Checkpoint = Callable[..., Path]


@pytest.fixture(scope="session")
def apart(checkpoint: Checkpoint) -> Path:
    """A bundle whose weights stand in a second file; never changed."""
    folder = checkpoint("bert", "fill-mask")

    def make(output: Path) -> None:
        export_bundle(folder, output, external_data=True)

    return shelf.keep("apart", make, folder)


@pytest.fixture
def own(apart: Path, tmp_path: Path) -> Path:
    """A copy that the test may damage."""
    return Path(shutil.copytree(apart, tmp_path / "own"))


def logits(folder: Path) -> Any:
    """What the checkpoint's own library says."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForMaskedLM.from_pretrained(folder).eval()
    with torch.inference_mode():
        return model(**tokenizer(TEXT, return_tensors="pt")).logits[0].numpy()


def test_the_numbers_are_transformers_and_the_files_are_recorded(
    apart: Path, checkpoint: Checkpoint, exported: Callable[..., Bundle]
) -> None:
    bundle = open_bundle(apart, verify=True)
    variant = bundle.manifest.variants["fp32"]
    assert [record.path for record in variant.parts] == [DATA]
    assert bundle.model_path("fp32") == apart / "onnx" / "model.onnx"
    assert locations(bundle.model_path("fp32")) == {"model.onnx_data"}
    assert variant.file.bytes < 60_000 < (apart / DATA).stat().st_size
    onnx.checker.check_model(str(bundle.model_path("fp32")), full_check=True)

    model = ed.load(apart).encoder
    encodings = model.tokenizer.encode([TEXT])
    found = model.session.run(model.features(encodings))["logits"][0]
    want = logits(checkpoint("bert", "fill-mask"))
    np.testing.assert_allclose(found, want, rtol=0, atol=1e-5)
    whole = exported("bert", "fill-mask")
    assert locations(whole.model_path("fp32")) == set()
    joined, single = onnx.load(bundle.model_path("fp32")), onnx.load(whole.model_path("fp32"))
    for one in joined.graph.initializer:  # the fields that say where it stood
        del one.external_data[:]
        one.ClearField("data_location")
    assert joined == single


@pytest.mark.parametrize(
    "recipe",
    ["int8", *(pytest.param(r, marks=pytest.mark.slow) for r in ("fp16", "int4", "int8-static"))],
)
def test_variants_are_those_of_one_file(
    recipe: str, own: Path, exported: Callable[..., Bundle], tmp_path: Path
) -> None:
    whole = shutil.copytree(exported("bert", "fill-mask").path, tmp_path / "whole")
    made = [quantize_bundle(path, recipe) for path in (own, whole)]
    files = [bundle.model_path(recipe).read_bytes() for bundle in made]
    assert files[0] == files[1]
    assert len(open_bundle(own, verify=True).verify()) > 3


def test_a_model_over_the_limit_goes_into_two_files_unasked(
    checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "LARGEST", 100_000)
    bundle = export_bundle(checkpoint("bert", "fill-mask"), tmp_path / "out")
    assert [record.path for record in bundle.manifest.variants["fp32"].parts] == [DATA]
    monkeypatch.setattr(checks, "LARGEST_MODEL", 10_000)
    with pytest.raises(errors.QuantizeError, match=r"fp16 takes .* GB, and one file of its format"):
        quantize_bundle(bundle, "fp16")
    assert list(open_bundle(bundle.path, verify=True).manifest.variants) == ["fp32"]
    monkeypatch.undo()
    again = export_bundle(checkpoint("bert", "fill-mask"), tmp_path / "out", overwrite=True)
    assert again.manifest.variants["fp32"].parts == ()
    assert not (tmp_path / DATA).exists()


def test_onnx_of_others_over_the_limit_is_copied_as_it_is(
    apart: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = tmp_path / "theirs"
    shutil.copytree(apart, theirs, ignore=shutil.ignore_patterns("edge_distil.json"))
    monkeypatch.setattr(adopted_graph, "LARGEST", 100_000)
    from edge_distil_export import adopt_onnx

    bundle = adopt_onnx(theirs, tmp_path / "ours")
    assert [record.path for record in bundle.manifest.variants["fp32"].parts] == [DATA]
    assert bundle.verify()
    assert ed.load(bundle.path)(TEXT) == ed.load(apart)(TEXT)


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No file reaches onnxruntime."""

    def fail(*_: Any, **__: Any) -> None:
        raise AssertionError("a session was opened")

    monkeypatch.setattr(encoder, "OnnxSession", fail)


@pytest.mark.usefixtures("closed")
def test_a_data_file_that_is_not_the_recorded_one(own: Path) -> None:
    data = own / DATA
    whole = data.read_bytes()
    for changed in (whole[:-1], b"\1" + whole[1:], None):
        data.write_bytes(changed) if changed is not None else data.unlink()
        with pytest.raises((errors.BundleCorrupt, errors.BundleFileMissing), match="onnx_data"):
            ed.load(own)


@pytest.mark.skipif(sys.platform != "linux", reason="weights are mapped on Linux")
def test_a_model_that_is_open_stays_what_it_is(own: Path) -> None:
    model = ed.load(own)
    before = model(TEXT)
    data = own / DATA
    data.write_bytes(bytes(data.stat().st_size))
    assert model(TEXT) == before
    data.write_bytes(b"")
    assert model(TEXT) == before


def put_location(bundle: Path, location: str, *, inside: bool = False) -> None:
    """Let a model name another file, at the top or within a branch, and record that model."""
    file = bundle / "onnx" / "model.onnx"
    model = onnx.load(file, load_external_data=False)
    outside = next(t for t in model.graph.initializer if t.external_data)
    if inside:
        hidden = onnx.TensorProto()
        hidden.CopyFrom(outside)
        value = onnx.helper.make_node("Constant", [], ["x"], value=hidden)
        branch = onnx.helper.make_graph([value], "branch", [], [])
        node = onnx.helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)
        model.graph.node.append(node)
        outside = model.graph.node[-1].attribute[0].g.node[0].attribute[0].t
    outside.external_data[0].value = location
    file.write_bytes(model.SerializeToString())
    path = bundle / "edge_distil.json"
    manifest = json.loads(path.read_text("utf-8"))
    manifest["variants"]["fp32"]["file"] = vars(storage.record(bundle, file))
    path.write_text(json.dumps(manifest), "utf-8")


@pytest.mark.usefixtures("closed")
@pytest.mark.parametrize("recorded", [True, False], ids=["bundle", "plain"])
@pytest.mark.parametrize("inside", [False, True], ids=["top", "branch"])
@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("../../etc/passwd", "expected a file beside it"),
        ("/etc/passwd", "expected a file beside it"),
        ("a\\..\\..\\x", "expected a file beside it"),
        ("", "expected a file beside it"),
        ("link", "leads out of the bundle"),
        ("secret.bin", "does not record"),
    ],
)
def test_a_file_of_others_is_refused_before_a_session_opens(
    location: str, message: str, inside: bool, recorded: bool, own: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.bin"
    secret.write_bytes((own / DATA).read_bytes())
    (own / "onnx" / "link").symlink_to(secret)
    if location == secret.name:
        shutil.copyfile(secret, own / "onnx" / secret.name)
    put_location(own, location, inside=inside)
    if not recorded:
        (own / "edge_distil.json").unlink()
        if location == secret.name:
            message = "a session was opened"  # beside the model, in a directory without records
    with pytest.raises((errors.BundleCorrupt, AssertionError), match=message) as caught:
        ed.load(own, variant="fp32")
    assert "\n" not in str(caught.value)
    if recorded:
        with pytest.raises(errors.BundleCorrupt, match=message):
            open_bundle(own, verify=True)


def test_every_way_to_a_weight_is_known() -> None:
    """Of the installed onnx: a message that a later release adds must be looked through too."""
    fields: dict[str, dict[int, str]] = {}

    def look(message: Descriptor) -> None:
        if message.name not in fields:
            inner = [field for field in message.fields if field.message_type]
            fields[message.name] = {field.number: field.message_type.name for field in inner}
            for field in inner:
                look(field.message_type)

    look(onnx.ModelProto.DESCRIPTOR)
    leading, before = {"TensorProto"}, 0
    while len(leading) > before:
        before = len(leading)
        leading |= {name for name, inner in fields.items() if leading & set(inner.values())}
    ways = {
        name: {number: kind for number, kind in fields[name].items() if kind in leading}
        for name in leading
    }
    assert {**ways, "TensorProto": {13: "StringStringEntryProto"}} == WAYS


def test_what_is_no_onnx(tmp_path: Path) -> None:
    for content in (
        b"\x08",
        b"\x3a\xff\x01x",
        b"\x0b",
        b"\x08" + b"\xff" * 11,
        b"\x3a\x03\x0a\x09x",
        b"\xba\x80\x80\x80\x10\x00",  # a key of 33 bits: onnxruntime drops one, and sees a graph
    ):
        file = tmp_path / "model.onnx"
        file.write_bytes(content)
        with pytest.raises(errors.BundleCorrupt, match=r"model\.onnx is not an ONNX file"):
            locations(file)


@pytest.mark.slow
def test_a_model_over_two_gigabytes(tmp_path: Path) -> None:
    """A table of 2.3 GB, as bge-m3's is the half of its weights."""
    tokenizer = tiny.fast_tokenizer("bert")
    config = transformers.BertConfig(
        vocab_size=560_000, hidden_size=1024, num_hidden_layers=1, num_attention_heads=16,
        intermediate_size=1024, max_position_embeddings=64,
    )  # fmt: skip
    torch.manual_seed(7)
    transformers.BertModel(config, add_pooling_layer=False).save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    bundle = export_bundle(tmp_path / "model", tmp_path / "out", task="feature-extraction")
    assert (tmp_path / "out" / DATA).stat().st_size > writing.LARGEST
    small = quantize_bundle(bundle, "int8")
    assert small.model_path("int8").stat().st_size < writing.LARGEST
    texts = ["Ada lived in London.", "The quick brown fox."]
    model = transformers.AutoModel.from_pretrained(tmp_path / "model").eval()
    want = []
    for text in texts:
        with torch.inference_mode():
            found = model(**tokenizer(text, return_tensors="pt")).last_hidden_state
        want.append(found[0].mean(dim=0).numpy())
    np.testing.assert_allclose(ed.load(bundle.path).encode(texts), want, rtol=0, atol=1e-5)
    for found, wanted in zip(ed.load(bundle.path, variant="int8").encode(texts), want, strict=True):
        assert found @ wanted / np.linalg.norm(found) / np.linalg.norm(wanted) > 0.995
    assert open_bundle(bundle.path, verify=True)
