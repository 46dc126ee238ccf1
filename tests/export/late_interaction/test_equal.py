"""Late interaction gives what sentence-transformers' MultiVectorEncoder gives of one folder."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from late_interaction.checkpoints import (
    DOCUMENTS,
    FIXED,
    QUERIES,
    answers,
    library,
    native,
    pylate,
    stanford,
    with_markers,
)

import edge_distil as ed
from edge_distil_export import export_bundle

TOLERANCE = 1e-5
PROMPTS = {"query": "who: ", "document": "this says: "}
PREFIXES = {"query_prefix": "[unused0] ", "document_prefix": "[unused1] "}
TANH = {"out_features": 24, "bias": True, "activation_function": torch.nn.Tanh()}
# Family and how it is saved by sentence-transformers.
NATIVE: dict[str, tuple[str, dict[str, Any]]] = {
    "fixed": ("bert", {"query_expansion": FIXED, "document_length": 40, "prompts": PROMPTS}),
    "attended, at least, two Dense": ("distilbert", {
        "query_expansion": {**FIXED, "strategy": "min", "attend": True, "token": "fox"},
        "dense": ({"out_features": 48}, {**TANH, "use_residual": True}),
    }),
    "at least, cut later": ("bert", {
        "query_expansion": {**FIXED, "strategy": "min"}, "query_length": 20,
        "skip": ("the", ",", "nowhere", "[UNK]"), "skip_tasks": ("query", "document"),
    }),
    "no expansion, no Dense": ("roberta", {
        "dense": (), "query_length": 12, "document_length": 60, "similarity": "meanmaxsim",
        "prompts": PROMPTS,
    }),
    "no Normalize": ("bert", {"normalize": False, "query_expansion": FIXED}),
    "local attention": ("modernbert", {
        "query_expansion": {**FIXED, "length": 6}, "document_length": 50,
    }),
    "all but attention": ("electra", {"skip": ("[CLS]", "[SEP]", "the", "this", "says", ":")}),
}  # fmt: skip


def check(folder: Path, output: Path) -> ed.LateInteraction:
    """Export, and compare vectors and scores, at once and one by one."""
    export_bundle(folder, output)
    task, model = ed.LateInteraction.load(output), library(folder)
    both = {}
    for side, texts in (("query", QUERIES), ("document", DOCUMENTS)):
        expected, encode = answers(model, texts, side), getattr(task, f"encode_{side}")
        found = both[side] = encode(texts)
        assert [vectors.shape for vectors in found] == [vectors.shape for vectors in expected]
        for ours, theirs in zip(found, expected, strict=True):
            assert np.abs(ours - theirs).max(initial=0) <= TOLERANCE
        assert [encode(text).tobytes() for text in texts] == [v.tobytes() for v in found]
        both[f"their {side}"] = expected
    theirs = model.similarity(both["their query"], both["their document"]).numpy()
    ours = task.similarity(both["query"], both["document"])
    assert np.abs(ours - theirs).max() <= TOLERANCE * max(1, np.abs(theirs).max())
    check_order(task, theirs)
    proof = task.bundle.manifest.variants["fp32"].evidence["end_to_end"]
    assert (proof["witness"], proof["class"]) == ("sentence-transformers", "MultiVectorEncoder")
    return task


def check_order(task: ed.LateInteraction, scores: np.ndarray[Any, Any]) -> None:
    for query, row in zip(QUERIES, scores, strict=True):
        ranked = task.rank(query, DOCUMENTS)
        assert all(a.score >= b.score for a, b in pairwise(ranked))
        assert sorted(one.index for one in ranked) == list(range(len(DOCUMENTS)))
        for one in ranked:
            assert one.text == DOCUMENTS[one.index]
            assert abs(one.score - row[one.index]) <= TOLERANCE * max(1, abs(row[one.index]))
        assert task.rank(query, iter(DOCUMENTS), top_k=2) == ranked[:2]


@pytest.mark.slow  # in CI a tiny bundle of one (tests/golden) and PyLate's form go the whole way
@pytest.mark.parametrize("name", NATIVE)
def test_sentence_transformers(name: str, checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    family, settings = NATIVE[name]
    base = checkpoint(family, "feature-extraction")
    check(native(tmp_path / "model", base, **settings), tmp_path / "out")


def test_pylate_with_a_prefix_of_one_token(checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    """It inserts the token; here it stands before the text, and is not cut up."""
    base = with_markers(checkpoint("bert", "feature-extraction"), tmp_path / "base")
    settings = {"query_length": 24, "document_length": 44, "attend_to_expansion_tokens": True}
    folder = pylate(tmp_path / "model", base, **PREFIXES, **settings)
    task = check(folder, tmp_path / "out")
    late = task.settings
    assert late.expansion is not None
    assert (late.expansion.length, late.expansion.attend) == (24, True)
    assert (late.document.max_length, late.document.prompt) == (44, "[unused1] ")
    ids = task.encoder.tokenizer.encode(["[unused0] fox"])[0].ids
    assert ids[1] == task.encoder.tokenizer.token_id("[unused0]")
    # [CLS] [unused1] the the the [SEP]: none of them is punctuation
    assert len(task.encode_document("the the the")) == 6


@pytest.mark.slow
@pytest.mark.parametrize("settings", [
    {"skiplist_words": ["the"], "query_length": 20, "do_query_expansion": False},
    {"query_prefix": "[Q] ", "document_prefix": "[D] ", "prompts": {"query": "[Q] find: "}},
    {"query_expansion": None, "query_length": 9, "skiplist_words": []},
], ids=["without expansion", "a prefix of text", "expansion is null"])  # fmt: skip
@pytest.mark.parametrize("early", [False, True])
def test_pylate(
    early: bool, settings: dict[str, Any], checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    base = checkpoint("bert", "feature-extraction")
    check(pylate(tmp_path / "model", base, early=early, **settings), tmp_path / "out")


@pytest.mark.slow
@pytest.mark.parametrize(
    "metadata",
    [{}, {"query_maxlen": 20, "doc_maxlen": 48, "attend_to_mask_tokens": True},
     {"mask_punctuation": False, "query_token_id": "[unused1]", "doc_token_id": "[unused0]"}],
    ids=["as usual", "lengths", "punctuation"],
)  # fmt: skip
def test_stanford(
    metadata: dict[str, Any], checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    base = checkpoint("bert", "feature-extraction")
    check(stanford(tmp_path / "model", base, **metadata), tmp_path / "out")


@pytest.mark.slow
def test_a_transformer_in_a_folder_of_its_own(
    checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    """As releases before 3 saved it."""
    import json

    base = checkpoint("bert", "feature-extraction")
    folder = native(tmp_path / "model", base, query_expansion=FIXED)
    inner = folder / "0_Transformer"
    inner.mkdir()
    kept = ("modules.json", "config_sentence_transformers.json", "README.md")
    for file in [f for f in folder.iterdir() if f.is_file() and f.name not in kept]:
        file.rename(inner / file.name)
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["path"] = inner.name
    (folder / "modules.json").write_text(json.dumps(modules))
    check(folder, tmp_path / "out")


@pytest.mark.slow
def test_modules_beside_stanfords_class(checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    """The class in config.json says it where no file of sentence-transformers does."""
    from originals import edit

    base = checkpoint("bert", "feature-extraction")
    folder = native(tmp_path / "model", base, query_expansion=FIXED)
    edit(folder / "config.json", architectures=["HF_ColBERT"])
    edit(folder / "config_sentence_transformers.json", model_type=None)
    check(folder, tmp_path / "out")


def test_what_stanford_writes_is_fetched_from_a_hub() -> None:
    from huggingface_hub.utils import filter_repo_objects

    from edge_distil_export.checkpoints import checkpoint as finding

    names = ["artifact.metadata", "1_Dense/config.json", "2_MultiVectorMask/config.json"]
    found = filter_repo_objects(names, allow_patterns=list(finding._CONFIGURATION))
    assert list(found) == names
