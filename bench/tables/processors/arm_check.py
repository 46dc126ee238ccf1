"""The embedded checkpoint's int8 on other processors: are its numbers the same there?

    make arm-check        or: .venv/bin/python bench/tables/processors/arm_check.py [--questions 20]

Needs ``apt-get install qemu-user-static debootstrap``. Exports the checkpoint, quantizes it,
answers questions with the runtime here and on emulated cores, and compares. Exit status 1 when

* an integer product differs from numpy's int32 product of the same operands,
* with the activations rounded as here, a logit differs from this machine's by more than 1e-3, or
* an answer differs from this machine's.

Logits of a free run differ more, on any two processors: float32 sums between the products differ
in the last digit, now and then that moves an activation over the border of two integers, and
later layers spread the step. The table shows both.

On ``max`` onnxruntime's own recipes give garbage, and that is qemu's fault: onnxruntime fuses them
to DynamicQuantizeMatMul and runs that on KleidiAI's kernels for SME, whose instruction SMOPA qemu
computes wrongly before 8.2.3 (QEMU issue 2083). ``max,sme=off`` is right. The recipe int8 has no
operator that is fused so.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge_distil import hardware
from edge_distil_bench.protocol.commands import measure_command
from tables.processors.cpu_rows import Models, Row, compare, load
from tables.processors.emulation import HOME, Cpu, EmulationError, require_tools, run_on
from tables.processors.opened_models import (
    OTHERS,
    force_activations,
    onnxruntimes_own,
    open_products,
)
from tables.shared.places import EMBEDDED, REPOSITORY

OPENED = 3  # questions whose integers are compared, and that the other recipes are given
PASSAGES = REPOSITORY / "apps" / "edge_distil_apps" / "data" / "passages.json"
WORKER = Path(__file__).with_name("cpu_worker.py")
CONTEXT = 240  # characters: windows of about 60 tokens, for emulation is slow
CPUS = (
    Cpu("SandyBridge", "x86, AVX without AVX2"),
    Cpu("Haswell", "x86, AVX2 without VNNI"),
    Cpu("cortex-a57", "Arm without dot product", 0xD07),
    Cpu("cortex-a76", "Arm with dot product", 0xD0B),
    Cpu("max,sme=off", "Arm with i8mm and SVE", 0xD40),
    Cpu("max", "Arm with i8mm, SVE and SME", 0xD40),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=20)
    questions = parser.parse_args().questions
    try:
        require_tools()
        work = HOME / "check"
        shutil.rmtree(work, ignore_errors=True)
        rows = check(work, questions)
    except EmulationError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"This machine: {hardware.cpu_name()} ({', '.join(hardware.cpu_features())}).\n")
    print(own_table(rows), end="\n\n")
    print(others_table(rows))
    return 0 if all(row.good for row in rows.values()) else 1


def check(work: Path, questions: int) -> dict[str, Row]:
    """Run everything here, then on each processor; returns a row for each."""
    bundle = make_bundle(work)
    models = make_models(bundle, work)
    here = work / "here"
    run_here(bundle, read_pairs(questions), models, here)
    rows = {}
    for cpu in CPUS:
        say(f"{cpu.model}: {cpu.about}")
        there = work / cpu.model
        run_on(cpu, WORKER, work / "job.json", there)
        rows[cpu.model] = compare(models, here, there)
    return rows


def make_bundle(work: Path) -> Path:
    say("exporting and quantizing the embedded checkpoint")
    bundle = work / "bundle"
    command = "from edge_distil_apps.cli import main; main()"
    measure_command(
        [sys.executable, "-P", "-c", command, "export", EMBEDDED, "-o", bundle, "--int8"]
    )
    return bundle


def make_models(bundle: Path, work: Path) -> Models:
    files = {name: work / f"{name}.onnx" for name in ("int8", *OTHERS)}
    fp32, int8 = bundle / "onnx" / "model.onnx", bundle / "onnx" / "model_quantized.onnx"
    products = {"int8": open_products(int8, files["int8"])}
    for name in OTHERS:
        files[f"{name}_closed"] = work / f"{name}_closed.onnx"
        onnxruntimes_own(fp32, files[f"{name}_closed"], reduce_range=name == "reduced")
        products[name] = open_products(files[f"{name}_closed"], files[name])
    return Models({**files, "fp32": fp32}, products)


def read_pairs(count: int) -> list[tuple[str, str]]:
    """Return questions, each with the part of its passage that begins at the answer's sentence."""
    articles = json.loads(PASSAGES.read_text(encoding="utf-8"))["data"]
    paragraphs = [paragraph for article in articles for paragraph in article["paragraphs"]]
    pairs = []
    for paragraph in paragraphs:
        for question in paragraph["qas"][:2]:
            context = paragraph["context"]
            before = context[: question["answers"][0]["answer_start"]]
            start = before.rfind(". ") + 2 if ". " in before else 0
            pairs.append((question["question"], context[start : start + CONTEXT]))
    return pairs[:count]


