"""Files -> examples, for each task."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edge_distil._tokenizing.rows import Row
from edge_distil._tokenizing.tokenizer import Tokenizer
from edge_distil.errors import DataError
from edge_distil.manifest import Manifest
from edge_distil_distil.data.examples import Examples
from edge_distil_distil.data.labelled import labelled_examples, tagged_examples
from edge_distil_distil.data.squad import squad_examples
from edge_distil_distil.data.texts import read_texts

_SHORTEST = 12  # tokens; the published preparation leaves shorter texts out of pre-training
_UNLABELLED = (".txt", ".parquet")


def read_examples(paths: Sequence[Path], manifest: Manifest, tokenizer: Tokenizer) -> Examples:
    """Read the files that a task learns from.

    Args:
        paths: The files.
        manifest: Says the task and its labels.
        tokenizer: The student's.

    Raises:
        DataError: A file cannot be read, or there is nothing in it.
    """
    task = manifest.task
    if task == "question-answering":
        return squad_examples(paths, tokenizer)
    if task == "fill-mask":
        return _windows(read_texts(paths), tokenizer)
    if task == "token-classification":
        return tagged_examples(paths, tokenizer, manifest.labels)
    if task == "text-classification" and not all(p.suffix in _UNLABELLED for p in paths):
        many = manifest.problem_type == "multi_label_classification"
        return labelled_examples(paths, tokenizer, manifest.labels, many=many)
    texts = read_texts(paths)
    encoded = tokenizer.encode(texts, offsets=False)
    return Examples([Row.of(encoding) for encoding in encoded], texts)


def _windows(texts: Sequence[str], tokenizer: Tokenizer) -> Examples:
    """Cut texts into windows that do not overlap."""
    windows = (window for text in texts for window in tokenizer.windows(text, 0))
    rows = [Row.of(window) for window in windows if len(window) >= _SHORTEST]
    if not rows:
        raise DataError(
            f"the data has no text of {_SHORTEST} tokens or more, expected some: give longer texts"
        )
    return Examples(rows)
