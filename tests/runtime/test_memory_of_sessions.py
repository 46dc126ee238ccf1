"""Long work has one model in memory, as single calls have: the other session gives its own back."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import edge_distil as ed
from edge_distil._machine import freed

Copy = Callable[[str], Path]

FEW = ["Ada lives in Paris", "the old ship sat on the sea ."] * 4  # two lengths: two batches
LONG = ["Ada lives in Paris and the old ship sat on the sea ."] * 800


def loaded(task: Any) -> list[bool]:
    """Whether the session for single calls and the one for long work hold a model."""
    encoder = task.encoder
    return [session._session is not None for session in (encoder.session, encoder.bulk.session)]


@pytest.mark.parametrize("name", ["token_classification", "text_classification", "embedding"])
def test_one_model_is_in_memory(name: str, tiny: Path) -> None:
    task: Any = ed.load(tiny / name, threads=2)
    call, many = (task.encode, task.encode) if name == "embedding" else (task, task.batch)
    alone = call(LONG[0])
    assert task.encoder.session._session is not None
    for _ in range(2):
        together = many(LONG)
        assert loaded(task) == [False, True]
    assert str(together[0]) == str(alone)
    assert str(call(LONG[0])) == str(alone)
    assert loaded(task) == [True, True]  # who does both pays for loading once


def test_a_single_call_after_long_work_runs_the_model_that_was_loaded(tiny_copy: Copy) -> None:
    bundle = tiny_copy("text_classification")
    task = ed.TextClassification.load(bundle, threads=2)
    wanted = task(LONG[0])
    task.batch(LONG)
    os.replace(bundle / "onnx" / "model_quantized.onnx", bundle / "onnx" / "model.onnx")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert task(LONG[0]) == wanted


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_freed_memory_goes_back_to_the_system() -> None:
    def resident() -> int:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    block = 1 << 14  # far below what glibc maps apart, and so would give back by itself
    kept = [bytes([n % 256]) * block for n in range(8192)]
    before = resident()
    del kept[:-1]
    freed.give_back()
    assert before - resident() > 8192 * block * 0.8


RUNS = """
import ctypes, resource
from edge_distil._machine import freed
freed.keep()
library = ctypes.CDLL(None)
library.malloc.argtypes, library.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
library.free.argtypes = [ctypes.c_void_p]
def run():
    blocks = [library.malloc(9 << 20) for _ in range(5)]
    for block in blocks:
        ctypes.memset(block, 1, 9 << 20)
    for block in blocks:
        library.free(block)
run()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    run()
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 10)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another allocator learns nothing")
def test_what_a_run_frees_is_there_for_the_next() -> None:
    said = subprocess.run([sys.executable, "-c", RUNS], capture_output=True, text=True, check=True)
    assert float(said.stdout) < 100  # of 11,520 pages


def test_few_texts_run_beside_each_other(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = ed.Embedding.load_for_bulk(tiny / "embedding", threads=2)
    session: Any = task.encoder.session
    run, two = session.run, threading.Barrier(2)

    def met(feeds: Any, outputs: Any = None) -> Any:
        if len(feeds["input_ids"]) == len(FEW) // 2:
            two.wait(timeout=30)  # for the other batch, in another thread
        return run(feeds, outputs)

    monkeypatch.setattr(session, "run", met)
    together = task.encode(FEW)
    assert together.tobytes() == ed.Embedding.load(tiny / "embedding").encode(FEW).tobytes()
