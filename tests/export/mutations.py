"""Ten small checkpoints, and every way to spoil one of their files of settings.

A file is taken away, or one of its fields is taken out or given another value of a plausible kind.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from shapes import models, reading, sentences

_NOT_SETTINGS = ("tokenizer.json", "vocab.json", "model.safetensors.index.json")
# What else a field of that name may say; other fields change by their type.
_OTHERS: dict[str, tuple[Any, ...]] = {
    "padding_side": ("left",),
    "truncation_side": ("left",),
    "hidden_act": ("relu", "gelu_new"),
    "activation": ("relu",),
    "activation_fn": ("torch.nn.modules.linear.Identity", "torch.nn.modules.activation.Sigmoid"),
    "activation_function": ("torch.nn.modules.linear.Identity",),
    "pooling_mode": ("max", "cls", "lasttoken"),
    "problem_type": ("regression", "multi_label_classification"),
    "model_type": ("roberta", "CrossEncoder", "SentenceTransformer"),
    "tokenizer_class": ("BertTokenizer", "RobertaTokenizerFast", "PreTrainedTokenizerFast"),
    "model_input_names": (["input_ids"], ["input_ids", "attention_mask"]),
    "position_embedding_type": ("relative_key",),
    "dtype": ("float16", "bfloat16"),
    "cls_token": ("[MASK]", "the"),
    "mask_token": ("[UNK]", "the"),
    "pad_token": ("[UNK]", "the"),
    "sep_token": ("[CLS]", "the"),
    "unk_token": ("[PAD]", "the"),
    "similarity_fn_name": ("dot", "euclidean"),
    "default_prompt_name": ("query", "passage"),
    "max_seq_length": (20, 64, 100),
    "model_max_length": (20, 64, 100),
    "id2label": ({"0": "no", "1": "yes"}, {"1": "yes", "5": "no"}),
}
CHECKPOINTS: dict[str, Callable[[Path], object]] = {
    "classifier": models.plainly("bert", "text-classification", id2label={0: "bad", 1: "good"}),
    "legacy classifier": reading.vocabulary_alone,
    "regression": models.plainly(
        "distilbert", "text-classification", num_labels=1, problem_type="regression"
    ),
    "question answering": models.plainly("bert", "question-answering"),
    "fill-mask": models.plainly("roberta", "fill-mask"),
    "token tags": models.plainly("electra", "token-classification", num_labels=3),
    "hidden states": models.plainly("mpnet", "feature-extraction"),
    "sentences": lambda folder: sentences.save(
        folder, steps=lambda m: [m.Normalize()], options=sentences.PROMPTS
    ),
    "sentences with Dense": lambda folder: sentences.save(
        folder, "cls", steps=lambda m: [m.Dense(32, 12)]
    ),
    "cross-encoder": sentences.cross(torch.nn.Identity()),
}


@dataclass(frozen=True)
class Mutation:
    """One change of one file.

    Attributes:
        file: Its path in the checkpoint.
        key: The field; ``None`` where the whole file goes.
        value: What it says now; ``...`` where it is taken out.
    """

    file: str
    key: str | None = None
    value: Any = ...

    def __str__(self) -> str:
        if self.key is None:
            return f"{self.file} deleted"
        what = "deleted" if self.value is ... else f"= {json.dumps(self.value)[:60]}"
        return f"{self.file}: {self.key} {what}"

    def apply(self, folder: Path) -> None:
        """Change the checkpoint."""
        path = folder / self.file
        if self.key is None:
            path.unlink()
            return
        fields = json.loads(path.read_text("utf-8"))
        inner = fields[0] if isinstance(fields, list) else fields
        if self.value is ...:
            del inner[self.key]
        else:
            inner[self.key] = self.value
        path.write_text(json.dumps(fields), "utf-8")


def mutations(folder: Path, count: int, seed: int) -> list[Mutation]:
    """Draw `count` changes of a checkpoint: each file deleted, then fields of all files."""
    files = [
        path.relative_to(folder).as_posix()
        for path in sorted(folder.rglob("*.json"))
        if path.name not in _NOT_SETTINGS
    ]
    changes = [change for file in files for change in _changes(folder, file)]
    random.Random(seed).shuffle(changes)
    return [*map(Mutation, files), *changes][:count]


def _changes(folder: Path, file: str) -> Iterator[Mutation]:
    fields = json.loads((folder / file).read_text("utf-8"))
    for key, value in (fields[0] if isinstance(fields, list) else fields).items():
        yield Mutation(file, key)
        for other in _OTHERS.get(key, _others(value)):
            if other != value:
                yield Mutation(file, key, other)


def _others(value: Any) -> tuple[Any, ...]:
    """Return other values of a value's kind, and none at all."""
    match value:
        case bool():
            return (not value, None)
        case int():
            return (value + 1, value // 2, None)
        case float():
            return (value * 4, 0.5, None)
        case str():
            return ("x", None)
        case list():
            return (value[:-1], value[::-1], None)
        case dict():
            return ({}, dict(list(value.items())[:-1]), None)
        case _:
            return (1, "x", True)
