"""Make tests/golden/cases anew: what `tiny` and `qa_expected.json` hold of other libraries,
and for calls that no other library has, what the Python runtime gives.

    .venv/bin/edge-distil export apps/models/minilm-l6-squad -o DIR
    .venv/bin/python tests/golden/make_cases.py DIR [NAME ...]

Where another library has an answer, the runtime must give it too, or nothing is written.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import golden_cases
import numpy as np
from golden_cases import CASES, EMBEDDED, HERE
from pair_cases import choices, chosen_labels, matched, ranks, values
from single_case import LIBRARY, LONG, MODEL2VEC, NAMES, OURS, PIPELINE, SPACED, case, truth

import edge_distil as ed

# Answers of the pipeline that are not wanted (tests/export/test_golden_qa.py says why).
DIFFERENT = {
    "context-shorter-than-top-k", "special-token-in-question", "question-limit-ignored",
    "long-128-100", "long-64-16", "long-impossible",
}  # fmt: skip


def labels(name: str) -> list[dict[str, Any]]:
    """Labels of texts and pairs."""
    known = truth(name)
    return [
        case("labels", known["texts"], known["labels"], PIPELINE, top_k=None),
        case("labels", known["pairs"], known["pair_labels"], PIPELINE, top_k=None),
        case("labels", [SPACED, LONG, *NAMES], top_k=2),
        *(case("labels", known["texts"], function_to_apply=f) for f in ("sigmoid", "none")),
        case("labels", [5]),
        case("labels", ["a"], top_k=0),
        case("labels", ["a"], function_to_apply="relu"),
        case("labels", ["\ud800"]),
    ]


def entities() -> list[dict[str, Any]]:
    """Entities by every strategy, of texts longer than the model too."""
    known = truth("token_classification")
    found = known["entities"]
    strategies = ("none", "simple", "first", "average", "max")
    return [
        *(
            case(
                "entities", known["texts"], [_entities(*pair) for pair in zip(
                    known["texts"], found[s], strict=True
                )], PIPELINE, aggregation_strategy=s, ignore_labels=["O"],
            )
            for s in strategies
        ),
        *(
            case("entities", [SPACED, LONG, *NAMES, ""], aggregation_strategy=s, ignore_labels=[])
            for s in strategies
        ),
        case("entities", ["a"], aggregation_strategy="most"),
    ]  # fmt: skip


def _entities(text: str, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "label": e.get("entity_group") or e["entity"], "score": e["score"],
            "text": text[e["start"] : e["end"]], "start": e["start"], "end": e["end"],
        }
        for e in found
    ]  # fmt: skip


def candidates() -> list[dict[str, Any]]:
    """Tokens for masks: the best ones, and chosen ones."""
    known = truth("fill_mask")
    theirs = (("candidates", {"top_k": 5}), ("target_candidates", {"targets": known["targets"]}))
    return [
        *(
            case(
                "candidates", known["texts"],
                [[[{"token": c["token_str"], "score": c["score"]} for c in f]] for f in known[key]],
                PIPELINE, **options,
            )
            for key, options in theirs
        ),
        case("candidates", [*known["texts"], "🙂 Ada [MASK] in [MASK] , [MASK]"], top_k=3),
        case("candidates", ["no mask"]),
        case("candidates", ["Ada [MASK]"], targets=["lighthouse"]),
        case("candidates", [f"{LONG} [MASK]"]),
    ]  # fmt: skip


def vectors() -> list[dict[str, Any]]:
    """Vectors, cut, scaled and quantized; queries, documents, similarity."""
    known = truth("embedding")
    texts = known["texts"]
    return [
        case("vectors", texts, known["vectors"], LIBRARY),
        case("query_vectors", texts, known["query_vectors"], LIBRARY),
        case(
            "vectors", texts, known["truncated"], LIBRARY,
            truncate_dim=6, normalize_embeddings=True,
        ),
        *(
            case("quantized", texts, rows, LIBRARY, precision=p, ranges=known["ranges"])
            for p, rows in known["quantized"].items()
        ),
        case("document_vectors", texts),
        case("vectors", [SPACED, LONG, *NAMES], prompt="storm : "),
        case("vectors", texts, batch_size=2),
        case("similarity", texts),
        *(case("vectors", texts[:1], precision=p) for p in ("binary", "ubinary", "int8")),
        case("vectors", [], precision="ubinary"),
        case("vectors", texts, prompt_name="poem"),
        case("vectors", ["a", None]),
        case("vectors", texts, truncate_dim=0),
    ]  # fmt: skip


def static_vectors() -> list[dict[str, Any]]:
    """Vectors of a table: of no token, of unknown ones, of a text longer than any model reads."""
    known = truth("static_embedding")
    texts = known["texts"]
    return [
        case("vectors", texts, known["vectors"], MODEL2VEC),
        case("vectors", [SPACED, LONG, *NAMES]),
        case("vectors", texts, batch_size=2, truncate_dim=6, normalize_embeddings=True),
        case("similarity", texts),
    ]


def weights() -> list[dict[str, Any]]:
    """Weights of tokens, the greatest alone, tokens by name, products of vectors."""
    known = truth("sparse_embedding")
    texts = known["texts"]

    def rows(name: str) -> list[dict[str, float]]:
        return [{str(i): w for i, w in enumerate(row) if w} for row in known[name]]

    products = np.array(known["similarity"])  # dot; the file's manifest says cosine
    cosines = products / np.sqrt(np.outer(np.diag(products), np.diag(products)))
    tokens = [[{"token": t, "weight": w} for t, w in row] for row in known["tokens"]]
    return [
        case("sparse", texts, rows("weights"), LIBRARY),
        case("sparse", texts, rows("query_weights"), LIBRARY, side="query"),
        case("sparse", texts, rows("greatest"), LIBRARY, max_active_dims=6),
        case("tokens", texts, tokens, LIBRARY, top_k=6),
        case("similarity", texts, cosines[:, :2].tolist(), LIBRARY),
        case("sparse", [SPACED, LONG, *NAMES], prompt="storm : ", batch_size=2),
        case("sparse", texts, side="document"),
        case("sparse", []),
        case("sparse", ["a", None]),
        case("sparse", ["\ud800"]),
        case("sparse", texts, prompt_name="poem"),
        case("sparse", texts, max_active_dims=0),
        case("tokens", texts, top_k=0),
    ]


def pooled(task: ed.Embedding, mode: str) -> list[dict[str, Any]]:
    """Vectors of the pooling that leaves the prompt out, by the library's own module."""
    import torch  # seconds, which the other files need not wait for
    from sentence_transformers.sentence_transformer.modules import Pooling

    def pool(states: Any) -> list[float]:
        features = {
            "token_embeddings": torch.from_numpy(states)[None],
            "attention_mask": torch.ones(1, len(states), dtype=torch.int64),
            "prompt_length": task.encoder.tokenizer.prompt_length(prompt),
        }
        row: list[float] = module(features)["sentence_embedding"][0].tolist()
        return row

    texts = [text for text in truth("embedding")["texts"] if text]
    prompt = dict(task.bundle.manifest.pooling.prompts)["query"]  # type: ignore[union-attr]
    hidden = task.hidden_states([prompt + text for text in texts])
    module = Pooling(16, pooling_mode=tuple(mode.split("+")), include_prompt=False)
    return [case("query_vectors", texts, [pool(states) for states in hidden], LIBRARY)]


