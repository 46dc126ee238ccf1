"""The card of a bundle: what the hub shows of it, from its manifest alone."""

from __future__ import annotations

import json
import re

from edge_distil._reading.fields import figure
from edge_distil.manifest import LONGEST_SEQUENCE, Manifest, Variant

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_SCRIPT = {
    "question-answering": 'task("Who keeps the light?", "Ada keeps the light.")',
    "multiple-choice": 'task("She opens the umbrella, for", ["it rains.", "it sings."])',
    "fill-mask": 'task("Paris is the [MASK] of France.")',
    "late-interaction": 'task.rank("Who keeps the light?", ["Ada keeps it.", "The sea is cold."])',
    "sentence-similarity": 'task.encode(["a charming film", "a dull one"])',
    "sparse-embedding": 'task.decode(task.encode("a charming film"), top_k=5)',
    "feature-extraction": 'task.encode(["a charming film", "a dull one"])',
}

# As sentence-transformers' cards say.
_HUB_TASKS = {
    "late-interaction": "feature-extraction",
    "sparse-embedding": "feature-extraction",
}


def card(manifest: Manifest, name: str) -> str:
    """Write the card of a bundle as Markdown with front matter.

    Args:
        manifest: The bundle's.
        name: The repository, ``"ada/qa"``.
    """
    origin = manifest.checkpoint
    of = f" of {origin.name}" if _HUB_ID.fullmatch(origin.name) else ""
    rows = [_row(variant, manifest.variants[variant]) for variant in manifest.variants]
    script = _SCRIPT.get(manifest.task, 'task("Ada lives in London.")')
    return "\n".join(
        [
            _front_matter(manifest),
            f"# {name}",
            "",
            f"An [edge-distil](https://pypi.org/project/edge-distil) bundle{of}: {manifest.task}, "
            f"{_length(manifest)}, to run without PyTorch.",
            "",
            "| variant | file | MB | evidence |",
            "|---|---|--:|---|",
            *rows,
            "",
            "```python",
            "import edge_distil as ed",
            "from huggingface_hub import snapshot_download",
            "",
            f'task = ed.load(snapshot_download("{name}"), variant="{_preferred(manifest)}")',
            script,
            "```",
            "",
            "The graphs are standard ONNX and the layout is the hub's, so that transformers.js, "
            "optimum and sentence-transformers open it as well.",
            "",
        ]
    )


def _length(manifest: Manifest) -> str:
    limited = manifest.max_length < LONGEST_SEQUENCE
    return f"at most {manifest.max_length} tokens" if limited else "texts of any length"


def _front_matter(manifest: Manifest) -> str:
    origin = manifest.checkpoint
    fields = {
        "license": origin.license,
        "pipeline_tag": _HUB_TASKS.get(manifest.task, manifest.task),
        "base_model": origin.name if _HUB_ID.fullmatch(origin.name) else None,
        "tags": ["edge-distil", "onnx"],
    }
    # A JSON value is a YAML value, and needs no package to be quoted rightly.
    lines = [f"{name}: {json.dumps(value)}" for name, value in fields.items() if value]
    return "\n".join(["---", *lines, "---", ""])


def _row(name: str, variant: Variant) -> str:
    return f"| {name} | {variant.file.path} | {variant.bytes / 1e6:,.1f} | {_evidence(variant)} |"


def _evidence(variant: Variant) -> str:
    parity = figure(variant.evidence, "parity", "max_abs_diff")
    if parity is not None:
        return f"at most {parity:.1e} from PyTorch"
    difference = figure(variant.evidence, "fidelity", "mean_abs_diff")
    spread = figure(variant.evidence, "fidelity", "spread")
    if difference is not None and spread is not None:  # of a model that gives one number
        return f"{difference:.2g} from fp32 on average, whose scores spread by {spread:.2g}"
    cosine = figure(variant.evidence, "fidelity", "mean_cosine")
    return "" if cosine is None else f"cosine to fp32: {cosine:.4f} on average"


def _preferred(manifest: Manifest) -> str:
    return "int8" if "int8" in manifest.variants else next(iter(manifest.variants))
