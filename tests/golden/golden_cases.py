"""Golden cases: calls of task objects and what they give, for every language that has a runtime.

A file of tests/golden/cases, or of a folder in it, is one bundle and its cases::

    {"bundle": "embedding", "variant": "fp32", "task": null, "manifest": {changes},
     "cases": [{"call": "labels", "inputs": [...], "options": {...}, "oracle": "...",
                "expected": [...]}]}

`bundle` is a folder of tests/golden/tiny, or the embedded checkpoint's bundle. `task` is what it is
opened for, where that is not what its manifest names. `manifest` holds fields to put for those of
the bundle's manifest, a dict into a dict. Options have Python's names. `oracle` is who gave what is
expected: another library, or "edge_distil" where no other has the call.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import edge_distil as ed
from edge_distil.precision import quantize_embeddings

HERE = Path(__file__).parent
CASES = HERE / "cases"
EMBEDDED = "minilm-l6-squad"
TOLERANCE = 1e-3  # of a probability; of a number in a vector it is a hundredth of that

Result = Any  # what JSON can hold


def read() -> dict[str, dict[str, Any]]:
    """All files of cases, by name."""
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(CASES.rglob("*.json"))
    }


def prepare(file: dict[str, Any], folder: Path, embedded: Path | None = None) -> Path:
    """Copy a file's bundle to `folder`, its manifest changed as the file says."""
    source = embedded if file["bundle"] == EMBEDDED else HERE / "tiny" / file["bundle"]
    assert source is not None
    shutil.copytree(source, folder)
    path = folder / "edge_distil.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    for name, value in file.get("manifest", {}).items():
        manifest[name] = {**manifest[name], **value} if isinstance(value, dict) else value
    path.write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def _rows(vectors: Any) -> list[Any]:
    rows: list[Any] = np.asarray(vectors).tolist()
    return rows


def _places(results: list[list[Any]]) -> Result:
    return [[row._asdict() for row in rows] for rows in results]


def _sparse(task: Any, texts: list[Any], side: str = "", **options: Any) -> Result:
    """Weights by token id; those of queries or of documents, where the case says a side."""
    encode = getattr(task, f"encode_{side}" if side else "encode")
    return [
        {str(i): w for i, w in zip(row.indices.tolist(), row.values.tolist(), strict=True)}
        for row in encode(texts, **options)
    ]


# Call -> what runs it: a task object, its inputs and its options.
CALLS: dict[str, Callable[[Any, list[Any], dict[str, Any]], Result]] = {
    "answers": lambda task, pairs, options: _places(
        task.batch([tuple(pair) for pair in pairs], **options)
    ),
    "labels": lambda task, texts, options: _places(
        task.batch([tuple(t) if isinstance(t, list) else t for t in texts], **options)
    ),
    "ranked": lambda task, given, options: [row._asdict() for row in task(*given, **options)],
    "scores": lambda task, pairs, options: [
        {"score": float(score)} for score in task.score([tuple(pair) for pair in pairs], **options)
    ],
    "chosen_labels": lambda task, given, options: _places(task.batch(*given, **options)),
    "choices": lambda task, given, options: _places(
        task.batch([tuple(one) if isinstance(one, list) else one for one in given], **options)
    ),
    "entities": lambda task, texts, options: _places(task.batch(texts, **options)),
    "candidates": lambda task, texts, options: [
        _places(task.each_mask(text, **options)) for text in texts
    ],
    "vectors": lambda task, texts, options: _rows(task.encode(texts, **options)),
    "query_vectors": lambda task, texts, options: _rows(task.encode_query(texts, **options)),
    "document_vectors": lambda task, texts, options: _rows(task.encode_document(texts, **options)),
    "query_tokens": lambda task, texts, options: list(
        map(_rows, task.encode_query(texts, **options))
    ),
    "document_tokens": lambda task, texts, options: list(
        map(_rows, task.encode_document(texts, **options))
    ),
    "matched": lambda task, given, options: [row._asdict() for row in task.rank(*given, **options)],
    "similarity": lambda task, texts, options: _rows(
        task.similarity(task.encode(texts), task.encode(texts[:2]))
    ),
    "sparse": lambda task, texts, options: _sparse(task, texts, **options),
    "tokens": lambda task, texts, options: _places(
        [task.decode(vector, **options) for vector in task.encode(texts)]
    ),
    "quantized": lambda task, texts, options: _rows(
        quantize_embeddings(task.encode(texts), options["precision"], np.float32(options["ranges"]))
    ),
}


def run(task: Any, case: dict[str, Any]) -> Result:
    """Make a case's call; an error of edge-distil's own is a result too."""
    try:
        return CALLS[case["call"]](task, case["inputs"], case["options"])
    except ed.EdgeDistilError as error:
        return {"error": type(error).__name__}


def run_file(file: dict[str, Any], folder: Path, variant: str | None = None) -> list[Result]:
    """Make all calls of a file on the bundle in `folder`."""
    options: dict[str, Any] = {"variant": variant or file["variant"], "task": file.get("task")}
    task = ed.load(folder, **options)
    return [run(task, case) for case in file["cases"]]


def best(results: Result) -> Result:
    """Of each input's answers, labels, entities or candidates the first; vectors as they are."""
    if not isinstance(results, list):
        return results
    if results and isinstance(results[0], dict):
        return results[:1]
    return [best(row) for row in results]


def differences(
    found: Result, expected: Result, place: str = "", tolerance: float = TOLERANCE / 100
) -> list[str]:
    """Say where two results differ; floats may differ by the tolerance, all else not at all."""
    if isinstance(expected, dict) and isinstance(found, dict):
        places = [(key, f"{place}.{key}") for key in expected]
        inner = max(tolerance, TOLERANCE)
        return [d for k, p in places for d in differences(found.get(k), expected[k], p, inner)]
    if isinstance(expected, list) and isinstance(found, list) and len(found) == len(expected):
        pairs = enumerate(zip(found, expected, strict=True))
        return [d for i, (f, e) in pairs for d in differences(f, e, f"{place}.{i}", tolerance)]
    if isinstance(expected, float) and isinstance(found, int | float):
        return [] if abs(found - expected) <= tolerance else [f"{place}: {found} for {expected}"]
    return [] if found == expected else [f"{place}: {found!r} for {expected!r}"]
