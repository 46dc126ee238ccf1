"""The bundle's side: a task object, opened as its users open it, with an ear at its session."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from edge_distil._tokenizing.sides import side_rows
from edge_distil.encoder import Encoder
from edge_distil.session import Floats, Session, Tokens
from edge_distil.sparse import SparseVector, SparseVectors
from edge_distil.streaming import sizes
from edge_distil.tasks import (
    BY_NAME,
    Embedding,
    FillMask,
    LateInteraction,
    MultipleChoice,
    QuestionAnswering,
    SparseEmbedding,
    TextClassification,
    TokenClassification,
)
from edge_distil_export.witness.testimony import Probe, Seen, rows_of


class _Ear:
    """A session that keeps what passes through it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.heard: list[tuple[Mapping[str, Tokens], dict[str, Floats]]] = []

    @property
    def inputs(self) -> tuple[str, ...]:
        return self._session.inputs

    @property
    def outputs(self) -> tuple[str, ...]:
        return self._session.outputs

    def run(
        self, feeds: Mapping[str, Tokens], outputs: Sequence[str] | None = None
    ) -> dict[str, Floats]:
        found = self._session.run(feeds)  # all outputs, for the witness may see more than a user
        self.heard.append(({name: feeds[name] for name in self.inputs}, found))
        return found


class Bundle:
    """A bundle under proof.

    Args:
        encoder: The opened bundle.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._ear = _Ear(encoder.session)
        self.task_name = encoder.bundle.manifest.task
        self.labels = encoder.bundle.manifest.labels
        self._task: Any = BY_NAME[self.task_name](replace(encoder, session=self._ear))
        self._tokenizer = encoder.tokenizer

    def see(self, probe: Probe) -> Seen:
        """Read a probe.

        Raises:
            EdgeDistilError: The bundle refuses it.
        """
        if not probe.whole:
            return self._tokenize(probe)
        self._ear.heard.clear()
        answer = self._answer(probe.text, probe.prompt)
        rows = [row for heard in self._ear.heard for row in rows_of(*heard, self.task_name)]
        return Seen(tuple(rows), answer)

    def vectors(self, texts: list[str]) -> Floats:
        """Embed many texts at once, the way that long work goes."""
        found = self._task.encode(texts)
        return self._dense(found) if isinstance(found, SparseVectors) else found

    def _dense(self, vectors: Iterable[SparseVector]) -> Floats:
        return SparseVectors.of(vectors, self._task.dimension).dense()

    def _tokenize(self, probe: Probe) -> Seen:
        rows: list[Any] = self._tokenizer.encode([probe.text])
        if probe.prompt is not None and isinstance(self._task, LateInteraction):
            text, query = [str(probe.text)], probe.prompt == "query"
            found = side_rows(
                self._tokenizer, self._task.settings, text, sizes(known=True), query=query
            )
            rows = [row for _, row in found]
        feeds = self._task.encoder.features(rows)
        return Seen(tuple(rows_of({n: feeds[n] for n in self._ear.inputs}, {}, self.task_name)))

    def _answer(self, text: str | tuple[str, str], prompt: str | None) -> Any:
        texts: tuple[str, ...] = (text,) if isinstance(text, str) else text
        match self._task:
            case QuestionAnswering():
                self._task(*texts)
            case TextClassification():
                found = {label.label: label.score for label in self._task(*texts, top_k=None)}
                return np.array([found.get(name, np.nan) for name in self.labels], np.float32)
            case TokenClassification():
                self._task(*texts)
            case FillMask():
                self._task.each_mask(*texts)
            case LateInteraction() if prompt is None:  # of a witness that knows no sides
                list(self._task.encoder.run(self._tokenizer.encode(texts)))
            case LateInteraction():
                return getattr(self._task, f"encode_{prompt}")(*texts)
            case MultipleChoice():
                self._task(texts[0], texts[1:])
            case Embedding():
                return self._task.encode(*texts, prompt_name=prompt)
            case SparseEmbedding():
                return self._dense([self._task.encode(*texts, prompt_name=prompt)])[0]
        return None
