"""The libraries that embed side by side, each in its own environment, and the texts they embed."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from edge_distil.bundle import MODEL_FILES
from edge_distil.evaluate.squad_file import read_squad
from edge_distil.evaluate.sts import read_pairs
from edge_distil_bench.protocol.processes import Participant, Worker
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
PRECISIONS = ("fp32", "int8")
_SEED = 2018
_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}


class Client(NamedTuple):
    """One library, one model file.

    Attributes:
        library: Its name.
        precision: ``"fp32"`` or ``"int8"``.
        batch: Texts a batch; 0 leaves it to the library.
    """

    library: str
    precision: str
    batch: int = 0

    @property
    def name(self) -> str:
        """What it is called in tables."""
        size = f", batch {self.batch}" if self.batch else ""
        return f"{self.library} {self.precision}{size}"

    def command(self, bundle: Path, threads: int) -> list[str | Path]:
        """Return what starts it; see embedders.py."""
        file = MODEL_FILES[self.precision]
        ours: tuple[str | Path, Path, str] = (sys.executable, bundle, self.precision)
        python, model, file = {
            EDGE_DISTIL: ours,
            BULK: ours,
            FASTEMBED: (peer_python("fastembed_custom"), bundle, file),
            ST_ONNX: (peer_python("sentence_transformers_onnx"), bundle, file),
            ST_TORCH: (sys.executable, checkpoint(), ""),
        }[self.library]
        words = (threads, self.batch, MAX_LENGTH)
        return [python, TABLES / "embedding" / "embedders.py", self._function, model, file,
                *map(str, words)]  # fmt: skip

    @property
    def _function(self) -> str:
        name = {BULK: "edge_distil_bulk"}.get(self.library, self.library)
        name = "_".join(name.lower().replace("-", " ").split())
        return f"{name}_int8" if (self.library, self.precision) == (ST_TORCH, "int8") else name


class Embedder:
    """A live process of a client."""

    def __init__(self, client: Client, bundle: Path, threads: int) -> None:
        environment = {**_OFFLINE, "OMP_NUM_THREADS": str(threads), "PYTHONWARNINGS": "ignore",
                       "PYTHONPATH": str(REPOSITORY)}  # fmt: skip
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
