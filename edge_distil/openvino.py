"""The only runtime file that imports openvino: ONNX variants on OpenVINO's engine for CPUs.

OpenVINO by itself computes in bfloat16 where the processor has it, and in int8 where weights are
in integers. Here it does neither unless it is told to.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from edge_distil import hardware, privacy
from edge_distil._machine.engines import BF16, FP32, bf16_features
from edge_distil._machine.failures import check_fed, check_inputs, lacks_memory, no_memory_to_run
from edge_distil._machine.file_state import file_state
from edge_distil._reading.printable import first_line
from edge_distil.errors import MissingExtra, OutOfMemory, SessionError
from edge_distil.session import Floats, Tokens

_DEVICE = "CPU"
_BF16 = "BF16"  # among the device's capabilities
_IMPORTING = threading.Lock()


class OpenVinoSession:
    """An ONNX graph on OpenVINO, as a `Session`.

    One run at a time: OpenVINO would put them in a row as well, for the threads share one run. A
    run that fails leaves the compiled graph with shapes of its own, and the next run may give what
    was asked before it (seen with 2026.4), so the graph is compiled again then.

    Args:
        path: The model file.
        threads: Threads within an operator; see `hardware.threads`.
        precision: What it computes in: ``"fp32"`` or ``"bf16"``.

    Attributes:
        state: What tells the file that it runs from any other.

    Raises:
        InputError: `threads` is no positive integer.
        MissingExtra: OpenVINO is not installed.
        SessionError: OpenVINO refuses the file, the processor has no such precision, or the file
            was replaced meanwhile.
    """

    def __init__(self, path: Path, *, threads: int | None = None, precision: str = FP32) -> None:
        self.path = path
        self.state = file_state(path)
        self.threads = hardware.threads(threads)
        self._settings = _settings(self.threads, precision)
        self._one = threading.Lock()
        self._request: Any = self._compile()
        model = self._request.get_compiled_model()
        self.inputs = tuple(port.any_name for port in model.inputs)
        # an output may have several names: where a graph gives one tensor twice
        self.outputs = tuple(name for port in model.outputs for name in sorted(port.names))
        check_inputs(path, self.inputs)

    def run(
        self, feeds: Mapping[str, Tokens], outputs: Sequence[str] | None = None
    ) -> dict[str, Floats]:
        """See `Session.run`.

        Raises:
            SessionError: OpenVINO fails, for example on a sequence longer than the model takes.
        """
        check_fed(self.path, self.inputs, feeds)
        names = outputs or self.outputs
        with self._one:
            # put back only by a run that ends well, whatever ends it otherwise
            request, self._request = self._request or self._compile(), None
            try:
                # `infer` hides what fails on one thread and gives the answers before (2026.4)
                request.start_async({name: feeds[name] for name in self.inputs})
                request.wait()
                found = {name: np.array(request.get_tensor(name).data) for name in names}
            except Exception as error:  # OpenVINO's errors share no other base
                shape = feeds[self.inputs[0]].shape
                if lacks_memory(error):
                    raise no_memory_to_run(self.path, shape) from error
                raise SessionError(
                    f"OpenVINO failed on {self.path} with inputs of shape {shape}: "
                    f"{_last_line(error)}"
                ) from error
            self._request = request
        return found

    def _compile(self) -> Any:
        """Return a request on the compiled graph.

        Raises:
            SessionError: It refuses the file, or the file was replaced meanwhile.
        """
        try:
            frontend = _openvino().frontend.FrontEndManager().load_by_framework("onnx")
            graph = frontend.convert(frontend.load(str(self.path)))
            request = _core().compile_model(graph, _DEVICE, self._settings).create_infer_request()
        except Exception as error:  # OpenVINO's errors share no other base
            if lacks_memory(error):
                raise OutOfMemory(
                    f"there is not the memory to load {self.path} on OpenVINO: free some, raise "
                    "the limit (ulimit -v), or take a smaller variant"
                ) from error
            raise SessionError(
                f"OpenVINO {version()} cannot load {self.path} ({_last_line(error)}): leave engine "
                "out, choose another variant, or copy the bundle again"
            ) from error
        if self.state is None or file_state(self.path) != self.state:
            raise SessionError(f"{self.path} was replaced since it was loaded: load it again")
        return request


def version() -> str:
    """Return OpenVINO's release: ``"2026.4.1"``."""
    return str(_openvino().__version__).partition("-")[0]


def _settings(threads: int, precision: str) -> dict[Any, Any]:
    """Return what a graph is compiled with.

    Raises:
        SessionError: The processor has no bf16.
    """
    openvino = _openvino()
    hint = openvino.properties.hint
    if precision == BF16:
        has = _core().get_property(_DEVICE, openvino.properties.device.capabilities)
        if _BF16 not in has:
            raise SessionError(
                f"OpenVINO computes in {', '.join(sorted(has))} on this processor "
                f"({hardware.cpu_name()}: {bf16_features() or 'no bf16'}), expected {_BF16}: take "
                'engine="openvino", which computes in fp32, or leave engine out'
            )
    return {
        hint.inference_precision: openvino.Type.bf16 if precision == BF16 else openvino.Type.f32,
        hint.performance_mode: hint.PerformanceMode.LATENCY,
        # of activations, beside weights in integers: other numbers than the graph's
        hint.dynamic_quantization_group_size: 0,
        # threads stay where the system puts them, as other processes have the first cores, too
        hint.enable_cpu_pinning: False,
        openvino.properties.inference_num_threads: threads,
    }


@cache
def _core() -> Any:
    return _openvino().Core()


def _openvino() -> Any:
    """Return the module, imported without what reports to its maker.

    Raises:
        MissingExtra: It is not installed.
    """
    try:
        with _IMPORTING, privacy.silenced("openvino"):
            import openvino
    except ImportError as error:
        from edge_distil._machine import installation  # needed for a remedy alone

        raise MissingExtra(
            f"the engine openvino cannot be imported ({first_line(error)}): "
            f"{installation.install('openvino')}"
        ) from error
    return openvino


def _last_line(error: Exception) -> str:
    """Return the last line of what OpenVINO says; those before name its own source files."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]
