"""sentence-transformers' MultiVectorEncoder as the witness, called as its users call it."""

from __future__ import annotations

import numpy as np

from edge_distil_export.checkpoints.checkpoint import Source
from edge_distil_export.checkpoints.late_interaction import SIDES
from edge_distil_export.witness import sentences
from edge_distil_export.witness.sentences import LIBRARY, Listener, arrays_of, open_model
from edge_distil_export.witness.testimony import Probe, Seen, rows_of

KIND = "MultiVectorEncoder"
_TASK = "late-interaction"


def is_installed() -> bool:
    """Say whether sentence-transformers is there, and of a release that has the class."""
    if not sentences.is_installed():
        return False
    import sentence_transformers

    return hasattr(sentence_transformers, KIND)


class LateWitness:
    """A late-interaction checkpoint in sentence-transformers."""

    library = LIBRARY
    kind = KIND
    pairs_only = False
    labels: tuple[str | None, ...] = ()
    prompts: tuple[str, ...] = SIDES

    def __init__(self, source: Source, limit: int, *, trust_remote_code: bool) -> None:
        self._model = open_model(self.kind, source, trust_remote_code)
        self._listener = Listener(source, self._model)
        self.tokenizer = self._model.tokenizer
        self.limit = limit
        # It lets through more tokens than there are positions: users set these.
        transformer = self._model[0]
        for name in ("max_seq_length", "query_length", "document_length"):
            if (getattr(transformer, name) or 0) > limit:
                setattr(transformer, name, limit)

    def see(self, probe: Probe) -> Seen:
        """Read a probe as what it is, a query or a document: vectors ``(tokens, dimension)``."""
        side = str(probe.prompt)
        if not probe.whole:
            prompt = self._model.prompts[side]
            feeds = self._model.preprocess([probe.text], prompt=prompt, task=side)
            return Seen(tuple(rows_of(arrays_of(feeds), {}, _TASK)))
        encode = getattr(self._model, f"encode_{side}")
        self._listener.feeds.clear()
        found = encode([probe.text], convert_to_numpy=True, show_progress_bar=False)[0]
        rows = [row for feeds in self._listener.feeds for row in rows_of(feeds, {}, _TASK)]
        return Seen(tuple(rows), np.asarray(found, np.float32))
