"""Where the weights come from and what made the graph."""

from __future__ import annotations

from typing import Any

from edge_distil.manifest import Checkpoint
from edge_distil.versions import installed_versions
from edge_distil_export.checkpoint import Source

_TOOLS = ("edge-distil", "onnx", "onnx-ir", "onnxruntime", "onnxscript", "torch", "transformers")


def describe_checkpoint(source: Source, parameters: int) -> Checkpoint:
    """Describe the checkpoint for the manifest.

    Args:
        source: The checkpoint.
        parameters: Number of weights.
    """
    architectures = source.config.get("architectures") or [None]
    return Checkpoint(
        name=source.name,
        revision=source.revision,
        license=_license(source),
        architecture=architectures[0],
        model_type=source.config.get("model_type"),
        parameters=parameters,
    )


def tool_versions() -> dict[str, str]:
    """Return package -> version of what took part in the export."""
    return installed_versions(_TOOLS)


def _license(source: Source) -> str | None:
    """Read the licence from the model card's front matter."""
    from huggingface_hub import metadata_load

    card = source.path / "README.md"
    try:
        fields: dict[str, Any] = (metadata_load(card) if card.is_file() else None) or {}
    except ValueError:  # front matter that is no YAML: then nothing is known
        return None
    value = fields.get("license")
    return str(value) if value else None
