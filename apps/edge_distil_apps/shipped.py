"""Where the files lie that come with the applications."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent
DATA = _PACKAGE / "data"
PASSAGES = DATA / "passages.json"  # own-written, with questions and answers, as SQuAD writes them
# In the repository alone: a small question-answering checkpoint.
EMBEDDED = _PACKAGE.parent / "models" / "minilm-l6-squad"
