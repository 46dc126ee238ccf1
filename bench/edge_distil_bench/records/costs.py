"""What was measured beside latency: memory, cold starts, scaling, scores, and the machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Memory:
    """Resident memory of an untimed fresh process, in bytes; see `edge_distil_bench.costs.memory`.

    Attributes:
        model: `Model.id`.
        inputs: `Inputs.id`.
        threads: Of the engine.
        baseline: The bare interpreter, before any import.
        loaded: After import and load.
        answered: After the first answer.
        peak: The most there ever was.
    """

    model: str
    inputs: str
    threads: int
    baseline: int | None
    loaded: int | None
    answered: int | None
    peak: int | None


@dataclass(frozen=True)
class ColdStart:
    """Fresh processes from nothing to the first answer: one figure a process, in order.

    Attributes:
        model: `Model.id`.
        threads: Of the engine.
        import_ns: Importing the runtime.
        session_ns: Opening bundle, tokenizer and session.
        first_ns: The first answer.
        process_ns: From starting the process to its end, as its parent saw it.
    """

    model: str
    threads: int
    import_ns: tuple[int, ...]
    session_ns: tuple[int, ...]
    first_ns: tuple[int, ...]
    process_ns: tuple[int, ...]


@dataclass(frozen=True)
class Point:
    """Forward passes at one place of a scaling curve.

    Attributes:
        model: `Model.id`.
        axis: What varies: ``"length"``, ``"batch"`` or ``"threads"``.
        tokens: Length of each row.
        batch: Rows.
        threads: Of the engine.
        forward_ns: One figure a pass, in order.
    """

    model: str
    axis: str
    tokens: int
    batch: int
    threads: int
    forward_ns: tuple[int, ...]


@dataclass(frozen=True)
class PeakRate:
    """The greatest rate of matrix multiplication that was reached on this machine.

    Attributes:
        kind: ``"fp32"`` or ``"int8"``.
        source: What multiplied: ``"numpy"`` or ``"onnxruntime"``.
        threads: Of it.
        size: Rows, inner dimension and columns.
        operations: Floating-point or integer operations in a second (one multiplication and one
            addition are 2), each try.
    """

    kind: str
    source: str
    threads: int
    size: tuple[int, int, int]
    operations: tuple[float, ...]


@dataclass(frozen=True)
class Accuracy:
    """Scores of the very file that was timed, with its options."""

    model: str
    data: str
    sha256: str
    count: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Check:
    """Our clock beside another one, for the same work.

    Attributes:
        name: ``"profiler"`` (onnxruntime's own), ``"process"`` (whole processes timed from
            outside) or ``"timer"`` (what reading the clock costs).
        model: `Model.id`.
        ours_ns: Median by our clock; for the timer, the smallest latency it is compared with.
        theirs_ns: Median by the other; for the timer, the cost of all readings in one query.
        threads: Of the engine.
        count: Queries in each figure.
    """

    name: str
    model: str
    ours_ns: float
    theirs_ns: float
    threads: int
    count: int


@dataclass(frozen=True)
class Reading:
    """What the machine's sensors gave at a moment; ``None`` is "not readable here"."""

    at_ns: int
    megahertz: float | None = None
    celsius: float | None = None
    joules: float | None = None
    load: float | None = None
