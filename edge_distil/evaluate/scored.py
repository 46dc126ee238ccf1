"""Models that give a text, or a pair of texts, one number: how well it follows people's scores.

Cross-encoders of similarity and regressions. The measure is Spearman's rank correlation, with
Pearson's beside it, as ``CrossEncoderCorrelationEvaluator`` of sentence-transformers takes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_distil.evaluate.files import column_names, read_table
from edge_distil.evaluate.sts import read_pairs, score_of
from edge_distil.manifest import Manifest


@dataclass(frozen=True)
class ScoredText:
    """A text, or a pair of them, and the score that people gave it."""

    text: str | tuple[str, str]
    score: float


def gives_one_score(manifest: Manifest) -> bool:
    """Say whether a bundle gives a text one number, and no labels to choose from."""
    return manifest.task == "text-classification" and len(manifest.labels) == 1


def read_scored(path: str | Path) -> list[ScoredText]:
    """Read ``sentence1``, ``sentence2``, ``score`` or ``text``, ``score``.

    A column ``text_pair`` makes pairs of the texts. Without a header the file has the first three.

    Raises:
        DataError: The file cannot be read, or a row has a score that is not a number.
    """
    if "text" not in column_names(Path(path)):
        return [ScoredText((pair.first, pair.second), pair.score) for pair in read_pairs(path)]
    rows = read_table(path, ("text", "score"), optional=("text_pair",))
    return [ScoredText(row.text_or_pair(), score_of(row)) for row in rows]
