"""What `run` prints: named tuples as lines or as one JSON document."""

from __future__ import annotations

from typing import Any, NamedTuple

from edge_distil.tasks import Embedding
from edge_distil_apps.cli import console
from edge_distil_apps.cli.flow.given import Fields, Input


def show(inputs: list[Input], results: list[list[Any]], as_json: bool, fields: Fields) -> None:
    """Print named tuples: one JSON document, or a block for each input."""
    if as_json:
        console.document(
            [
                {"input": _shown(text, fields), "results": [item._asdict() for item in items]}
                for text, items in zip(inputs, results, strict=False)
            ]
            if len(inputs) == len(results)
            else [{"results": [item._asdict() for item in items]} for items in results]
        )
        return
    for items in results:
        show_items(items)


def show_items(items: list[Any]) -> None:
    """Print what was found for an input, a line each."""
    if not items:
        console.say("(nothing found)")
    for item in items:
        console.say(_line(item))


def _shown(given: Input, fields: Fields) -> str | dict[str, str]:
    return given if isinstance(given, str) else dict(zip(map(str, fields[:2]), given, strict=True))


def _line(item: NamedTuple) -> str:
    fields = item._asdict()
    score = fields.pop("score")
    place = f"  [dim]{fields.pop('start')}:{fields.pop('end')}[/dim]" if "start" in fields else ""
    words = "  ".join(console.text(str(value)) for value in fields.values())
    return f"{score:7.4f}  {words or '(no answer)'}{place}"


def show_similarities(task: Embedding, texts: list[Any], as_json: bool) -> None:
    """Print vectors as JSON or, for a person, the cosine of each text to the first."""
    vectors = task.encode(texts)
    if as_json:
        rows = zip(texts, vectors.tolist(), strict=True)
        console.document([{"input": text, "vector": vector} for text, vector in rows])
        return
    unit = task.encode(texts, normalize_embeddings=True)
    count = console.count(len(texts), "vector")
    console.say(f"{count} of {vectors.shape[1]} dimensions; cosine to the first text:")
    for text, cosine in zip(texts, unit @ unit[0], strict=True):
        console.say(f"{cosine:7.4f}  {console.text(text)}")
