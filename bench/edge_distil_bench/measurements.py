"""What was measured, as plain records <-> one JSON document: raw samples, no conclusions.

The document is the contract between measuring (on any device) and reporting: reports are made
from one or several of them, and everything that a report says can be computed again from it.

Format, version 1. The top level holds ``schema`` (`SCHEMA`), ``schema_version`` and the fields of
`Measurements`; each record below is an object with its fields. Times are whole nanoseconds of a
monotonic clock, sizes bytes, rates 1/s. A field that could not be read is null, never 0.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from edge_distil._writing import storage
from edge_distil.errors import DataError
from edge_distil_bench.conformity import check_document

_R = TypeVar("_R")

SCHEMA = "edge-distil/measurements"
SCHEMA_VERSION = 1

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
        bytes: Size of the model file (of a folder: all its files).
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
    bytes: int
    sha256: str | None = None
    tokenizer_sha256: str | None = None
    parameters: int | None = None
    flops: tuple[float, float] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


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


@dataclass(frozen=True)
class Memory:
    """Resident memory of an untimed fresh process, in bytes; see `edge_distil_bench.memory`.

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
class Limit:
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


@dataclass(frozen=True)
class Measurements:
    """One device's measurements.

    Attributes:
        device: A name for people, by default the CPU's.
        created: When it began, ISO 8601 with time zone.
        protocol: Name (``"full"``, ``"quick"``) and every number of the protocol that ran.
        environment: What `edge_distil_bench.environment` recorded.
    """

    device: str
    created: str
    protocol: Mapping[str, Any]
    environment: Mapping[str, Any]
    models: tuple[Model, ...] = ()
    inputs: tuple[Inputs, ...] = ()
    runs: tuple[Run, ...] = ()
    memory: tuple[Memory, ...] = ()
    cold_starts: tuple[ColdStart, ...] = ()
    curves: tuple[Point, ...] = ()
    limits: tuple[Limit, ...] = ()
    accuracy: tuple[Accuracy, ...] = ()
    checks: tuple[Check, ...] = ()
    readings: tuple[Reading, ...] = ()


_COLUMNS = ("phase", "block", "item", "start_ns", "total_ns")
_GIVE = "give a measurements.json that `edge-distil study` or `edge-distil bench` wrote"
_RECORDS: dict[str, type[Any]] = {
    "models": Model, "inputs": Inputs, "runs": Run, "memory": Memory, "cold_starts": ColdStart,
    "curves": Point, "limits": Limit, "accuracy": Accuracy, "checks": Check, "readings": Reading,
}  # fmt: skip


def write_measurements(measurements: Measurements, path: Path) -> None:
    """Write the document atomically.

    Raises:
        StorageError: The place cannot be written; what stood there stands.
    """
    document = {"schema": SCHEMA, "schema_version": SCHEMA_VERSION, **plain(measurements)}
    with storage.atomic_file(path) as temporary:
        temporary.write_text(json.dumps(document, ensure_ascii=False) + "\n", encoding="utf-8")


def read_measurements(path: str | Path) -> Measurements:
    """Read a document.

    Raises:
        DataError: It cannot be read, is no such document, or is of another version.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path} ({error.strerror}): {_GIVE}") from error
    return parse_measurements(data, str(path))


def parse_measurements(data: bytes, source: str) -> Measurements:
    """Read the bytes of a document, and check every field: a stranger may have written it.

    Args:
        data: UTF-8.
        source: Where it comes from, for messages.

    Raises:
        DataError: It is no such document, or is of another version.
    """
    try:
        raw = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"cannot read {source} as JSON ({error}): {_GIVE}") from error
    _check_version(raw, source)
    try:
        check_document(Measurements, _RECORDS, raw)
        _check_columns(raw["runs"])
        rows = {name: tuple(record(kind, r) for r in raw[name]) for name, kind in _RECORDS.items()}
        return Measurements(**{**_known(raw), **rows})
    except DataError as error:
        raise DataError(
            f"{source} is not a valid document of measurements ({error}): it was edited or cut; "
            "measure again"
        ) from error


def plain(record: Any) -> dict[str, Any]:
    """Return a record, and those in it, as what JSON can hold."""
    return dataclasses.asdict(record)


def record(kind: type[_R], raw: Mapping[str, Any]) -> _R:
    """Return the record that `plain` was made of; lists become tuples."""
    return kind(**{name: _frozen(value) for name, value in raw.items()})


def _known(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {field.name: raw[field.name] for field in dataclasses.fields(Measurements)}


def _check_columns(runs: list[dict[str, Any]]) -> None:
    for index, run in enumerate(runs):
        columns = [run[name] for name in _COLUMNS] + list(run["stage_ns"].values())
        if len({len(column) for column in columns}) != 1:
            raise DataError(f"runs[{index}] has columns of different lengths")
        if strange := set(run["phase"]) - {WARMUP, LEAD, TIMED}:
            raise DataError(f"runs[{index}] has a phase {strange.pop()!r}, expected {TIMED!r}")


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _frozen(inner) for name, inner in value.items()}
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _check_version(raw: Any, path: str | Path) -> None:
    schema = raw.get("schema") if isinstance(raw, dict) else None
    if schema != SCHEMA:
        raise DataError(
            f"{path} has the schema {schema!r}, expected {SCHEMA!r}: give a measurements.json "
            "that `edge-distil study` or `edge-distil bench` wrote"
        )
    if raw.get("schema_version") != SCHEMA_VERSION:
        raise DataError(
            f"{path} has schema_version {raw.get('schema_version')!r}, this release reads "
            f"{SCHEMA_VERSION}: pip install -U edge-distil, or measure again"
        )
