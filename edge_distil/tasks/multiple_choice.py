"""Multiple choice: which of some texts goes best with a prompt.

Source: ``AutoModelForMultipleChoice`` of transformers 5, called as its documentation does. Each
choice is the second text of a pair whose first is the prompt, a pair that is too long loses of its
longer text first, and one softmax goes over the logits of a prompt's choices.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, ClassVar, NamedTuple

import numpy as np

from edge_distil import calls
from edge_distil._tokenizing.reading import naming
from edge_distil.errors import InputError
from edge_distil.pooling import Floats, softmax
from edge_distil.streaming import is_long
from edge_distil.tasks import logits
from edge_distil.tasks.base import Task, only

# A prompt with its choices, as a tuple or with these keys.
Question = tuple[str, Iterable[str]] | Mapping[str, Any]
_KEYS = ("prompt", "choices")
_Checked = tuple[str, list[str]]


class Choice(NamedTuple):
    """A choice: its place among those given, its probability, and its text."""

    index: int  # type: ignore[assignment]  # in place of the tuple's own method
    score: float
    text: str


class MultipleChoice(Task):
    """Says which of some texts goes best with a prompt.

    >>> import edge_distil as ed
    >>> chooser = ed.load("swag/")  # doctest: +SKIP
    >>> chooser("She opens the umbrella, for", ["it rains.", "it sings."])  # doctest: +SKIP
    [Choice(index=0, score=0.97, text='it rains.'), Choice(index=1, score=0.03, text='it sings.')]
    """

    names: ClassVar[tuple[str, ...]] = ("multiple-choice",)

    def __call__(
        self, prompt: str, choices: Iterable[str], *, top_k: int | None = None
    ) -> list[Choice]:
        """Choose for one prompt; for the options see `batch`."""
        rows = [self._question((prompt, choices), "")]
        return only(self._stream(rows, top_k, None, name=_alone, known=True))

    def batch(
        self,
        questions: Iterable[Question],
        *,
        top_k: int | None = None,
        batch_size: int | None = None,
    ) -> list[list[Choice]]:
        """Choose for many prompts.

        Args:
            questions: Prompts with their choices, of each as many as it has: tuples, or dicts with
                the keys "prompt" and "choices". A prompt takes as many runs of the model.
            top_k: Return the best so many choices of each, all when ``None``.
            batch_size: At most so many pairs of a prompt and a choice a batch; by default as many
                as are fast.

        Returns:
            For each prompt its choices, the most probable first, of equal ones the earlier; the
            scores of all its choices add up to 1.

        Raises:
            InputError: Something is not a text, a prompt has no choice, or `top_k` is below 1.
            OutputError: What the model gives is not finite.
        """
        rows = list(self._checked(questions))
        long = is_long(sum(len(prompt) * len(some) + sum(map(len, some)) for prompt, some in rows))
        return list(self._stream(rows, top_k, batch_size, known=True, long=long))

    def stream(
        self,
        questions: Iterable[Question],
        *,
        top_k: int | None = None,
        batch_size: int | None = None,
    ) -> Iterator[list[Choice]]:
        """Choose for a stream of prompts of any length, in order; see `batch`.

        At most 1,024 pairs of a prompt and a choice are read ahead, at first 8.
        """
        return self._stream(self._checked(questions), top_k, batch_size)

    def _checked(self, questions: Iterable[Any]) -> Iterator[_Checked]:
        given = calls.many(questions, "questions")
        return (self._question(value, f"prompt {number}") for number, value in enumerate(given))

    def _question(self, value: Any, where: str) -> _Checked:
        """Check a prompt and its choices.

        Args:
            value: Both.
            where: What it is called in a message: ``"prompt 3"``; nothing, where it is alone.
        """
        prompt, given = calls.two(value, _KEYS, f"{where} ")
        name, each = where or "prompt", f"{where}: " if where else ""
        calls.text(prompt, name)
        with naming(f"{name}: "):  # else the error would be that of its first choice
            self.encoder.tokenizer.encode([prompt])
        with naming(each):
            texts = enumerate(calls.many(given, "choices"))
        choices = [calls.text(choice, f"{each}choice {place}") for place, choice in texts]
        if not choices:
            raise InputError(f"{each}choices holds no text, expected at least one: give it")
        return prompt, choices

    def _stream(
        self,
        questions: Iterable[_Checked],
        top_k: int | None,
        batch_size: int | None,
        *,
        name: Callable[[int, int], str] = "prompt {}, choice {}: ".format,
        known: bool = False,
        long: bool = False,
    ) -> Iterator[list[Choice]]:
        calls.whole_or_none(1, top_k=top_k, batch_size=batch_size)
        kept: deque[list[str]] = deque()  # read, and not chosen from yet
        places: dict[int, tuple[int, int]] = {}  # row -> its prompt and choice

        def pairs() -> Iterator[tuple[str, str]]:
            row = 0
            for number, (prompt, choices) in enumerate(questions):
                kept.append(choices)
                for place, choice in enumerate(choices):
                    places[row] = number, place
                    row += 1
                    yield prompt, choice

        said = logits.read(
            self.encoder,
            pairs(),
            lambda found: found[0],
            known=known,
            item=lambda row: name(*places[row]),
            batch_size=batch_size,
            long=long,
        )
        return _grouped(said, kept, places, top_k)


def _grouped(
    said: Iterator[Floats],
    kept: deque[list[str]],
    places: dict[int, tuple[int, int]],
    top_k: int | None,
) -> Iterator[list[Choice]]:
    """Put the logits of each prompt's choices together, and forget them."""
    row = 0
    for first in said:
        found = np.stack([first, *islice(said, len(kept[0]) - 1)])
        for _ in found:
            del places[row]
            row += 1
        yield _ranked(kept.popleft(), softmax(found))[:top_k]


def _ranked(texts: Sequence[str], scores: Floats) -> list[Choice]:
    choices = [Choice(n, float(score), texts[n]) for n, score in enumerate(scores)]
    return sorted(choices, key=lambda choice: -choice.score)


def _alone(_: int, place: int) -> str:
    return f"choice {place}: "
