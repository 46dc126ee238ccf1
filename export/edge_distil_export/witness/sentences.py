"""sentence-transformers as the witness: ``encode`` and ``predict`` as its users call them."""

from __future__ import annotations

import functools
import importlib.util
from typing import Any

import numpy as np
import torch

from edge_distil._reading import cross_encoder
from edge_distil._reading.fields import Fields
from edge_distil_export.checkpoints import setfit
from edge_distil_export.checkpoints.checkpoint import Source
from edge_distil_export.checkpoints.remote_code import rebuild
from edge_distil_export.witness import static
from edge_distil_export.witness.library import labels_of
from edge_distil_export.witness.testimony import Probe, Seen, rows_of

LIBRARY = "sentence-transformers"


def is_installed() -> bool:
    """Say whether sentence-transformers is there; importing it takes seconds."""
    return importlib.util.find_spec("sentence_transformers") is not None


def is_cross_encoder(source: Source) -> bool:
    """Say whether the checkpoint's users load it as a CrossEncoder."""
    config = Fields(source.config, f"{source.name}'s config.json")
    return cross_encoder.is_cross_encoder(source.root, config)


def open_model(kind: str, source: Source, trust_remote_code: bool) -> Any:
    """Open a checkpoint with one of the library's classes, without the network."""
    import sentence_transformers

    return getattr(sentence_transformers, kind)(
        str(source.root),
        device="cpu",
        local_files_only=True,
        trust_remote_code=trust_remote_code,
    )


class Listener:
    """What a sentence-transformers model feeds its transformer or table, heard at ``forward``."""

    def __init__(self, source: Source, model: Any) -> None:
        inner = model[0]
        if source.static is None:  # memory that remote code leaves open is no witness
            inner.model = rebuild(source, inner.model, ())
            inner = inner.model
        self.model = model.eval().float()
        self.feeds: list[dict[str, np.ndarray[Any, Any]]] = []
        forward = inner.forward  # called as such, past torch's hooks

        @functools.wraps(forward)
        def heard(*args: Any, **inputs: Any) -> Any:
            self.feeds.append(
                arrays_of(args[0] if args else inputs)
            )  # a table takes a dict of them
            return forward(*args, **inputs)

        inner.forward = heard

    def see(self, probe: Probe, answer: Any, task: str) -> Seen:
        """Let `answer` read the probe's text; without running it where tokens are enough."""
        if not probe.whole:
            text = list(probe.text) if isinstance(probe.text, tuple) else probe.text
            read = getattr(self.model, "preprocess", None) or self.model.tokenize
            return Seen(tuple(rows_of(arrays_of(read([text])), {}, task)))
        self.feeds.clear()
        found = np.asarray(answer(probe.text), np.float32)
        return Seen(tuple(row for feeds in self.feeds for row in rows_of(feeds, {}, task)), found)


class SentenceWitness:
    """An embedding checkpoint in sentence-transformers."""

    library = LIBRARY
    kind = "SentenceTransformer"
    task = "sentence-similarity"
    pairs_only = False
    labels: tuple[str | None, ...] = ()

    def __init__(self, source: Source, limit: int, *, trust_remote_code: bool) -> None:
        self._model = open_model(self.kind, source, trust_remote_code)
        self.listener = Listener(source, self._model)
        self._fallback = limit
        # A table has no limit of its own.
        self._most = 1 << 20 if source.static is None else static.LONG
        self.tokenizer = static.as_transformers(self._model.tokenizer)
        # It adds empty ones of its own, for queries and documents.
        self.prompts = tuple(name for name, text in self._model.prompts.items() if text)

    @property
    def limit(self) -> int:
        """Longest sequence in tokens."""
        return int(min(self._model.max_seq_length or self._fallback, self._most))

    def see(self, probe: Probe) -> Seen:
        """Read a probe.

        Raises:
            Exception: Whatever sentence-transformers raises.
        """
        try:
            return self._see(probe)
        except (IndexError, RuntimeError):
            if self.limit <= self._fallback:
                raise
            # It would let through more tokens than there are positions: users set this.
            self._model.max_seq_length = self._fallback
            return self._see(probe)

    def _see(self, probe: Probe) -> Seen:
        def encode(text: Any) -> Any:
            return self._encode(text, probe.prompt)

        return self.listener.see(probe, encode, self.task)

    def _encode(self, text: Any, prompt: str | None) -> Any:
        return self._model.encode(text, prompt_name=prompt, show_progress_bar=False)

    def encode(self, texts: list[Any], normalize: bool) -> Any:
        """Embed texts or pairs, scaled to length 1 where `normalize` says so."""
        return self._model.encode(texts, normalize_embeddings=normalize, show_progress_bar=False)


class SparseWitness(SentenceWitness):
    """A sparse checkpoint in sentence-transformers."""

    kind = "SparseEncoder"
    task = "sparse-embedding"

    def _encode(self, text: Any, prompt: str | None) -> Any:
        found = super()._encode(text, prompt)
        return found.to_dense()


class SetFitWitness:
    """A SetFit checkpoint: vectors of sentence-transformers, then its head, as SetFit does."""

    library = LIBRARY
    kind = "SentenceTransformer with the checkpoint's head"
    pairs_only = False
    prompts: tuple[str, ...] = ()
    labels: tuple[str | None, ...] = ()

    def __init__(self, source: Source, limit: int, *, trust_remote_code: bool) -> None:
        self._body = SentenceWitness(source, limit, trust_remote_code=trust_remote_code)
        # The export has read it, so its maker is trusted.
        self._head = setfit.load_head(source, trust_pickle=True)
        self._normalize = setfit.normalizes(source)
        self.tokenizer = self._body.tokenizer

    @property
    def limit(self) -> int:
        """Longest sequence in tokens."""
        return self._body.limit

    def see(self, probe: Probe) -> Seen:
        """Read a text: the probabilities of its classes, ``(labels,)``.

        Raises:
            Exception: Whatever sentence-transformers or scikit-learn raises.
        """

        def predict(text: Any) -> Any:
            one = list(text) if isinstance(text, tuple) else text
            return setfit.probabilities(self._head, self._body.encode([one], self._normalize))[0]

        return self._body.listener.see(probe, predict, "text-classification")


class CrossWitness:
    """A cross-encoder in sentence-transformers."""

    library = LIBRARY
    kind = "CrossEncoder"
    pairs_only = True
    prompts: tuple[str, ...] = ()

    def __init__(self, source: Source, limit: int, *, trust_remote_code: bool) -> None:
        self._model = open_model(self.kind, source, trust_remote_code)
        self._listener = Listener(source, self._model)
        self.tokenizer = self._model.tokenizer
        self.labels = labels_of(self._model.config)
        self.limit = min(limit, int(min(self.tokenizer.model_max_length, 1 << 20)))

    def see(self, probe: Probe) -> Seen:
        """Read a pair: the scores behind the model's own activation, ``(labels,)``."""

        def predict(pair: Any) -> Any:
            return np.atleast_1d(self._model.predict([pair], show_progress_bar=False)[0])

        return self._listener.see(probe, predict, "text-classification")


def arrays_of(inputs: dict[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """Return tensors as rows; a table is fed one row after the other, here a single one."""
    tensors = {n: v.numpy() for n, v in inputs.items() if isinstance(v, torch.Tensor)}
    return {name: np.atleast_2d(array) for name, array in tensors.items()}
