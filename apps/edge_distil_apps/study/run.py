"""`run_study`: make the models, measure them, and write the raw samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from edge_distil._tokenizing.tokenizer import Tokenizer
from edge_distil._writing.journal import Journal
from edge_distil.encoder import open_encoder
from edge_distil_apps.study.folder import StudyFolder
from edge_distil_apps.study.inputs import PAIRS, make_inputs, same_tokens
from edge_distil_apps.study.models import Made, find_models
from edge_distil_apps.study.options import Options
from edge_distil_apps.study.plan import Plan, make_plan
from edge_distil_apps.study.progress import Progress
from edge_distil_apps.study.steps import Steps
from edge_distil_bench.machine.environment import record_environment
from edge_distil_bench.protocol.design import FULL
from edge_distil_bench.protocol.queries import Queries
from edge_distil_bench.records import Measurements


def run_study(options: Options, folder: StudyFolder, progress: Progress) -> Measurements:
    """Measure all that the plan holds and write the folder's document.

    What was measured before an interruption is not measured again; a finished study is read.

    Args:
        options: What was asked.
        folder: Where the document goes; bundles and journal are in it until the end.
        progress: What is told of it.

    Raises:
        InputError: The folder holds the finished study of another request.
        PlaceBusy: Another study is at work there.
        StorageError: The folder cannot be written.
        EdgeDistilError: A model cannot be found, made or run.
    """
    request = options.request()
    with folder.held():
        found = folder.measured(request)
        if found is not None:
            progress.say(f"{folder.document} is complete: nothing is measured again")
        else:
            with folder.at_work():
                models = find_models(options, folder, progress.say)
                found = _measure(options, request, models, folder, progress)
            folder.write(found)
        folder.clean_up(keep_models=options.keep_models)  # what a kill left, too
    return found


def _measure(
    options: Options,
    request: Mapping[str, Any],
    models: Sequence[Made],
    folder: StudyFolder,
    progress: Progress,
) -> Measurements:
    """Carry out the plan for these models."""
    inputs = _inputs(options, models[0])
    pairs = len(inputs[PAIRS].texts)
    plan = make_plan(quick=options.quick, threads=options.threads, pairs=pairs)
    kept = Journal(folder.journal, _key(request, plan, models, inputs))
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
        if not one.provenance.trained:
            notes.append(f"{one.name}: seeded random weights: times and sizes, no accuracy")
        if one.provenance.calibrated is False:
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
