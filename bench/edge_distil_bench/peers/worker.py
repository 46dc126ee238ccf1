"""A peer's engine in a process of its own, in whatever interpreter has it.

Usage: python worker.py SETTINGS, a JSON object: ``engine`` (see `ENGINES`), ``precision``,
``task``, ``inputs`` (the graph's), ``threads``, and ``model``: what the engine opens.

It speaks the words of `protocol/worker.py`, but needs numpy and the peer alone. ``forward``
is its only stage: a query's arrays are made before the clock starts, in the form that a user of
the library would hand over, and its answers are left in the form that the library gives.
"""

import time

_STARTED = time.perf_counter_ns()

import json  # noqa: E402 - the clock starts before the imports that it times
import os  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable, Sequence  # noqa: E402
from importlib import import_module  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any, Protocol, TextIO  # noqa: E402

Settings = dict[str, Any]

_HEADS = {
    "feature-extraction": "AutoModel",
    "sentence-similarity": "AutoModel",
    "fill-mask": "AutoModelForMaskedLM",
    "question-answering": "AutoModelForQuestionAnswering",
    "text-classification": "AutoModelForSequenceClassification",
    "token-classification": "AutoModelForTokenClassification",
}


class Engine(Protocol):
    """A model as its library runs it."""

    def feed(self, arrays: dict[str, Any]) -> Any:
        """Turn int64 arrays ``(1, sequence)`` into what `run` takes; not timed."""

    def run(self, feed: Any) -> Any:
        """Run the model; timed."""

    def outputs(self, result: Any) -> dict[str, Any]:
        """Return output name -> array of what `run` gave; not timed."""


class _Transformers:
    """What torch and optimum share: torch tensors in and out."""

    model: Any

    def feed(self, arrays: dict[str, Any]) -> Any:
        import torch

        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    def run(self, feed: Any) -> Any:
        import torch

        with torch.inference_mode():
            return self.model(**feed)

    def outputs(self, result: Any) -> dict[str, Any]:
        return {name: value.numpy() for name, value in result.items() if hasattr(value, "numpy")}


class _Torch(_Transformers):
    """transformers' model in PyTorch; int8 is PyTorch's own dynamic quantization."""

    def __init__(self, settings: Settings) -> None:
        import torch
        import transformers

        torch.set_num_threads(settings["threads"])
        kind = getattr(transformers, _HEADS[settings["task"]])
        # A checkpoint may be stored in half precision, which transformers 5 would compute in.
        self.model = kind.from_pretrained(settings["model"]).float().eval()
        if settings["precision"] == "int8":
            from torch.ao import quantization as untyped

            tools: Any = untyped
            self.model = tools.quantize_dynamic(self.model, {torch.nn.Linear}, dtype=torch.qint8)


class _Optimum(_Transformers):
    """optimum's ORTModel on the file that ``optimum-cli`` made."""

    def __init__(self, settings: Settings) -> None:
        import onnxruntime
        from optimum import onnxruntime as optimum

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = settings["threads"]
        name = _HEADS[settings["task"]].replace("Auto", "ORT")
        kind = getattr(optimum, "ORTModelForFeatureExtraction" if name == "ORTModel" else name)
        file = "model.onnx" if settings["precision"] == "fp32" else "model_quantized.onnx"
        self.model = kind.from_pretrained(
            settings["model"], file_name=file, session_options=options
        )


class _CTranslate2:
    """CTranslate2's encoder, which has no head; `outputs` adds it, as convert.py kept it."""

    def __init__(self, settings: Settings) -> None:
        import ctranslate2

        self._head = Path(settings["model"]) / "head.npz"
        self._model = ctranslate2.Encoder(
            settings["model"],
            device="cpu",
            compute_type={"fp32": "float32"}.get(settings["precision"], settings["precision"]),
            inter_threads=1,
            intra_threads=settings["threads"],
        )

    def feed(self, arrays: dict[str, Any]) -> Any:
        import ctranslate2
        import numpy as np

        ids = arrays["input_ids"].astype(np.int32)
        length = arrays["attention_mask"].sum(axis=1, dtype=np.int32)
        types = arrays.get("token_type_ids")
        return {
            "inputs": ctranslate2.StorageView.from_array(ids),
            "lengths": ctranslate2.StorageView.from_array(length),
            "token_type_ids": None if types is None else types.tolist(),
        }

    def run(self, feed: Any) -> Any:
        return self._model.forward_batch(**feed)

    def outputs(self, result: Any) -> dict[str, Any]:
        import numpy as np

        hidden = np.asarray(result.last_hidden_state)  # (1, sequence, hidden)
        head = dict(np.load(self._head))
        if not head:
            return {"last_hidden_state": hidden}
        logits = hidden @ head["weight"].T + head["bias"]  # (1, sequence, classes)
        if head["spans"]:
            return {"start_logits": logits[..., 0], "end_logits": logits[..., 1]}
        return {"logits": logits}


