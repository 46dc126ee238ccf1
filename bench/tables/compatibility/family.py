"""One process of `families`: all heads of one family, a line of JSON on stdout for each cell.

    python -P family.py SETTINGS, a JSON object

A cell is ``{"figure": number}``, ``{"no": reason}`` or ``{"not asked": reason}``. An error of a
library or of Python names its type beside it: ``{"no": reason, "error": "KeyError"}``.
"""

from __future__ import annotations

import json
import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray

from edge_distil.bundle import Bundle, open_bundle
from edge_distil.encoder import Encoder, open_coreml, open_encoder
from edge_distil.errors import EdgeDistilError
from edge_distil_export import export_bundle
from edge_distil_quantize import quantize_bundle
from tables.checkpoints import beyond, further, tiny
from tables.compatibility import heads
from tables.compatibility.page import COLUMNS

LARGEST = 1e-4  # the difference from the original that fp32 is allowed
LABELS = 5  # of the classifiers: enough for a cosine
LONGEST_REASON = 240  # characters

Cell = dict[str, Any]
Numbers = list[NDArray[np.float32]]  # a text's, of all outputs


class Differs(Exception):
    """What a bundle says is not what the original says."""


def make_checkpoint(family: str, task: str, folder: Path) -> Path | None:
    """Save the family's model with a head; ``None`` where transformers has no class for it."""
    save: Callable[..., Path]
    base = "feature-extraction" if task == "sentence-similarity" else task
    if family in tiny.FAMILIES:
        save, kind = tiny.save_checkpoint, tiny.FAMILIES[family][1]()
    elif family in further.FURTHER:
        save, kind = further.save, further.config(family)
    else:
        save, kind = beyond.save, transformers.CONFIG_MAPPING[family]()
    if type(kind) not in tiny.auto_class(base)._model_mapping:
        return None
    labels = {"num_labels": LABELS} if task.endswith("-classification") else {}
    if family in beyond.DECODERS and task == "sentence-similarity":
        plain = save(folder.with_name(f"{folder.name}-base"), family, base)
        return tiny.save_sentence_model(folder, plain, "lasttoken", normalize=True, dense=False)
    return save(folder, family, base, **labels)


def cells(family: str, task: str, work: Path, runtime: Path | None) -> Iterator[tuple[str, Cell]]:
    """Yield the cells of a head, in the order of `COLUMNS`."""
    checkpoint = make_checkpoint(family, task, work / family / task / family)
    if checkpoint is None:
        yield from every({"no": "transformers has no such class"})
        return
    place = work / family / task / "bundle"
    first = attempt(lambda: exported(task, checkpoint, place))
    yield "export", first
    if "figure" not in first:
        yield from list(every({"not asked": "there is no bundle"}))[1:]
        return
    asked = heads.inputs(task, checkpoint)
    said = cache(lambda: heads.original(task, checkpoint, asked))
    yield "end_to_end", attempt(lambda: difference(heads.in_python(task, place, asked), said()))
    yield "int8", attempt(lambda: quantized(task, checkpoint, place))
    yield "coreml", attempt(lambda: converted(task, checkpoint, place))
    if runtime is None:
        yield "javascript", {"not asked": "Node, or what it needs, is not installed"}
    else:
        node = partial(heads.in_node, task, place, asked, runtime)
        yield "javascript", attempt(lambda: difference(node(), said()))


def every(cell: Cell) -> Iterator[tuple[str, Cell]]:
    """Yield one cell for every column."""
    return ((column, cell) for column in COLUMNS)


def attempt(measure: Callable[[], float]) -> Cell:
    """Measure a cell; an error is its reason."""
    try:
        return {"figure": float(f"{measure():.6g}")}
    except (EdgeDistilError, Differs) as error:
        return {"no": reason(error)}
    except Exception as error:  # of a library, or a mistake of ours: the table shows it
        return {"no": reason(error), "error": type(error).__name__}


def reason(error: Exception) -> str:
    """Return the first line of a message."""
    line = (str(error).strip() or type(error).__name__).splitlines()[0]
    return line if len(line) <= LONGEST_REASON else f"{line[:LONGEST_REASON]}…"


def exported(task: str, checkpoint: Path, place: Path) -> float:
    """Export, and compare all outputs with PyTorch's, padded rows too."""
    bundle = export_bundle(checkpoint, place, task=task, overwrite=True)
    return furthest(open_encoder(bundle.path, variant="fp32"), task, checkpoint)


