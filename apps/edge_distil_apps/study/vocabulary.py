"""The uncased vocabulary of BERT, which every model of the study reads."""

from __future__ import annotations

from pathlib import Path

from edge_distil.errors import BundleFileMissing
from edge_distil_apps.shipped import DATA, EMBEDDED

VOCABULARY_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
)
# In a wheel the four files stand in the package, in the repository beside the embedded model.
_PLACES = (DATA / "vocabulary", EMBEDDED)


def vocabulary_folder() -> Path:
    """Return the folder that holds `VOCABULARY_FILES`.

    Raises:
        BundleFileMissing: This installation has none.
    """
    for place in _PLACES:
        if all((place / name).is_file() for name in VOCABULARY_FILES):
            return place
    raise BundleFileMissing(
        f"{_PLACES[0]} lacks the vocabulary that comes with edge-distil: install it again, or "
        "give checkpoints with --distilbert DIR --bert DIR"
    )
