"""A batch to vectors: by the graph where it pools, else by numpy, as the manifest says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge_distil import pooling
from edge_distil._tokenizing.rows import Encoded
from edge_distil.encoder import Encoder
from edge_distil.errors import OutputError
from edge_distil.outputs import HIDDEN, POOLED
from edge_distil.pooling import Floats

_SAME = 1e-5  # of unit vectors: sums in another order, not another pooling


class Vectors:
    """Runs batches of an embedding bundle.

    Args:
        encoder: Of the bundle; others of the same model may run.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._settings = encoder.bundle.manifest.pooling
        self._by_graph: bool | None = None
        self._width: int | None = None

    def __call__(self, encoder: Encoder, rows: Sequence[Encoded], left_out: int = 0) -> Floats:
        """Run one batch: ``(batch, dimension)``; the first `left_out` tokens are not pooled.

        Raises:
            OutputError: The outputs are not those of the task, or not as wide as the last ones.
        """
        vectors = self._run(encoder, rows, left_out)
        width, self._width = self._width, vectors.shape[1]
        if width not in (None, self._width):
            raise OutputError(
                f"{encoder.check} gives vectors of {self._width} numbers after vectors of {width}, "
                "expected one length: export the checkpoint again, or use another variant"
            )
        return vectors

    def _run(self, encoder: Encoder, rows: Sequence[Encoded], left_out: int) -> Floats:
        feeds = encoder.features(rows)
        if self._by_graph is None:
            self._by_graph = self._graph_pools(encoder)
        if self._by_graph and not left_out:
            return encoder.outputs(feeds, (POOLED,))[POOLED]
        name = self.hidden_name
        mask = feeds["attention_mask"].copy()
        mask[:, :left_out] = 0
        return self._pool(encoder.outputs(feeds, (name,))[name], mask)

    @property
    def hidden_name(self) -> str:
        """The graph's output of token vectors, by name or else the first."""
        outputs = self._encoder.session.outputs
        return next((name for name in HIDDEN if name in outputs), outputs[0])

    @property
    def dimension(self) -> int:
        """The vectors' length, 0 where the bundle does not say it."""
        return self._settings.dimension if self._settings else 0

    def _graph_pools(self, encoder: Encoder) -> bool:
        """Say whether the graph's own vectors are taken.

        Where they move a bit with the batch, numpy's do the same service, unless the graph has
        more behind its pooling.
        """
        hidden = self.hidden_name
        if POOLED not in encoder.session.outputs or not encoder.moves_alone:
            return POOLED in encoder.session.outputs
        if hidden == POOLED:
            return True
        feeds = encoder.probe()
        found = encoder.outputs(feeds, (POOLED, hidden))
        ours, graphs = self._pool(found[hidden], feeds["attention_mask"]), found[POOLED]
        same = ours.shape == graphs.shape and np.allclose(ours, graphs, rtol=_SAME, atol=_SAME)
        return not same

    def _pool(self, hidden: Floats, mask: NDArray[np.int64]) -> Floats:
        """Pool ``(batch, sequence, hidden)``."""
        settings = self._settings
        vectors = pooling.pool(hidden, mask, settings.mode if settings else "mean")
        return pooling.normalize(vectors) if settings and settings.normalize else vectors
