"""Cases of tasks that read two texts together: a query and a passage, a prompt and a choice."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from single_case import LIBRARY, LONG, NAMES, PIPELINE, SPACED, case, truth


def ranks() -> list[dict[str, Any]]:
    """Passages in order, and scores of pairs, by every function."""
    known = truth("ranking")
    query, passages = known["query"], known["passages"]
    pairs = [[query, passage] for passage in passages]
    return [
        case("ranked", [query, passages], known["ranked"], LIBRARY),
        case("ranked", [query, passages], known["ranked"][:3], LIBRARY, top_k=3),
        case("scores", pairs, scored(known["scores"]), LIBRARY),
        case("scores", pairs, scored(known["logits"]), LIBRARY, function_to_apply="none"),
        case("scores", [[LONG, SPACED], [SPACED, LONG], [LONG, LONG], *pairwise(NAMES)]),
        case("scores", pairs, batch_size=2),
        case("scores", []),
        case("ranked", [query, []]),
        case("ranked", [query, "storm"]),
        case("ranked", [None, passages]),
        case("ranked", [query, ["storm", "\ud800"]]),
        case("ranked", [query, passages], top_k=0),
        case("scores", ["storm"]),
        case("scores", pairs, function_to_apply="relu"),
    ]


def matched() -> list[dict[str, Any]]:
    """A vector a token: of queries that are filled up, of documents, and how they match."""
    known = truth("late_interaction")
    texts, scores = known["texts"], known["scores"][0]
    order = sorted(range(len(texts)), key=lambda index: -scores[index])
    rows = [{"index": i, "score": scores[i], "text": texts[i]} for i in order]
    odd = [SPACED, LONG, *NAMES, "[MASK] [SEP]"]
    return [
        case("query_tokens", texts, known["queries"], LIBRARY),
        case("document_tokens", texts, known["documents"], LIBRARY),
        case("matched", [texts[0], texts], rows, LIBRARY),
        case("matched", [texts[0], texts], rows[:2], LIBRARY, top_k=2),
        case("query_tokens", odd, batch_size=2),
        case("document_tokens", odd),
        case("query_tokens", []),
        case("matched", [texts[0], []]),
        case("document_tokens", ["a", None]),
        case("matched", [None, texts]),
        case("matched", [texts[0], texts], top_k=0),
        case("query_tokens", ["\ud800"]),
    ]


def values() -> list[dict[str, Any]]:
    """The raw value of a pair, which a regression gives."""
    known = truth("ranking")
    pairs = [[known["query"], passage] for passage in known["passages"]]
    rows = [[{"label": "LABEL_0", "score": value}] for value in known["logits"]]
    return [
        case("labels", pairs, rows, LIBRARY),
        case("labels", pairs, rows, LIBRARY, top_k=None),
    ]


def scored(scores: list[float]) -> list[dict[str, float]]:
    """Scores as labels have them, to which their tolerance applies."""
    return [{"score": score} for score in scores]


def chosen_labels() -> list[dict[str, Any]]:
    """Labels that are chosen at run time, of texts that are cut and hypotheses that are not."""
    known = truth("nli")
    texts, labels, template = (
        known[name] for name in ("texts", "candidate_labels", "hypothesis_template")
    )
    return [
        case("chosen_labels", [texts, labels], known["labels"], PIPELINE),
        case("chosen_labels", [texts, labels], known["multi_label"], PIPELINE, multi_label=True),
        case(
            "chosen_labels", [texts, ", ".join(labels)], known["templated"], PIPELINE,
            hypothesis_template=template,
        ),
        case("chosen_labels", [[SPACED, LONG, *NAMES], "storm"]),
        case("chosen_labels", [[LONG], [" ".join(["sea"] * 40), "storm"]], multi_label=True),
        case("chosen_labels", [[], labels]),
        case("chosen_labels", [texts, []]),
        case("chosen_labels", [texts, " , "]),
        case("chosen_labels", [["storm", ""], labels]),
        case("chosen_labels", [texts, [*labels, LONG]]),
        case("chosen_labels", [texts, labels], hypothesis_template="no place"),
        case("chosen_labels", [texts, labels], hypothesis_template="{} {"),
        case("chosen_labels", [texts, labels], multi_label=1),
    ]  # fmt: skip


def choices() -> list[dict[str, Any]]:
    """Choices of prompts, as many as each has."""
    known = truth("multiple_choice")
    questions = known["questions"]
    rows = [
        sorted(
            (
                {"index": n, "score": score, "text": text}
                for n, (text, score) in enumerate(zip(texts, scores, strict=True))
            ),
            key=lambda row: -row["score"],
        )
        for (_, texts), scores in zip(questions, known["probabilities"], strict=True)
    ]
    return [
        case("choices", questions, rows, PIPELINE),
        case("choices", questions, [row[:1] for row in rows], PIPELINE, top_k=1),
        case("choices", [{"prompt": p, "choices": c} for p, c in questions], rows, PIPELINE),
        case("choices", [[LONG, [LONG, SPACED]], [SPACED, [*NAMES, *NAMES]]]),
        case("choices", []),
        case("choices", [["storm", []]]),
        case("choices", [["storm", "sea"]]),
        case("choices", [["storm"]]),
        case("choices", [["storm", ["sea", None]]]),
        case("choices", [["\ud800", ["sea"]]]),
        case("choices", questions, top_k=0),
    ]
