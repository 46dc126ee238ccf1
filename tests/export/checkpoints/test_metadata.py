"""What a checkpoint says about itself: it never stops an export and never moves a name."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import shelf
import torch
import transformers

import edge_distil as ed
from edge_distil._reading.foreign import infer_manifest
from edge_distil.bundle import Bundle
from edge_distil.errors import BundleCorrupt
from edge_distil_export.checkpoints.checkpoint import find_checkpoint
from edge_distil_export.provenance import describe_checkpoint

TEXT = "Paris is the capital of France"
TOLERANCE = 1e-5


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        (b"---\nlicense: mit\n---\n# A model", "mit"),
        (b"\xef\xbb\xbf---\r\nlicense: apache-2.0\r\n---\r\n", "apache-2.0"),
        (b"---\nlicense: [mit, apache-2.0]\n---\n", "mit, apache-2.0"),
        (b"---\nlicense: 2.0\n---\n", "2.0"),
        (b"---\nlicense:\tmit\n---\n", None),
        (b"---\nlicense: {name: mit}\n---\n", None),
        (b"---\nlicense: true\n---\n", None),
        (b"---\nlicense: mit\nlanguage: [en\n---\n", None),
        (b"---\nlicense: mit\ndate: 2023-99-99\n---\n", None),
        (b"---\n- license\n---\n", None),
        (b"---\n!!python/object/apply:os.getcwd []\n---\n", None),
        (b"---\n" + b"[" * 20_000 + b"\n---\n", None),
        (b"---\nlicense: mit\n---\n" + b"\xff\xfe caf\xe9 " * 10, "mit"),
        (b"---\nlicense: mit\n---\n" + b"a long story. " * 5_000_000, "mit"),
        (b"license: mit", None),
        (b"---\n", None),
        (b"", None),
    ],
)
def test_a_model_card_never_stops_an_export(
    card: bytes, expected: str | None, checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(checkpoint("bert", "text-classification"), tmp_path / "m"))
    (folder / "README.md").write_bytes(card)
    assert describe_checkpoint(find_checkpoint(folder), 1).license == expected


def test_a_card_that_is_a_folder(checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(checkpoint("bert", "text-classification"), tmp_path / "m"))
    (folder / "README.md").mkdir()
    assert describe_checkpoint(find_checkpoint(folder), 1).license is None


@pytest.mark.parametrize("value", [None, [], [7], "", 7, {}])
def test_an_architecture_that_is_no_name(
    value: Any, checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(checkpoint("bert", "text-classification"), tmp_path / "m"))
    _edit(folder / "config.json", architectures=value)
    assert find_checkpoint(folder).architecture is None


def _edit(file: Path, **values: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


# id2label -> the name of each of the head's classes, which are as many as it has entries.
SHAPES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "ten and more": ({str(i): f"n{i}" for i in range(11)}, tuple(f"n{i}" for i in range(11))),
    "gap": ({"0": "a", "2": "c", "3": "d"}, ("a", "LABEL_1", "c")),
    "from one": ({"1": "a", "2": "b", "3": "c"}, ("LABEL_0", "a", "b")),
    "equal": ({"0": "same", "1": "same", "2": "other"}, ("same", "same", "other")),
    "no text": ({"1": 20.5, "-1": "none", "0": None}, ("None", "20.5", "LABEL_2")),
}


@pytest.fixture(scope="module", params=SHAPES)
def labelled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Bundle, tuple[str, ...]]:
    import tiny

    id2label, expected = SHAPES[request.param]
    base = tmp_path_factory.mktemp("labels")
    folder = tiny.save_checkpoint(
        base / "model", "bert", "text-classification", num_labels=len(id2label)
    )
    contradiction = {str(name): 0 for name in id2label.values()}  # label2id plays no part
    _edit(folder / "config.json", id2label=id2label, label2id=contradiction)
    return folder, shelf.export(folder, base / "out"), expected


def test_each_index_keeps_its_name(labelled: tuple[Path, Bundle, tuple[str, ...]]) -> None:
    folder, bundle, expected = labelled
    assert bundle.manifest.labels == expected
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipe = transformers.pipeline("text-classification", str(folder), device="cpu")
    with torch.inference_mode():
        scores = pipe.model(**pipe.tokenizer(TEXT, return_tensors="pt")).logits[0].softmax(-1)
    known = pipe.model.config.id2label
    names = [str(known.get(index, f"LABEL_{index}")) for index in range(len(scores))]
    theirs = sorted(zip(names, scores.tolist(), strict=True), key=lambda pair: -pair[1])
    ours = ed.TextClassification.load(bundle.path)(TEXT, top_k=None)
    assert [label for label, _ in ours] == [label for label, _ in theirs]
    assert [score for _, score in ours] == pytest.approx([s for _, s in theirs], abs=TOLERANCE)


def test_a_plain_hub_folder_keeps_them_too(
    labelled: tuple[Path, Bundle, tuple[str, ...]], tmp_path: Path
) -> None:
    _, bundle, expected = labelled
    folder = Path(shutil.copytree(bundle.path, tmp_path / "plain"))
    (folder / "edge_distil.json").unlink()
    plain = ed.TextClassification.load(folder)(TEXT, top_k=None)
    assert plain == ed.TextClassification.load(bundle.path)(TEXT, top_k=None)
    assert {label for label, _ in plain} == set(expected)


@pytest.mark.parametrize("names", [["a", "b"], {"a": "b"}, {"1e3": "b"}, {"999999999999": "b"}])
def test_names_by_something_else_are_refused(names: Any, tmp_path: Path) -> None:
    config = {"architectures": ["BertForSequenceClassification"], "id2label": names}
    (tmp_path / "config.json").write_text(json.dumps(config))
    for name in ("tokenizer.json", "model.onnx"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(BundleCorrupt, match="id2label"):
        infer_manifest(tmp_path, {"fp32": "onnx/model.onnx"})
