"""Search in a folder of texts: by meaning and by words, with the file and line of what is found.

>>> from edge_distil_apps.search import build, open_index
>>> build("docs", "docs.index", bundle="minilm")  # doctest: +SKIP
>>> with open_index("docs.index") as index:  # doctest: +SKIP
...     hits = index.search("How do I export to Core ML?", k=5)

An index is a directory: ``passages.sqlite`` is all of it, and ``vectors-N.usearch`` a copy of the
vectors that is quick to search, for large ones (see `vectors`).
"""

from edge_distil_apps.search.answer import Sourced, answer
from edge_distil_apps.search.build import Report, build
from edge_distil_apps.search.index import MODES, Hit, Index, Mode, open_index
from edge_distil_apps.search.rerank import rerank

__all__ = [
    "MODES", "Hit", "Index", "Mode", "Report", "Sourced", "answer", "build", "open_index",
    "rerank",
]  # fmt: skip
