"""What is asked of each head, and the answers of both sides in one form: name -> number, an input.

A name is what was found (an answer's text, a label, a token, a place in a vector), so that the two
sides are equal where they find the same, by numbers that are near.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import edge_distil as ed
from tables.compatibility import pipeline
from tables.shared.places import REPOSITORY

Said = list[dict[str, float]]  # one an input
Rows = list[dict[str, Any]]
TEXTS = [
    "Ada lived in London.",
    "The quick brown fox jumps over the lazy dog, and sleeps on it.",
    "Où était le café? 東京 🦊",
    "a",
]
MASKED = ["Ada lived in {}.", "The quick {} fox.", "{}"]
PAIRS = [
    ["Where did Ada live?", "In 1843, Ada lived near London."],
    ["Who?", "The quick brown fox jumps over a lazy dog 🦊"],
]
CHOICES = [["Ada lived in", ["London.", "Paris; the fox sleeps.", "a café 🦊", "1,024", "a dog."]]]
RUNTIME = REPOSITORY / "apps" / "web" / "runtime"


def inputs(task: str, folder: Path) -> list[Any]:
    """Return what is asked, the mask in the words of the checkpoint's tokenizer."""
    if task == "question-answering":
        return PAIRS
    if task == "multiple-choice":
        return CHOICES
    if task == "fill-mask":
        mask = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))["mask_token"]
        return [text.format(mask) for text in MASKED]
    return TEXTS


def original(task: str, folder: Path, asked: Sequence[Any]) -> Said:
    """Return what transformers, or for vectors sentence-transformers, says: text in, answer out."""
    import transformers

    if task == "sentence-similarity":
        model = library(folder)  # a text at a time: in company it pads, which some families feel
        return _numbered(model.encode(text, show_progress_bar=False) for text in asked)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    if task == "question-answering":
        model = transformers.AutoModelForQuestionAnswering.from_pretrained(folder).eval()
        return [dict([pipeline.answer(model, tokenizer, *pair)]) for pair in asked]
    if task == "multiple-choice":
        model = transformers.AutoModelForMultipleChoice.from_pretrained(folder).eval()
        return [pipeline.choose(model, tokenizer, *question) for question in asked]
    run: Any = transformers.pipeline(task, model=str(folder), device="cpu")
    if task == "text-classification":
        return [_labels(run(text, top_k=None)) for text in asked]
    if task == "fill-mask":
        return [_candidates([{**r, "token": r["token_str"]} for r in run(t)]) for t in asked]
    found = [run(text, ignore_labels=[]) for text in asked]
    return [_entities(_trimmed(*one)) for one in zip(found, asked, strict=True)]


def library(folder: Path) -> Any:
    """Open a checkpoint with sentence-transformers, as its users do."""
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


def in_python(task: str, bundle: Path, asked: Sequence[Any]) -> Said:
    """Return what the bundle says in Python."""
    model: Any = ed.load(bundle, variant="fp32", threads=1)
    if task == "sentence-similarity":
        return _numbered(model.encode(list(asked)))
    if task == "question-answering":
        return [{one.text: one.score for one in model.batch([tuple(p)])[0]} for p in asked]
    if task == "multiple-choice":
        return [_choices(_rows(model(*question))) for question in asked]
    if task == "text-classification":
        return [_labels(_rows(found)) for found in model.batch(asked, top_k=None)]
    if task == "fill-mask":
        return [_candidates(_rows(model(text))) for text in asked]
    found = model.batch(asked, aggregation_strategy="none", ignore_labels=())
    return [_entities(_rows(rows)) for rows in found]


def in_node(task: str, bundle: Path, asked: Sequence[Any], runtime: Path) -> Said:
    """Return what the bundle says in JavaScript.

    Args:
        task: The bundle's.
        bundle: Its directory.
        asked: From `inputs`.
        runtime: The runtime's modules, from `build_runtime`.

    Raises:
        RuntimeError: It refuses or fails; its message is the first line of the error.
    """
    program = Path(__file__).with_name("answers.mjs")
    run = subprocess.run(
        ["node", program, runtime, RUNTIME / "node_modules"],
        input=json.dumps({"bundle": str(bundle), "task": task, "inputs": asked}),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if run.returncode:
        lines = [line.strip() for line in run.stderr.splitlines() if "Error" in line]
        raise RuntimeError(lines[0] if lines else f"node ended with {run.returncode}")
    found = json.loads(run.stdout)
    if task == "sentence-similarity":
        return _numbered(found)
    if task == "question-answering":
        return [{row["text"]: row["score"] for row in rows} for rows in found]
    forms = {
        "text-classification": _labels, "fill-mask": _candidates, "multiple-choice": _choices,
    }  # fmt: skip
    return [forms.get(task, _entities)(rows) for rows in found]


def build_runtime(folder: Path) -> Path | None:
    """Compile the JavaScript runtime into a folder; ``None`` where there is no Node."""
    compiler = RUNTIME / "node_modules" / "typescript" / "bin" / "tsc"
    if shutil.which("node") is None or not compiler.is_file():
        return None
    command = ["node", compiler, "-p", RUNTIME / "tsconfig.json", "--outDir", folder]
    subprocess.run(command, check=True)
    (folder / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    return folder


def _numbered(vectors: Iterable[Iterable[float]]) -> Said:
    return [{str(i): float(value) for i, value in enumerate(vector)} for vector in vectors]


def _rows(found: Iterable[Any]) -> Rows:
    return [row._asdict() for row in found]


def _labels(rows: Rows) -> dict[str, float]:
    return {row["label"]: row["score"] for row in rows}


def _choices(rows: Rows) -> dict[str, float]:
    return {str(row["index"]): row["score"] for row in rows}


def _candidates(rows: Rows) -> dict[str, float]:
    """Name a token by its rank too: several may be bytes of characters."""
    return {f"{rank}: {row['token'].strip()}": row["score"] for rank, row in enumerate(rows)}


def _trimmed(rows: Rows, text: str) -> Rows:
    """Return the pipeline's entities as we give them: without spaces around, and no space alone."""
    found = []
    for row in rows:
        span = text[row["start"] : row["end"]]
        if word := span.strip():
            start = row["start"] + span.index(word)
            place = {"start": start, "end": start + len(word)}
            found.append({**row, **place, "label": row["entity"]})
    return found


def _entities(rows: Rows) -> dict[str, float]:
    """Name a token's label by its number and place too: of one character there may be several."""
    places = [row.get("codePoints") or (row["start"], row["end"]) for row in rows]
    return {
        f"{number}: {row['label']} {start}-{end}": float(row["score"])
        for number, (row, (start, end)) in enumerate(zip(rows, places, strict=True))
    }