def quantized(task: str, checkpoint: Path, place: Path) -> float:
    """Quantize, and return the least cosine of a text's numbers to PyTorch's."""
    encoder = open_encoder(quantize_bundle(place, "int8").path, variant="int8")
    pairs = zip(*numbers(encoder, task, checkpoint), strict=True)
    return min(
        float(np.vdot(a, b) / np.linalg.norm(a) / np.linalg.norm(b)) for a, b in pairs
    )  # fmt: skip


def converted(task: str, checkpoint: Path, place: Path) -> float:
    """Convert to Core ML in half precision, run that here, and compare it with PyTorch."""
    from edge_distil_export.coreml import add_coreml
    from edge_distil_export.coreml.evaluate import Program

    bundle: Bundle = add_coreml(place, checkpoint)
    program = Program(bundle.model_path("coreml"))
    return furthest(open_coreml(open_bundle(place), "coreml", program), task, checkpoint)


def furthest(encoder: Encoder, task: str, checkpoint: Path) -> float:
    """Return the largest difference of a number from PyTorch's."""
    pairs = zip(*numbers(encoder, task, checkpoint), strict=True)
    return max(float(np.abs(a - b).max()) for a, b in pairs)


def numbers(encoder: Encoder, task: str, checkpoint: Path) -> tuple[Numbers, Numbers]:
    """Return what a variant computes of each text, padded to the longest, and what PyTorch does."""
    asked = heads.inputs(task, checkpoint)
    given = [tuple(one) if isinstance(one, list) else one for one in asked]
    if task == tiny.CHOOSER:
        given = [(prompt, choice) for prompt, choices in asked for choice in choices]
    feeds = encoder.features(encoder.tokenizer.encode(given))
    found = encoder.session.run(feeds)
    if task == "sentence-similarity":
        vectors = heads.library(checkpoint).encode(asked, show_progress_bar=False)
        return list(found["sentence_embedding"]), list(vectors)
    model = tiny.auto_class(task).from_pretrained(checkpoint).eval()
    tensors = {name: torch.from_numpy(feeds[name]) for name in encoder.bundle.manifest.inputs}
    with torch.inference_mode():
        if task == tiny.CHOOSER:  # the choices of one prompt, which have a number each
            wanted = model(**{name: tensor[None] for name, tensor in tensors.items()})
            return [found["logits"].reshape(-1)], [wanted.logits.numpy().reshape(-1)]
        wanted = model(**tensors)
    names, lengths = encoder.bundle.manifest.outputs, feeds["attention_mask"].sum(axis=1)

    def rows(outputs: Any) -> Numbers:
        one_a_token = task != "text-classification"
        return [
            np.concatenate([
                np.asarray(outputs[name][row, :length] if one_a_token else outputs[name][row])
                for name in names
            ], axis=None)
            for row, length in enumerate(lengths)
        ]  # fmt: skip

    return rows(found), rows({name: wanted[name].numpy() for name in names})


def difference(found: heads.Said, wanted: heads.Said) -> float:
    """Return the largest difference of a number.

    >>> difference([{"a": 1.0}], [{"a": 1.5}])
    Traceback (most recent call last):
    tables.compatibility.family.Differs: a number differs from the original's by 5.0e-01

    Raises:
        Differs: Something else is found, or a number differs by more than `LARGEST`.
    """
    greatest = 0.0
    for ours, theirs in zip(found, wanted, strict=True):
        if ours.keys() != theirs.keys():
            other = sorted(ours.keys() ^ theirs.keys())
            raise Differs(f"what is found is not what the original finds: {other[:2]}")
        greatest = max([greatest, *(abs(ours[name] - theirs[name]) for name in ours)])
    if not greatest <= LARGEST:
        raise Differs(f"a number differs from the original's by {greatest:.1e}")
    return greatest


def main() -> None:
    settings = json.loads(sys.argv[1])
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    logging.disable(logging.WARNING)
    runtime = settings["runtime"] and Path(settings["runtime"])
    work = Path(settings["work"])
    for task in settings["tasks"]:
        for column, cell in cells(settings["family"], task, work, runtime):
            said = json.dumps({"task": task, "column": column, "cell": cell})
            print(said.replace(f"{work / settings['family'] / task}/", ""), flush=True)


if __name__ == "__main__":
    main()
