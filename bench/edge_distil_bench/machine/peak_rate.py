"""The machine's peak matrix-multiply rate, as measured.

An encoder is matrix products with little between them, so its distance from this peak is what a
better kernel could still gain. A data sheet's peak would not do: clock rates under vector load
are not on it, and no product reaches it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from edge_distil._machine.interpreter import python
from edge_distil._writing.journal import Journal
from edge_distil.session import OnnxSession
from edge_distil_bench.machine.graphs import matrix_product
from edge_distil_bench.protocol.processes import Participant, started
from edge_distil_bench.protocol.worker import serve
from edge_distil_bench.records import PeakRate

Size = tuple[int, int, int]  # rows, inner dimension, columns

# The two halves of BERT-base's feed-forward layers at 384 and 512 tokens, and a cube, which is
# what a library is tuned for. An encoder shall be held against the best of them.
SIZES: tuple[Size, ...] = ((384, 768, 3072), (512, 3072, 768), (2048, 2048, 2048))
_SECONDS = 0.4  # for each size; a slower machine takes what `_FEWEST` tries need
_FEWEST = 3
_KINDS = (("numpy", "fp32"), ("onnxruntime", "fp32"), ("onnxruntime", "int8"))
# Each BLAS that numpy is built with has a variable of its own, read when it is loaded.
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)  # fmt: skip
_BOOT = "import sys; from edge_distil_bench.machine.peak_rate import main; main(sys.argv[1:])"


def measure_peak_rates(
    threads: Sequence[int],
    *,
    journal: Journal,
    sizes: Sequence[Size] = SIZES,
    seconds: float = _SECONDS,
    progress: Callable[[int, int], None] | None = None,
) -> list[PeakRate]:
    """Multiply matrices with numpy and onnxruntime, each in a fresh process.

    Args:
        threads: Numbers of threads; each is measured apart.
        journal: Where each process's figures are kept as soon as they are known.
        sizes: Of the products.
        seconds: For each size.
        progress: Called with the number of processes done and of all.

    Returns:
        A record for each kind, library, number of threads and size.

    Raises:
        BenchmarkError: A process cannot go on, for example because memory ran out.
    """
    wanted = [(source, kind, count) for count in threads for source, kind in _KINDS]
    found: list[PeakRate] = []
    for done, (source, kind, count) in enumerate(wanted, 1):
        name = f"peak-rates/{source}/{kind}/{count}"
        measure = partial(_measure, source, kind, count, sizes, seconds)
        rates = journal.recall(name, measure)
        found += [
            PeakRate(kind, source, count, size, tuple(operations))
            for size, operations in zip(sizes, rates, strict=True)
        ]
        if progress is not None:
            progress(done, len(wanted))
    return found


def _measure(
    source: str, kind: str, threads: int, sizes: Sequence[Size], seconds: float
) -> list[list[float]]:
    """Return the operations in a second of each try, for each size, of a fresh process."""
    one = Participant(
        model=f"matrix products of {source} in {kind}",
        command=python("-c", _BOOT, source, kind, str(threads)),
        threads=threads,
        environment=dict.fromkeys(_THREAD_VARIABLES, str(threads)),
    )
    with started([one]) as [worker]:
        return [worker.ask(multiply=[*size, seconds])["operations"] for size in sizes]


def main(arguments: Sequence[str]) -> None:
    """Multiply whenever asked to.

    Args:
        arguments: ``"numpy"`` or ``"onnxruntime"``, kind of number, number of threads.
    """
    source, kind, threads = arguments
    make = partial(_onnxruntime, kind, int(threads)) if source == "onnxruntime" else _numpy

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        *size, seconds = request["multiply"]
        return {"operations": _rates(make((size[0], size[1], size[2])), size, seconds)}

    serve(lambda: answer, time.perf_counter_ns(), None)


def _rates(multiply: Callable[[], object], size: Sequence[int], seconds: float) -> list[float]:
    """Multiply for a while; the first time, which fetches the memory, is not counted."""
    multiply()
    operations = 2 * math.prod(size)
    rates: list[float] = []
    end = time.perf_counter() + seconds
    while len(rates) < _FEWEST or time.perf_counter() < end:
        started_ns = time.perf_counter_ns()
        multiply()
        rates.append(operations / (time.perf_counter_ns() - started_ns) * 1e9)
    return rates


def _numpy(size: Size) -> Callable[[], object]:
    rows, inner, columns = size
    random = np.random.default_rng(0)
    left = random.standard_normal((rows, inner), np.float32)
    right = random.standard_normal((inner, columns), np.float32)
    return partial(np.matmul, left, right, out=np.empty((rows, columns), np.float32))


def _onnxruntime(kind: str, threads: int, size: Size) -> Callable[[], object]:
    rows, inner, columns = size
    random = np.random.default_rng(0)
    if kind == "int8":  # 7-bit weights, as `edge_distil_quantize` makes them
        left: Any = random.integers(0, 256, (rows, inner), np.uint8)
        right: Any = random.integers(-63, 64, (inner, columns), np.int8)
    else:
        left = random.standard_normal((rows, inner), np.float32)
        right = random.standard_normal((inner, columns), np.float32)
    with TemporaryDirectory() as folder:
        (file := Path(folder, "product.onnx")).write_bytes(matrix_product(left.dtype, right))
        session = OnnxSession(file, threads=threads)
    return partial(session.run, {"left": left})
