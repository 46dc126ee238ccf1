"""What a library was seen to do with a text: the tokens it fed its model, and what came out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_distil_export.graphs.heads import LENGTH_AXIS, OUTPUTS

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Probe:
    """A text, or a pair, that both sides read.

    Attributes:
        name: What it tries, for messages.
        text: The text; a pair is a question and its context, or a text and its ``text_pair``.
        whole: True where the models run; else the tokens alone are compared, which is cheap.
        prompt: Name of the prompt that is put before the text; of late interaction its side.
    """

    name: str
    text: str | tuple[str, str]
    whole: bool = True
    prompt: str | None = None


@dataclass(frozen=True)
class Row:
    """One row of a model's input, and its outputs.

    Attributes:
        ids: The tokens that the mask leaves in.
        types: Their token types; zeros where the model is fed none, for that is what it takes.
        outputs: Output name -> ``(tokens, ...)`` of those tokens, or the row's own values.
    """

    ids: tuple[int, ...]
    types: tuple[int, ...]
    outputs: Arrays


@dataclass(frozen=True)
class Seen:
    """What one side did with one probe.

    Attributes:
        rows: One, or one for each window of a long text.
        answer: What its user gets, where that is more than the outputs: a vector, scores.
    """

    rows: tuple[Row, ...]
    answer: NDArray[Any] | None = None


@dataclass(frozen=True)
class Testimony:
    """What the library that the checkpoint belongs to made of every probe.

    Attributes:
        library: Its distribution's name.
        version: Its version.
        kind: The class that its users load the checkpoint with.
        labels: Class names by index, ``None`` where there is a gap; empty where the task has none.
        probes: What it was asked.
        seen: What it did with each; ``None`` where it failed.
        unseen: What of the bundle it could not see, and why; empty where it saw all.
    """

    library: str
    version: str
    kind: str
    labels: tuple[str | None, ...]
    probes: tuple[Probe, ...]
    seen: tuple[Seen | None, ...]
    unseen: str = ""

    @property
    def name(self) -> str:
        """The library and its class, for messages."""
        return f"{self.kind} of {self.library}"


def rows_of(feeds: Arrays, outputs: Arrays, task: str) -> list[Row]:
    """Cut a batch ``(batch, sequence)`` into rows without their padding."""
    ids = np.asarray(feeds["input_ids"])
    mask = np.asarray(feeds.get("attention_mask", np.ones_like(ids)))
    types = np.asarray(feeds.get("token_type_ids", np.zeros_like(ids)))
    axes = OUTPUTS[task]
    rows = []
    for index, attended in enumerate(mask == 1):
        own = {
            # A last layer that computes the first token alone has no others to leave out.
            name: array[index][attended]
            if LENGTH_AXIS in axes.get(name, ()) and array.shape[1] == len(attended)
            else array[index]
            for name, array in outputs.items()
        }
        row_ids, row_types = ids[index][attended], types[index][attended]
        rows.append(Row(tuple(row_ids.tolist()), tuple(row_types.tolist()), own))
    return rows
