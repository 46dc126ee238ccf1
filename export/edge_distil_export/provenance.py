"""Where the weights come from and what made the graph."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from edge_distil._machine.versions import installed_versions
from edge_distil._reading import links
from edge_distil._reading.labels import fit_labels, label_names
from edge_distil.errors import CheckpointError
from edge_distil.manifest import Checkpoint
from edge_distil_export.checkpoints.checkpoint import Source

if TYPE_CHECKING:
    from edge_distil_export.graphs.heads import Head

_TOOLS = ("edge-distil", "onnx", "onnx-ir", "onnxruntime", "onnxscript", "torch", "transformers")
_FRONT_MATTER = re.compile(r"\s*---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|$)", re.DOTALL)
_CARD = 1 << 16  # bytes of a model card that are read: its front matter stands first
_LICENSE = 200  # characters; the longest name of a licence has about 40


def describe_checkpoint(source: Source, parameters: int) -> Checkpoint:
    """Describe the checkpoint for the manifest.

    Args:
        source: The checkpoint.
        parameters: Number of weights.
    """
    return Checkpoint(
        name=source.name,
        revision=source.revision,
        license=_license(source),
        architecture=source.architecture,
        model_type=source.config.get("model_type"),
        parameters=parameters,
    )


def tool_versions() -> dict[str, str]:
    """Return package -> version of what took part in the export."""
    return installed_versions(_TOOLS)


def labels(head: Head, config: Any, task: str) -> tuple[str, ...]:
    """Name the classes: as many as the head has, each by its own index in ``id2label``.

    transformers counts the entries of ``id2label``, so a gap makes the head narrower than the
    greatest index; the pipeline then knows no name for the classes in the gap.

    Args:
        head: The module to trace.
        config: transformers' configuration object.
        task: One of `edge_distil.manifest.TASKS`.

    Raises:
        CheckpointError: ``id2label`` has an index beyond any head's.
        ExportError: The model fails.
    """
    if not task.endswith("-classification"):
        return ()
    import torch  # seconds: an ONNX directory is described without it

    from edge_distil_export.graphs.heads import run

    probe = torch.ones((1, 2), dtype=torch.long)
    (logits,) = run(head, [probe for _ in head.inputs])
    try:
        names = label_names(getattr(config, "id2label", None) or {})
    except ValueError as error:
        raise CheckpointError(f"the checkpoint's config.json: {error}: correct id2label") from error
    return fit_labels(names, logits.shape[-1])


def _license(source: Source) -> str | None:
    """Read the licence from the model card's front matter; ``None`` where it says none.

    Nothing in a model card changes a number, so nothing in one may stop an export.
    """
    try:
        card = source.root / "README.md"
        links.check_inside(source.root, card)
        with card.open("rb") as file:
            head = file.read(_CARD).decode("utf-8-sig", errors="replace")
        found = _FRONT_MATTER.match(head)
        fields = yaml.safe_load(found.group(1)) if found else None
    except Exception:  # no card, or front matter that YAML's own code stumbles over in any way
        return None
    value = fields.get("license") if isinstance(fields, dict) else None
    names = value if isinstance(value, list) else [value]
    # A number is a licence that somebody forgot to quote; true, null and tables are none.
    known = [str(n) for n in names if isinstance(n, str | int | float) and not isinstance(n, bool)]
    return ", ".join(name for name in known if name)[:_LICENSE] or None