def answers() -> list[dict[str, Any]]:
    """Answers of the embedded checkpoint to the cases that the pipeline answered."""
    asked = json.loads((HERE / "qa_cases.json").read_text(encoding="utf-8"))
    found = json.loads((HERE / "qa_expected.json").read_text(encoding="utf-8"))["results"]
    theirs = {result["id"]: result["answers"] for result in found}
    return [
        case(
            "answers", [[c["question"], c["context"]]],
            None if c["id"] in DIFFERENT else [[
                {"text": a["answer"], "score": a["score"], "start": a["start"], "end": a["end"]}
                for a in theirs[c["id"]]
            ]],
            OURS if c["id"] in DIFFERENT else PIPELINE, **c["params"],
        )
        for c in asked
    ]  # fmt: skip


def spans() -> list[dict[str, Any]]:
    """Answers of random weights: windows, ties, odd texts and parameters."""
    pairs = [
        ["Who lives in London?", LONG],
        ["🙂 What?", SPACED],
        ["Who?", "storm"],
        ["Où?", NAMES[2]],
    ]
    return [
        case("answers", pairs, top_k=9),
        case("answers", pairs, top_k=3, handle_impossible_answer=True, max_answer_len=2),
        case("answers", pairs, top_k=5, align_to_words=False),
        case("answers", pairs, max_seq_len=24, doc_stride=4, max_question_len=3, top_k=4),
        case("answers", [["Who?", " "]]),
        case("answers", [["Who?"]]),
        case("answers", pairs, max_seq_len=12, doc_stride=11),
        case("answers", pairs, doc_stride=500),
    ]