def run_here(bundle: Path, pairs: list[tuple[str, str]], models: Models, here: Path) -> None:
    """Run this machine's part, which also gives the others' feeds, and write their job."""
    say("this machine")
    start: dict[str, Any] = {"bundle": str(bundle), "pairs": pairs, "models": {}}
    run_job(start, here)
    feeds = [here / f"feeds-{index}.npz" for index in range(min(OPENED, len(pairs)))]
    plain = {"models": {n: model_job(file, feeds) for n, file in models.files.items()}, "pairs": []}
    run_job(plain, here)
    models.forced = [force(models, here, bundle, index) for index in range(len(feeds))]
    forced = {"forced": model_job(here.parent / "forced.onnx", models.forced)}
    run_job({"models": forced, "pairs": []}, here)
    job = {**start, "models": {**plain["models"], **forced}}  # type: ignore[dict-item]
    (here.parent / "job.json").write_text(json.dumps(job), encoding="utf-8")


def force(models: Models, here: Path, bundle: Path, index: int) -> Path:
    """Store the feeds of a question with this machine's rounded activations among them."""
    recorded = load(here / f"int8-{index}.npz")
    source = bundle / "onnx" / "model_quantized.onnx"
    names = force_activations(source, here.parent / "forced.onnx", recorded)
    feeds = load(here / f"feeds-{index}.npz")
    target = here / f"forced-feeds-{index}.npz"
    np.savez(target, **feeds, **{f"{name}_forced": recorded[name] for name in names})  # type: ignore[arg-type]
    return target


def run_job(job: Mapping[str, Any], folder: Path) -> None:
    file = folder.parent / "job.json"
    file.write_text(json.dumps(job), encoding="utf-8")
    measure_command([sys.executable, WORKER, file, folder])


def model_job(file: Path, feeds: Sequence[Path]) -> dict[str, Any]:
    return {"file": str(file), "feeds": list(map(str, feeds))}


def own_table(rows: Mapping[str, Row]) -> str:
    lines = [
        "| edge-distil int8 on | exact products | activations rounded otherwise | logits, rounded "
        "as here | logits, free run: median, max | of these within 1e-3 | same answers |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for cpu in CPUS:
        row = rows[cpu.model]
        lines.append(
            f"| {cpu.model} ({cpu.about}) | {of(row.exact['int8'])} | {of(row.flips)} "
            f"| {row.forced:.1e} | {np.median(row.free):.1e}, {max(row.free):.1e} "
            f"| {of(row.within)} | {of(row.answers)} |"
        )
    return "\n".join(lines)


def others_table(rows: Mapping[str, Row]) -> str:
    names = [f"onnxruntime {about}" for about in OTHERS.values()]
    heads = [f"{name}: {what}" for name in names for what in ("exact products", "logits")]
    lines = [f"| other recipes on | fp32: logits | {' | '.join(heads)} |", "|---|" + "--:|" * 5]
    for cpu in CPUS:
        row = rows[cpu.model]
        cells = [
            cell
            for name in OTHERS
            for cell in (of(row.exact[name]), f"{row.others[f'{name}_closed']:.1e}")
        ]
        lines.append(f"| {cpu.model} | {row.others['fp32']:.1e} | {' | '.join(cells)} |")
    return "\n".join(lines)


def of(pair: tuple[int, int]) -> str:
    return f"{pair[0]:,} of {pair[1]:,}"


def say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
