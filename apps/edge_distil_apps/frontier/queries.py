"""What the models of a frontier answer while they are timed: texts of the evaluation file.

With a vocabulary that was cut, other texts are spelt in more pieces than those that it was cut to.
"""

from __future__ import annotations

from pathlib import Path

from edge_distil.bundle import Bundle
from edge_distil.encoder import open_encoder
from edge_distil.evaluate.spans import read_conll
from edge_distil.evaluate.squad_file import read_squad
from edge_distil_apps.side_by_side.texts import Texts, fitting_queries
from edge_distil_bench.protocol.queries import Queries
from edge_distil_distil.data.texts import read_texts

_MOST = 80


def evaluated_queries(bundle: Bundle, variant: str, file: Path) -> Queries:
    """Return at most `_MOST` queries, spread over a file.

    Args:
        bundle: Whose tokenizer reads them.
        variant: One of its variants.
        file: As for `edge_distil.evaluate`.

    Raises:
        DataError: The file cannot be read.
    """
    texts = _texts(bundle.manifest.task, file)
    spread = [texts[place * len(texts) // _MOST] for place in range(_MOST)]
    encoder = open_encoder(bundle.path, variant=variant)
    return fitting_queries(encoder, list(dict.fromkeys(spread)), "texts", f"of {file.name}")


def _texts(task: str, file: Path) -> Texts:
    if task == "question-answering":
        return [(one.question, one.context) for one in read_squad(file).examples]
    if task == "token-classification":
        return [(sentence.text,) for sentence in read_conll(file)]
    return [(text,) for text in read_texts([file])]