class _OpenVino:
    """Our fp32 file as OpenVINO compiles it for latency."""

    def __init__(self, settings: Settings) -> None:
        import openvino
        import openvino.properties.hint as hints

        # Left to itself it computes in bf16 where the CPU has it, and is no fp32 model.
        types = {"fp32": openvino.Type.f32, "bf16": openvino.Type.bf16}
        wanted = {
            hints.performance_mode: hints.PerformanceMode.LATENCY,
            hints.inference_precision: types[settings["precision"]],
            openvino.properties.inference_num_threads: settings["threads"],
        }
        self._model = openvino.Core().compile_model(settings["model"], "CPU", wanted)

    def feed(self, arrays: dict[str, Any]) -> Any:
        return arrays

    def run(self, feed: Any) -> Any:
        return self._model(feed)

    def outputs(self, result: Any) -> dict[str, Any]:
        return {port.any_name: value for port, value in result.items()}


# Name -> packages whose import is timed, and what opens the model.
ENGINES: dict[str, tuple[tuple[str, ...], Callable[[Settings], Engine]]] = {
    "torch": (("torch", "transformers"), _Torch),
    "optimum": (("onnxruntime", "torch", "optimum.onnxruntime"), _Optimum),
    "ctranslate2": (("ctranslate2",), _CTranslate2),
    "openvino": (("openvino",), _OpenVino),
}


class Server:
    """Answers requests with one model."""

    def __init__(self, engine: Engine, names: Sequence[str]) -> None:
        self._engine, self._names = engine, names
        self._feeds: list[Any] = []
        self._seen: set[int] = set()

    def reply(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer one request of one word."""
        [(word, value)] = request.items()
        found: dict[str, Any] = getattr(self, word)(value)
        return found

    def queries(self, file: str) -> dict[str, Any]:
        """Take up a list of queries: their arrays are made here."""
        written = json.loads(Path(file).read_text(encoding="utf-8"))
        rows = zip(written["ids"], written["type_ids"], strict=True)
        length = written["inputs"]["padded_to"]
        self._feeds = [self._engine.feed(self._arrays(*row, length)) for row in rows]
        self._seen = set()
        return {}

    def _arrays(self, ids: list[int], types: list[int], length: int | None) -> dict[str, Any]:
        """Return the inputs that the graph takes; 0 pads BERT's vocabularies."""
        import numpy as np

        room = [0] * ((length or len(ids)) - len(ids))
        rows = {
            "input_ids": ids + room,
            "attention_mask": [1] * len(ids) + room,
            "token_type_ids": types + room,
        }
        return {name: np.array([rows[name]], np.int64) for name in self._names}

    def run(self, items: list[int]) -> dict[str, Any]:
        """Time queries one after the other.

        Some engines compile a kernel for each new length. In a turn, which asks for several
        queries, those that this process has not met are answered once, untimed, before.
        """
        if len(items) > 1:
            for item in sorted(set(items) - self._seen):
                self._engine.run(self._feeds[item])
        self._seen.update(items)
        starts, times, spent = [], [], []
        for item in items:
            before, started = time.process_time_ns(), time.perf_counter_ns()
            self._engine.run(self._feeds[item])
            times.append(time.perf_counter_ns() - started)
            spent.append(time.process_time_ns() - before)
            starts.append(started)
        if len(items) > 1:
            _rest()
        stages = {"forward": times}
        return {"start_ns": starts, "stage_ns": stages, "total_ns": times, "cpu_ns": spent}

    def memory(self, _: Any) -> dict[str, Any]:
        """Return this process's memory now and at its most."""
        return {"resident": _status("VmRSS"), "peak": _status("VmHWM")}

    def outputs(self, item: int) -> dict[str, Any]:
        """Return every output for one query."""
        found = self._engine.outputs(self._engine.run(self._feeds[item]))
        return {name: array.tolist() for name, array in found.items()}


def main(arguments: Settings, replies: TextIO, baseline: int | None) -> None:
    """Load the model and answer until stdin ends."""

    def say(reply: dict[str, Any]) -> None:
        print(json.dumps(reply), file=replies, flush=True)

    packages, opener = ENGINES[arguments["engine"]]
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # reports each import
    try:
        for name in ("numpy", *packages):
            import_module(name)
        imported = time.perf_counter_ns()
        server = Server(opener(arguments), arguments["inputs"])
        times = {"import_ns": imported - _STARTED, "session_ns": time.perf_counter_ns() - imported}
        say({"baseline": baseline, **times, "rss": _status("VmRSS")})
        for line in sys.stdin:
            say(server.reply(json.loads(line)))
    except Exception as error:  # whatever the library raises, who started us is told
        first, *_ = [*str(error).strip().splitlines(), ""]
        say({"error": f"{type(error).__name__}: {first}"})


def _rest() -> None:
    """Wait until no thread is spinning; see `edge_distil_bench.protocol.worker`."""
    quiet, end = 0, time.perf_counter() + 0.5
    while quiet < 2 and time.perf_counter() < end:
        used, started = time.process_time(), time.perf_counter()
        time.sleep(0.004)
        idle = time.process_time() - used < 0.2 * (time.perf_counter() - started)
        quiet = quiet + 1 if idle else 0


def _status(key: str) -> int | None:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(row.split()[1]) * 1024 for row in lines if row.startswith(f"{key}:")), None)


if __name__ == "__main__":
    _baseline = _status("VmRSS")
    # Ctrl-C reaches the whole group; the parent is the one to decide, and it ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Libraries may print to stdout; the replies keep it for themselves.
    _replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    main(json.loads(sys.argv[1]), _replies, _baseline)
