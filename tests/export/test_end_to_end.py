"""The proof end to end: a bundle that reads otherwise than its checkpoint's library is found out.

Each test takes a good bundle and the testimony of a checkpoint that differs from it in one
setting, or the other way round: what an exporter that misread this setting would have made.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sentence_transformers
import shelf
import transformers
from tiny import save_sentence_model

from edge_distil._tokenizing.tokenizer import Tokenizer
from edge_distil.bundle import Bundle
from edge_distil.encoder import Encoder, open_encoder
from edge_distil.errors import CheckpointError, ParityError
from edge_distil_export.checkpoints.checkpoint import find_checkpoint
from edge_distil_export.witness import check_end_to_end, open_witness, sentences

ATOL = 1e-5
TASK = "text-classification"


@pytest.fixture
def model(checkpoint: Callable[..., Path], tmp_path: Path) -> Path:
    """A copy of a tiny classifier, to be changed."""
    return Path(shutil.copytree(checkpoint("bert", TASK), tmp_path / "model"))


@pytest.fixture
def encoder(exported: Callable[..., Bundle]) -> Encoder:
    return open_encoder(exported("bert", TASK).path)


def edit(file: Path, **changes: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def check(encoder: Encoder, folder: Path, task: str = TASK) -> dict[str, Any]:
    source = find_checkpoint(folder)
    limit = encoder.bundle.manifest.max_length
    original = open_witness(source, task, limit, trust_remote_code=False)
    return check_end_to_end(encoder, original.consult(), ATOL)


def test_evidence_names_the_witness(exported: Callable[..., Bundle]) -> None:
    evidence = exported("bert", TASK).manifest.variants["fp32"].evidence["end_to_end"]
    assert evidence["witness"] == "transformers"
    assert evidence["class"] == "AutoModelForSequenceClassification"
    assert evidence["version"] == transformers.__version__
    assert evidence["probes"] >= 7
    assert 0 < evidence["max_abs_diff"] <= ATOL
    assert "unseen" not in evidence


def test_same_checkpoint_passes(encoder: Encoder, model: Path) -> None:
    assert check(encoder, model)["max_abs_diff"] <= ATOL


def test_other_token_ids(encoder: Encoder, model: Path) -> None:
    normalizer = {"type": "BertNormalizer", "clean_text": True, "lowercase": False}
    normalizer |= {"handle_chinese_chars": True, "strip_accents": None}
    edit(model / "tokenizer.json", normalizer=normalizer)
    with pytest.raises(ParityError, match=r"a short text: the \d+ token ids .*tokenizer\.json"):
        check(encoder, model)


def test_added_token(encoder: Encoder, model: Path) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(model)
    tokenizer.add_tokens(["<e1>"])
    tokenizer.save_pretrained(model)
    with pytest.raises(
        (ParityError, CheckpointError), match=r"its added tokens|cannot load or run"
    ):
        check(encoder, model)


@pytest.mark.parametrize(
    "changes", [{"truncation_side": "left"}, {"model_max_length": 40}], ids=lambda c: next(iter(c))
)
def test_other_cut(encoder: Encoder, model: Path, changes: dict[str, Any]) -> None:
    edit(model / "tokenizer_config.json", **changes)
    with pytest.raises(ParityError, match="length or truncation"):
        check(encoder, model)


def test_shorter_limit_of_the_bundle(encoder: Encoder, model: Path) -> None:
    """The checkpoint says 64, which it has positions for; a bundle of 48 cuts too much."""
    edit(model / "tokenizer_config.json", model_max_length=64)
    shorter = replace(encoder, tokenizer=Tokenizer(encoder.bundle.path, 48))
    with pytest.raises(ParityError, match="length or truncation"):
        check(shorter, model)


def test_token_types_that_the_tokenizer_does_not_give(encoder: Encoder, model: Path) -> None:
    edit(model / "tokenizer_config.json", model_input_names=["input_ids", "attention_mask"])
    with pytest.raises(ParityError, match=r"a pair: the token types .*model_input_names"):
        check(encoder, model)


def test_other_labels(encoder: Encoder, model: Path) -> None:
    edit(model / "config.json", id2label={"0": "bad", "1": "good"})
    with pytest.raises(ParityError, match=r"label 0 is LABEL_0, .* gives bad"):
        check(encoder, model)


def test_other_activation_in_the_graph(encoder: Encoder, model: Path) -> None:
    edit(model / "config.json", hidden_act="relu")
    with pytest.raises(ParityError, match="a short text: logits differs from AutoModelFor"):
        check(encoder, model)


def test_library_that_cannot_load_it(encoder: Encoder, model: Path) -> None:
    (model / "tokenizer.json").write_text("{")
    with pytest.raises(CheckpointError, match="cannot be proven"):
        check(encoder, model)


@pytest.fixture(scope="module")
def sentence_model(checkpoint: Callable[..., Path], tmp_path_factory: Any) -> Path:
    folder = tmp_path_factory.mktemp("sentence") / "model"
    base = checkpoint("bert", "feature-extraction")
    return save_sentence_model(
        folder, base, "mean", normalize=False, dense=False, prompts={"query": "find: "}
    )


@pytest.fixture(scope="module")
def sentence_bundle(sentence_model: Path, tmp_path_factory: Any) -> Bundle:
    return shelf.export(sentence_model, tmp_path_factory.mktemp("bundle") / "out")


def test_sentence_transformers_is_the_witness(sentence_bundle: Bundle) -> None:
    evidence = sentence_bundle.manifest.variants["fp32"].evidence["end_to_end"]
    assert evidence["witness"] == "sentence-transformers"
    assert evidence["class"] == "SentenceTransformer"
    assert evidence["version"] == sentence_transformers.__version__
    assert 0 < evidence["max_abs_diff"] <= ATOL


@pytest.mark.parametrize(
    ("file", "changes", "match"),
    [
        ("1_Pooling/config.json", {"pooling_mode": "max"}, "what the user gets differs"),
        ("sentence_bert_config.json", {"max_seq_length": 24}, "length or truncation"),
        ("tokenizer_config.json", {"model_max_length": 24}, "length or truncation"),
        ("config_sentence_transformers.json", {"prompts": {"query": "seek: "}}, "prompt 'query'"),
        ("config_sentence_transformers.json", {"prompts": {"passage": "p: "}}, "prompt 'passage'"),
    ],
    ids=str,
)
def test_other_settings_of_sentence_transformers(
    file: str,
    changes: dict[str, Any],
    match: str,
    sentence_model: Path,
    sentence_bundle: Bundle,
    tmp_path: Path,
) -> None:
    folder = Path(shutil.copytree(sentence_model, tmp_path / "model"))
    edit(folder / file, **changes)
    with pytest.raises(ParityError, match=match):
        check(open_encoder(sentence_bundle.path), folder, "sentence-similarity")


def test_without_sentence_transformers(
    sentence_model: Path, sentence_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What then no one saw is said, and the token vectors are compared all the same."""
    monkeypatch.setattr(sentences, "is_installed", lambda: False)
    evidence = check(open_encoder(sentence_bundle.path), sentence_model, "sentence-similarity")
    assert evidence["witness"] == "transformers"
    assert evidence["unseen"].startswith("pooling")
    assert "not installed" in evidence["unseen"]
    assert 0 < evidence["max_abs_diff"] <= ATOL
