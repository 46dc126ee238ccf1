"""How long a sensitivity report will take here, before it is begun."""

from __future__ import annotations

import time
from pathlib import Path

from edge_distil.bundle import Bundle, open_bundle
from edge_distil.session import OnnxSession
from edge_distil_quantize.calibration.inputs import calibration_inputs
from edge_distil_quantize.checks import reading_graph
from edge_distil_quantize.reading.model import read_model
from edge_distil_quantize.rewrites.operators import find_operators
from edge_distil_quantize.sensitivity.candidates import MOST_PROBES, QUICK_PROBES

# To write a candidate takes so many times what reading the model does: it is read, serialised and
# written. All-MiniLM-L6-v2, of 90 MB: 0.17 s of 0.60.
_READS = 3.5
_MORE_OUTPUTS = 1.5  # a graph that gives values from inside is slower than the model


def report_seconds(
    bundle: Bundle | str | Path, *, data: str | Path | None = None, quick: bool = True
) -> float:
    """Return about how many seconds `describe_sensitivity` will take, after a second of trying.

    Args:
        bundle: A bundle, or its directory.
        data: As for `describe_sensitivity`.
        quick: See there.

    Raises:
        DataError: `data` cannot be read.
        QuantizeError: The graph cannot be read.
    """
    bundle = open_bundle(bundle.path if isinstance(bundle, Bundle) else bundle)
    source = bundle.model_path("fp32")
    texts = calibration_inputs(bundle, data)
    text = sorted(texts, key=lambda feeds: feeds["input_ids"].size)[len(texts) // 2]
    started = time.perf_counter()
    with reading_graph(source):
        operators = find_operators(read_model(source).graph)
    read = time.perf_counter()
    session = OnnxSession(source)
    session.run(text)
    loaded = time.perf_counter()
    session.run(text)
    run = time.perf_counter() - loaded
    probes = min(len(texts), QUICK_PROBES if quick else MOST_PROBES)
    each = _READS * (read - started) + (loaded - read) + _MORE_OUTPUTS * probes * run
    return len(operators) * each
