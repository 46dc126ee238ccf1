"""The libraries that embed side by side, each in its own environment, and the texts they embed."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from edge_distil.bundle import MODEL_FILES
from edge_distil.evaluate.squad_file import read_squad
from edge_distil.evaluate.sts import read_pairs
from edge_distil_bench.protocol.processes import Participant, Worker
from tables.embedding.peer_files import LLAMA_CPP_PLACE, OPENVINO_PLACE, gguf, openvino_model
from tables.shared.minilm import checkpoint
from tables.shared.places import REPOSITORY, TABLES, peer_python
from tables.shared.variants import export

MAX_LENGTH = 256  # tokens
MIXED = 523  # texts of the mixed corpus
# Package -> environment; torch's rows run in this project's own.
PACKAGES = {
    "fastembed": "fastembed_custom",
    "sentence-transformers": "sentence_transformers_onnx",
    "optimum-onnx": "sentence_transformers_onnx",
    "torch": "sentence_transformers_onnx",
}
EDGE_DISTIL, BULK = "edge-distil", "edge-distil, load_for_bulk"
FASTEMBED = "fastembed"
ST_ONNX, ST_TORCH = "sentence-transformers ONNX", "sentence-transformers torch"
ST_OPENVINO, LLAMA_CPP = "sentence-transformers OpenVINO", "llama.cpp"
PRECISIONS = ("fp32", "int8")
_SEED = 2018
_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}


class Client(NamedTuple):
    """One library, one model file.

    Attributes:
        library: Its name.
        precision: Of the file, as the library names it: ``"fp32"``, ``"int8"``, ``"q8_0"``; what
            OpenVINO computes in, ``"bf16"``.
        batch: Texts a batch, tokens a batch for llama.cpp; 0 leaves it to the library.
    """

    library: str
    precision: str
    batch: int = 0

    @property
    def name(self) -> str:
        """What it is called in tables."""
        unit = " tokens" if self.library == LLAMA_CPP else ""
        size = f", batch {self.batch}{unit}" if self.batch else ""
        return f"{self.library} {self.precision}{size}"

    def command(self, bundle: Path, threads: int) -> list[str | Path]:
        """Return what starts it; see embedders.py. What it needs is made at the first use."""
        python, model, file = _FILES[self.library](bundle, self.precision)
        words = (threads, self.batch, MAX_LENGTH)
        return [python, TABLES / "embedding" / "embedders.py", self._function, model, file,
                *map(str, words)]  # fmt: skip

    @property
    def _function(self) -> str:
        name = {BULK: "edge_distil_bulk", LLAMA_CPP: "llama_cpp"}.get(self.library, self.library)
        name = "_".join(name.lower().replace("-", " ").split())
        return f"{name}_int8" if (self.library, self.precision) == (ST_TORCH, "int8") else name


_Files = tuple[str | Path, Path, str]  # interpreter, model, file in it


def _ours(bundle: Path, precision: str) -> _Files:
    return sys.executable, bundle, precision


def _onnx(environment: str) -> Callable[[Path, str], _Files]:
    return lambda bundle, precision: (peer_python(environment), bundle, MODEL_FILES[precision])


def _torch(_: Path, __: str) -> _Files:
    return sys.executable, checkpoint(), ""


def _openvino(bundle: Path, precision: str) -> _Files:
    return peer_python(OPENVINO_PLACE), openvino_model(bundle.parent), precision


def _llama_cpp(bundle: Path, precision: str) -> _Files:
    return peer_python(LLAMA_CPP_PLACE), gguf(bundle.parent, precision), ""


_FILES: Mapping[str, Callable[[Path, str], _Files]] = {
    EDGE_DISTIL: _ours,
    BULK: _ours,
    FASTEMBED: _onnx("fastembed_custom"),
    ST_ONNX: _onnx("sentence_transformers_onnx"),
    ST_TORCH: _torch,
    ST_OPENVINO: _openvino,
    LLAMA_CPP: _llama_cpp,
}


class Embedder:
    """A live process of a client."""

    def __init__(self, client: Client, bundle: Path, threads: int) -> None:
        environment = {**_OFFLINE, "OMP_NUM_THREADS": str(threads), "PYTHONWARNINGS": "ignore",
                       "PYTHONPATH": f"{REPOSITORY}:{TABLES.parent}"}  # fmt: skip
        command = tuple(map(str, client.command(bundle, threads)))
        self._worker = Worker(Participant(client.name, command, threads, environment=environment))

    def encode(self, texts: Path, vectors: Path) -> dict[str, float]:
        """Embed a file of texts; return seconds, processor seconds and peak megabytes."""
        return self._ask({"encode": str(texts), "vectors": str(vectors)})

    def queries(self, texts: Sequence[str]) -> list[tuple[float, float]]:
        """Embed texts one by one; return each one's seconds and processor seconds."""
        reply = self._ask({"queries": list(texts)})
        return list(zip(reply["seconds"], reply["cpu"], strict=True))

    def end(self) -> None:
        """Let it end."""
        self._worker.end()

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        return self._worker.ask(**request)


@contextmanager
def opened(client: Client, bundle: Path, threads: int) -> Iterator[Embedder]:
    """Run a client in a fresh process."""
    embedder = Embedder(client, bundle, threads)
    try:
        yield embedder
    finally:
        embedder.end()


def make_bundle(work: Path) -> Path:
    """Export all-MiniLM-L6-v2, fp32 and int8, unless it is there."""
    return export(checkpoint(), work / "bundle", "--int8")


def paragraphs(data: Path) -> list[str]:
    """Return the paragraphs of SQuAD dev."""
    return list(dict.fromkeys(e.context for e in read_squad(data / "squad" / "dev.json").examples))


def questions(data: Path) -> list[str]:
    """Return the questions of SQuAD dev."""
    return list(dict.fromkeys(e.question for e in read_squad(data / "squad" / "dev.json").examples))


def sentences(data: Path) -> list[str]:
    """Return the sentences of STS-B dev, repetitions included."""
    pairs = read_pairs(data / "stsb" / "stsb-en-dev.csv")
    return [text for pair in pairs for text in (pair.first, pair.second)]


def mixed(data: Path) -> list[str]:
    """Return SQuAD dev's paragraphs and as many of its questions as make `MIXED`, shuffled."""
    long, draw = paragraphs(data), random.Random(_SEED)
    texts = long + draw.sample(questions(data), MIXED - len(long))
    draw.shuffle(texts)
    return texts
