"""SQuAD exact match and F1 by the rules of the official scorers, versions 1.1 and 2.0.

Source: Rajpurkar et al. 2016 (arXiv:1606.05250) and 2018 (arXiv:1806.03822), with the scripts
``evaluate-v1.1.py`` and ``evaluate-v2.0.py`` that were published with them.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from edge_distil.errors import InputError
from edge_distil.evaluate.squad_file import SquadExample, SquadSet, read_squad

__all__ = [
    "SquadExample",
    "SquadScore",
    "SquadSet",
    "exact_match",
    "f1",
    "normalize",
    "read_squad",
    "score",
]

# Characters of string.punctuation only, as the scorers do: “ ” € and the like stay.
_DROP_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


@dataclass(frozen=True)
class SquadScore:
    """Scores in percent.

    Attributes:
        exact: Share of predictions equal to an answer, after normalisation.
        f1: Mean overlap of tokens with the nearest answer.
        total: Number of questions.
        has_answer_exact: `exact` of the questions that have answers; ``None`` if there are none.
        has_answer_f1: `f1` of these.
        has_answer_total: Their number.
        no_answer_exact: `exact` of the questions without (their F1 is the same).
        no_answer_total: Their number.
        best_exact: `exact` at the best no-answer threshold, where no-answer scores were given.
        best_exact_threshold: That threshold: questions with a higher score count as refused.
        best_f1: `f1` at its best threshold.
        best_f1_threshold: That threshold.
    """

    exact: float
    f1: float
    total: int
    has_answer_exact: float | None
    has_answer_f1: float | None
    has_answer_total: int
    no_answer_exact: float | None
    no_answer_total: int
    best_exact: float | None = None
    best_exact_threshold: float | None = None
    best_f1: float | None = None
    best_f1_threshold: float | None = None


def normalize(text: str) -> str:
    """Lower, then drop ASCII punctuation, articles and extra white space, in that order.

    >>> normalize("The  U.S. Army's “Theatre” A-1")
    'us armys “theatre” a1'
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_DROP_PUNCTUATION)).split())


def exact_match(prediction: str, answer: str) -> float:
    """Return 1.0 where both texts normalise to the same.

    >>> exact_match("the Cat!", "cat")
    1.0
    """
    return float(normalize(prediction) == normalize(answer))


def f1(prediction: str, answer: str, version: str = "2.0") -> float:
    """Harmonic mean of the shares of tokens in common, each as often as it occurs in both.

    Two texts without tokens score 1 in version 2.0 and 0 in version 1.1.

    >>> f1("to be to be", "not to be")  # 2 in common, of 4 predicted and of 3 expected
    0.5714285714285714
    """
    predicted, expected = normalize(prediction).split(), normalize(answer).split()
    if version == "2.0" and not (predicted and expected):
        return float(predicted == expected)
    common = (Counter(predicted) & Counter(expected)).total()
    return 2 * common / (len(predicted) + len(expected)) if common else 0.0


def score(
    predictions: Mapping[str, str],
    squad: SquadSet,
    na_scores: Mapping[str, float] | None = None,
) -> SquadScore:
    """Score predictions by the rules of the set's version.

    Args:
        predictions: Question id -> text; empty means "no answer". A question that is absent
            scores 0, as in version 1.1 (the scorer of 2.0 has no rule for it).
        squad: The questions.
        na_scores: Question id -> how likely it has no answer, for the `best_` scores.

    Raises:
        InputError: No questions, or `na_scores` lacks one of them.

    >>> cats = SquadExample("1", "Who sat?", "The cat sat.", ("The cat", "cat"))
    >>> dogs = SquadExample("2", "Who barked?", "The cat sat.", ())
    >>> result = score({"1": "black cat", "2": ""}, SquadSet("2.0", (cats, dogs)))
    >>> result.exact, round(result.f1, 2), result.has_answer_exact, result.no_answer_exact
    (50.0, 83.33, 0.0, 100.0)
    """
    if not squad.examples:
        raise InputError("no questions to score: give at least one example")
    exacts = _scores(predictions, squad, exact_match)
    f1s = _scores(predictions, squad, partial(f1, version=squad.version))
    answerable = [e.id for e in squad.examples if e.answers]
    refusable = [e.id for e in squad.examples if not e.answers]
    best: dict[str, float] = {}
    if na_scores is not None:
        for name, scores in (("exact", exacts), ("f1", f1s)):
            value, threshold = _best_threshold(predictions, squad.examples, scores, na_scores)
            best |= {f"best_{name}": value, f"best_{name}_threshold": threshold}
    return SquadScore(
        exact=100.0 * sum(exacts.values()) / len(exacts),
        f1=100.0 * sum(f1s.values()) / len(f1s),
        total=len(exacts),
        has_answer_exact=_percent(exacts, answerable),
        has_answer_f1=_percent(f1s, answerable),
        has_answer_total=len(answerable),
        no_answer_exact=_percent(exacts, refusable),
        no_answer_total=len(refusable),
        **best,
    )


def _scores(
    predictions: Mapping[str, str], squad: SquadSet, metric: Callable[[str, str], float]
) -> dict[str, float]:
    return {
        e.id: max(metric(predictions[e.id], answer) for answer in _accepted(e, squad.version))
        if e.id in predictions
        else 0.0
        for e in squad.examples
    }


def _accepted(example: SquadExample, version: str) -> Sequence[str]:
    """Version 2.0 leaves out answers that normalise to nothing; none left means ""."""
    if version == "1.1":
        return example.answers
    return [answer for answer in example.answers if normalize(answer)] or [""]


def _percent(scores: Mapping[str, float], ids: Sequence[str]) -> float | None:
    return 100.0 * sum(scores[i] for i in ids) / len(ids) if ids else None


def _best_threshold(
    predictions: Mapping[str, str],
    examples: Sequence[SquadExample],
    scores: Mapping[str, float],
    na_scores: Mapping[str, float],
) -> tuple[float, float]:
    """Sweep the threshold as the official scorer does, from "refuse all" upwards."""
    missing = scores.keys() - na_scores.keys()
    if missing:
        raise InputError(
            f"na_scores lacks {len(missing)} of {len(scores)} questions ({min(missing)!r}, ...): "
            "give one score for each question"
        )
    has_answer = {e.id: bool(e.answers) for e in examples}
    current = best = float(sum(not has for has in has_answer.values()))
    threshold = 0.0
    for question in sorted((q for q in na_scores if q in scores), key=na_scores.__getitem__):
        if has_answer[question]:
            current += scores[question]
        elif predictions.get(question) != "":
            current -= 1.0
        if current > best:
            best, threshold = current, na_scores[question]
    return 100.0 * best / len(scores), threshold
