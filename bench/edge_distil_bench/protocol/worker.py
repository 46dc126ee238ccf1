"""A process that runs a model, or several in turn, whenever it is asked to, and times itself.

Started by `protocol.processes`, which sets the clock going before anything is imported.
Requests and replies are lines of JSON on stdin and stdout:

==============================================  ==================================================
request                                         reply
==============================================  ==================================================
(none: it has started)                          ``{"baseline", "import_ns", "session_ns", "rss"}``
``{"queries": FILE}``, of `Queries.write`       ``{}``
``{"run": [item, ...]}``: its first model       ``{"start_ns": [...], "stage_ns": {stage: [...]},
                                                "total_ns": [...], "cpu_ns": [...]}``
``{"interleave": [[slot, item], ...]}``         the same, in this order; a slot is a model's place
                                                on the command line
``{"forward": {"tokens", "batch", "passes",     ``{"forward_ns": [...]}``: the session alone, on
"seconds"}}``                                   random ids; stops after so many seconds
``{"memory": true}``                            ``{"resident", "peak"}``: bytes, or null
``{"outputs": item}``                           ``{name: nested lists}``: what the model gives
==============================================  ==================================================

What fails is answered by ``{"error": line}``. A peer's worker speaks the same words, with
``forward`` as its only stage (it is given the ids of the queries) and without ``interleave``; one
that leaves out ``forward`` or ``memory`` has no curves or no memory. The process ends when stdin
does.

onnxruntime's threads go on spinning after a run, in case another follows (seen: 40 ms on one core,
Zen 4), and would take that core from the model whose turn is next: on two cores with two threads
its first two queries took twice as long. So models that share a process share one pool of threads,
which are awake for the next run whosever it is, as they are in a service; and a reply to more than
one query or pass, which is a turn, comes when the process rests. A lone one is a warm-up, or a
first answer. Switching the spinning off would have measured another configuration than the one that
users run.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

import numpy as np

import edge_distil
from edge_distil._tokenizing.rows import Row, collate
from edge_distil.errors import EdgeDistilError
from edge_distil.session import share_threads
from edge_distil.tasks import Task
from edge_distil_bench.costs.memory import peak, resident
from edge_distil_bench.protocol.timed_task import TimedTask
from edge_distil_bench.records import STAGES

Answer = Callable[[dict[str, Any]], dict[str, Any]]
# A process rests when it uses less than so much of a core, over so many seconds; one whose threads
# never do is not waited for longer.
_IDLE, _GLANCE, _PATIENCE = 0.2, 0.004, 0.5


class Server:
    """Answers requests with one model, or with several.

    Args:
        tasks: From `edge_distil.load`, one a slot.
    """

    def __init__(self, *tasks: Task) -> None:
        self._tasks = tasks
        self._task = tasks[0]
        self._timed = [TimedTask(task) for task in tasks]
        self._queries: dict[str, Any] = {}
        self._requests: dict[str, Callable[[Any], dict[str, Any]]] = {
            "queries": self.queries,
            "run": lambda items: self.interleave([(0, item) for item in items]),
            "interleave": self.interleave,
            "forward": self.forward,
            "memory": lambda _: {"resident": resident(), "peak": peak()},
            "outputs": self.outputs,
        }

    def reply(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer one request of one word."""
        [(word, value)] = request.items()
        return self._requests[word](value)

    def queries(self, file: str) -> dict[str, Any]:
        """Take up a list of queries."""
        self._queries = json.loads(Path(file).read_text(encoding="utf-8"))
        padded_to = self._queries["inputs"]["padded_to"]
        self._timed = [TimedTask(task, padded_to) for task in self._tasks]
        return {}

    def interleave(self, asked: Sequence[tuple[int, int]]) -> dict[str, Any]:
        """Time queries one after the other, each by the model that is asked for it."""
        texts = self._queries["texts"]
        taken = [self._timed[slot](texts[item]) for slot, item in asked]
        if len(asked) > 1:
            rest()
        return {
            "start_ns": [timing.start for timing in taken],
            "stage_ns": {stage: [getattr(t, stage) for t in taken] for stage in STAGES},
            "total_ns": [timing.total for timing in taken],
            "cpu_ns": [timing.cpu for timing in taken],
        }

    def forward(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Time forward passes over one batch of random ids."""
        shape = (wanted["batch"], wanted["tokens"])
        size = self._task.encoder.tokenizer.size()  # special tokens are in the first half
        ids = np.random.default_rng(0).integers(size // 2, size, shape)
        encoder = self._task.encoder
        feeds = encoder.features([Row(row, np.zeros_like(row)) for row in ids])
        session = encoder.session
        taken: list[int] = []
        end = time.perf_counter() + wanted["seconds"]
        while len(taken) < wanted["passes"] and (not taken or time.perf_counter() < end):
            started = time.perf_counter_ns()
            session.run(feeds)
            taken.append(time.perf_counter_ns() - started)
        if wanted["passes"] > 1:
            rest()
        return {"forward_ns": taken}

    def outputs(self, item: int) -> dict[str, Any]:
        """Return every output for one query's token ids, unpadded: array ``(1, ...)`` as lists."""
        encoder = self._task.encoder
        row = Row(*(np.array(self._queries[name][item]) for name in ("ids", "type_ids")))
        first = encoder.bundle.manifest.first_position
        found = encoder.session.run(collate([row], 0, first_position=first))
        return {name: array.tolist() for name, array in found.items()}


def main(arguments: Sequence[str], started_ns: int, baseline: int | None) -> None:
    """Load the models and answer until stdin ends.

    Args:
        arguments: Number of threads, then bundle and variant of each slot.
        started_ns: When the process began to run, before any import.
        baseline: Resident bytes at that moment.
    """
    threads, *words = arguments
    places = list(zip(words[::2], words[1::2], strict=True))

    def load() -> Answer:
        if len(places) > 1:
            share_threads(int(threads))
        tasks = [
            edge_distil.load(bundle, variant=variant, threads=int(threads))
            for bundle, variant in places
        ]
        return Server(*tasks).reply

    serve(load, started_ns, baseline)


def serve(load: Callable[[], Answer], started_ns: int, baseline: int | None) -> None:
    """Answer requests until stdin ends, which it does when the parent does, however that ends.

    Args:
        load: Loads the model and returns what answers a request.
        started_ns: See `main`.
        baseline: See `main`.
    """
    # Ctrl-C reaches the whole group; the parent is the one to decide, and it ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(BrokenPipeError), _replies() as replies:
        imported = time.perf_counter_ns()
        try:
            answer = load()
        except EdgeDistilError as error:
            _say(replies, {"error": str(error)})
            return
        session_ns = time.perf_counter_ns() - imported
        ready = {"import_ns": imported - started_ns, "session_ns": session_ns}
        _say(replies, {"baseline": baseline, **ready, "rss": resident()})
        for line in sys.stdin:
            try:
                _say(replies, answer(json.loads(line)))
            except EdgeDistilError as error:
                _say(replies, {"error": str(error)})


def rest() -> None:
    """Wait until no thread of this process spins any more.

    Two glances must agree: in one, another process may have held the core of a spinning thread.
    """
    quiet, end = 0, time.perf_counter() + _PATIENCE
    while quiet < 2 and time.perf_counter() < end:
        used, started = time.process_time(), time.perf_counter()
        time.sleep(_GLANCE)
        idle = time.process_time() - used < _IDLE * (time.perf_counter() - started)
        quiet = quiet + 1 if idle else 0


def _replies() -> TextIO:
    """Keep stdout for replies; what libraries print there goes to stderr from now on."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return replies


def _say(replies: TextIO, reply: dict[str, Any]) -> None:
    replies.write(json.dumps(reply) + "\n")
    replies.flush()
