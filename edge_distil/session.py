"""The only file that imports onnxruntime: providers, threads, memory."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from edge_distil import hardware, privacy
from edge_distil._machine import freed, huge_pages, mapped
from edge_distil._machine.failures import (
    check_fed,
    check_inputs,
    failed_run,
    lacks_memory,
    no_memory_to_run,
)
from edge_distil._machine.file_state import file_state
from edge_distil._reading.printable import first_line
from edge_distil.errors import OutOfMemory, SessionError

Tokens = NDArray[np.int64]  # (batch, sequence)
Floats = NDArray[np.float32]

DEFAULT_PROVIDER = "CPUExecutionProvider"
# Of the inputs; exports of ours take 64 bits, those of others not always.
# A product that `edge_distil_bench.machine.peak_rate` times takes 8.
_TYPES = {"tensor(int32)": np.int32, "tensor(float)": np.float32, "tensor(uint8)": np.uint8}
_POOL: list[bool] = []  # whether sessions share a pool, once `share_threads` was called
_OPENING = threading.Lock()
_FAST_MATH = "mlas.enable_gemm_fastmath_arm64_bfloat16"  # onnxruntime's; read on Arm's Linux alone
_FATAL_ONLY = 4  # onnxruntime's log level: what fails is raised as well, and said once

if privacy.wants_quiet():
    ort.disable_telemetry_events()  # for Windows, where events go to the system's own tracing


class Session(Protocol):
    """What a task needs of an inference runtime."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs that the graph takes."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs that the graph gives."""

    def run(
        self, feeds: Mapping[str, Tokens], outputs: Sequence[str] | None = None
    ) -> dict[str, Floats]:
        """Run the graph.

        Args:
            feeds: Input name -> int64 ``(batch, sequence)``; those that the graph does not take
                are passed over.
            outputs: The outputs wanted; all when ``None``.

        Returns:
            Output name -> float32 array.
        """


class OnnxSession:
    """An ONNX graph on onnxruntime.

    Args:
        path: The model file.
        threads: Threads within an operator; see `hardware.threads`.
        providers: onnxruntime's execution providers; the CPU's when ``None``.
        bulk: For batch upon batch, several at once: what a run frees is kept for the next one
            (an arena), which is quicker then and takes less than the system's allocator does.
            Otherwise the plan of a run's memory is kept for its shape (a memory pattern): about
            4 % quicker for a single text.
        large_pages: Put the model's memory on large pages as it runs, on Linux, and keep what runs
            free: `huge_pages`, `freed.keep`. ``None`` is what ``EDGE_DISTIL_HUGE_PAGES`` says.
        profile: Where onnxruntime's own profiler writes, which slows every run; see `profiled`.
        bf16: Multiply float32 in bfloat16, where onnxruntime can: see `engines.check_options`.
        loading: Called before onnxruntime loads the model, which leaves Python to other threads.

    Raises:
        SessionError: onnxruntime refuses the file or has no such provider, or the file was
            replaced meanwhile.
        InputError: `threads` is no positive integer, or the variable says neither yes nor no.
    """

    def __init__(
        self,
        path: Path,
        *,
        threads: int | None = None,
        providers: Sequence[str] | None = None,
        bulk: bool = False,
        large_pages: bool | None = None,
        profile: Path | None = None,
        bf16: bool = False,
        loading: Callable[[], None] = lambda: None,
    ) -> None:
        wanted = list(providers or (DEFAULT_PROVIDER,))
        if absent := set(wanted) - set(ort.get_available_providers()):
            raise SessionError(
                f"onnxruntime has no {', '.join(sorted(absent))} here, only "
                f"{', '.join(ort.get_available_providers())}: choose one of these, or install "
                "the onnxruntime package that brings it"
            )
        self.path = path
        self.state = file_state(path)
        self.threads = hardware.threads(threads)
        self.on_cpu = wanted == [DEFAULT_PROVIDER]
        self._providers = wanted
        self.large_pages, self.bf16 = huge_pages.wanted(large_pages), bf16
        self._options = partial(_options, self.threads, bulk, profile, bf16)
        self._opening = threading.Lock()
        self._session: ort.InferenceSession | None = None
        self._mover = huge_pages.Mover(False)
        self._loading = loading
        session = self._opened()
        self._types = {i.name: _TYPES.get(i.type, np.int64) for i in session.get_inputs()}
        self.inputs = tuple(self._types)
        self.outputs = tuple(o.name for o in session.get_outputs())
        check_inputs(path, self.inputs)
        self.stand_in: OnnxSession | None = None

    def run(
        self, feeds: Mapping[str, Tokens], outputs: Sequence[str] | None = None
    ) -> dict[str, Floats]:
        """See `Session.run`.

        Raises:
            SessionError: onnxruntime fails, for example a sequence longer than the model takes.
        """
        check_fed(self.path, self.inputs, feeds)
        names = list(outputs or self.outputs)
        session = self._session
        if session is None:
            if self.stand_in is not None and not self.is_current():
                return self.stand_in.run(feeds, outputs)
            session = self._opened()
        try:
            given = {n: feeds[n].astype(t, copy=False) for n, t in self._types.items()}
            arrays = session.run(names, given)
        except Exception as error:
            shape = feeds[self.inputs[0]].shape
            if lacks_memory(error):
                raise no_memory_to_run(self.path, shape) from error
            raise failed_run(self.path, shape, error) from error
        self._mover.move()
        return dict(zip(names, arrays, strict=True))

    def rest(self) -> None:
        """Give the model's memory back until the next run, which loads it again.

        Where the file is another one by then, `stand_in` runs in this session's place.
        """
        self._session = None
        self._mover = huge_pages.Mover(False)
        freed.give_back()

    def _opened(self) -> ort.InferenceSession:
        """Return onnxruntime's session, loaded if need be.

        Raises:
            SessionError: It refuses the file, or the file was replaced meanwhile.
        """
        with self._opening:
            if self._session is None:
                session = self._load()
                if not self.is_current():
                    raise SessionError(
                        f"{self.path} was replaced while it was loaded: load it again"
                    )
                self._session = session
            return self._session

    def _load(self) -> ort.InferenceSession:
        path = self.path
        try:
            with _OPENING:  # a file that another thread has mapped is one that is mapped
                if self.large_pages:
                    freed.keep()
                self._mover = huge_pages.Mover(self.large_pages and self.on_cpu)
                with self._mover.loading():
                    session = self._mapped() or self._made(str(path), self._options())
            for end in (*session.get_inputs(), *session.get_outputs()):
                _ = end.name  # fails where its bytes are no text
            return session
        except Exception as error:  # onnxruntime's errors share no other base
            if lacks_memory(error):
                raise OutOfMemory(
                    f"there is not the memory to load {path} ({path.stat().st_size:,} bytes): free "
                    "some, raise the limit (ulimit -v), or take a smaller variant"
                ) from error
            raise SessionError(
                f"onnxruntime {ort.__version__} cannot load {path} ({first_line(error)}): "
                "copy or export the bundle again"
            ) from error

    def _mapped(self) -> ort.InferenceSession | None:
        """Return a session whose weights are in memory once, where that can be had."""
        for packed in (True, False) if self.on_cpu else ():
            found = mapped.without_weights(self.path.resolve(), packed=packed)
            session = found and self._weightless(found)
            if not (found and session and packed and mapped.are_mapped(found.files)):
                return session
        return None

    def _weightless(self, found: mapped.Weightless) -> ort.InferenceSession | None:
        options = self._options()
        values = {name: ort.OrtValue.ortvalue_from_numpy(a) for name, a in found.arrays.items()}
        try:
            options.add_session_config_entry(mapped.FOLDER, str(self.path.resolve().parent))
            for name, value in values.items():
                options.add_initializer(name, value)
            session = self._made(found.model, options)
        except Exception:  # onnxruntime's errors share no other base; of the file it will say more
            return None
        session.arrays = values  # which it reads where they are, for as long as it lives
        return session

    def _made(self, model: str | bytes, options: ort.SessionOptions) -> ort.InferenceSession:
        self._loading()
        return ort.InferenceSession(
            model,
            options,
            providers=self._providers,
            # tried again on the CPU after the CPU, it says so on stdout
            enable_fallback=not self.on_cpu,
        )

    def is_current(self) -> bool:
        """Return whether the file that this session runs is still the one at its path."""
        return self.state is not None and file_state(self.path) == self.state

    def profiled(self) -> list[int]:
        """End the profiler and return the nanoseconds of each run so far, by its clock."""
        events = json.loads(Path(self._opened().end_profiling()).read_text(encoding="utf-8"))
        # "dur" counts microseconds (the Trace Event format of Chrome).
        return [1000 * event["dur"] for event in events if event["name"] == "model_run"]


def share_threads(threads: int) -> None:
    """Let all sessions that this process opens from now on run on one pool of threads.

    Each has a pool of its own otherwise, whose threads go on spinning after a run in case another
    follows, and would take a core from the next session's. To be called before the first session.
    Releases of onnxruntime without such a pool stop the spinning at the end of a run instead.

    Args:
        threads: Of the pool.
    """
    one_pool = hasattr(ort, "set_global_thread_pool_sizes")
    if one_pool:
        ort.set_global_thread_pool_sizes(threads, 1)
    _POOL.append(one_pool)


def available_providers() -> list[str]:
    """Return the execution providers of the installed onnxruntime, the fastest first."""
    return list(ort.get_available_providers())


def runtime_version() -> str:
    """Return onnxruntime's version."""
    return str(ort.__version__)


def graph_level() -> str:
    """Return how far onnxruntime optimises a graph when it loads it: ``"ORT_ENABLE_ALL"``."""
    return str(_options(1).graph_optimization_level.name)


def _options(
    threads: int, bulk: bool = False, profile: Path | None = None, bf16: bool = False
) -> ort.SessionOptions:
    options = ort.SessionOptions()
    if bf16:
        options.add_session_config_entry(_FAST_MATH, "1")
    if profile is not None:
        options.enable_profiling, options.profile_file_prefix = True, str(profile)
    if _POOL == [False]:
        options.add_session_config_entry("session.force_spinning_stop", "1")
    if _POOL == [True]:
        options.use_per_session_threads = False
    else:
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1  # an encoder is one chain: nothing to run beside it
    options.enable_mem_pattern = not bulk
    # To plan which tensor takes whose place is half of int8's opening, and a pattern needs no plan.
    # An arena for single texts would grow with new shapes; for them `freed.keep` does its work.
    options.enable_mem_reuse = options.enable_cpu_mem_arena = bulk
    options.log_severity_level = _FATAL_ONLY
    return options