FILES: dict[str, dict[str, Any]] = {
    "text_classification": {"cases": labels("text_classification")},
    "multi_label": {"cases": labels("multi_label")},
    "late_interaction": {"cases": matched()},
    "ranking": {"task": "reranking", "cases": ranks()},
    "regression": {
        "bundle": "ranking",
        "manifest": {"problem_type": "regression", "function_to_apply": None},
        "cases": values(),
    },
    "nli": {"task": "zero-shot-classification", "cases": chosen_labels()},
    "multiple_choice": {"cases": choices()},
    "token_classification": {"cases": entities()},
    "token_classification_bioes": {
        "bundle": "token_classification",
        "manifest": {"labels": ["O", "B-PER", "I-PER", "E-PER", "S-PER"]},
        "cases": [c for c in entities() if c["oracle"] == OURS],
    },
    "fill_mask": {"cases": candidates()},
    "embedding": {"cases": vectors()},
    "sparse_embedding": {
        "manifest": {"pooling": {"similarity": "cosine"}},
        "cases": weights(),
    },
    "static_embedding": {"cases": static_vectors()},
    "question_answering": {"cases": spans()},
    EMBEDDED: {"cases": answers()},
}
MODES = ("mean", "max", "cls", "lasttoken", "weightedmean", "mean_sqrt_len_tokens", "cls+mean")


def main(embedded: Path, names: list[str]) -> None:
    """Write every file, or those of the names, after the runtime gave what other libraries do."""
    files = dict(FILES)
    for mode in MODES:
        changes = {"pooling": {"mode": mode, "normalize": False, "include_prompt": False}}
        files[f"pooling_{mode}"] = {"bundle": "embedding", "manifest": changes}
    for name, content in files.items():
        if names and name not in names:
            continue
        file = {"bundle": name, "variant": "fp32", "manifest": {}, **content}
        with tempfile.TemporaryDirectory() as folder:
            bundle = golden_cases.prepare(file, Path(folder, "bundle"), embedded)
            if "cases" not in file:
                file["cases"] = pooled(
                    ed.Embedding.load(bundle), file["manifest"]["pooling"]["mode"]
                )
            for made, given in zip(golden_cases.run_file(file, bundle), file["cases"], strict=True):
                if given["expected"] is None:
                    given["expected"] = made
                wrong = golden_cases.differences(made, given["expected"])
                assert not wrong, (name, given["call"], given["options"], wrong[:3])
        text = json.dumps(file, ensure_ascii=True, separators=(",", ":"), default=np.ndarray.tolist)
        place = CASES / "pooling" if name.startswith("pooling_") else CASES
        place.joinpath(f"{name}.json").write_text(
            text.replace('{"call"', '\n{"call"') + "\n", "utf-8"
        )
        print(name, len(file["cases"]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
