"""``make demo``: the embedded checkpoint, from PyTorch to a proven int8 bundle that answers."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import edge_distil as ed
from edge_distil.encoder import Encoder
from edge_distil.evaluate import evaluate
from edge_distil_apps.cli import console, inspect
from edge_distil_export import export_bundle
from edge_distil_quantize import quantize_bundle

_REPOSITORY = Path(__file__).parents[2]
_CHECKPOINT = _REPOSITORY / "apps" / "models" / "minilm-l6-squad"
_BUNDLE = _REPOSITORY / ".demo" / "minilm-l6-squad"
_PASSAGES = Path(__file__).parent / "data" / "passages.json"

_CONTEXT = (
    "The Grey Heron lighthouse was built in 1871 by the engineer Marta Lindqvist. It stands on a "
    "granite reef eleven kilometres from the fishing town of Varnholm. Its lamp, which burned "
    "herring oil until 1923, can be seen from forty kilometres away. Today two volunteers keep "
    "the light and count the seabirds that nest on the reef."
)
_QUESTIONS = (
    "Who built the lighthouse?",
    "What did the lamp burn until 1923?",
    "How far from Varnholm is the reef?",
)
_LATENCY_TOKENS = 128
_LATENCY_PAIRS = 30  # fp32 and int8 in turn, so that a busy machine slows both alike


def main() -> None:
    """Export, quantize, prove, answer, time."""
    console.say("[bold]1. Export and prove[/bold]")
    bundle = _timed("export to ONNX, compared with PyTorch", lambda: _export())
    bundle = _timed("quantize to int8, compared with fp32", lambda: quantize_bundle(bundle, "int8"))
    inspect.show(bundle, as_json=False)
    tasks = {name: ed.QuestionAnswering.load(_BUNDLE, variant=name) for name in ("fp32", "int8")}
    _show_scores(tasks)
    _show_answers(tasks["int8"])
    _show_latency()
    console.say("\nThe bundle is in .demo/minilm-l6-squad. Ask it something of your own:")
    console.say(
        '  .venv/bin/edge-distil run .demo/minilm-l6-squad -q "Who …?" -c "…" --variant int8'
    )


def _export() -> ed.Bundle:
    return export_bundle(_CHECKPOINT, _BUNDLE, overwrite=True, progress=console.note)


def _timed(label: str, work: Callable[[], ed.Bundle]) -> ed.Bundle:
    started = time.perf_counter()
    bundle = work()
    console.say(f"{label}: {time.perf_counter() - started:.1f} s")
    return bundle


def _show_scores(tasks: dict[str, ed.QuestionAnswering]) -> None:
    console.say("\n[bold]2. Is it still right?[/bold] Own-written passages:")
    for name, task in tasks.items():
        result = evaluate(task, _PASSAGES)
        metrics = ", ".join(f"{key} {value:.1f}" for key, value in result.metrics.items())
        console.say(f"  {name}: {metrics} ({console.count(result.count, 'question')})")


def _show_answers(task: ed.QuestionAnswering) -> None:
    console.say(f"\n[bold]3. Ask the int8 model[/bold]\n\n{_CONTEXT}\n")
    for question in _QUESTIONS:
        answer = task(question, _CONTEXT)
        console.say(f"  {question:36} {console.text(answer.text)}  [dim]{answer.score:.3f}[/dim]")


def _show_latency() -> None:
    encoders = {
        name: ed.QuestionAnswering.load(_BUNDLE, variant=name, threads=1).encoder
        for name in ("fp32", "int8")
    }
    times: dict[str, list[float]] = {name: [] for name in encoders}
    for _ in range(_LATENCY_PAIRS):
        for name, encoder in encoders.items():
            times[name].append(_forward_seconds(encoder))
    medians = {name: statistics.median(values) * 1e3 for name, values in times.items()}
    console.say(
        f"\n[bold]4. Forward latency[/bold], {_LATENCY_TOKENS} tokens, batch 1, 1 thread, "
        f"median of {_LATENCY_PAIRS}:\n"
        f"  fp32 {medians['fp32']:.1f} ms, int8 {medians['int8']:.1f} ms: "
        f"{medians['fp32'] / medians['int8']:.2f}x"
    )


def _forward_seconds(encoder: Encoder) -> float:
    [window, *_] = encoder.tokenizer.pair_windows(
        _QUESTIONS[0], _CONTEXT * 4, max_length=_LATENCY_TOKENS, stride=0, max_first=64
    )
    started = time.perf_counter()
    list(encoder.run([window]))
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
