"""Questions with the places of their answers, as windows over long contexts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Encoding

from edge_distil._tokenizing.rows import Row
from edge_distil._tokenizing.tokenizer import Tokenizer
from edge_distil.errors import DataError
from edge_distil.evaluate.files import read_json
from edge_distil.evaluate.squad_file import read_squad
from edge_distil_distil.data.examples import Examples

# The runtime's own for an answer; a window of a shorter model is its maximum.
_WINDOW, _STRIDE, _QUESTION = 384, 128, 64
_NOWHERE = 0  # the first token, the classification token's: a window without the answer


def squad_examples(paths: Iterable[Path], tokenizer: Tokenizer) -> Examples:
    """Read SQuAD files (v1.1, v2.0) into windows, cut as the runtime cuts them.

    The first answer of a question is its label, as in the published training script.

    Raises:
        DataError: A file cannot be read, or an answer is not where it says.
    """
    rows: list[Row] = []
    places: list[tuple[int, int]] = []
    length = min(_WINDOW, tokenizer.max_length)
    for path in paths:
        for question, context, answer in _answered(path):
            for window in tokenizer.pair_windows(
                question, context, max_length=length,
                stride=min(_STRIDE, length // 2), max_first=min(_QUESTION, length // 4),
            ):  # fmt: skip
                rows.append(Row.of(window))
                places.append(_place(window, answer))
    starts, ends = np.array(places, np.int64).T
    return Examples(rows, row_targets={"starts": starts, "ends": ends})


def _answered(path: Path) -> Iterator[tuple[str, str, tuple[int, int] | None]]:
    """Yield question, context and where in it the first answer stands."""
    read_squad(path)  # says what is wrong with the file
    for article in read_json(path, "SQuAD's (v1.1 or v2.0)")["data"]:
        for paragraph in article["paragraphs"]:
            for question in paragraph["qas"]:
                answer = next(iter(question["answers"]), None)
                context = paragraph["context"]
                yield question["question"], context, _span(path, context, question["id"], answer)


def _span(path: Path, context: str, name: str, answer: Any) -> tuple[int, int] | None:
    if answer is None:
        return None
    start, text = answer.get("answer_start"), answer["text"]
    if not isinstance(start, int) or context[start : start + len(text)] != text:
        raise DataError(
            f"{path}, question {name!r}: the answer {text[:40]!r} is not at character {start} of "
            "its context, expected answer_start to say where it begins: correct it"
        )
    return start, start + len(text)


def _place(window: Encoding, answer: tuple[int, int] | None) -> tuple[int, int]:
    """Return the first and last token of an answer, `_NOWHERE` where it is not whole in here."""
    if answer is None:
        return _NOWHERE, _NOWHERE
    inside = [
        index
        for index, ((start, end), text) in enumerate(
            zip(window.offsets, window.sequence_ids, strict=True)
        )
        if text == 1 and end > answer[0] and start < answer[1]
    ]
    if not inside:
        return _NOWHERE, _NOWHERE
    first, last = inside[0], inside[-1]
    if window.offsets[first][0] > answer[0] or window.offsets[last][1] < answer[1]:
        return _NOWHERE, _NOWHERE
    return first, last
