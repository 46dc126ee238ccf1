"""`run_study`: make the models, measure them, and write the raw samples."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from edge_distil._tokenizing.tokenizer import Tokenizer
from edge_distil._writing import locks, storage
from edge_distil._writing.journal import Journal
from edge_distil._writing.temporary import temporaries_in
from edge_distil.encoder import open_encoder
from edge_distil.errors import InputError
from edge_distil_apps.study.architectures import ARCHITECTURES
from edge_distil_apps.study.inputs import PAIRS, make_inputs, same_tokens
from edge_distil_apps.study.models import Made, find_models
from edge_distil_apps.study.options import Options
from edge_distil_apps.study.plan import Plan, make_plan
from edge_distil_apps.study.progress import Progress
from edge_distil_apps.study.steps import Steps
from edge_distil_bench.environment import record_environment
from edge_distil_bench.measurements import Measurements, read_measurements, write_measurements
from edge_distil_bench.protocol import FULL
from edge_distil_bench.queries import Queries

DOCUMENT = "measurements.json"
_WORK, _JOURNAL, _TEMPORARY = "work", "journal.json", ".edge_distil.tmp"


def run_study(options: Options, folder: Path, progress: Progress) -> Measurements:
    """Measure all that the plan holds and write it to ``folder/measurements.json``.

    What was measured before an interruption is not measured again; a finished study is read.

    Args:
        options: What was asked.
        folder: Of the document; bundles and journal are in ``work`` beside it until the end.
        progress: What is told of it.

    Raises:
        InputError: The folder holds the finished study of another request.
        PlaceBusy: Another study is at work there.
        StorageError: The folder cannot be written.
        EdgeDistilError: A model cannot be found, made or run.
    """
    request = options.request()
    with ExitStack() as stack:
        with storage.storage_errors(folder):
            storage.make_folder(folder.parent)
            stack.enter_context(locks.hold(locks.beside(folder.resolve()), folder))
        work = folder / _WORK
        found = _finished(folder, request)
        if found is not None:
            progress.say(f"{folder / DOCUMENT} is complete: nothing is measured again")
        else:
            stack.enter_context(temporaries_in(work / _TEMPORARY))
            models = find_models(options, work / "models", progress.say)
            found = _measure(options, request, models, work / _JOURNAL, progress)
            write_measurements(found, folder / DOCUMENT)
        _clean_up(work, keep_models=options.keep_models)  # what a kill left, too
    return found


def _finished(folder: Path, request: Mapping[str, Any]) -> Measurements | None:
    """Return what stands in the folder, if it is what was asked for."""
    if not (folder / DOCUMENT).exists():
        return None
    found = read_measurements(folder / DOCUMENT)
    if found.protocol.get("request") == request:
        return found
    raise InputError(
        f"{folder / DOCUMENT} is of other options ({found.protocol.get('name')}, "
        f"{found.created}): choose another -o, or delete it"
    )


def _measure(
    options: Options,
    request: Mapping[str, Any],
    models: Sequence[Made],
    journal: Path,
    progress: Progress,
) -> Measurements:
    """Carry out the plan for these models."""
    inputs = _inputs(options, models[0])
    pairs = len(inputs[PAIRS].texts)
    plan = make_plan(quick=options.quick, threads=options.threads, pairs=pairs)
    kept = Journal(journal, _key(request, plan, models, inputs))
    begun = kept.recall("environment", lambda: _begin(options.threads))
    if begun["environment"]["loaded"]:
        progress.say(
            f"the machine is busy ({begun['environment']['loaded_reason']}): figures will be "
            "noisier, and the report says so"
        )
    steps = Steps(plan, models, inputs, kept, progress, options.squad)
    return Measurements(
        device=options.device or begun["environment"]["cpu"],
        created=begun["created"],
        environment=begun["environment"],
        protocol={**plan.record(_notes(plan, models, inputs)), "request": dict(request)},
        models=tuple(record for one in models for record in one.records()),
        inputs=tuple(inputs[name].inputs for name in inputs if name in plan.inputs),
        **steps.measure(),
    )


def _inputs(options: Options, model: Made) -> dict[str, Queries]:
    # Only its tokenizer is used: the smaller file loads faster.
    encoder = open_encoder(model.bundle.path, variant=model.variants[-1])
    return make_inputs(
        encoder, FULL.seed, squad=options.squad, stsb=options.stsb, quick=options.quick
    )


def _begin(threads: int) -> dict[str, Any]:
    created = datetime.now().astimezone().isoformat(timespec="seconds")
    return {"created": created, "environment": record_environment(threads)}


def _key(
    request: Mapping[str, Any],
    plan: Plan,
    models: Sequence[Made],
    inputs: Mapping[str, Queries],
) -> dict[str, Any]:
    """Return what the figures of the journal hold for."""
    return {
        "request": dict(request),
        "plan": plan.record(()),
        "models": {record.id: record.sha256 for one in models for record in one.records()},
        "inputs": [queries.ids for queries in inputs.values()],
    }


def _notes(plan: Plan, models: Sequence[Made], inputs: Mapping[str, Queries]) -> list[str]:
    """Return what a reader has to know beside the numbers of the protocol."""
    notes = [
        f"left out, for want of time: {queries.inputs.id} ({queries.inputs.description})"
        for queries in inputs.values()
        if queries.inputs.id not in plan.inputs
    ]
    notes.append(
        "the headline effort is the questions' on all threads; what else was measured explains it, "
        "with the queries that the numbers of the protocol say"
    )
    if plan.protocol.cold_starts < FULL.cold_starts:
        notes.append(f"{plan.protocol.cold_starts} cold starts a model, not {FULL.cold_starts}")
    for one in models:
        if not one.mark.trained:
            notes.append(f"{one.name}: seeded random weights: times and sizes, no accuracy")
        if one.mark.calibrated is False:
            notes.append(
                f"{one.name}/int8 was made without calibration: a calibrated one has as many "
                "operators, with a Mul in the place of some Sub"
            )
    tokenizers = [Tokenizer(m.bundle.path, m.bundle.manifest.max_length) for m in models]
    if not same_tokens(tokenizers, inputs.values()):
        notes.append(
            f"the models' tokenizers differ: lengths in tokens are those of {models[0].name}"
        )
    return notes


def _clean_up(work: Path, *, keep_models: bool) -> None:
    """Remove what only an interrupted study needs, and nothing that it did not write.

    The journal goes last: where there is none, the models are some that the user keeps.
    """
    if (work / _JOURNAL).exists():
        for architecture in () if keep_models else ARCHITECTURES:
            shutil.rmtree(work / "models" / architecture.name, ignore_errors=True)
        shutil.rmtree(work / _TEMPORARY, ignore_errors=True)
        (work / _JOURNAL).unlink()
    for folder in (work / "models", work):
        with suppress(OSError):  # models that are kept, files of the user
            folder.rmdir()
