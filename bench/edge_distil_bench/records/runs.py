"""What took part, what it was asked, and the raw samples of its answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

STAGES = ("tokenize", "features", "forward", "decode")
# Phases of a sample. Only "timed" ones enter a figure; the others show what was left out.
WARMUP, LEAD, TIMED = "warmup", "lead", "timed"


@dataclass(frozen=True)
class Model:
    """A model file that was timed.

    Attributes:
        id: Unique in the document: ``"distilbert-base/int8"``, ``"distilbert-base/torch"``.
        model: What the checkpoint is: ``"distilbert-base"``.
        variant: ``"fp32"``, ``"int8"``, ... of the bundle, or the peer's own word.
        engine: What ran it, with its release: ``"onnxruntime 1.31.1"``, ``"torch 2.13.0"``.
        trained: False where the weights are random: times and sizes, but no accuracy.
        bytes: Size of the model file (of a folder: all its files); ``None`` where there is no such
            file, for the engine makes the model when it loads another one.
        sha256: Of the model file; ``None`` where the model is a folder.
        tokenizer_sha256: Of ``tokenizer.json``.
        parameters: Counted from the graph of the fp32 model.
        flops: ``(a, b)``: a forward pass at batch 1 over L tokens takes ``a * L + b * L * L``
            floating-point operations in matrix products (a multiplication and an addition are 2).
        options: How it was run: graph level, provider, ...
    """

    id: str
    model: str
    variant: str
    engine: str
    trained: bool
    bytes: int | None
    sha256: str | None = None
    tokenizer_sha256: str | None = None
    parameters: int | None = None
    flops: tuple[float, float] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def size_beside(self, other: Model) -> float | None:
        """Return its file's size over another's; ``None`` where one has no file."""
        return self.bytes / other.bytes if self.bytes and other.bytes else None


@dataclass(frozen=True)
class Inputs:
    """A list of queries that all models answered.

    Attributes:
        id: ``"questions"``, ``"passage-384"``, ``"passage-padded"``, ``"pairs"``, ...
        description: For people: what it is, and where it comes from.
        tokens: Length of each query in tokens as it was run, padding included.
        padded_to: Length that all were padded to; ``None`` where none was.
    """

    id: str
    description: str
    tokens: tuple[int, ...]
    padded_to: int | None = None


@dataclass(frozen=True)
class Run:
    """The samples of one model on one list of inputs in one fresh process: columns of equal length.

    Attributes:
        model: `Model.id`.
        copy: 0; 1 for the second process of the same model, which the A/A comparison is made with.
        inputs: `Inputs.id`.
        threads: Of the engine.
        process: Round of fresh processes, from 0; models of one round ran side by side, in turns.
        phase: `WARMUP`, `LEAD` (the first query of a turn: the caches hold another model) or
            `TIMED`.
        block: Number of the ABBA block within the process; -1 during warm-up.
        item: Index of the query in `Inputs`.
        start_ns: When the query began, on a clock that all runs of the document share.
        stage_ns: Stage (`STAGES`) -> its time. Peers that take token ids have ``forward`` alone.
        total_ns: The whole query, end to end.
        cpu_ns: Processor time of the forward pass, over all threads; empty in documents of version
            1, and where the system does not say.
        host: Which process of the round it ran in: models of one host share a process and were
            interleaved query by query. ``None``, as in version 1: in one of its own.
    """

    model: str
    copy: int
    inputs: str
    threads: int
    process: int
    phase: tuple[str, ...]
    block: tuple[int, ...]
    item: tuple[int, ...]
    start_ns: tuple[int, ...]
    stage_ns: Mapping[str, tuple[int, ...]]
    total_ns: tuple[int, ...]
    cpu_ns: tuple[int, ...] = ()
    host: int | None = None
