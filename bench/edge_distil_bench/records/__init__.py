"""What was measured, as plain records and one JSON document."""

from edge_distil_bench.records.costs import (
    Accuracy,
    Check,
    ColdStart,
    Memory,
    PeakRate,
    Point,
    Reading,
)
from edge_distil_bench.records.document import (
    SCHEMA,
    SCHEMA_VERSION,
    Measurements,
    check_replaceable,
    parse_measurements,
    plain,
    read_measurements,
    record,
    write_measurements,
)
from edge_distil_bench.records.runs import LEAD, STAGES, TIMED, WARMUP, Inputs, Model, Run

__all__ = [
    "LEAD",
    "SCHEMA",
    "SCHEMA_VERSION",
    "STAGES",
    "TIMED",
    "WARMUP",
    "Accuracy",
    "Check",
    "ColdStart",
    "Inputs",
    "Measurements",
    "Memory",
    "Model",
    "PeakRate",
    "Point",
    "Reading",
    "Run",
    "check_replaceable",
    "parse_measurements",
    "plain",
    "read_measurements",
    "record",
    "write_measurements",
]
