"""transformers as the witness: the tokenizer and the model as ``from_pretrained`` gives them."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import torch

from edge_distil_export.checkpoints import adapters
from edge_distil_export.checkpoints.checkpoint import Source
from edge_distil_export.checkpoints.remote_code import rebuild
from edge_distil_export.graphs.heads import OUTPUTS
from edge_distil_export.witness.probes import WINDOW
from edge_distil_export.witness.testimony import Probe, Row, Seen, rows_of

LIBRARY = "transformers"
_CLASSES = {
    "feature-extraction": "AutoModel",
    "fill-mask": "AutoModelForMaskedLM",
    "late-interaction": "AutoModel",
    "multiple-choice": "AutoModelForMultipleChoice",
    "question-answering": "AutoModelForQuestionAnswering",
    "sentence-similarity": "AutoModel",
    "sparse-embedding": "AutoModelForMaskedLM",
    "text-classification": "AutoModelForSequenceClassification",
    "token-classification": "AutoModelForTokenClassification",
}
_STRIDE = 128  # tokens that windows share, the question-answering pipeline's default


class TransformersWitness:
    """A checkpoint in transformers.

    Args:
        source: The checkpoint.
        task: One of `edge_distil.manifest.TASKS`.
        limit: The bundle's longest sequence, for a tokenizer that says none, or too much.
        trust_remote_code: Let the checkpoint's own Python files run.
    """

    library = LIBRARY
    prompts: tuple[str, ...] = ()

    def __init__(self, source: Source, task: str, limit: int, *, trust_remote_code: bool) -> None:
        import transformers

        self.pairs_only = task == "multiple-choice"
        options = {"local_files_only": True, "trust_remote_code": trust_remote_code}
        self.kind = _CLASSES[task]
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(source.path, **options)
        model = _load(source, getattr(transformers, self.kind), {**options, "return_dict": True})
        # A half-precision checkpoint is loaded as such; what a bundle computes is its float32.
        self._model = model.eval().float()
        self._task = task
        self._accepted = inspect.signature(model.forward).parameters
        self._limit = self._own_limit(limit)
        self._fallback = limit
        self.labels = labels_of(model.config) if task.endswith("-classification") else ()

    @property
    def limit(self) -> int:
        """Longest sequence in tokens."""
        return self._limit

    def see(self, probe: Probe) -> Seen:
        """Read a probe.

        Raises:
            Exception: Whatever transformers raises.
        """
        try:
            return Seen(tuple(self._rows(probe)))
        except (IndexError, RuntimeError):
            if self._limit <= self._fallback:
                raise
            # The tokenizer lets through more tokens than there are positions: users cut there.
            self._limit = self._fallback
            return Seen(tuple(self._rows(probe)))

    def _rows(self, probe: Probe) -> list[Row]:
        rows = []
        for feeds in self._encode(probe):
            outputs = self._run(feeds) if probe.whole else {}
            arrays = {name: tensor.numpy() for name, tensor in feeds.items()}
            rows += rows_of(arrays, outputs, self._task)
        return rows

    def _encode(self, probe: Probe) -> list[dict[str, torch.Tensor]]:
        """Tokenize to one row, or to the windows of a question's context."""
        texts = (probe.text,) if isinstance(probe.text, str) else probe.text
        if self._task == "question-answering":
            length = min(self._limit, WINDOW)
            encoded = self.tokenizer(
                *texts,
                truncation="only_second",
                max_length=length,
                stride=min(length // 2, _STRIDE),
                return_overflowing_tokens=True,
            )
        else:
            one = self.tokenizer(*texts, truncation=True, max_length=self._limit)
            encoded = {name: [ids] for name, ids in one.items()}
        names = [name for name in encoded if name in self._accepted]
        rows = len(encoded["input_ids"])
        return [{n: torch.tensor([encoded[n][row]]) for n in names} for row in range(rows)]

    def _run(self, feeds: dict[str, torch.Tensor]) -> dict[str, np.ndarray[Any, Any]]:
        if self._task == "multiple-choice":  # a prompt with one choice
            feeds = {name: tensor.unsqueeze(0) for name, tensor in feeds.items()}
        with torch.inference_mode():
            outputs = self._model(**feeds)
        wanted = [name for name in OUTPUTS[self._task] if name in outputs]
        return {name: outputs[name].float().numpy() for name in wanted}

    def _own_limit(self, limit: int) -> int:
        """Return the limit that users get from the tokenizer, where it can be one."""
        own = int(min(self.tokenizer.model_max_length, 1 << 40))
        positions = getattr(self._model.config, "max_position_embeddings", None)
        return own if own <= (positions if isinstance(positions, int) else limit) else limit


def _load(source: Source, auto_class: Any, options: dict[str, Any]) -> Any:
    if adapters.has_adapter(source):  # of which transformers drops what peft reads: DoRA's part
        with adapters.base_alone(source) as folder:
            model = auto_class.from_pretrained(folder, **options)
        return adapters.attach(source, rebuild(source, model, ()))
    model = auto_class.from_pretrained(source.path, **options)
    return rebuild(source, model, ())  # memory that remote code leaves open is no witness


def labels_of(config: Any) -> tuple[str | None, ...]:
    """Return the class names by index; ``None`` where the configuration has a gap."""
    names = (config.id2label.get(index) for index in range(config.num_labels))
    return tuple(None if name is None else str(name) for name in names)
