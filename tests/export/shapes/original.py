"""What a checkpoint's own library answers, loaded and called as its users do."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import torch
import transformers

import edge_distil as ed

TEXT = "Où est le café? The quick brown fox jumps, <e1> Zz and <e2>, over Paris."
LONG = " ".join(f"{i} {word}" for i in range(9) for word in ("Ada lived in London.", "The dog."))
QUESTION = "Who?"


def compare(folder: Path, output: Path, task: str) -> tuple[str, float]:
    """Ask both sides; return who the original was and the largest difference."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded: Any = ed.load(output)
        if task == "sentence-similarity":
            return "SentenceTransformer", _vectors(folder, loaded)
        if task == "sparse-embedding":
            return "SparseEncoder", _weights(folder, loaded)
        if (folder / "model_head.pkl").is_file():
            return "SentenceTransformer and scikit-learn", _head(folder, loaded)
        if loaded.bundle.manifest.function_to_apply is not None:
            return "CrossEncoder", _scores(folder, loaded)
        return _PIPELINES[task](folder, loaded)


def _vectors(folder: Path, loaded: Any) -> float:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    texts = [TEXT, LONG, ""]
    expected = np.stack([model.encode(text, show_progress_bar=False) for text in texts])
    return _largest(loaded.encode(texts), expected)


def _weights(folder: Path, loaded: Any) -> float:
    from sentence_transformers import SparseEncoder

    model = SparseEncoder(str(folder), device="cpu", local_files_only=True)
    texts = [TEXT, LONG, ""]
    expected = np.stack([model.encode(text, show_progress_bar=False).to_dense() for text in texts])
    return _largest(loaded.encode(texts).dense(), expected)


def _head(folder: Path, loaded: Any) -> float:
    """SetFit's probabilities: the vectors of one library, the head of the other."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    vectors = model.encode([TEXT, LONG], show_progress_bar=False)
    expected = joblib.load(folder / "model_head.pkl").predict_proba(vectors)
    found = [dict(loaded(text, top_k=None)) for text in (TEXT, LONG)]
    return _largest([[scores[name] for name in "abc"] for scores in found], expected)


def _scores(folder: Path, loaded: Any) -> float:
    from sentence_transformers import CrossEncoder

    model = CrossEncoder(str(folder), device="cpu", local_files_only=True)
    labels = loaded.bundle.manifest.labels
    found = []
    for pair in _pairs():
        scores = dict(loaded(*pair, top_k=None))
        found.append([scores[label] for label in labels])
    return _largest(found, model.predict(_pairs(), show_progress_bar=False).reshape(3, -1))


def _pairs() -> list[tuple[str, str]]:
    return [("the dog", TEXT), (TEXT, "sleeps"), ("the dog", LONG)]


def _pipeline(task: str, folder: Path, **options: Any) -> Any:
    """The pipeline, computing in float32 whatever the weights are stored in, as a bundle does."""
    pipe = transformers.pipeline(task, str(folder), device="cpu", **options)
    pipe.model.float()
    return pipe


def _classes(folder: Path, loaded: Any) -> tuple[str, float]:
    """The pipeline's scores of single texts and of a pair."""
    pipe = _pipeline("text-classification", folder)
    names = pipe.model.config.id2label  # the pipeline fails at a gap, which has a usual name
    names |= {i: f"LABEL_{i}" for i in range(pipe.model.config.num_labels) if i not in names}
    differences = []
    options = {"top_k": None, "truncation": True, "max_length": loaded.bundle.manifest.max_length}
    for text, pair in ((TEXT, None), (LONG, None), ("the dog", TEXT)):
        given = {"text": text, "text_pair": pair} if pair else text
        expected = pipe(given, **options)
        found = loaded(text, pair, top_k=None) if pair else loaded(text, top_k=None)
        assert sorted(x.label for x in found) == sorted(x["label"] for x in expected)
        ordered = sorted(expected, key=lambda x: (x["label"], x["score"]))
        differences.append(
            _largest([x.score for x in sorted(found)], [x["score"] for x in ordered])
        )
    return "TextClassificationPipeline", max(differences)


def _tags(folder: Path, loaded: Any) -> tuple[str, float]:
    """The pipeline's tokens, but for spaces: by byte-level tokenizers its spans begin on them."""
    pipe = _pipeline("token-classification", folder, ignore_labels=[])
    expected = [x for x in pipe(TEXT) if TEXT[x["start"] : x["end"]].strip()]
    found = loaded(TEXT, aggregation_strategy="none", ignore_labels=())
    assert [(x.label, x.text, x.end) for x in found] == [
        (x["entity"], TEXT[x["start"] : x["end"]].lstrip(), x["end"]) for x in expected
    ]
    scores = [x["score"] for x in expected]
    return "TokenClassificationPipeline", _largest([x.score for x in found], scores)


def _masks(folder: Path, loaded: Any) -> tuple[str, float]:
    pipe = _pipeline("fill-mask", folder)
    text = f"Paris is the {pipe.tokenizer.mask_token} of France."
    expected, found = pipe(text, top_k=8), loaded(text, top_k=8)
    assert [x.token.strip() for x in found] == [x["token_str"].strip() for x in expected]
    return "FillMaskPipeline", _largest([x.score for x in found], [x["score"] for x in expected])


def _states(folder: Path, loaded: Any) -> tuple[str, float]:
    pipe = _pipeline("feature-extraction", folder)
    return "FeatureExtractionPipeline", _largest(loaded.hidden_states([TEXT])[0], pipe(TEXT)[0])


def _answers(folder: Path, loaded: Any) -> tuple[str, float]:
    """The best span by the model's own logits; transformers 5 no longer has a pipeline.

    A context beyond the tokenizer's limit is read in windows, as that pipeline did.
    """
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForQuestionAnswering.from_pretrained(folder).eval()
    length = min(tokenizer.model_max_length, loaded.bundle.manifest.max_length)
    encoded = tokenizer(
        QUESTION, TEXT, truncation="only_second", max_length=length, stride=length // 2,
        return_overflowing_tokens=True,
    )  # fmt: skip
    score, start, end = max(
        _best(model, tokenizer, encoded, i) for i in range(len(encoded["input_ids"]))
    )
    found = loaded(QUESTION, TEXT, align_to_words=False)
    assert (found.start, found.end) == (start, end)
    return "AutoModelForQuestionAnswering", abs(found.score - score)


def _best(model: Any, tokenizer: Any, encoded: Any, window: int) -> tuple[float, int, int]:
    names = [name for name in tokenizer.model_input_names if name in encoded]
    feeds = {name: torch.tensor([encoded[name][window]]) for name in names}
    with torch.inference_mode():
        logits = model(**feeds)
    inside = torch.tensor([s == 1 for s in encoded.sequence_ids(window)])
    allowed = inside | (feeds["input_ids"][0] == tokenizer.cls_token_id)
    starts, ends = (
        out[0].masked_fill(~allowed, -1e4).softmax(-1).masked_fill(~inside, 0)
        for out in (logits.start_logits, logits.end_logits)
    )
    scores = (starts[:, None] * ends).triu().tril(14)
    first, last = divmod(int(scores.argmax()), len(ends))
    spans = [encoded.token_to_chars(window, token) for token in (first, last)]
    return float(scores.max()), spans[0].start, spans[1].end


def _largest(found: Any, expected: Any) -> float:
    assert np.shape(found) == np.shape(expected)
    return float(np.abs(np.subtract(found, expected)).max())


_PIPELINES = {
    "feature-extraction": _states,
    "fill-mask": _masks,
    "question-answering": _answers,
    "text-classification": _classes,
    "token-classification": _tags,
}
