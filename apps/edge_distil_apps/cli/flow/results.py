"""What `run` prints: lines for a person, or one JSON document, of one shape whatever was asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from edge_distil.tasks import Embedding
from edge_distil_apps.cli import console
from edge_distil_apps.cli.flow.given import Fields, Given, Input


class Found(NamedTuple):
    """What a task says of an input.

    Attributes:
        given: The input; of passages that are put in order, the query.
        blocks: Named tuples; of a text with several masks a list for each, else one list.
        passages: Those that are put in order.
    """

    given: Given
    blocks: list[list[Any]]
    passages: Sequence[Given] = ()


def document(task: Any, name: str, found: Sequence[Found], fields: Fields) -> None:
    """Print the one document of `run`.

    Args:
        task: What ran.
        name: The task's.
        found: Of each input.
        fields: What an input's texts are called.
    """
    _print(task, name, [_item(one.given, fields, _rows(one, name)) for one in found])


def _rows(found: Found, name: str) -> list[dict[str, Any]]:
    """Return results as objects: those of masks say which, passages what they were called."""
    masks = ({"mask": n} if name == "fill-mask" else {} for n, _ in enumerate(found.blocks))
    rows = [
        {**mask, **item._asdict()}
        for mask, block in zip(masks, found.blocks, strict=True)
        for item in block
    ]
    return [
        {"id": found.passages[row["index"]].id, **row} if found.passages else row for row in rows
    ]


def _item(given: Given, fields: Fields, results: list[dict[str, Any]]) -> dict[str, Any]:
    return {"id": given.id, "input": _shown(given.input, fields), "results": results}


def _print(task: Any, name: str, items: list[dict[str, Any]]) -> None:
    about = {"bundle": str(task.bundle.path), "task": name, "variant": task.variant}
    console.document({**about, "items": items})


def show_items(items: list[Any]) -> None:
    """Print what was found for an input, a line each."""
    if not items:
        console.say("(nothing found)")
    for item in items:
        console.say(_line(item))


def _shown(given: Input, fields: Fields) -> str | dict[str, str | list[str]]:
    return given if isinstance(given, str) else dict(zip(map(str, fields[:2]), given, strict=True))


def _line(item: NamedTuple) -> str:
    fields = item._asdict()
    score = fields.pop("weight" if "weight" in fields else "score")
    place = f"  [dim]{fields.pop('start')}:{fields.pop('end')}[/dim]" if "start" in fields else ""
    words = "  ".join(console.text(str(value)) for value in fields.values())
    return f"{score:7.4f}  {words or '(no answer)'}{place}"


def show_similarities(task: Embedding, given: list[Given], as_json: bool, fields: Fields) -> None:
    """Print vectors as JSON or, for a person, the cosine of each text to the first."""
    texts: list[Any] = [one.input for one in given]
    vectors = task.encode(texts)
    if as_json:
        rows = zip(given, vectors.tolist(), strict=True)
        items = [_item(one, fields, [{"vector": vector}]) for one, vector in rows]
        _print(task, task.bundle.manifest.task, items)
        return
    unit = task.encode(texts, normalize_embeddings=True)
    count = console.count(len(texts), "vector")
    console.say(f"{count} of {vectors.shape[1]} dimensions; cosine to the first text:")
    for text, cosine in zip(texts, unit @ unit[0], strict=True):
        console.say(f"{cosine:7.4f}  {console.text(text)}")
