"""``edge-distil distil``: a teacher -> a smaller student."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_distil_apps.cli import console, options
from edge_distil_apps.cli.flags import students

if TYPE_CHECKING:
    from edge_distil_distil import Distilled, Status

_LEARN = "What to learn"
_STUDENT = "Student"
_TRAINING = "Training"
_FRONTIER = "Which one to ship"
_EVERY = 30.0  # seconds between two lines, where stderr is no terminal


def distil(
    teacher: Annotated[
        list[str],
        options.argument("TEACHER...", "Checkpoint, bundle, hub id."),
    ],
    output: Annotated[
        Path,
        options.output("DIR", "The student."),
    ],
    data: Annotated[
        list[Path], options.value(kind="FILE", text="To learn from; may repeat.", panel=_LEARN)
    ],
    layers: Annotated[
        str, options.value(kind="N", text="Layers; several with --frontier.", panel=_STUDENT)
    ],
    task: Annotated[
        str | None,
        options.value(
            kind="TASK", text="If not the teacher's.", panel=_LEARN, check=options.check_task
        ),
    ] = None,
    evaluate: Annotated[
        Path | None, options.value("--eval", kind="FILE", text="To score on.", panel=_LEARN)
    ] = None,
    weight: Annotated[
        list[str] | None,
        options.value(kind="LOSS=X", text="soft=0: no teacher; may repeat.", panel=_LEARN),
    ] = None,
    temperature: Annotated[
        float,
        options.value(
            kind="T", text="Softens logits; 2.", panel=_LEARN, check=options.check_positive
        ),
    ] = 2.0,
    student: Annotated[
        str | None,
        options.value(kind="MODEL", text="Begin as this; the teacher.", panel=_STUDENT),
    ] = None,
    architecture: Annotated[
        str | None,
        options.value(
            kind="KIND",
            text="same, or distilbert for a BERT.",
            panel=_STUDENT,
            check=options.one_of("same", "distilbert"),
        ),
    ] = None,
    random: Annotated[
        bool, options.flag("--random", text="Begin with random weights.", panel=_STUDENT)
    ] = False,
    width: Annotated[
        int | None,
        options.value(kind="N", text="Neurons of the feed-forward.", panel=_STUDENT, min=1),
    ] = None,
    cut_vocabulary: Annotated[
        list[Path] | None,
        options.value(kind="FILE", text="Keep the pieces of its texts.", panel=_STUDENT),
    ] = None,
    outside: Annotated[
        str,
        options.value(
            kind="WHAT",
            text="refuse or map data with others.",
            panel=_STUDENT,
            check=options.one_of("refuse", "map"),
        ),
    ] = "refuse",
    frontier: Annotated[
        bool,
        options.flag("--frontier", text="Train, export, measure several.", panel=_FRONTIER),
    ] = False,
    max_ms: Annotated[
        float | None, options.value(kind="X", text="Of a forward pass.", panel=_FRONTIER)
    ] = None,
    max_mb: Annotated[
        float | None, options.value(kind="X", text="Of the file.", panel=_FRONTIER)
    ] = None,
    min_score: Annotated[
        float | None, options.value(kind="X", text="In percent.", panel=_FRONTIER)
    ] = None,
    quick: Annotated[
        bool, options.flag("--quick", text="Time less, for a first look.", panel=_FRONTIER)
    ] = False,
    minutes: Annotated[
        float | None,
        options.value(
            kind="N",
            text="Time limit of training.",
            panel=_TRAINING,
            check=options.check_positive,
        ),
    ] = None,
    epochs: Annotated[
        float | None,
        options.value(
            kind="N",
            text="Passes; 3, or --minutes.",
            panel=_TRAINING,
            check=options.check_positive,
        ),
    ] = None,
    learning_rate: Annotated[
        float | None,
        options.value(
            kind="X", text="1e-4; fill-mask 5e-4.", panel=_TRAINING, check=options.check_positive
        ),
    ] = None,
    batch_size: Annotated[
        int, options.value(kind="N", text="Examples a step; 32.", panel=_TRAINING, min=1)
    ] = 32,
    accumulate: Annotated[
        int, options.value(kind="N", text="Batches a step; 1.", panel=_TRAINING, min=1)
    ] = 1,
    dropout: Annotated[
        float | None,
        options.value(kind="X", text="The checkpoint's.", panel=_TRAINING, min=0, max=1),
    ] = None,
    max_length: Annotated[
        int | None, options.value(kind="N", text="Tokens; the model's.", panel=_TRAINING)
    ] = None,
    precision: Annotated[
        str,
        options.value(
            kind="TYPE",
            text="fp32, bf16 or fp16.",
            panel=_TRAINING,
            check=options.one_of("fp32", "bf16", "fp16"),
        ),
    ] = "fp32",
    seed: Annotated[
        int, options.value(kind="N", text="Of all draws; 0.", panel=_TRAINING, min=0)
    ] = 0,
    threads: console.Threads = None,
    tensorboard: Annotated[
        Path | None,
        options.value(kind="DIR", text="What TensorBoard shows.", panel=options.OUTPUT),
    ] = None,
    resume: Annotated[
        bool,
        options.flag("--resume", text="Fail if there is nothing to go on with.", panel=_TRAINING),
    ] = False,
    force: Annotated[
        bool,
        options.flag("--force", text="Replace a student; begin anew.", panel=options.OUTPUT),
    ] = False,
    json: console.Json = False,
) -> None:
    """Train a smaller student to do what a teacher does.

    Example: `edge-distil distil ./qa-teacher --data train.json --eval dev.json --layers 3 -o
    student`, then `edge-distil export student -o bundle --int8`

    FILE: SQuAD JSON, texts with labels or CoNLL, as for eval; for embeddings and fill-mask any
    texts (txt, jsonl, csv, Parquet). Losses: soft, labels, vectors, masked_lm, cosine, hidden,
    attention, relations.

    --cut-vocabulary keeps the pieces that texts use, exactly; --width the neurons that matter most.
    With --frontier, `--layers 6,4,3,2` trains a student each, exports them in fp32 and int8,
    measures all beside the teacher, and chooses: the fastest with --min-score (97 % of the
    teacher's), or the best within --max-ms and --max-mb. DIR then holds report.html.

    Stopped (Ctrl-C) or killed, the same command goes on where it was: what is trained is kept
    beside DIR in .DIR.training until DIR is whole.
    """
    counts = students.counts(layers, frontier)
    limits = {"max_ms": max_ms, "max_mb": max_mb, "min_score": min_score}
    if frontier and evaluate is None:
        raise typer.BadParameter("--frontier needs --eval FILE: what students are scored on")
    weights = students.weights(weight or ())
    students.check(
        made=student is not None and bool(width or cut_vocabulary),
        alone=force or resume or tensorboard is not None,
        frontier=frontier,
        asked=quick or any(value is not None for value in limits.values()),
    )
    students.watch_kept(output)
    students.check_files([*data, *([evaluate] if evaluate else []), *(cut_vocabulary or ())])
    with console.needs_distil():
        from edge_distil import hardware
        from edge_distil_distil import Recipe
        from edge_distil_distil import distil as train
        from edge_distil_distil.smaller.prepare import prepared

        _use_threads(threads)
        recipe = Recipe(
            weights=weights, temperature=temperature,
            learning_rate=learning_rate, batch_size=batch_size, accumulate=accumulate,
            epochs=epochs, minutes=minutes, dropout=dropout, seed=seed, precision=precision,
            max_length=max_length,
        )  # fmt: skip
        if frontier:
            assert evaluate is not None
            _frontier(
                output, limits, json,
                teachers=teacher, layers=counts, data=data, evaluate=evaluate, task=task,
                recipe=recipe, student=student, architecture=architecture, random=random,
                vocabulary_texts=cut_vocabulary or (), outside=outside, width=width,
                threads=hardware.threads(threads), quick=quick,
            )  # fmt: skip
            return
        with (
            prepared(
                teacher[0], output, vocabulary_texts=cut_vocabulary or (), width=width, data=data,
                refuse=outside == "refuse", say=console.note,
            ) as begun,
            _watched() as watch,
        ):  # fmt: skip
            done = train(
                [begun.teacher, *teacher[1:]], output, data=data, layers=counts[0], task=task,
                evaluate=evaluate, student=begun.student or student, architecture=architecture,
                random=random, recipe=recipe, overwrite=force, resume=resume,
                tensorboard=tensorboard, progress=watch, notice=console.note,
            )  # fmt: skip
    if json:
        console.document({"path": str(done.path), **done.record})
    else:
        _show(done)


def _frontier(output: Path, limits: dict[str, float | None], json: bool, **request: Any) -> None:
    """Train, measure, choose and draw."""
    with console.needs_export(), console.needs_apps():
        from edge_distil_apps.frontier.command import show

        show(request, output, limits, _watched, as_json=json)


def _use_threads(threads: int | None) -> None:
    if threads is not None:
        import torch

        torch.set_num_threads(threads)


@contextmanager
def _watched(label: str = "distilling") -> Iterator[Callable[[Status], None]]:
    """Show how far it is: a bar on a terminal, elsewhere a line from time to time."""
    import time

    last = time.monotonic()
    with console.progress_bar(label) as bar:

        def watch(status: Status) -> None:
            nonlocal last
            words = _words(status)
            bar(status.step, status.steps, words)
            if not console.interactive() and time.monotonic() - last >= _EVERY:
                last = time.monotonic()
                console.note(f"{status.stage} {status.step:,} of {status.steps:,} · {words}")

        yield watch


def _words(status: Status) -> str:
    figures = [f"{name} {value:.3f}" for name, value in status.losses.items()]
    figures += [f"{name} {value:.1f}" for name, value in list(status.scores.items())[:1]]
    if status.stage == "training":
        figures.insert(0, f"pass {status.epoch:.2f}")
    if status.seconds_left is not None and not console.interactive():
        figures.append(f"{status.seconds_left / 60:.1f} min left")
    return " · ".join(figures)


def _show(done: Distilled) -> None:
    student: dict[str, Any] = done.record["student"]
    console.say(
        console.text(
            f"{done.path}: {student['class']}, {console.count(len(done.layers), 'layer')}, "
            f"{done.parameters / 1e6:.1f} M parameters"
        )
    )
    for name, value in done.scores.items():
        of = f", the teacher's {done.teacher_scores[name]:.2f}" if done.teacher_scores else ""
        console.say(f"{name} {value:.2f}{of}")
