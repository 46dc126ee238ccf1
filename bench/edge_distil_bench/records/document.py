"""What was measured, as plain records <-> one JSON document: raw samples, no conclusions.

The document is the contract between measuring (on any device) and reporting: reports are made
from one or several of them, and everything that a report says can be computed again from it.

Format, version 2. The top level holds ``schema`` (`SCHEMA`), ``schema_version`` and the fields of
`Measurements`; each record below is an object with its fields. Times are whole nanoseconds of a
monotonic clock, sizes bytes, rates 1/s. A field that could not be read is null, never 0. Version 1,
which is read as well, has ``limits`` for ``peak_rates``, and runs without ``cpu_ns`` and ``host``.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from edge_distil._machine import installation
from edge_distil._writing import storage
from edge_distil.errors import DataError, InputError
from edge_distil_bench.records.conformity import check_document
from edge_distil_bench.records.costs import (
    Accuracy,
    Check,
    ColdStart,
    Memory,
    PeakRate,
    Point,
    Reading,
)
from edge_distil_bench.records.runs import LEAD, TIMED, WARMUP, Inputs, Model, Run

_R = TypeVar("_R")

SCHEMA = "edge-distil/measurements"
SCHEMA_VERSION = 2
_READ = (1, 2)
_BEGIN = 200  # bytes in which a document says what it is
# Top-level names that version 1 had for what has another one now.
_FORMERLY = {"peak_rates": "limits"}
# Fields of a run that version 1 does not have.
_NOT_YET: dict[str, Any] = {"cpu_ns": [], "host": None}


@dataclass(frozen=True)
class Measurements:
    """One device's measurements.

    Attributes:
        device: A name for people, by default the CPU's.
        created: When it began, ISO 8601 with time zone.
        protocol: Name (``"full"``, ``"quick"``) and every number of the protocol that ran.
        environment: What `edge_distil_bench.machine.environment` recorded.
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
    peak_rates: tuple[PeakRate, ...] = ()
    accuracy: tuple[Accuracy, ...] = ()
    checks: tuple[Check, ...] = ()
    readings: tuple[Reading, ...] = ()


_COLUMNS = ("phase", "block", "item", "start_ns", "total_ns")
_GIVE = "give a measurements.json that `edge-distil study` or `edge-distil bench` wrote"
_RECORDS: dict[str, type[Any]] = {
    "models": Model, "inputs": Inputs, "runs": Run, "memory": Memory, "cold_starts": ColdStart,
    "curves": Point, "peak_rates": PeakRate, "accuracy": Accuracy, "checks": Check,
    "readings": Reading,
}  # fmt: skip


def write_measurements(measurements: Measurements, path: Path) -> None:
    """Write the document atomically.

    Raises:
        StorageError: The place cannot be written; what stood there stands.
    """
    document = {"schema": SCHEMA, "schema_version": SCHEMA_VERSION, **plain(measurements)}
    with storage.atomic_file(path) as temporary:
        temporary.write_text(json.dumps(document, ensure_ascii=False) + "\n", encoding="utf-8")


def check_replaceable(path: Path, *, force: bool) -> None:
    """Agree that a document is written to `path`, or raise; an empty file is nothing to lose.

    Args:
        path: Where.
        force: A document that is there may be replaced, and nothing else.

    Raises:
        InputError: Something is there.
    """
    if not path.exists():
        return
    with storage.storage_errors(path), path.open("rb") as file:
        begin = file.read(_BEGIN)
    if begin and SCHEMA.encode() not in begin:
        raise InputError(
            f"{path} holds no measurements, and --force replaces nothing else: choose another file"
        )
    if begin and not force:
        raise InputError(f"{path} exists: choose another file, or replace it with --force")


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
        raw = _of_this_version(raw)
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


def _of_this_version(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document as this version writes it."""
    if raw["schema_version"] == SCHEMA_VERSION:
        return dict(raw)
    renamed = {name: raw[former] for name, former in _FORMERLY.items() if former in raw}
    runs = raw.get("runs")
    if isinstance(runs, list):
        renamed["runs"] = [_NOT_YET | run if isinstance(run, dict) else run for run in runs]
    return {**raw, **renamed}


def _check_columns(runs: list[dict[str, Any]]) -> None:
    for index, run in enumerate(runs):
        columns = [run[name] for name in _COLUMNS] + list(run["stage_ns"].values())
        columns += [run["cpu_ns"]] if run["cpu_ns"] else []
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
    if raw.get("schema_version") not in _READ:
        raise DataError(
            f"{path} has schema_version {raw.get('schema_version')!r}, this release reads "
            f"{' and '.join(map(str, _READ))}: upgrade with {installation.upgrade()}, or "
            "measure again"
        )
