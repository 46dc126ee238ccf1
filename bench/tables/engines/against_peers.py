"""Ours in several forms beside torch, optimum, CTranslate2 and OpenVINO, length by length.

    .venv/bin/python bench/tables/engines/against_peers.py [--launches 5] [--work DIR] [--json FILE]

The embedded minilm-l6-squad (MiniLM-L6, 384 wide) and DistilBERT-base with seeded random weights,
both for question answering, batch 1, one thread, all on one core. Engines are those of
``edge-distil bench --against``, each a process of its own that stays; in a round each has a turn of
several questions, in an order drawn anew, and the time is that of the forward pass alone (peers are
given token ids). All engines are started several times: where a process has its weights in memory
moves it by two per cent. A figure is int8-fused's time over the engine's, turn by turn, the median
over all launches and its 95 % interval (turns nested in launches, which are taken to differ alike
for all engines): below 1, the engine is slower.
The peers' environments are made below .interop at the first use (4 GB).
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_distil._machine.engines import BF16, bf16_features
from edge_distil.bundle import open_bundle
from edge_distil.encoder import open_encoder
from edge_distil_bench.peers import Origin, parse, prepare
from edge_distil_bench.protocol.processes import Worker, participant
from edge_distil_bench.protocol.queries import make_queries
from edge_distil_bench.statistics.bootstrap import nested_interval, pooled_spread
from tables.shared.distilbert import make_checkpoint
from tables.shared.figures import machine, markdown, parser, pin, publish, shown, times
from tables.shared.places import EMBEDDED, peer_python
from tables.shared.variants import export, fuse

# As --against has it -> its environment; torch is in this one. Each in the fastest precision that
# --against has of it.
PEERS = {
    "torch:int8": None,
    "optimum:int8": "optimum_onnx",
    "ctranslate2:int8": "ctranslate2",
    "openvino:bf16": "openvino_runtime",
}
PACKAGES = {
    "optimum-onnx": "optimum_onnx",
    "ctranslate2": "ctranslate2",
    "openvino": "openvino_runtime",
}
_SMALL_PAGES = {"EDGE_DISTIL_HUGE_PAGES": "0"}
# Name in the table -> variant, and what its process is told.
OURS: dict[str, tuple[str, Mapping[str, str]]] = {
    "int8-fused": ("int8-fused", {}),
    "int8": ("int8", {}),
    "int8, pages of 4 KiB": ("int8", _SMALL_PAGES),
    "fp32": ("fp32", {}),
    "fp32-fused": ("fp32-fused", {}),
    "fp32, pages of 4 KiB": ("fp32", _SMALL_PAGES),
}
FIRST, REFERENCE = "int8-fused", "fp32"
LENGTHS = (12, 32, 128, 384)
_QUERIES, _QUESTION, _SPECIAL = 8, 4, 3  # of a length; its question's tokens, and those around
_WARM_UP, _TURN = 1.0, 0.1  # seconds
_SETTLING = 2.0  # seconds more at the start: after each run a page of ours goes on a large one

Turns = dict[str, list[float]]  # engine -> seconds of a question, turn by turn
Logits = NDArray[np.float64]
Answers = dict[tuple[int, str], Logits]  # length and engine -> what it says, the same at any launch


@contextmanager
def opened(bundle: Path, checkpoint: Path, work: Path) -> Iterator[dict[str, Worker]]:
    """Start every engine in a process of its own, in any order; name -> its worker."""
    engines = {
        name: replace(participant(name, bundle, variant, 1), environment=environment)
        for name, (variant, environment) in OURS.items()
    }
    origin = Origin(open_bundle(bundle), checkpoint, bundle.name, 1, work, trained=False)
    for name, place in PEERS.items():
        if name.endswith(f":{BF16}") and not bf16_features():
            continue
        wanted = parse(name + (f"={peer_python(place)}" if place else ""))
        [made] = prepare(wanted, origin, lambda note: print(note, file=sys.stderr))
        engines[name] = made.participant
    with ExitStack() as stack:
        started = random.sample(list(engines), len(engines))
        found = {name: stack.enter_context(Worker(engines[name])) for name in started}
        yield {name: found[name] for name in engines}


def write_questions(bundle: Path, tokens: int, folder: Path) -> Path:
    """Write questions with contexts of exactly so many tokens, words drawn from the vocabulary."""
    vocabulary = (EMBEDDED / "vocab.txt").read_text(encoding="utf-8").splitlines()
    words = [word for word in vocabulary if len(word) > 2 and word.isascii() and word.isalpha()]
    draw = random.Random(tokens)
    texts = []
    for _ in range(_QUERIES):
        drawn = draw.choices(words, k=tokens - _SPECIAL)
        texts.append((" ".join(drawn[:_QUESTION]), " ".join(drawn[_QUESTION:])))
    made = make_queries(open_encoder(bundle), str(tokens), "", texts)
    assert set(made.inputs.tokens) == {tokens}
    made.write(file := folder / f"{tokens}.json")
    return file


def launch(
    bundle: Path, checkpoint: Path, work: Path, rounds: int, answers: Answers
) -> dict[int, Turns]:
    """Start all engines anew and return length -> engine -> seconds of each of its turns."""
    taken = {}
    with opened(bundle, checkpoint, work) as workers:
        for tokens in LENGTHS:
            questions = write_questions(bundle, tokens, work)
            for worker in workers.values():
                worker.ask(queries=str(questions))
                if tokens == LENGTHS[0]:
                    _warm_up(worker, _SETTLING)
            taken[tokens] = _take_turns(workers, rounds)
            for name, worker in workers.items():
                if (tokens, name) not in answers:
                    answers[tokens, name] = _logits(worker)
    return taken


def _take_turns(workers: Mapping[str, Worker], rounds: int) -> Turns:
    counts = {name: _count(worker) for name, worker in workers.items()}
    taken: dict[str, list[float]] = {name: [] for name in workers}
    order = list(workers)
    for _ in range(rounds):
        random.shuffle(order)
        for name in order:
            taken[name].append(_turn(workers[name], counts[name]))
    return taken


def summary(launches: Sequence[Turns], logits: Mapping[str, Logits]) -> dict[str, Any]:
    """Return what the table shows of each engine at one length."""
    logs = {n: [np.log(turns[FIRST]) - np.log(turns[n]) for turns in launches] for n in launches[0]}
    medians = [[float(np.median(own)) for own in logs[name]] for name in logs]
    spread = pooled_spread(np.array(medians))
    found = {}
    for name, own in logs.items():
        ratio = np.exp([np.median(np.concatenate(own)), *nested_interval(own, spread)])
        found[name] = {
            "milliseconds": 1e3 * statistics.median(t for turns in launches for t in turns[name]),
            "ratio": ratio.tolist(),
            "launches": np.exp([np.median(blocks) for blocks in own]).tolist(),
            "cosine": _cosine(logits[name], logits[REFERENCE]),
        }
    return found


def _count(worker: Worker) -> int:
    """Return how many questions a turn of an engine has."""
    _warm_up(worker, _WARM_UP)
    return max(2, round(_TURN / _turn(worker, 2)))


def _warm_up(worker: Worker, seconds: float) -> None:
    _turn(worker, max(2, round(seconds / _turn(worker, 2))))


def _turn(worker: Worker, count: int) -> float:
    """Return the median seconds of a question, after one that is not counted."""
    reply = worker.ask(run=[item % _QUERIES for item in range(count + 1)])
    return float(statistics.median(reply["stage_ns"]["forward"][1:])) / 1e9


def _logits(worker: Worker) -> Logits:
    """Return the logits of all questions: ``(questions, outputs * tokens)``."""
    found = [worker.ask(outputs=item) for item in range(_QUERIES)]
    return np.array([[*np.ravel(o["start_logits"]), *np.ravel(o["end_logits"])] for o in found])


def _cosine(first: Logits, second: Logits) -> float:
    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return float(((first * second).sum(axis=1) / norms).mean())


def table(found: Mapping[str, Any]) -> str:
    """Write one table a model."""
    return "\n\n".join(_table(model, by_length) for model, by_length in found.items())


def _table(model: str, by_length: Mapping[str, Any]) -> str:
    rows = []
    for name in next(iter(by_length.values())):
        own = [found[name] for found in by_length.values()]
        first = name == FIRST
        cells = [f"{o['milliseconds']:.2f} ms" if first else times(o["ratio"]) for o in own]
        rows.append([name, *cells, f"{min(o['cosine'] for o in own):.4f}"])
    lengths = [f"{length} tokens" for length in by_length]
    return markdown([model, *lengths, "cosine to fp32"], rows)


def render(document: Mapping[str, Any]) -> str:
    """Write what the script printed, from its JSON."""
    return shown(document, table(document["figures"]))


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--launches", type=int, default=5)
    options.add_argument("--rounds", type=int, default=8, help="of each launch")
    arguments = options.parse_args()
    if arguments.launches < 2 or arguments.rounds < 1:
        options.error("expected --launches of 2 or more and --rounds of 1 or more")
    random.seed(0)
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary:
        work = arguments.work or Path(temporary)
        weights = work / "checkpoint"
        if not weights.is_dir():
            make_checkpoint(weights)
        sources = {"minilm-l6-squad": EMBEDDED, "distilbert-base": weights}
        for name, checkpoint in sources.items():
            fuse(export(checkpoint, work / "bundles" / name, "--int8", "--fused"), "fp32")
        pin()  # the workers too, and only now: to export takes all cores
        for name, checkpoint in sources.items():
            bundle, answers = work / "bundles" / name, Answers()
            launches = []
            for number in range(arguments.launches):
                print(f"{name}: launch {number + 1} of {arguments.launches}", file=sys.stderr)
                launches.append(launch(bundle, checkpoint, work, arguments.rounds, answers))
            found[name] = {
                str(tokens): summary(
                    [taken[tokens] for taken in launches],
                    {engine: own for (length, engine), own in answers.items() if length == tokens},
                )
                for tokens in LENGTHS
            }
    publish(machine(PACKAGES), table(found), found, arguments.json)


if __name__ == "__main__":
    main()
