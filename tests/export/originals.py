"""What several tests of checkpoints share: texts, sentence-transformers, an edited file."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

TEXTS = ["A man is playing a guitar.", "Où était le Café?", "x", "the quick dog sleeps " * 30]


def library(folder: Path) -> Any:
    """Open a checkpoint as sentence-transformers does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import SentenceTransformer

        return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


def edit(path: Path, **changes: Any) -> None:
    """Change fields of a JSON file; ``None`` takes them out."""
    old = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    new = {k: v for k, v in {**old, **changes}.items() if v is not None}
    path.write_text(json.dumps(new), "utf-8")
